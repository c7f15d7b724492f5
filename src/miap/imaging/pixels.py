"""Pixels of DICOM slices, decoded and rescaled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian

from miap.errors import InputError
from miap.imaging import jpeg2000
from miap.imaging.bounded import BoundedFile
from miap.imaging.header import READ_ERRORS, number, transfer_syntax
from miap.imaging.volume import Array

AIR_HU = -1000.0


def read_slices(file: Path, headers: Sequence[Dataset], frames: Sequence[int], out: Sequence[Array]) -> None:
    """Read slices of one file in the unit the scanner states: HU, Bq/ml, ….

    Stored values times Rescale Slope plus Rescale Intercept (PS3.3 C.11.1), slice by slice. Pixel Padding (PS3.3
    C.7.5.1.1.2) becomes air: -1000 in CT, 0 elsewhere. Photometric interpretation says how to show values, not what
    they are, so MONOCHROME1 changes nothing.

    Args:
        file: A DICOM file.
        headers: Of each slice wanted.
        frames: Which frame of the file each is, from 0.
        out: Where each goes; shape (rows, columns), float32.

    Raises:
        InputError: The pixels cannot be decoded, or are not what the header says.
    """
    syntax = UID("")
    try:
        if len(headers) == 1 and (native := _native(file, headers[0])) is not None:
            _rescale(native, headers[0], out[0])
            return
        with BoundedFile(file) as opened:
            dataset = pydicom.dcmread(opened, force=True)
        syntax = transfer_syntax(dataset)
        dataset.file_meta.TransferSyntaxUID = syntax
        several = int(dataset.get("NumberOfFrames") or 1) > 1
        plugin = jpeg2000.NAME if syntax in jpeg2000.SYNTAXES else ""
        stored = (
            iter_pixels(dataset, indices=list(frames), decoding_plugin=plugin)
            if several
            else iter([pixel_array(dataset, decoding_plugin=plugin)])
        )
        for header, values in zip(headers, out, strict=True):
            _rescale(next(stored), header, values)
    except READ_ERRORS as error:
        raise InputError(
            f"The pixels of {file} cannot be read ({error}).",
            remedy=f"Export it again{_elsewise(syntax)}.",
        ) from error


def _native(file: Path, header: Dataset) -> Array | None:
    """The uncompressed pixels of a classic instance, straight from where they are; nothing where pydicom must decode.

    Bits above Bits Stored, which may hold an overlay, are no part of the value (PS3.5 8.1.1).
    """
    begin, bits = getattr(header, "pixels_at", None), header.get("BitsAllocated")
    syntax = transfer_syntax(header)
    if begin is None or bits not in (8, 16, 32) or header.get("SamplesPerPixel", 1) != 1 or "PixelData" in header:
        return None
    if syntax == ExplicitVRBigEndian and bits == 8:
        return None
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    kind = np.dtype(f"{order}{'i' if header.get('PixelRepresentation') == 1 else 'u'}{bits // 8}")
    stored = np.fromfile(file, kind, count=header.Rows * header.Columns, offset=begin)
    unused = bits - int(header.get("BitsStored") or bits)
    if 0 < unused < bits and int(header.get("HighBit") or bits - unused - 1) == bits - unused - 1:
        stored = (stored.astype(kind.newbyteorder("=")) << unused) >> unused
    return stored.reshape(header.Rows, header.Columns)


def same_pixels(one: tuple[Path, int], other: tuple[Path, int]) -> bool:
    """Whether two slices, each a file and a frame, hold the same stored values."""
    if one[1] == other[1] == 0 and one[0] != other[0]:
        return _bytes(one[0]) == _bytes(other[0])
    first, second = (pixel_array(file, index=frame) for file, frame in (one, other))
    return bool(np.array_equal(first, second))


def _rescale(stored: Array, header: Dataset, out: Array) -> None:
    # CT and PET without them would be in no known unit; MR has none to be in.
    modality = str(header.get("Modality"))
    default = (None, None) if modality in ("CT", "PT") else (1.0, 0.0)
    if header.get("ModalityLUTSequence"):
        raise ValueError("it has a Modality LUT")
    slope = number(header, "RescaleSlope", default[0])
    intercept = number(header, "RescaleIntercept", default[1])
    if stored.shape != out.shape:
        raise ValueError(f"its pixels are {stored.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        np.multiply(stored, np.float32(slope), out=out, casting="unsafe", dtype=np.float32)
        out += np.float32(intercept)
    padded = _padding(stored, header)
    if padded is not None:
        out[padded] = AIR_HU if modality == "CT" else 0.0


def _padding(stored: Array, header: Dataset) -> Array | None:
    """Mask of the pixels that only fill the matrix, if the header names their value or range."""
    value, limit = header.get("PixelPaddingValue"), header.get("PixelPaddingRangeLimit")
    if value is None or value == "" or stored.dtype.kind not in "iu":
        return None
    # Its sign is as often wrong as right: -2000 is written as 63536 and the other way round.
    ends = [np.int64(int(end)).astype(stored.dtype) for end in (value, value if limit in (None, "") else limit)]
    return np.asarray((stored >= min(ends)) & (stored <= max(ends)))


def _elsewise(syntax: UID) -> str:
    compressed = bool(syntax) and not syntax.is_private and syntax.is_transfer_syntax and syntax.is_compressed
    return f", uncompressed (it is in {syntax.name})" if compressed else ""


def _bytes(file: Path) -> bytes | None:
    with BoundedFile(file) as opened:
        data: bytes | None = pydicom.dcmread(opened, force=True).get("PixelData")
    return data
