"""NIfTI in and out. The header is believed only after it was checked: nothing is allocated on its word alone."""

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from miap.errors import InputError
from miap.imaging.content import MAX_VOXELS, check_content
from miap.imaging.modality import Modality
from miap.imaging.volume import Array, Volume

MAX_DEFLATE_RATIO = 1032
"""A deflated byte stands for at most so many: a ``.nii.gz`` cannot hold more, whatever its header claims."""

_MAX_BESIDE = 64 * 2**20
"""Most bytes that header extensions, or anything behind the voxels, may take."""
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_nifti(path: Path, modality: Modality | None = None) -> Volume:
    """Read an image: shape (1, x, y, z), float32, scaled as its header says.

    Args:
        path: ``.nii`` or ``.nii.gz``; 3-D, or 4-D with a single frame.
        modality: What it is. CT is in HU and PET in SUV: NIfTI cannot say, so the file must hold that.

    Raises:
        InputError: The file is missing, damaged, not 3-D, too large, without a usable affine, or holds no image
            (not finite, or the same value everywhere).
    """
    volume = _read(path)
    with np.errstate(over="ignore", invalid="ignore"):
        array = volume.array.astype(np.float32)
    check_content(array, str(path))
    return Volume(array, volume.affine, modality)


def read_mask(path: Path) -> Volume:
    """Read a label map: shape (1, x, y, z), uint8 (uint16 above 255 labels); it may be empty.

    Raises:
        InputError: As `read_nifti`, or a value is no label (negative, not whole, or above 65535).
    """
    volume = _read(path)
    array = volume.array
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            array = np.rint(array)
            whole = np.isfinite(array).all() and np.abs(array - volume.array).max() < 1e-3
        if not whole:
            raise InputError(f"{path} is no mask: its voxels are not whole numbers.", remedy="Give a label map.")
    low, high = array.min(), array.max()
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise InputError(f"{path} is no mask: its labels run from {low} to {high}.", remedy="Give labels from 0 up.")
    return volume.with_array(array.astype(np.uint8 if high < 256 else np.uint16))


def read_grid(path: Path) -> Volume:
    """Where an image's or mask's voxels lie, from its header alone: shape (1, x, y, z), all 0, without memory behind.

    Raises:
        InputError: As `read_nifti`, but for what only the voxels show.
    """
    return _read(path, voxels=False)


def write_nifti(volume: Volume, path: Path) -> None:
    """Write a one-channel volume as it lies in the patient; ``.nii.gz`` is compressed, always to the same bytes.

    Both the sform and the qform say where (code 1, scanner coordinates), but for a sheared grid, which only the
    sform can hold.

    Raises:
        ValueError: The volume has several channels.
    """
    if volume.array.shape[0] != 1:
        raise ValueError(f"a NIfTI image holds one channel, not {volume.array.shape[0]}")
    array = volume.array[0]
    image: Any = nib.Nifti1Image(array.astype(np.uint8) if array.dtype == bool else array, _RAS_TO_LPS @ volume.affine)
    orthogonal = np.allclose(volume.direction.T @ volume.direction, np.eye(3), atol=1e-4)
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1 if orthogonal else 0)
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, compresslevel=4, mtime=0) if path.suffix == ".gz" else content)


def is_nifti(path: Path) -> bool:
    """Whether the file's name says NIfTI."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def says_position(path: Path) -> bool:
    """Whether a readable file's header says how it lies in the patient; without, left and right are a guess."""
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        header = _read_header(file)
    return int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0


