"""Slices that are unevenly spaced, or shifted by a tilted gantry, brought onto an orthogonal grid."""

import numpy as np
import numpy.typing as npt

from miap.imaging.resample import resample
from miap.imaging.volume import Volume


def even(volume: Volume, heights: npt.NDArray[np.float64]) -> Volume:
    """Slices at even distances, each interpolated linearly between its two neighbours.

    Args:
        volume: Shape (1, columns, rows, slices), float32; its affine is that of evenly spaced slices from the first to
            the last.
        heights: Where the slices lie along their normal, mm, shape (slices,), rising.
    """
    wanted = np.linspace(heights[0], heights[-1], len(heights))
    below = np.clip(np.searchsorted(heights, wanted, side="right") - 1, 0, len(heights) - 2)
    share = ((wanted - heights[below]) / (heights[below + 1] - heights[below])).astype(np.float32)
    array = volume.array[..., below] * (1 - share) + volume.array[..., below + 1] * share
    return volume.with_array(array.astype(np.float32), modality=volume.modality)


def straight(volume: Volume, *, fill: float) -> Volume:
    """The same slices without shear, on the grid `upright` says.

    Args:
        volume: Shape (1, columns, rows, slices); the first two axes are at right angles.
        fill: Value outside the slices.
    """
    return resample(volume, upright(volume), fill=fill)


def upright(volume: Volume) -> Volume:
    """The grid around slices whose third axis is their normal; its voxels, shape (1, x, y, z), are all 0.

    Args:
        volume: A grid whose first two axes are at right angles; its voxels are not looked at.
    """
    column, row = volume.direction[:, 0], volume.direction[:, 1]
    normal = np.cross(column, row)
    step = volume.affine[:3, 2]
    if normal @ step < 0:
        normal = -normal
    steps = volume.shape[2] - 1
    shift = np.array([column @ step, row @ step]) * steps
    spacing = np.array([*volume.spacing[:2], normal @ step])
    more = np.ceil(np.abs(shift) / spacing[:2] - 1e-6).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([column, row, normal]) * spacing
    # Whole pixels toward where the last slice lies, so that the first slice keeps its voxels.
    back = np.where(shift < 0, more, 0)
    affine[:3, 3] = volume.origin - affine[:3, 0] * back[0] - affine[:3, 1] * back[1]
    shape = (volume.shape[0] + more[0], volume.shape[1] + more[1], volume.shape[2])
    return Volume(np.broadcast_to(np.uint8(0), (1, *shape)), affine)


def tilt_degrees(volume: Volume) -> float:
    """Angle between the slices' normal and the way from slice to slice, degrees."""
    normal = np.cross(volume.direction[:, 0], volume.direction[:, 1])
    return float(np.degrees(np.arccos(np.clip(abs(normal @ volume.direction[:, 2]), 0, 1))))
