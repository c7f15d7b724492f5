"""Closed planar contours drawn as a mask, on the slices they lie on or across them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from miap.imaging.polygon import Points, fill_all
from miap.imaging.segment import empty, tight
from miap.imaging.volume import Array, Volume

FLAT_MM = 0.1
"""No point of a contour may lie further than this from its plane."""
SAME_PLANE_MM = 0.01
SAME_SLICE = 0.1
"""A contour this part of a slice distance from a slice is drawn on it."""
THICKEST_MM = 10.0
"""A contour that lies on no slice of the image stands for a slab no thicker than this."""
_FINE = 4
"""Contours oblique to the image are filled on pixels this many times smaller than its voxels."""
_MAX_PIXELS = 2**28
_MAX_VOXELS = 2**30


@dataclass(frozen=True, eq=False)
class Contour:
    """One closed planar contour.

    Args:
        points: Vertices, shape (n, 3), LPS mm.
        exclusive: Whether it is combined with others of its plane by exclusive or.
    """

    points: Points
    exclusive: bool = False

    @cached_property
    def centre(self) -> Points:
        """Mean of the vertices."""
        return np.asarray(self.points.mean(axis=0))

    @cached_property
    def area_vector(self) -> Points:
        """Normal to the plane, as long as the enclosed area, mm² (Newell's method)."""
        offset = self.points - self.centre
        return np.asarray(np.cross(offset, np.roll(offset, -1, axis=0)).sum(axis=0) / 2)


def smallest_gap(contours: Sequence[Contour]) -> float:
    """Smallest distance between the planes of contours, mm; 0 where all lie in one."""
    normal = _normal(contours)
    gaps = np.diff(np.sort([contour.centre @ normal for contour in contours]))
    gaps = gaps[gaps > SAME_PLANE_MM]
    return float(gaps.min()) if len(gaps) else 0.0


def draw(contours: Sequence[Contour], onto: Volume, gap_mm: float) -> Volume:
    """The voxels of an image whose centre lies inside, in the smallest box that holds them.

    Args:
        contours: Of one structure.
        onto: The image; its voxels are not looked at.
        gap_mm: Thickness of the slab that a contour stands for where contours lie on no slice of the image: at least
            the image's own slice distance counts, and at most 10 mm.

    Returns:
        Shape (1, x, y, z), uint8.

    Raises:
        ValueError: Contours are not flat or not parallel, or claim too much.
    """
    index = [onto.to_index(contour.points) for contour in contours]
    for axis in (2, 1, 0):
        if max(np.ptp(points[:, axis]) for points in index) * onto.spacing[axis] <= 2 * FLAT_MM:
            return tight(_on_slices(contours, index, onto, axis, gap_mm))
    return tight(_across_slices(contours, index, onto, gap_mm))


def _on_slices(contours: Sequence[Contour], index: Sequence[Points], onto: Volume, axis: int, gap_mm: float) -> Volume:
    places = np.array([points[:, axis].mean() for points in index])
    step = float(onto.spacing[axis])
    start, stop = _bounds(index, onto, _half_mm(gap_mm, step) / step * np.eye(3)[axis])
    array = np.zeros(stop - start, dtype=np.uint8)
    plane = [a for a in range(3) if a != axis]
    shape = (array.shape[plane[0]], array.shape[plane[1]])
    for k in range(array.shape[axis]):
        chosen = _at(places, k + start[axis], step, gap_mm)
        if len(chosen) and array.size:
            polygons = [index[c][:, plane] - start[plane] for c in chosen]
            filled = fill_all(polygons, shape, exclusive=any(contours[c].exclusive for c in chosen))
            array[tuple(k if a == axis else slice(None) for a in range(3))] = filled
    return _box(array, start, onto)


def _at(places: Points, k: float, step: float, gap_mm: float) -> Array:
    """Which contours, at ``places`` in slices, stand for slice ``k``."""
    distance = np.abs(places - k)
    if np.abs(places - np.rint(places)).max() <= SAME_SLICE:
        return np.flatnonzero(distance <= SAME_SLICE)
    nearest = distance.min()
    if nearest * step > _half_mm(gap_mm, step) + 1e-6:
        return np.array([], dtype=int)
    level = places[np.argmin(distance)]
    return np.flatnonzero(np.abs(places - level) * step <= SAME_PLANE_MM)


def _half_mm(gap_mm: float, step: float) -> float:
    return max(step, min(gap_mm, THICKEST_MM)) / 2


def _across_slices(contours: Sequence[Contour], index: Sequence[Points], onto: Volume, gap_mm: float) -> Volume:
    normal = _normal(contours)
    if max(np.abs((contour.points - contour.centre) @ normal).max() for contour in contours) > FLAT_MM:
        raise ValueError("a structure has contours that are not flat, or not parallel to each other")
    across = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    basis = np.stack([across / np.linalg.norm(across), np.cross(normal, across / np.linalg.norm(across))], axis=1)
    half = _half_mm(gap_mm, float(onto.spacing.min()))
    start, stop = _bounds(index, onto, np.abs(onto.to_index(half * normal) - onto.to_index(np.zeros(3))))
    levels, rasters, corner, pixel = _rasters(contours, normal, basis, float(onto.spacing.min()))
    array = np.zeros(stop - start, dtype=np.uint8)
    xy = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(start[:2], stop[:2], strict=True)), indexing="ij"), -1)
    for k in range(array.shape[2]) if array.size else ():
        points = onto.to_patient(np.concatenate([xy, np.full((*xy.shape[:2], 1), k + start[2])], axis=-1))
        height = points @ normal
        behind = np.clip(np.searchsorted(levels, height), 1, max(1, len(levels) - 1))
        before = behind - 1
        behind = np.minimum(behind, len(levels) - 1)
        nearest = np.where(height - levels[before] <= levels[behind] - height, before, behind)
        pixels = np.rint((points @ basis - corner) / pixel).astype(np.int64)
        shape = np.array(rasters.shape[1:])
        inside = (np.abs(height - levels[nearest]) <= half + 1e-6) & ((pixels >= 0) & (pixels < shape)).all(axis=-1)
        array[:, :, k][inside] = rasters[(nearest[inside], *pixels[inside].T)]
    return _box(array, start, onto)


