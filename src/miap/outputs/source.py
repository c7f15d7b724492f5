"""The source series as a result sees it: complete headers, and the grid without the pixels."""

import warnings

import numpy as np
from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import DSfloat, validate_value

from miap.imaging import stack
from miap.imaging.series import Series
from miap.imaging.volume import Volume
from miap.outputs.uid import derived_uid

# A hospital's single-word patient name is kept as it is: matching it is worth more than highdicom's advice.
warnings.filterwarnings("ignore", message="The string .* is unlikely to represent the intended person name")

_TYPE_2 = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_OF_THE_SLICE = (
    "SOPClassUID", "SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", "Rows", "Columns",
)  # fmt: skip
_LONGEST = {"SH": 16, "LO": 64}
_CHECKED = ("AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI")


def headers(series: Series) -> list[Dataset]:
    """Headers of the series' instances, in slice order, fit to derive an object from.

    Patient and study are those of the first slice. Attributes that every DICOM object must name (type 2) are there,
    empty where the scanner left them out; a text longer than its kind allows is cut, a date, code or number that is
    not valid DICOM is left out, private attributes too: a result must be valid whatever it was made from. An absent
    frame of reference gets a UID derived from the series', so that results of one series lie in one space. All slices
    have the first one's orientation and pixel size, and the distance between slices is the grid's. The series itself is
    not changed.
    """
    first = series.instances[0]
    shared = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for element in first:
            if not element.tag.is_private and (fitting := _fitting(element)) is not None:
                shared.add(fitting)
    for keyword in _TYPE_2:
        if shared.get(keyword) is None:
            _put(shared, keyword, "")
    if shared.PatientSex not in ("M", "F", "O", ""):
        _put(shared, "PatientSex", "")
    if not shared.get("FrameOfReferenceUID"):
        _put(shared, "FrameOfReferenceUID", derived_uid("frame of reference", series.uid))
    for keyword in ("ImageOrientationPatient", "PixelSpacing"):
        shared.add(first[keyword])
    step = DSfloat(float(grid(series).spacing[2]), auto_format=True)
    _put(shared, "SpacingBetweenSlices", step)
    if not shared.get("SliceThickness"):
        _put(shared, "SliceThickness", step)
    return [_slice(instance, shared) for instance in series.instances]


def _put(dataset: Dataset, keyword: str, value: str | DSfloat) -> None:
    """Set an attribute by a new element: assigning to the old one would change the series it is shared with."""
    dataset.add(DataElement(keyword, dictionary_VR(keyword), value))


def _slice(instance: Dataset, shared: Dataset) -> Dataset:
    header = Dataset()
    header.update({element.tag: element for element in shared})
    for keyword in _OF_THE_SLICE:
        if keyword in instance:
            header.add(instance[keyword])
    return header


def _fitting(element: DataElement) -> DataElement | None:
    """The element, cut to the length its kind allows (PS3.5 6.2), or nothing where its value is not valid."""
    several = isinstance(element.value, MultiValue)
    values = list(element.value) if several else [element.value]
    if element.VR in _LONGEST:
        cut = [str(value)[: _LONGEST[element.VR]] for value in values if value is not None]
        return DataElement(element.tag, element.VR, cut if several else "".join(cut))
    if element.VR in _CHECKED:
        try:
            for value in values:
                validate_value(element.VR, value, config.RAISE)
        except ValueError:
            return None
    return element


def grid(series: Series) -> Volume:
    """The series' grid, without reading a pixel: an all-zero `Volume` of shape (1, columns, rows, slices)."""
    first = series.instances[0]
    shape = (1, int(first.Columns), int(first.Rows), len(series.instances))
    return Volume(np.broadcast_to(np.uint8(0), shape), stack.affine(series.instances, series.files))
