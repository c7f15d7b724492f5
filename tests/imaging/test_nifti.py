"""NIfTI against nibabel and SimpleITK, and every file that must be refused."""

import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from miap.errors import InputError
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask, read_nifti, write_nifti
from miap.imaging.volume import Volume

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
OBLIQUE = Rotation.from_euler("xyz", [12, -25, 40], degrees=True).as_matrix()


def grid(rotation: np.ndarray = OBLIQUE) -> np.ndarray:
    """An affine with three different spacings and no symmetry."""
    affine = np.eye(4)
    affine[:3, :3] = rotation * (1.5, 2.0, 3.5)
    affine[:3, 3] = (-31.0, 17.5, 142.25)
    return affine


def ramp(affine: np.ndarray, shape: tuple[int, int, int] = (5, 6, 7)) -> Volume:
    """A volume no two voxels of which are alike."""
    return Volume(np.arange(np.prod(shape), dtype=np.float32).reshape(1, *shape), affine)


def save(path: Path, array: np.ndarray, affine: np.ndarray | None = None, edit: Callable | None = None) -> Path:
    """Write with nibabel, RAS affine; ``edit`` may change the header."""
    image = nib.Nifti1Image(array, np.eye(4) if affine is None else affine)
    if edit is not None:
        edit(image)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("rotation", [np.eye(3), OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations()))
def test_what_is_written_lies_where_other_readers_see_it(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool], rotation: np.ndarray, tmp_path: Path
) -> None:
    volume = ramp(grid(rotation)).reoriented(axes, flips)
    write_nifti(volume, tmp_path / "a.nii.gz")
    other = nib.load(tmp_path / "a.nii.gz")
    assert np.array_equal(other.get_fdata(), volume.array[0])
    assert LPS @ other.affine == pytest.approx(volume.affine, abs=1e-4)
    assert LPS @ other.get_qform() == pytest.approx(volume.affine, abs=1e-4)
    assert (int(other.header["sform_code"]), int(other.header["qform_code"])) == (1, 1)
    itk = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    for index in [(0, 0, 0), (volume.shape[0] - 1, 0, 2), (1, 3, volume.shape[2] - 1)]:
        assert itk.TransformIndexToPhysicalPoint(index) == pytest.approx(volume.to_patient(index), abs=1e-3)
        assert itk[index] == volume.array[(0, *index)]


@pytest.mark.parametrize("rotation", [np.eye(3), OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations()))
def test_every_orientation_is_read_where_simpleitk_reads_it(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool], rotation: np.ndarray, tmp_path: Path
) -> None:
    made = ramp(grid(rotation)).reoriented(axes, flips)
    path = save(tmp_path / "a.nii", made.array[0], LPS @ made.affine)
    read = read_nifti(path, Modality.T1)
    itk = Volume.from_sitk(sitk.ReadImage(str(path)))
    assert read.same_grid(itk, tolerance_mm=1e-3)
    assert np.array_equal(read.array, itk.array)
    assert read.modality is Modality.T1
    assert read.array.dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 9.0)] * 3),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
    mirrored=st.booleans(),
    dtype=st.sampled_from(["u1", "i1", "<i2", ">i2", "<u2", "<i4", "<f4", ">f4", "<f8", "<i8"]),
    slope=st.sampled_from([1.0, 0.25, -3.0, 1e-3]),
    intercept=st.sampled_from([0.0, -1024.0, 7.5]),
)
def test_any_affine_type_and_scale_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    angles: tuple[float, ...], spacing: tuple[float, ...], origin: tuple[float, ...], mirrored: bool, dtype: str,
    slope: float, intercept: float,
) -> None:  # fmt: skip
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * spacing
    affine[:3, 3] = origin
    if mirrored:
        affine[:3, 0] *= -1
    stored = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    image = nib.Nifti1Image(stored, affine, nib.Nifti1Header(endianness=">" if dtype[0] == ">" else "<"), dtype=dtype)
    image.header.set_slope_inter(slope, intercept)
    path = tmp_path_factory.mktemp("nifti") / "a.nii.gz"
    # nibabel would choose a scale of its own: the header and the raw voxels are joined by hand.
    raw = image.header.structarr.tobytes() + b"\0" * 4 + stored.tobytes(order="F")
    header = bytearray(raw)
    struct.pack_into((">" if dtype[0] == ">" else "<") + "f", header, 108, 352.0)
    path.write_bytes(gzip.compress(bytes(header)))
    read = read_nifti(path)
    assert read.affine == pytest.approx(LPS @ affine, rel=1e-5, abs=1e-3)
    assert read.array[0] == pytest.approx(stored * slope + intercept, rel=1e-5)


