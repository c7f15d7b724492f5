"""The source series as a result sees it: complete headers, and the grid without the pixels."""

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from miap.errors import InputError
from miap.imaging.volume import Volume
from miap.outputs.uid import derived_uid

if TYPE_CHECKING:
    from miap.imaging.series import Series

_TYPE_2 = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_TEMPORAL = {"PatientBirthDate": DA, "StudyDate": DA, "StudyTime": TM}


def headers(series: "Series") -> list[Dataset]:
    """Headers of the series' instances, in slice order, fit to derive an object from.

    Patient and study attributes that every DICOM object must name (type 2) are there, empty where the scanner left
    them out; a date or sex that is not valid DICOM is emptied; an absent frame of reference gets a UID derived from
    the series', so that results of one series lie in one space. The series itself is not changed.
    """
    return [_complete(instance, series.uid) for instance in series.instances]


def _complete(instance: Dataset, series_uid: str) -> Dataset:
    header = Dataset()
    header.update({element.tag: element for element in instance if not element.tag.is_private})
    for keyword in _TYPE_2:
        if keyword not in header or header[keyword].value is None or not _valid(keyword, str(header[keyword].value)):
            setattr(header, keyword, "")
    if not header.get("FrameOfReferenceUID"):
        header.FrameOfReferenceUID = derived_uid("frame of reference", series_uid)
    return header


def _valid(keyword: str, value: str) -> bool:
    if keyword == "PatientSex":
        return value in ("M", "F", "O", "")
    try:
        _TEMPORAL.get(keyword, str)(value)
    except ValueError:
        return False
    return True


def grid(series: "Series") -> Volume:
    """The series' grid, without reading a pixel: an all-zero `Volume` of shape (1, columns, rows, slices).

    Formula: PS3.3 C.7.6.2.1.1, with the slice step from the first to the last position.

    Raises:
        InputError: The series has fewer than two slices.
    """
    if len(series.instances) < 2:
        raise InputError(f"Series {series.uid} has one slice, which makes no volume.", remedy="Give the whole series.")
    first, last = series.instances[0], series.instances[-1]
    row, column = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    origin, end = (np.array(one.ImagePositionPatient, dtype=float) for one in (first, last))
    affine = np.eye(4)
    affine[:3, 0] = row * float(first.PixelSpacing[1])
    affine[:3, 1] = column * float(first.PixelSpacing[0])
    affine[:3, 2] = (end - origin) / (len(series.instances) - 1)
    affine[:3, 3] = origin
    shape = (1, int(first.Columns), int(first.Rows), len(series.instances))
    return Volume(np.broadcast_to(np.uint8(0), shape), affine)
