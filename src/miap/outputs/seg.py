"""Lesions as a DICOM Segmentation (PS3.3 A.51): one binary segment a lesion, on the source series' slices."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from miap.findings.lesion import Code, Findings, Label, Lesion
from miap.imaging.resample import resample
from miap.imaging.series import Series
from miap.imaging.volume import Volume
from miap.outputs.equipment import FAMILY, MANUFACTURER, character_set, equipment, long_string, stamp
from miap.outputs.palette import rgb
from miap.outputs.source import grid, headers
from miap.outputs.uid import derived_uid, findings_digest

SERIES_NUMBER = 9001


def write_seg(
    path: Path,
    series: Series,
    segmentation: Volume,
    findings: Findings,
    labels: Sequence[Label],
    *,
    model: Mapping[str, Any],
    when: datetime,
) -> hd.seg.Segmentation:
    """Write all lesions of a case as one DICOM SEG in the source's study.

    Segment *n* is lesion *n* of ``findings.lesions``; it carries the lesion's tracking identifiers, its label's codes
    and the model as its algorithm. Only slices that hold a lesion are stored. A case without a lesion gives an object
    that says so: one segment a label, named ``<label>: none found``, without tracking identifiers, on a single empty
    slice (the standard asks for at least one segment and one frame).

    Args:
        path: The file to write.
        series: The series the segmentation lies on.
        segmentation: Its grid is that of ``findings.lesion_map``. Where it is not the series' own, the lesion map is
            brought onto the series by the nearest voxel.
        findings: Lesions and lesion map.
        labels: The model's labels, which hold the codes.
        model: At least ``name`` and ``version``; ``sha256`` of its files where known.
        when: Time of the analysis, the same when the step is repeated.

    Returns:
        The object as written, for the report that refers to it.

    Raises:
        ValueError: A lesion's label value is not among ``labels``, or the lesion map is not on ``segmentation``'s grid.
    """
    sources = headers(series)
    pixels = _segment_map(series, segmentation, findings)
    if findings.lesions:
        descriptions = [_lesion_segment(n, lesion, labels, model) for n, lesion in enumerate(findings.lesions, 1)]
    else:
        descriptions = [_segment(n, label, f"{label.name}: none found", model) for n, label in enumerate(labels, 1)]
        middle = len(sources) // 2
        sources, pixels = sources[middle : middle + 1], pixels[middle : middle + 1]
    identity = [*(str(source.SOPInstanceUID) for source in headers(series)), findings_digest(findings, model)]
    segmentation_object = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=derived_uid("seg series", *identity),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("seg", *identity),
        instance_number=1,
        omit_empty_frames=bool(findings.lesions),
        series_description=long_string(f"MIAP {model['name']}: segmentation"),
        content_label="MIAP_LESIONS",
        content_description=long_string(f"{len(findings.lesions)} lesion(s) found by {model['name']}"),
        specific_character_set=character_set(
            sources[0], str(model["name"]), *(item.SegmentLabel for item in descriptions)
        ),
        **equipment(model),
    )
    _fix_dimension_organization(segmentation_object, derived_uid("seg dimensions", *identity))
    stamp(segmentation_object, when)
    segmentation_object.save_as(path)
    return segmentation_object


def _segment_map(series: Series, segmentation: Volume, findings: Findings) -> npt.NDArray[np.uint16]:
    """Segment numbers on the series, shape (slices, rows, columns)."""
    lesion_map = segmentation.with_array(findings.lesion_map[None])
    onto = grid(series)
    if not lesion_map.same_grid(onto):
        lesion_map = resample(lesion_map, onto, interpolation="nearest")
    ids = lesion_map.array[0]
    boxes = find_objects(ids)
    numbers = np.zeros(ids.shape[::-1], dtype=np.uint16)
    for n, lesion in enumerate(findings.lesions, 1):
        box = boxes[lesion.id - 1] if lesion.id <= len(boxes) else None
        if box is not None:
            numbers[box[::-1]][ids[box].T == lesion.id] = n
    return numbers


def _lesion_segment(
    number: int, lesion: Lesion, labels: Sequence[Label], model: Mapping[str, Any]
) -> hd.seg.SegmentDescription:
    label = label_of(lesion, labels)
    name = f"{label.name} {lesion.id}"
    segment = _segment(number, label, name, model)
    segment.TrackingID, segment.TrackingUID = name, tracking_uid(lesion)
    return segment


def _segment(number: int, label: Label, name: str, model: Mapping[str, Any]) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=long_string(name),
        segmented_property_category=coded(label.category),
        segmented_property_type=coded(label.type),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=long_string(model["name"]),
            family=FAMILY,
            version=long_string(model["version"]),
            source=MANUFACTURER,
        ),
        anatomic_regions=[coded(label.anatomy)] if label.anatomy else None,
        display_color=hd.color.CIELabColor.from_rgb(*rgb(label.value)),
    )


def label_of(lesion: Lesion, labels: Sequence[Label]) -> Label:
    """The label a lesion carries.

    Raises:
        ValueError: None of ``labels`` has the lesion's value.
    """
    for label in labels:
        if label.value == lesion.label_value:
            return label
    raise ValueError(f"lesion {lesion.id} has label value {lesion.label_value}, which the model does not name")


def tracking_uid(lesion: Lesion) -> str:
    """The lesion's tracking UID, or one derived from where it is and how large."""
    return lesion.tracking_uid or derived_uid(
        "lesion", str(lesion.label_value), repr(lesion.centroid_mm), repr(lesion.volume_ml)
    )


def coded(code: Code) -> hd.sr.CodedConcept:
    """A code as highdicom wants it."""
    return hd.sr.CodedConcept(code.value, code.scheme, long_string(code.meaning))


def _fix_dimension_organization(dataset: hd.seg.Segmentation, uid: str) -> None:
    """Set the UID that highdicom draws at random: a repeated step must give the same object."""
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
