"""One DICOM file: its header, and whether all of the file is there. No pixel is decoded here."""

import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
import pydicom.config
from pydicom import hooks
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from miap.errors import InputError
from miap.imaging.bounded import BoundedFile

CLASSIC_CLASSES = frozenset({CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage})
"""SOP classes that hold one slice a file."""
MULTI_FRAME_CLASSES = frozenset(
    {
        EnhancedCTImageStorage,
        EnhancedMRImageStorage,
        EnhancedPETImageStorage,
        LegacyConvertedEnhancedCTImageStorage,
        LegacyConvertedEnhancedMRImageStorage,
        LegacyConvertedEnhancedPETImageStorage,
    }
)
"""SOP classes that hold a stack of slices, or several, in one file."""
IMAGE_CLASSES = CLASSIC_CLASSES | MULTI_FRAME_CLASSES

READ_ERRORS = (
    InvalidDicomError, BytesLengthException, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError,
    ArithmeticError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom and its decoders raise on files that are not what they say."""

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
# Scanners write values DICOM does not allow; those MIAP needs are checked where they are used.

_MAX_DEFLATED_BYTES = 2 * 2**20
_PIXEL_DATA = (0x7FE00010, 0x7FE00008, 0x7FE00009)
"""Pixel Data, Float Pixel Data, Double Float Pixel Data."""
_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_UNDEFINED_LENGTH = 0xFFFFFFFF


def is_dicom(path: Path) -> bool:
    """Whether the file begins as DICOM does: ``DICM`` after 128 bytes, or (older files) an element of group 8."""
    with path.open("rb") as file:
        return _begins_as_dicom(file.read(132))


def read_header(path: Path) -> Dataset:
    """All of a file's attributes but its pixels; one whose value makes no sense for its type is empty.

    Where uncompressed pixels begin in the file is put down as the data set's ``pixels_at``.

    Raises:
        InputError: The file is not DICOM, or it is a CT, MR or PET image that is cut short.
    """
    try:
        size = path.stat().st_size
        _check_inflation(path, size)
        with BoundedFile(path) as file:
            if not _begins_as_dicom(file.read(132)):
                raise InputError(f"{path} is no DICOM file.", remedy="Remove it, or export it again as DICOM.")
            file.seek(0)
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            kind = sop_class(dataset)
            complete = kind not in IMAGE_CLASSES or _is_complete(file, dataset, size)
    except READ_ERRORS as error:
        raise InputError(f"{path} cannot be read as DICOM ({error}).", remedy="Copy or export it again.") from error
    if not kind:
        raise InputError(
            f"{path} is cut short, or does not say what it is (SOP Class UID).", remedy="Copy or export it again."
        )
    if not complete:
        raise InputError(f"{path} is cut short.", remedy="Copy or export it again.")
    return dataset


def sop_class(dataset: Dataset) -> UID:
    """SOP Class UID, from the file's meta information where the data set lacks it; empty if neither says."""
    meta = getattr(dataset, "file_meta", Dataset())
    return UID(str(dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""))


def transfer_syntax(dataset: Dataset) -> UID:
    """Transfer syntax; files without meta information are little endian, with or without VRs as pydicom found them."""
    meta = getattr(dataset, "file_meta", Dataset())
    bare = ImplicitVRLittleEndian if dataset.original_encoding[0] else ExplicitVRLittleEndian
    return UID(str(meta.get("TransferSyntaxUID") or bare))


def number(dataset: Dataset, keyword: str, default: float | None = None) -> float:
    """A finite decimal attribute; ``default`` where it is absent or empty.

    Raises:
        ValueError: It is absent and has no default, or it is no finite number.
    """
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        if default is None:
            raise ValueError(f"{keyword} is missing")
        return default
    result = float(value)
    if not math.isfinite(result):
        raise ValueError(f"{keyword} is {value}")
    return result


def words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of a text attribute in upper case; empty where it is absent."""
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        return ()
    return tuple(str(one).upper() for one in ([value] if isinstance(value, str) else value))


def _begins_as_dicom(start: bytes) -> bool:
    return start[128:] == b"DICM" or (len(start) == 132 and start[:2] == b"\x08\x00" and start[3] == 0)


def _check_inflation(path: Path, size: int) -> None:
    """Deflated files are inflated as a whole before the first attribute is seen: only small ones are."""
    if size > _MAX_DEFLATED_BYTES and is_dicom(path):
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            raise InputError(f"{path} is deflated and too large to be one slice.", remedy="Export it undeflated.")


def _value_or_nothing(raw: RawDataElement, data: dict[str, Any], **options: Any) -> None:
    """Convert an element's bytes; a value that makes no sense for its type is as good as empty."""
    try:
        hooks.raw_element_value(raw, data, **options)
    except READ_ERRORS:
        data["value"] = Sequence() if data["VR"] == "SQ" else None


hooks.hooks.register_callback("raw_element_value", _value_or_nothing)


def _is_complete(file: BinaryIO, dataset: Dataset, size: int) -> bool:
    """Whether the pixel data at the file's position is all there.

    Native pixels must be as many bytes as the header's Rows, Columns and Bits Allocated make (PS3.5 8.1.1);
    encapsulated ones must end with the sequence delimiter (PS3.5 A.4).
    """
    syntax = transfer_syntax(dataset)
    if syntax == DeflatedExplicitVRLittleEndian:
        return True
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    tag, length = _element(file, order, explicit=syntax != ImplicitVRLittleEndian)
    if tag not in _PIXEL_DATA:
        return False
    if length != _UNDEFINED_LENGTH:
        frames = dataset.get("NumberOfFrames") or 1 if sop_class(dataset) in MULTI_FRAME_CLASSES else 1
        bits = frames * dataset.Rows * dataset.Columns * dataset.get("SamplesPerPixel", 1) * dataset.BitsAllocated
        dataset.pixels_at = file.tell()
        return bool(bits <= 8 * length and file.tell() + length <= size)
    while file.tell() < size:
        tag, length = _element(file, order, explicit=False)
        if tag == _DELIMITER:
            return True
        if tag != _ITEM:
            return False
        file.seek(length, os.SEEK_CUR)
    return False


def _element(file: BinaryIO, order: str, *, explicit: bool) -> tuple[int, int]:
    """Tag and value length of the element at the file's position, 0 at its end; the file then stands at the value."""
    size = 12 if explicit else 8
    start = file.read(size)
    if len(start) < size:
        return 0, 0
    group, element = struct.unpack(order + "HH", start[:4])
    (length,) = struct.unpack(order + "I", start[-4:])
    return group << 16 | element, length
