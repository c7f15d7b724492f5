"""Volumes brought onto other grids."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from miap.imaging.volume import Array, Volume

Interpolation = Literal["linear", "nearest", "bspline"]

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


def _smoothed(volume: Volume, onto: Volume) -> Array:
    """Voxels as float32, smoothed along the axes that ``onto`` samples more coarsely."""
    array = np.asarray(volume.array, dtype=np.float32)
    pitch = np.abs(np.linalg.inv(volume.affine[:3, :3]) @ onto.affine[:3, :3]).max(axis=1)
    sigma = np.maximum(0, (pitch - 1) / 2)
    if (sigma < 0.1).all():
        return array
    return np.stack([ndimage.gaussian_filter(channel, sigma, mode="nearest", truncate=3) for channel in array])
