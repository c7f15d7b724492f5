"""Enhanced multi-frame CT, MR and PET: one header a frame, as if each frame were a classic instance.

What frames share and what tells them apart is in functional groups (PS3.3 C.7.6.16). Readers of classic instances find
the same facts at the top of a header; here they are put there, under the names classic objects use.
"""

from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

MAX_FRAMES = 100_000
"""Most frames one object may claim."""

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_CLASSIC_NAMES = {
    "FrameType": "ImageType",
    "EffectiveEchoTime": "EchoTime",
    "InversionTimes": "InversionTime",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "FrameAcquisitionNumber": "AcquisitionNumber",
}
_NOT_OF_ONE_FRAME = (*_GROUPS, "NumberOfFrames", "DimensionIndexSequence", "DimensionOrganizationSequence")


def frame_headers(dataset: Dataset) -> list[Dataset]:
    """One header a frame, in the order of the frames.

    Args:
        dataset: The header of an enhanced multi-frame object.

    Raises:
        ValueError: The functional groups are not as many as the frames, or there are absurdly many.
    """
    count = int(dataset.get("NumberOfFrames") or 1)
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if not 1 <= count <= MAX_FRAMES or len(per_frame) != count:
        raise ValueError(f"it has {count} frames and {len(per_frame)} functional groups")
    common = Dataset()
    common.update({element.tag: element for element in dataset if element.keyword not in _NOT_OF_ONE_FRAME})
    for shared in dataset.get("SharedFunctionalGroupsSequence") or []:
        _spread(shared, common)
    headers = []
    for group in per_frame:
        header = Dataset()
        header.update({element.tag: element for element in common})
        _spread(group, header)
        headers.append(header)
    return headers


def _spread(group: Dataset, header: Dataset) -> None:
    """Put the attributes of all macros of a functional group, and of the items within, at the top of a header."""
    for macro in _items(group):
        for element in macro:
            header[element.tag] = element
            if (name := _CLASSIC_NAMES.get(element.keyword)) is not None and not element.is_empty:
                setattr(header, name, _single(name, element.value))
        if "FrameAcquisitionDateTime" in macro:
            stamp = str(macro.FrameAcquisitionDateTime)
            header.AcquisitionDate, header.AcquisitionTime = stamp[:8], stamp[8:].split("+")[0].split("-")[0]
        _spread(macro, header)


def _items(group: Dataset) -> Iterator[Dataset]:
    for element in group:
        if element.VR == "SQ" and len(element.value) == 1:
            yield element.value[0]


def _single(name: str, value: Any) -> Any:
    """The value, or the first of several where the classic attribute has one."""
    several = not isinstance(value, str) and hasattr(value, "__len__")
    return value[0] if several and name != "ImageType" else value
