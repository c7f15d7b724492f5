"""Lesions as connected components of a segmentation."""

from typing import Any, TypeAlias

import cc3d
import numpy as np
import numpy.typing as npt

from miap.imaging.volume import Array, Volume

Box: TypeAlias = tuple[slice, slice, slice]

_TIE_MM = 1e-3
"""Centroids closer than this count as the same when lesions of equal size are put in order."""


def find_components(mask: Volume, *, min_volume_ml: float = 0.1) -> Volume:
    """The lesion map of a segmentation: voxels of one label that touch, be it by a corner, are one lesion.

    Lesions are numbered from the largest. Those of equal volume are ordered by label value and then by where they lie
    (highest centroid first, then most posterior, then most left), so the numbers do not depend on how the array's axes
    run.

    Args:
        mask: Shape (1, x, y, z), integer or bool: 0 or a label's value.
        min_volume_ml: Smaller components are dropped, ml.

    Returns:
        Shape (1, x, y, z), uint16: 0 or a lesion's number 1…n. The memory order is that of ``mask``.

    Raises:
        ValueError: The mask isn't of integers or has more than one channel, or more than 65535 lesions are left.
    """
    array = mask.array
    if array.shape[0] != 1 or array.dtype.kind not in "bui":
        raise ValueError(f"a mask has one channel of integers, not shape {array.shape} of {array.dtype}")
    order = _memory_order(array[0])
    labels = np.ascontiguousarray(array[0].transpose(order))
    labels = labels.view(np.uint8) if labels.dtype == bool else labels
    lesion_map = np.zeros(labels.shape, dtype=np.uint16)
    voxels = np.flatnonzero(labels.ravel() != 0)
    if len(voxels):
        component = cc3d.connected_components(labels, connectivity=26).ravel()[voxels].astype(np.int64)
        number = _numbers(
            mask, component, _coordinates(voxels, labels.shape, order), labels.ravel()[voxels], min_volume_ml
        )
        lesion_map.ravel()[voxels] = number[component]
    return Volume(lesion_map.transpose(np.argsort(order))[None], mask.affine)


def lesion_boxes(lesion_map: Array) -> tuple[Box, ...]:
    """The box of indices around each lesion, in the order of their numbers 1…n.

    Args:
        lesion_map: Shape (x, y, z), as `find_components` numbers it.

    Raises:
        ValueError: A number between 1 and the highest is missing.
    """
    order = _memory_order(lesion_map)
    flat = np.ascontiguousarray(lesion_map.transpose(order))
    voxels = np.flatnonzero(flat.ravel() != 0)
    number = flat.ravel()[voxels].astype(np.int64) - 1
    count = int(number.max()) + 1 if len(number) else 0
    if (np.bincount(number, minlength=count) == 0).any():
        raise ValueError("a lesion map's numbers run from 1 without gaps")
    start, stop = np.full((3, count), np.iinfo(np.int64).max), np.zeros((3, count), dtype=np.int64)
    for axis, index in enumerate(_coordinates(voxels, flat.shape, order)):
        np.minimum.at(start[axis], number, index)
        np.maximum.at(stop[axis], number, index + 1)
    boxes = np.stack([start, stop]).transpose(2, 1, 0).tolist()
    return tuple((slice(*x), slice(*y), slice(*z)) for x, y, z in boxes)


def _numbers(
    mask: Volume, component: Array, coordinates: list[Array], label: Array, min_volume_ml: float
) -> npt.NDArray[np.uint16]:
    """The lesion number of each component, 0 for those too small."""
    size = np.bincount(component)
    filled = np.maximum(size, 1)
    centroid = mask.to_patient(np.stack([np.bincount(component, weights=c) / filled for c in coordinates], -1))
    value = np.zeros(len(size), dtype=np.int64)
    value[component] = label
    left, posterior, head = -np.round(centroid / _TIE_MM).T
    ranked = np.lexsort((left, posterior, head, value, -size))
    kept = ranked[size[ranked] * mask.voxel_volume_ml >= max(min_volume_ml, 1e-12) * (1 - 1e-9)]
    if len(kept) > np.iinfo(np.uint16).max:
        raise ValueError(f"{len(kept)} lesions are more than a lesion map can number; raise the smallest volume")
    number = np.zeros(len(size), dtype=np.uint16)
    number[kept] = np.arange(1, len(kept) + 1)
    return number


def _memory_order(array: Array) -> tuple[int, ...]:
    """Axes from the slowest to the fastest in memory."""
    return tuple(int(axis) for axis in np.argsort([-stride for stride in array.strides], kind="stable"))


def _coordinates(voxels: Array, shape: tuple[int, ...], order: tuple[int, ...]) -> list[Array]:
    """Index along x, y and z of voxels given by their place in an array whose axes were put in ``order``."""
    index: tuple[npt.NDArray[Any], ...] = np.unravel_index(voxels, shape)
    return [index[order.index(axis)] for axis in range(3)]