def _rasters(
    contours: Sequence[Contour], normal: Points, basis: Points, spacing: float
) -> tuple[Points, Array, Points, float]:
    """Each plane filled on fine pixels: heights along the normal, pixels (plane, u, v), their corner and their size."""
    heights = np.array([contour.centre @ normal for contour in contours])
    order = np.argsort(heights)
    plane = np.zeros(len(heights), dtype=int)
    plane[order] = np.cumsum(np.diff(heights[order], prepend=heights[order[0]]) > SAME_PLANE_MM)
    levels = np.array([heights[plane == p].mean() for p in range(plane.max() + 1)])
    flat = [contour.points @ basis for contour in contours]
    corner, far = np.min([f.min(axis=0) for f in flat], axis=0), np.max([f.max(axis=0) for f in flat], axis=0)
    pixel = max(spacing / _FINE, float(np.sqrt(np.prod(far - corner) * len(levels) / _MAX_PIXELS)))
    columns, rows = (int(n) for n in np.ceil((far - corner) / pixel) + 1)
    if columns * rows * len(levels) > 4 * _MAX_PIXELS:
        raise ValueError("a structure's contours claim too large a space")
    rasters = np.zeros((len(levels), columns, rows), dtype=bool)
    for p in range(len(levels)):
        chosen = np.flatnonzero(plane == p)
        exclusive = any(contours[int(c)].exclusive for c in chosen)
        rasters[p] = fill_all([(flat[c] - corner) / pixel for c in chosen], (columns, rows), exclusive=exclusive)
    return levels, rasters, corner, pixel


def _normal(contours: Sequence[Contour]) -> Points:
    largest = max((contour.area_vector for contour in contours), key=lambda vector: float(np.linalg.norm(vector)))
    length = float(np.linalg.norm(largest))
    return largest / length if length > 0 else np.array([0.0, 0.0, 1.0])


def _bounds(index: Sequence[Points], onto: Volume, margin: Points) -> tuple[Array, Array]:
    """First index of the image that contours may reach, and the one behind the last."""
    low = np.min([points.min(axis=0) for points in index], axis=0) - margin
    high = np.max([points.max(axis=0) for points in index], axis=0) + margin
    limits = np.array(onto.shape)
    start = np.clip(np.floor(low), 0, limits).astype(np.int64)
    stop = np.maximum(start, np.clip(np.ceil(high) + 1, 0, limits).astype(np.int64))
    if np.prod((stop - start).astype(float)) > _MAX_VOXELS:
        raise ValueError("a structure's contours claim too large a space")
    return start, stop


def _box(array: Array, start: Array, onto: Volume) -> Volume:
    if not array.size:
        return empty(onto).crop((0, 0, 0), (1, 1, 1))
    affine = onto.affine.copy()
    affine[:3, 3] = onto.to_patient(start)
    return Volume(array[None], affine)
