"""Segments as one label map, and a label map as segments."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import find_objects

from miap.imaging.labels import Label
from miap.imaging.segment import Segment, empty
from miap.imaging.volume import Volume


def label_map(segments: Sequence[Segment]) -> Volume | None:
    """Each voxel the number of the segment it belongs to; ``None`` where one map cannot hold them.

    Args:
        segments: On one grid.

    Returns:
        Shape (1, x, y, z), uint8, or uint16 above 255; ``None`` where segments overlap, share a number or are
        fractional.
    """
    numbers = [segment.number for segment in segments]
    if not segments or len(set(numbers)) < len(numbers) or min(numbers) < 1 or max(numbers) > np.iinfo(np.uint16).max:
        return None
    if any(segment.fractional for segment in segments):
        return None
    kind = np.uint8 if max(numbers) < 256 else np.uint16
    array = np.zeros(segments[0].grid.shape[::-1], dtype=kind).T
    for segment in segments:
        part, inside = array[segment.where], segment.box.array[0] > 0
        if part[inside].any():
            return None
        part[inside] = segment.number
    return Volume(array[None], segments[0].grid.affine)


def segments_of(mask: Volume, labels: Mapping[int, Label]) -> list[Segment]:
    """A segment for each value of a label map, and an empty one for each label it lacks.

    Args:
        mask: Shape (1, x, y, z), whole numbers from 0.
        labels: What the values mean; one without is called ``label`` and its value.
    """
    array, grid = mask.array[0], empty(mask)
    boxes = find_objects(array.astype(np.int32, copy=False))
    found = {value: box for value, box in enumerate(boxes, 1) if box is not None}
    segments = []
    for value in sorted(found.keys() | labels.keys()):
        label, where = labels.get(value, Label(value, f"label {value}")), found.get(value, (slice(0, 1),) * 3)
        box = grid.crop([s.start for s in where], [s.stop for s in where])
        inside = (array[where] == value).astype(np.uint8)[None]
        segments.append(
            Segment(
                value, label.name, box.with_array(inside), grid, label.category, label.type, label.anatomy,
                label.algorithm, label.tracking_uid,
            )
        )  # fmt: skip
    return segments
