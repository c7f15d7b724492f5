"""A DICOM Segmentation made from boxes: no array of all segments, nor of the whole volume, is ever in memory."""

from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
from highdicom.seg import SegmentsOverlapValues

from miap.imaging.segment import Segment
from miap.imaging.volume import Array


class SparseSegmentation(hd.seg.Segmentation):  # type: ignore[misc]  # highdicom is not typed
    """A binary or fractional Segmentation whose frames are cut from each segment's box when their turn comes.

    highdicom takes either a label map, which cannot overlap, or every segment's whole volume at once: 8 GB for a
    hundred organs on a CT. So it is handed an array that only says which plane is which, and the two methods by which
    it checks that array and takes a segment's plane from it are answered from the boxes. All else, the functional
    groups and the encoding, stays highdicom's.

    Args:
        segments: Numbered from 1 without gaps, on one grid.
        planes: The slices of the grid to write, in the order of the source images or plane positions.
        given: The other arguments of `highdicom.seg.Segmentation`.
    """

    def __init__(self, segments: Sequence[Segment], planes: Sequence[int], **given: Any) -> None:
        columns, rows, _ = segments[0].grid.shape
        self._parts = {segment.number: segment for segment in segments}
        self._blank = np.zeros((rows, columns), dtype=np.uint8)
        # A frame that is left out need not be as large as one that is not.
        self._absent = np.zeros((1, 1), dtype=np.uint8) if given["omit_empty_frames"] else self._blank
        used = {k for s in segments if not s.is_empty for k in range(s.where[2].start, s.where[2].stop)}
        index = np.array([k + 1 if k in used else 0 for k in planes], dtype=np.uint16)
        super().__init__(pixel_array=np.broadcast_to(index[:, None, None], (len(index), rows, columns)), **given)
        del self._parts, self._blank, self._absent

    def _check_and_cast_pixel_array(
        self, pixel_array: Array, *_: Any, **__: Any
    ) -> tuple[Array, SegmentsOverlapValues]:
        parts = list(self._parts.values())
        if len(parts) > 1 and parts[0].fractional:
            return pixel_array, SegmentsOverlapValues.UNDEFINED
        overlap = any(_overlap(one, other) for n, one in enumerate(parts) for other in parts[n + 1 :])
        return pixel_array, SegmentsOverlapValues.YES if overlap else SegmentsOverlapValues.NO

    def _get_segment_pixel_array(
        self, pixel_array: Array, segment_number: int, *, max_fractional_value: int, **_: Any
    ) -> Array:
        part = self._parts[segment_number]
        columns, rows, slices = part.where
        plane = int(pixel_array[0, 0]) - 1
        if not slices.start <= plane < slices.stop:
            return self._absent
        frame = np.zeros_like(self._blank)
        values = part.box.array[0, :, :, plane - slices.start].T
        frame[rows, columns] = np.rint(values * max_fractional_value) if part.fractional else values
        return frame


def _overlap(one: Segment, other: Segment) -> bool:
    """Whether a voxel belongs to both."""
    low = np.maximum(one.start, other.start)
    high = np.minimum(one.start + one.box.shape, other.start + other.box.shape)
    if (high <= low).any():
        return False
    common = [part.box.crop(low - part.start, high - part.start).array > 0 for part in (one, other)]
    return bool((common[0] & common[1]).any())
