"""Volumes brought onto other grids."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from miap.imaging.volume import Array, Volume

Interpolation = Literal["linear", "nearest", "bspline"]

_SAME_VOXEL = 1e-3
"""Grids that nowhere differ by more than this part of a voxel share their voxels."""
_INTERPOLATORS = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "bspline": sitk.sitkBSpline}


def resample(volume: Volume, onto: Volume, *, interpolation: Interpolation = "linear", fill: float = 0.0) -> Volume:
    """``volume`` sampled at the voxel centres of ``onto``.

    Where ``onto`` is coarser, the volume is smoothed first (Gaussian, sigma (f − 1) / 2 voxels for a factor f), so that
    every voxel counts; nearest neighbour takes labels as they are.

    Args:
        volume: Shape (channel, x, y, z).
        onto: The grid wanted; its voxels are not looked at.
        interpolation: ``nearest`` for labels.
        fill: Value outside the field of view of ``volume``.

    Returns:
        Shape (channel, *onto.shape); float32, or the labels' own type with ``nearest``.
    """
    if (part := _part(volume, onto)) is not None:
        return part if interpolation == "nearest" else part.with_array(_float32(part.array), modality=part.modality)
    reference = sitk.Image([int(n) for n in onto.shape], sitk.sitkUInt8)
    reference.SetSpacing(onto.spacing.tolist())
    reference.SetOrigin(onto.origin.tolist())
    reference.SetDirection(onto.direction.ravel().tolist())
    source = (
        volume if interpolation == "nearest" else volume.with_array(_smoothed(volume, onto), modality=volume.modality)
    )
    channels = [
        sitk.GetArrayFromImage(
            sitk.Resample(source.to_sitk(channel), reference, sitk.Transform(), _INTERPOLATORS[interpolation], fill)
        ).transpose(2, 1, 0)
        for channel in range(volume.array.shape[0])
    ]
    return Volume(np.stack(channels), onto.affine, volume.modality)


def regrid(volume: Volume, spacing: Sequence[float], *, fill: float = 0.0) -> Volume:
    """The same field of view in voxels of ``spacing`` mm along the array's axes, linearly interpolated.

    The centre of the box stays where it is; its size is rounded to whole voxels.
    """
    wanted = np.asarray(spacing, dtype=float)
    shape = np.maximum(1, np.round(volume.spacing * volume.shape / wanted)).astype(int)
    affine = volume.affine.copy()
    affine[:3, :3] = volume.direction * wanted
    centre = volume.to_patient((np.array(volume.shape) - 1) / 2)
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2)
    return resample(volume, Volume(np.empty((1, *shape), dtype=np.uint8), affine), fill=fill)


def _part(volume: Volume, onto: Volume) -> Volume | None:
    """What ``onto`` covers, if its voxels are voxels of ``volume`` in whatever order; else nothing."""
    step = np.linalg.inv(volume.affine[:3, :3]) @ onto.affine[:3, :3]
    whole = np.rint(step)
    if np.abs(step - whole).max() * max(onto.shape) > _SAME_VOXEL:
        return None
    if not (np.abs(whole).sum(0) == 1).all() or not (np.abs(whole).sum(1) == 1).all():
        return None
    corners = volume.to_index(onto.to_patient(np.array([[0, 0, 0], onto.shape]) - [[0], [1]]))
    first = np.rint(corners.min(axis=0)).astype(int)
    stop = np.rint(corners.max(axis=0)).astype(int) + 1
    if np.abs(corners - np.rint(corners)).max() > _SAME_VOXEL or (first < 0).any() or (stop > volume.shape).any():
        return None
    x, y, z = (int(axis) for axis in np.abs(whole).argmax(axis=0))
    flips = bool(whole[x, 0] < 0), bool(whole[y, 1] < 0), bool(whole[z, 2] < 0)
    return Volume(volume.crop(first, stop).reoriented((x, y, z), flips).array, onto.affine, volume.modality)


def _float32(array: Array) -> Array:
    return np.asarray(array, dtype=np.float32)


def _smoothed(volume: Volume, onto: Volume) -> Array:
    """Voxels as float32, smoothed along the axes that ``onto`` samples more coarsely."""
    array = _float32(volume.array)
    pitch = (np.abs(volume.direction.T @ onto.affine[:3, :3]) / volume.spacing[:, None]).max(axis=1)
    sigma = np.maximum(0, (pitch - 1) / 2)
    if (sigma < 0.1).all():
        return array
    return np.stack([ndimage.gaussian_filter(channel, sigma, mode="nearest", truncate=3) for channel in array])
