"""Structured mutation: valid DICOM objects of which some attributes hold what no scanner should write.

Byte mutation seldom gets past a file's structure; this starts behind it.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pydicom
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

KEYWORDS = (
    "BitsAllocated", "BitsStored", "Columns", "CorrectedImage", "DecayCorrection", "HighBit",
    "ImageOrientationPatient", "ImagePositionPatient", "ImageType", "InstanceNumber", "Modality", "NumberOfFrames",
    "PatientID", "PatientName", "PatientSex", "PatientSize", "PatientWeight", "PhotometricInterpretation", "PixelData",
    "PixelPaddingValue", "PixelRepresentation", "PixelSpacing", "RadiopharmaceuticalInformationSequence",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "Rows", "SOPClassUID", "SamplesPerPixel", "SeriesDate",
    "SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "SeriesTime", "SliceThickness", "SpecificCharacterSet",
    "StudyInstanceUID", "AcquisitionDate", "AcquisitionTime", "AcquisitionNumber", "EchoTime", "EchoNumbers",
    "InversionTime", "RepetitionTime", "FlipAngle", "ScanningSequence", "ContrastBolusAgent", "ProtocolName",
    "TemporalPositionIdentifier", "TriggerTime", "DiffusionBValue", "Units", "SUVType", "GantryDetectorTilt",
    "RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime",
    "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "PlanePositionSequence",
    "PlaneOrientationSequence", "PixelMeasuresSequence", "DimensionIndexSequence", "SegmentSequence",
    "SegmentNumber", "SegmentationType", "MaximumFractionalValue", "ReferencedSegmentNumber", "ROIContourSequence",
    "ContourSequence", "ContourData", "ContourGeometricType", "NumberOfContourPoints", "ReferencedROINumber",
    "StructureSetROISequence", "ROINumber", "ROIName", "SegmentLabel",
)  # fmt: skip
NUMBERS = (
    "", " ", "0", "-0", "-1", "1", "2", "nan", "inf", "-inf", "1e308", "1e-320", "1e999", "0x10", "1,5", "1\\2", "abc",
    "65536", "4294967296", "1e9", "3.14", "\\", "\\\\\\", "1\\0\\0\\0\\1\\0", "0\\0\\0\\0\\0\\0", "nan\\nan\\nan",
    "1e300\\1e300\\1e300", "1\\0\\0\\1\\0\\0", "0.5\\0.5", "-1\\-1", "0\\0", "1e-300\\1e-300", "99999999", "240000",
    "20260101", "25:61:99", "20269999", "\udcff", "ß" * 70,
)  # fmt: skip


class Choices:
    """Decisions drawn from the fuzzer's bytes, zero when they are used up."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def below(self, count: int) -> int:
        """A number from 0 to ``count`` - 1."""
        return int.from_bytes(self.take(2).ljust(2, b"\0"), "little") % count

    def take(self, count: int) -> bytes:
        """The next bytes, fewer at the end."""
        self.at += count
        return self.data[self.at - count : self.at]


def spoil(data: bytes, good: Sequence[Path], folder: Path) -> None:
    """Write the good series that ``data`` chooses with up to four attributes spoiled as it says."""
    choices = Choices(data)
    groups = sorted({file.parent for file in good})
    chosen = groups[choices.below(len(groups))]
    files = [file for file in good if file.parent == chosen]
    only = choices.below(2 * len(files))
    rest = data[choices.at :]
    for index, file in enumerate(files):
        dataset = pydicom.dcmread(file)
        if only in (index, *range(len(files), 2 * len(files))):
            changes = Choices(rest)
            holders = list(_holders(dataset))
            for _ in range(1 + changes.below(4)):
                _spoil_one(holders[changes.below(len(holders))], changes)
        with suppress(Exception):  # what pydicom refuses to write is left out
            dataset.save_as(folder / file.name, enforce_file_format=False)


def _holders(dataset: Dataset) -> Iterator[Dataset]:
    """The data set and every item of its sequences."""
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _holders(item)


def _spoil_one(holder: Dataset, choices: Choices) -> None:
    tags = [Tag(keyword) for keyword in KEYWORDS] if choices.below(2) else list(holder.keys())
    if not tags:
        return
    tag = tags[choices.below(len(tags))]
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
    vr = "OW" if tag == Tag("PixelData") else vr[:2]
    match choices.below(5):
        case 0:
            holder.pop(tag, None)
        case 1:
            _put(holder, tag, vr, choices.take(choices.below(40)))
        case 2:
            _put(
                holder,
                tag,
                vr,
                struct.pack("<Hd", choices.below(65536), float(choices.below(65536)))[choices.below(10) :],
            )
        case _:
            _put(holder, tag, vr, NUMBERS[choices.below(len(NUMBERS))].encode("utf-8", "surrogateescape"))


def _put(holder: Dataset, tag: BaseTag, vr: str, value: bytes) -> None:
    """Set an element to bytes as they would be in the file; a sequence of anything but items becomes bytes."""
    kind = "UN" if vr == "SQ" else vr
    value += b" " * (len(value) % 2)
    holder[tag] = RawDataElement(tag, kind, len(value), value, 0, is_implicit_VR=False, is_little_endian=True)
