"""Size and place of a lesion."""

from dataclasses import dataclass

import numpy as np

from miap.findings.lesion import Point
from miap.imaging.volume import Array, Volume


@dataclass(frozen=True)
class Geometry:
    """Size and place of a lesion.

    Args:
        volume_ml: Number of voxels times the volume of one.
        centroid_mm: Mean of the voxel centres, LPS mm.
        extent_mm: Size along L, P and S of the smallest box with its sides along these axes that holds every voxel
            up to its faces, mm. On an oblique grid it holds the corners of the tilted voxels, too.
    """

    volume_ml: float
    centroid_mm: Point
    extent_mm: Point


def measure_geometry(lesion: Volume) -> Geometry:
    """Volume, centroid and extent of a lesion.

    Args:
        lesion: Shape (1, x, y, z), bool; a crop serves as well as the whole grid.

    Raises:
        ValueError: The lesion has no voxel.
    """
    mask = lesion.array[0]
    count = int(np.count_nonzero(mask))
    if count == 0:
        raise ValueError("an empty lesion has no geometry")
    centre = [float(np.arange(n) @ _profile(mask, axis)) / count for axis, n in enumerate(mask.shape)]
    ends = lesion.to_patient(row_ends(mask))
    extent = np.ptp(ends, axis=0) + np.abs(lesion.affine[:3, :3]).sum(axis=1)
    return Geometry(count * lesion.voxel_volume_ml, point(lesion.to_patient(centre)), point(extent))


def row_ends(mask: Array) -> Array:
    """Index of the first and last voxel of every row along the last axis, shape (2 · rows, dimensions).

    No linear function has its maximum over the mask anywhere else, so these voxels are all that a bounding box or a
    convex hull needs.
    """
    rows = np.argwhere(mask.any(axis=-1))
    filled = mask[tuple(rows.T)]
    first = filled.argmax(axis=-1)
    last = mask.shape[-1] - 1 - filled[:, ::-1].argmax(axis=-1)
    return np.concatenate([np.column_stack([rows, first]), np.column_stack([rows, last])])


def point(values: Array) -> Point:
    """Three numbers of an array as plain floats."""
    x, y, z = (float(v) for v in values)
    return x, y, z


def _profile(mask: Array, axis: int) -> Array:
    """Number of voxels in each plane across ``axis``."""
    return np.asarray(np.count_nonzero(mask, axis=tuple(a for a in range(3) if a != axis)))
