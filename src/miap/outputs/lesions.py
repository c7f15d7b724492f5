"""Findings as segments: one a lesion, on the grid of the series they were found in."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import find_objects

from miap.findings.lesion import Findings, Label, Lesion
from miap.imaging.resample import resample
from miap.imaging.segment import Segment, empty, tight
from miap.imaging.volume import Volume
from miap.outputs.coding import dicom_code
from miap.outputs.palette import rgb
from miap.outputs.uid import derived_uid

Colours = Mapping[int, tuple[int, int, int]]
"""Red, green and blue, 0 to 255, by segment number."""


def lesion_segments(
    onto: Volume, segmentation: Volume, findings: Findings, labels: Sequence[Label], model: Mapping[str, Any]
) -> list[Segment]:
    """Segment *n* is lesion *n* of ``findings.lesions``, named ``<label> <id>``.

    Args:
        onto: The grid wanted; its voxels are not looked at.
        segmentation: The grid of ``findings.lesion_map``. Where it is not ``onto``, the map is brought there by the
            nearest voxel; a lesion that is lost by it gives an empty segment.
        findings: Lesions and lesion map.
        labels: The model's labels, which hold the codes.
        model: At least ``name`` and ``version``.

    Raises:
        ValueError: A lesion's label value is not among ``labels``, or the lesion map is not on ``segmentation``'s grid.
    """
    lesion_map = segmentation.with_array(findings.lesion_map[None])
    if not lesion_map.same_grid(onto):
        lesion_map = resample(lesion_map, onto, interpolation="nearest")
    ids, grid = lesion_map.array[0], empty(onto)
    boxes = find_objects(ids)
    segments = []
    for number, lesion in enumerate(findings.lesions, 1):
        label = label_of(lesion, labels)
        where = boxes[lesion.id - 1] if lesion.id <= len(boxes) else None
        where = where or (slice(0, 1),) * 3
        box = grid.crop([s.start for s in where], [s.stop for s in where])
        inside = (ids[where] == lesion.id).astype(np.uint8)[None]
        name, tracking = f"{label.name} {lesion.id}", tracking_uid(lesion)
        segments.append(label_segment(number, name, label, box.with_array(inside), grid, model, tracking))
    return segments


def nothing_found(onto: Volume, labels: Sequence[Label], model: Mapping[str, Any]) -> list[Segment]:
    """An empty segment a label, named ``<label>: none found``, for a case without lesions."""
    grid = empty(onto)
    return [
        label_segment(number, f"{label.name}: none found", label, grid.crop((0, 0, 0), (1, 1, 1)), grid, model)
        for number, label in enumerate(labels, 1)
    ]


def probability_segments(probability: Volume, labels: Sequence[Label], model: Mapping[str, Any]) -> list[Segment]:
    """The probability of each label, a channel of ``probability``, as a fractional segment."""
    grid = empty(probability)
    return [
        label_segment(
            number, label.name, label, tight(Volume(channel[None].astype(np.float32), grid.affine)), grid, model
        )
        for number, (label, channel) in enumerate(zip(labels, probability.array, strict=True), 1)
    ]


def label_segment(
    number: int, name: str, label: Label, box: Volume, grid: Volume, model: Mapping[str, Any], tracking: str = ""
) -> Segment:
    """A segment with a label's codes, by a model."""
    return Segment(
        number=number,
        label=name,
        box=box,
        grid=grid,
        category=dicom_code(label.category),
        type=dicom_code(label.type),
        anatomy=dicom_code(label.anatomy) if label.anatomy else None,
        algorithm=f"{model['name']} {model['version']}",
        tracking_uid=tracking,
    )


def lesion_colours(findings: Findings) -> Colours:
    """The colour of each lesion's label, by segment number."""
    return {number: rgb(lesion.label_value) for number, lesion in enumerate(findings.lesions, 1)}


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
