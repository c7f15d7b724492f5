"""Objects with thousands of frames, written without doing the same work for each."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element

_SEQUENCE_HEADER = 12
"""Bytes of tag, VR and length before a sequence in explicit VR (PS3.5 7.1.2)."""


def save(dataset: Dataset, path: Path) -> None:
    """Write an object made in memory, explicit little endian; the data set stays as it is.

    The file is what ``save_as`` makes of it, in less than half the time. pydicom looks for ambiguous VRs below every
    item it writes unless that is said to have been read as it is to be written; here it is said, after one look at all.
    And what a slice is derived from is encoded once for all the segments on it.
    """
    correct_ambiguous_vr(dataset, is_little_endian=True)
    named = dataset.get("SpecificCharacterSet")
    _as_it_will_be(dataset, convert_encodings(named) if named else default_encoding)
    frames = [one for one in dataset.get("PerFrameFunctionalGroupsSequence") or () if "DerivationImageSequence" in one]
    derivations = [frame["DerivationImageSequence"] for frame in frames]
    pixels = dataset.PixelData
    known: dict[tuple[tuple[str, str], ...], RawDataElement] = {}
    try:
        dataset["PixelData"].value = BytesIO(pixels)
        for frame, derivation in zip(frames, derivations, strict=True):
            sources = derivation.value[0].SourceImageSequence
            key = tuple((str(one.ReferencedSOPInstanceUID), str(one.get("ReferencedFrameNumber"))) for one in sources)
            if key not in known:
                with DicomBytesIO() as buffer:
                    buffer.is_little_endian, buffer.is_implicit_VR = True, False
                    write_data_element(buffer, derivation)
                    encoded = buffer.getvalue()[_SEQUENCE_HEADER:]
                known[key] = RawDataElement(derivation.tag, "SQ", len(encoded), encoded, 0, False, True)
            frame[derivation.tag] = known[key]
        dataset.save_as(path)
    finally:
        dataset["PixelData"].value = pixels
        for frame, derivation in zip(frames, derivations, strict=True):
            frame[derivation.tag] = derivation


def _as_it_will_be(item: Dataset, character_set: str | list[str]) -> None:
    item.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=character_set)
    for below in _items(item):
        _as_it_will_be(below, default_encoding)


def _items(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.VR == "SQ":
            yield from element.value
