"""The source series as a result sees it: complete headers, and the grid without the pixels."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import DSfloat, validate_value

from miap.imaging import stack
from miap.imaging.series import Series
from miap.imaging.straighten import upright
from miap.imaging.volume import Volume
from miap.outputs.uid import derived_uid

# A hospital's single-word patient name is kept as it is: matching it is worth more than highdicom's advice.
warnings.filterwarnings("ignore", message="The string .* is unlikely to represent the intended person name")

_TYPE_2 = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_OF_THE_INSTANCE = ("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", "Rows", "Columns")
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_COMMON_GROUPS = {
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
}
_NOWHERE = (1e6, 1e6, 1e6)
_SAME_SLICE = 0.01
_LONGEST = {"SH": 16, "LO": 64}
_CHECKED = ("AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI")


def headers(series: Series) -> list[Dataset]:
    """Headers of the series' SOP instances, fit to derive an object from: one a slice, or one a multi-frame object.

    Patient and study are those of the first. Attributes that every DICOM object must name (type 2) are there, empty
    where the scanner left them out; a text longer than its kind allows is cut, a date, code or number that is not valid
    DICOM is left out, private attributes too: a result must be valid whatever it was made from. An absent frame of
    reference gets a UID derived from the series', so that results of one series lie in one space. All slices have the
    first one's orientation and pixel size, and the distance between slices is the grid's. Of a multi-frame object's
    functional groups there is only where its frames lie. The series itself is not changed.
    """
    shared = _shared(series)
    if not series.objects:
        return [_instance(instance, shared) for instance in series.instances]
    files = dict.fromkeys(series.files)
    return [_object(one, file, shared, series) for one, file in zip(series.objects, files, strict=True)]


def placement(series: Series, planes: Sequence[int]) -> dict[str, Any]:
    """What highdicom wants to know of where frames lie and what they are made from.

    Args:
        series: The source.
        planes: Slices of `grid` to make a frame of.

    Returns:
        ``source_images`` alone where frames are the source's slices one by one; else the other arguments as well.
    """
    sources = headers(series)
    if not series.objects and not series.resampled:
        return {"source_images": [sources[k] for k in planes]}
    onto = grid(series)
    places = onto.to_patient([(0, 0, k) for k in planes])
    if not series.resampled:
        places = np.array([series.instances[k].ImagePositionPatient for k in planes], dtype=float)
    across, down, along = float(onto.spacing[0]), float(onto.spacing[1]), slice_distance(onto)
    patient = hd.CoordinateSystemNames.PATIENT
    given: dict[str, Any] = {
        "source_images": sources[:1] if series.objects else sources,
        "plane_positions": [hd.PlanePositionSequence(patient, place) for place in places],
        "plane_orientation": hd.PlaneOrientationSequence(patient, onto.direction[:, :2].T.ravel()),
        "pixel_measures": hd.PixelMeasuresSequence((down, across), along, along),
    }
    if series.objects and sources[1:]:
        given["further_source_images"] = sources[1:]
    return given


def reference(series: Series, k: int) -> Dataset | None:
    """The image that lies on slice ``k`` of `grid` (PS3.3 10.3); ``None`` where slices were interpolated."""
    one = series.instances[k]
    if abs(float(grid(series).to_index(np.array(one.ImagePositionPatient, dtype=float))[2]) - k) > _SAME_SLICE:
        return None
    item = image_reference(one)
    if series.frames:
        item.ReferencedFrameNumber = series.frames[k] + 1
    return item


def image_reference(header: Dataset) -> Dataset:
    """An item that refers to a SOP instance (PS3.3 10.8)."""
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return item


def grid(series: Series) -> Volume:
    """The grid of the series' volume, without reading a pixel: all-zero, of shape (1, columns, rows, slices)."""
    first = series.instances[0]
    shape = (1, int(first.Columns), int(first.Rows), len(series.instances))
    slices = Volume(np.broadcast_to(np.uint8(0), shape), stack.affine(series.instances, series.files))
    sheared = stack.is_sheared(slices.affine, shape[3], float(slices.spacing[:2].min()))
    return upright(slices) if sheared else slices


def slice_distance(volume: Volume) -> float:
    """Distance between slices along their normal, mm: less than the spacing where a grid is a little sheared."""
    return float(1000 * volume.voxel_volume_ml / np.prod(volume.spacing[:2]))


def _shared(series: Series) -> Dataset:
    """What all instances have in common."""
    first, shared = series.sources[0], Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for element in first:
            if element.tag.is_private or element.keyword in _FUNCTIONAL_GROUPS:
                continue
            if (fitting := _fitting(element)) is not None:
                shared.add(fitting)
    for keyword in _TYPE_2:
        if shared.get(keyword) is None:
            _put(shared, keyword, "")
    if shared.PatientSex not in ("M", "F", "O", ""):
        _put(shared, "PatientSex", "")
    if not shared.get("FrameOfReferenceUID"):
        _put(shared, "FrameOfReferenceUID", derived_uid("frame of reference", series.uid))
    for keyword in ("ImageOrientationPatient", "PixelSpacing"):
        shared.add(series.instances[0][keyword])
    step = DSfloat(slice_distance(grid(series)), auto_format=True)
    _put(shared, "SpacingBetweenSlices", step)
    if not shared.get("SliceThickness"):
        _put(shared, "SliceThickness", step)
    return shared


def _put(dataset: Dataset, keyword: str, value: str | DSfloat) -> None:
    """Set an attribute by a new element: assigning to the old one would change the series it is shared with."""
    dataset.add(DataElement(keyword, dictionary_VR(keyword), value))


def _instance(instance: Dataset, shared: Dataset) -> Dataset:
    header = Dataset()
    header.update({element.tag: element for element in shared})
    for keyword in _OF_THE_INSTANCE:
        if keyword in instance:
            header.add(instance[keyword])
    return header


def _object(instance: Dataset, file: Path, shared: Dataset, series: Series) -> Dataset:
    """A multi-frame object; frames that are not of the series lie where no slice is."""
    header = _instance(instance, shared)
    common = Dataset()
    for sequence, keywords in _COMMON_GROUPS.items():
        item = Dataset()
        for keyword in keywords:
            item.add(shared[keyword])
        setattr(common, sequence, [item])
    frames = [Dataset() for _ in range(int(instance.NumberOfFrames))]
    for frame in frames:
        frame.PlanePositionSequence = [_at(_NOWHERE)]
    for one, place, number in zip(series.instances, series.files, series.frames, strict=True):
        if place == file:
            frames[number].PlanePositionSequence = [_at(one.ImagePositionPatient)]
    header.SharedFunctionalGroupsSequence, header.PerFrameFunctionalGroupsSequence = [common], frames
    header.NumberOfFrames = len(frames)
    return header


def _at(position: Sequence[float]) -> Dataset:
    item = Dataset()
    item.ImagePositionPatient = list(position)
    return item


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