def test_sform_comes_before_qform(tmp_path: Path) -> None:
    def both(image: nib.Nifti1Image) -> None:
        image.set_qform(np.diag([9.0, 9.0, 9.0, 1.0]), code=1)
        image.set_sform(grid(), code=2)

    assert read_nifti(save(tmp_path / "a.nii", ramp(np.eye(4)).array[0], edit=both)).affine == pytest.approx(
        LPS @ grid(), abs=1e-4
    )


def test_qform_is_used_where_there_is_no_sform(tmp_path: Path) -> None:
    def only_qform(image: nib.Nifti1Image) -> None:
        image.set_qform(grid(), code=1)
        image.set_sform(None, code=0)

    assert read_nifti(save(tmp_path / "a.nii", ramp(np.eye(4)).array[0], edit=only_qform)).affine == pytest.approx(
        LPS @ grid(), abs=1e-4
    )


@pytest.mark.parametrize(("unit", "mm"), [("meter", 1000.0), ("mm", 1.0), ("micron", 1e-3), ("unknown", 1.0)])
def test_spatial_units_become_millimetres(unit: str, mm: float, tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", ramp(np.eye(4)).array[0], grid(), lambda image: image.header.set_xyzt_units(unit))
    assert read_nifti(path).affine == pytest.approx(np.diag([mm, mm, mm, 1]) @ LPS @ grid(), rel=1e-4)


def test_a_single_frame_of_a_4d_image_is_taken(tmp_path: Path) -> None:
    array = ramp(np.eye(4)).array[0]
    assert np.array_equal(read_nifti(save(tmp_path / "a.nii.gz", array[..., None])).array[0], array)


def test_nifti_2_is_read(tmp_path: Path) -> None:
    volume = ramp(grid())
    nib.save(nib.Nifti2Image(volume.array[0], LPS @ volume.affine), tmp_path / "a.nii")
    assert np.array_equal(read_nifti(tmp_path / "a.nii").array, volume.array)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_what_is_written_is_read_again(dtype: type, name: str, tmp_path: Path) -> None:
    array = (np.arange(60).reshape(1, 3, 4, 5) % (2 if dtype is bool else 60)).astype(dtype)
    write_nifti(Volume(array, grid()), tmp_path / name)
    read = read_nifti(tmp_path / name)
    assert np.array_equal(read.array, array)
    assert read.same_grid(Volume(array, grid()), tolerance_mm=1e-4)


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(ramp(grid()), tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_a_sheared_grid_claims_no_qform(tmp_path: Path) -> None:
    sheared = grid()
    sheared[:3, 2] += sheared[:3, 0]
    write_nifti(ramp(sheared), tmp_path / "a.nii")
    assert int(nib.load(tmp_path / "a.nii").header["qform_code"]) == 0
    assert read_nifti(tmp_path / "a.nii").affine == pytest.approx(sheared, abs=1e-4)


def test_several_channels_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one channel"):
        write_nifti(Volume(np.zeros((2, 3, 3, 3)), np.eye(4)), tmp_path / "a.nii")


# Bad input


def header_with(**fields: object) -> bytes:
    """A NIfTI-1 header for 4 × 4 × 4 float32 voxels, with fields as given, and the four bytes after it."""
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((4, 4, 4))
    header.set_sform(np.eye(4), code=1)
    header["vox_offset"] = 352
    for name, value in fields.items():
        header[name] = value
    return header.structarr.tobytes() + b"\0" * 4


def voxels() -> np.ndarray:
    return np.arange(64, dtype=np.float32).reshape(4, 4, 4)


def spoiled(value: float) -> np.ndarray:
    array = voxels()
    array[1, 2, 3] = value
    return array


def truncated_gz(path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(40, 40, 40)).astype(np.float32)
    save(path, noise)
    path.write_bytes(path.read_bytes()[:-5000])


BAD = {
    "missing": ("a.nii.gz", lambda path: None, "There is no file"),
    "a folder": ("a.nii.gz", lambda path: path.mkdir(), "There is no file"),
    "another name": ("a.png", lambda path: path.write_bytes(b"x"), "not named"),
    "text": ("a.nii", lambda path: path.write_text("hello"), "no NIfTI"),
    "text in gz": ("a.nii.gz", lambda path: path.write_bytes(gzip.compress(b"hello" * 200)), "no NIfTI"),
    "not gz": ("a.nii.gz", lambda path: path.write_bytes(b"hello" * 200), "no NIfTI|damaged"),
    "empty file": ("a.nii.gz", lambda path: path.write_bytes(b""), "no NIfTI|damaged"),
    "truncated": ("a.nii", lambda path: path.write_bytes(header_with() + b"\0" * 100), "cut short"),
    "truncated header": ("a.nii", lambda path: path.write_bytes(header_with()[:200]), "no NIfTI|damaged"),
    "truncated gz": ("a.nii.gz", truncated_gz, "cut short"),
    "broken gz": (
        "a.nii.gz",
        lambda path: path.write_bytes(gzip.compress(header_with() + voxels().tobytes())[:-30] + b"\xff" * 30),
        "damaged",
    ),
    "4-D": ("a.nii.gz", lambda path: save(path, np.arange(128.0).reshape(4, 4, 4, 2)), "3-D"),
    "2-D": ("a.nii.gz", lambda path: save(path, np.arange(16.0).reshape(4, 4)), "3-D"),
    "one slice": ("a.nii.gz", lambda path: save(path, np.arange(16.0).reshape(4, 4, 1)), "one slice"),
    "NaN": ("a.nii.gz", lambda path: save(path, spoiled(np.nan)), "not numbers"),
    "infinite": ("a.nii.gz", lambda path: save(path, spoiled(-np.inf)), "not numbers"),
    "too large for float32": ("a.nii", lambda path: save(path, voxels().astype(np.float64) * 1e300), "not numbers"),
    "all zero": ("a.nii.gz", lambda path: save(path, np.zeros((4, 4, 4), np.int16)), "every voxel is 0"),
    "constant": ("a.nii.gz", lambda path: save(path, np.full((4, 4, 4), -1000.0)), "every voxel is -1000"),
    "singular": (
        "a.nii",
        lambda path: path.write_bytes(header_with(srow_z=[1, 0, 0, 0]) + voxels().tobytes()),
        "singular",
    ),
    "zero affine": (
        "a.nii.gz",
        lambda path: path.write_bytes(
            gzip.compress(header_with(srow_x=[0] * 4, srow_y=[0] * 4, srow_z=[0] * 4) + voxels().tobytes())
        ),
        "singular",
    ),
    "NaN affine": (
        "a.nii",
        lambda path: path.write_bytes(header_with(srow_x=[np.nan, 0, 0, 0]) + voxels().tobytes()),
        "singular",
    ),
    "petabyte": (
        "a.nii.gz",
        lambda path: path.write_bytes(gzip.compress(header_with(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]))),
        "claims 35181150961663 voxels",
    ),
    "more than the file can inflate to": (
        "a.nii.gz",
        lambda path: path.write_bytes(gzip.compress(header_with(dim=[3, 1000, 1000, 1000, 1, 1, 1, 1]))),
        "cut short",
    ),
    "voxels far behind the header": (
        "a.nii.gz",
        lambda path: path.write_bytes(gzip.compress(header_with(vox_offset=2.0**30) + voxels().tobytes())),
        "impossible place",
    ),
    "a tail that inflates without end": (
        "a.nii.gz",
        lambda path: path.write_bytes(gzip.compress(header_with() + voxels().tobytes() + b"\0" * (66 * 2**20))),
        "far more than its header says",
    ),
    "wrong checksum": (
        "a.nii.gz",
        lambda path: path.write_bytes(gzip.compress(header_with() + voxels().tobytes())[:-8] + b"\0" * 8),
        "damaged",
    ),
    "half of a pair": ("a.nii", lambda path: path.write_bytes(header_with(magic=b"ni1") + voxels().tobytes()), "pair"),
    "voxels at no number": (
        "a.nii",
        lambda path: path.write_bytes(header_with(vox_offset=np.nan) + voxels().tobytes()),
        "no NIfTI",
    ),
    "no voxels": ("a.nii", lambda path: path.write_bytes(header_with(dim=[3, 4, 0, 4, 1, 1, 1, 1])), "3-D"),
    "negative size": ("a.nii", lambda path: path.write_bytes(header_with(dim=[3, 4, -4, 4, 1, 1, 1, 1])), "3-D"),
    "complex": ("a.nii", lambda path: save(path, voxels().astype(np.complex64)), "one number a voxel"),
    "colour": (
        "a.nii",
        lambda path: save(path, np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])),
        "one number a voxel",
    ),
    "unknown type": (
        "a.nii",
        lambda path: path.write_bytes(header_with(datatype=9999) + voxels().tobytes()),
        "no NIfTI|damaged",
    ),
}


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(("name", "make", "message"), BAD.values(), ids=BAD)
def test_bad_images_are_refused_by_name_with_a_remedy(name: str, make: Callable, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        read_nifti(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy
    assert caught.value.exit_code == 3


@pytest.mark.req("REQ-NF-S-002")
@pytest.mark.parametrize("shape", [(32767, 32767, 32767), (1024, 1024, 1000)])
def test_nothing_is_allocated_on_a_headers_word(shape: tuple[int, int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(header_with(dim=[3, *shape, 1, 1, 1, 1]) + b"\0" * 10**6))
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            read_nifti(path)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


# Masks


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_masks_become_small_whole_labels(dtype: type, tmp_path: Path) -> None:
    labels = (np.arange(64).reshape(4, 4, 4) % 5).astype(dtype)
    mask = read_mask(save(tmp_path / "a.nii.gz", labels))
    assert mask.array.dtype == np.uint8
    assert np.array_equal(mask.array[0], labels)


def test_a_mask_may_be_empty(tmp_path: Path) -> None:
    assert read_mask(save(tmp_path / "a.nii.gz", np.zeros((4, 4, 4), np.uint8))).array.max() == 0


def test_many_labels_take_16_bits(tmp_path: Path) -> None:
    mask = read_mask(save(tmp_path / "a.nii.gz", np.arange(1000, dtype=np.int32).reshape(10, 10, 10)))
    assert mask.array.dtype == np.uint16
    assert mask.array.max() == 999


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (voxels() + 0.5, "whole numbers"),
        (spoiled(np.nan), "whole numbers"),
        (voxels() - 1, "from -1"),
        (np.arange(64, dtype=np.int32).reshape(4, 4, 4) * 2000, "to 126000"),
    ],
)
def test_what_is_no_mask_is_refused(array: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_mask(save(tmp_path / "a.nii.gz", array))