def _read(path: Path, *, voxels: bool = True) -> Volume:
    """Voxels as stored, or float64 where the header scales them; shape (1, x, y, z)."""
    if not path.is_file():
        raise InputError(f"There is no file at {path}.", remedy="Check the name.")
    if not is_nifti(path):
        raise InputError(f"{path} is not named .nii or .nii.gz.", remedy="Give a NIfTI file.")
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            header = _read_header(file)
            shape = _checked_shape(path, header)
            stored = _read_voxels(path, file, header, shape) if voxels else np.broadcast_to(np.uint8(0), shape)
        slope, intercept = header.get_slope_inter()
        affine = _RAS_TO_LPS @ np.diag([_unit_mm(header)] * 3 + [1.0]) @ header.get_best_affine()
    except (HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is no NIfTI image ({error}).", remedy="Copy or export it again.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged or cut short ({error}).", remedy="Copy or export it again.") from error
    if voxels and slope is not None and (slope, intercept) != (1, 0):
        stored = stored * float(slope) + float(intercept)
    try:
        return Volume(stored[None], affine)
    except ValueError as error:
        raise InputError(
            f"{path} does not say where its voxels lie (its affine is singular).",
            remedy="Export it again with its geometry.",
        ) from error


def _read_header(file: BufferedIOBase) -> Any:
    """The NIfTI-1 or NIfTI-2 header; the file then stands behind it."""
    size = file.read(4)
    kind: Any = nib.Nifti2Header if 540 in (int.from_bytes(size, "little"), int.from_bytes(size, "big")) else None
    kind = kind or nib.Nifti1Header
    block = size + file.read(kind.sizeof_hdr - len(size))
    if len(block) < kind.sizeof_hdr:
        raise HeaderDataError("its header is not complete")
    header = kind(block)
    if not header["magic"].item().startswith(b"n+"):
        raise HeaderDataError("it is half of a .hdr and .img pair")
    return header


def _checked_shape(path: Path, header: Any) -> tuple[int, int, int]:
    """Voxels along x, y and z, when what the header claims can be true."""
    claimed = tuple(int(n) for n in header.get_data_shape())
    shape = claimed[:3]
    if len(shape) != 3 or min(shape) < 1 or any(n != 1 for n in claimed[3:]):
        raise InputError(f"{path} has shape {claimed}; an image is 3-D.", remedy="Give one frame or one channel of it.")
    voxels = math.prod(shape)
    if voxels > MAX_VOXELS:
        raise InputError(f"{path} claims {voxels} voxels; at most {MAX_VOXELS} are read.", remedy="Check the file.")
    if min(shape) < 2:
        raise InputError(f"{path} has shape {shape}: one slice is no volume.", remedy="Give the whole series.")
    kind = header.get_data_dtype()
    if kind.fields is not None or kind.kind not in "iuf":
        raise InputError(
            f"{path} holds {kind} voxels; an image has one number a voxel.", remedy="Export it in grey values."
        )
    needed, size = voxels * kind.itemsize, path.stat().st_size
    if needed > size * (MAX_DEFLATE_RATIO if path.suffix.lower() == ".gz" else 1):
        raise InputError(
            f"{path} is cut short: its header claims {needed} bytes of voxels, the file has {size}.",
            remedy="Copy or export it again.",
        )
    return shape[0], shape[1], shape[2]


def _read_voxels(path: Path, file: BufferedIOBase, header: Any, shape: tuple[int, int, int]) -> Array:
    """The stored voxels; the rest of a gzip file is read too, for its checksum."""
    kind = header.get_data_dtype()
    extension = int(header.get_data_offset()) - header.sizeof_hdr
    if not 0 <= extension <= _MAX_BESIDE:
        raise InputError(f"{path} has its voxels at an impossible place.", remedy="Export it again.")
    file.read(extension)
    needed = math.prod(shape) * kind.itemsize
    data = file.read(needed)
    if len(data) < needed:
        raise InputError(
            f"{path} is cut short: {len(data)} of {needed} bytes of voxels are there.", remedy="Copy it again."
        )
    if len(file.read(_MAX_BESIDE + 1)) > _MAX_BESIDE:
        raise InputError(f"{path} holds far more than its header says.", remedy="Export it again.")
    return np.frombuffer(data, kind).reshape(shape, order="F")


def _unit_mm(header: Any) -> float:
    """Millimetres of the header's spatial unit; an absent or unknown one means mm."""
    return {1: 1000.0, 2: 1.0, 3: 0.001}.get(int(header["xyzt_units"]) & 7, 1.0)
