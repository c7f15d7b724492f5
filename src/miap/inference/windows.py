"""Probabilities for a volume of any size in as few passes as memory allows."""

import math
from collections.abc import Callable, Sequence
from itertools import chain, combinations, product, repeat

import numpy as np
from scipy.special import expit

from miap.imaging.volume import Array

Forward = Callable[[Array], Array]


def predict(
    forward: Forward,
    image: Array,
    *,
    divisor: Sequence[int],
    max_voxels: float = np.inf,
    max_window: Sequence[int] = (0, 0, 0),
    overlap: float = 0.25,
    flip_axes: Sequence[int] = (),
) -> Array:
    """Probability of each label in each voxel.

    The image is padded to a multiple of ``divisor`` and seen whole if ``max_voxels`` and ``max_window`` allow;
    otherwise in equal windows as large as they do, blended where they overlap.

    Args:
        forward: Image (1, channel, x, y, z) to logits (1, label, x, y, z), both float32.
        image: Shape (channel, x, y, z), float32.
        divisor: What each side of a window must be a multiple of.
        max_voxels: Most voxels one pass may see.
        max_window: Most voxels it may see along each axis, a multiple of ``divisor``; 0 is no limit.
        overlap: Least share of a window that it has in common with its neighbour.
        flip_axes: Predictions of the image mirrored along every subset of these spatial axes are averaged.

    Returns:
        Shape (label, x, y, z), float32, 0 to 1.
    """
    subsets = list(chain.from_iterable(combinations(flip_axes, n) for n in range(len(flip_axes) + 1)))
    window = window_size(image.shape[1:], divisor, max_voxels, max_window)
    total: Array = np.zeros(1, dtype=np.float32)
    for subset in subsets:
        axes = tuple(axis + 2 for axis in subset)
        mirrored = np.ascontiguousarray(np.flip(image[None], axes), dtype=np.float32)
        total = total + expit(np.flip(_windowed(forward, mirrored, window, overlap), axes)[0])
    return np.asarray(total / len(subsets), dtype=np.float32)


def window_size(
    shape: Sequence[int], divisor: Sequence[int], max_voxels: float, max_window: Sequence[int] = (0, 0, 0)
) -> tuple[int, ...]:
    """The padded volume as far as ``max_window`` allows, its longest side halved until it has ``max_voxels``."""
    whole = [-(-n // d) * d for n, d in zip(shape, divisor, strict=True)]
    size = [min(n, most) if most else n for n, most in zip(whole, max_window, strict=True)]
    while np.prod(size) > max_voxels and any(s > d for s, d in zip(size, divisor, strict=True)):
        axis = int(np.argmax([s if s > d else 0 for s, d in zip(size, divisor, strict=True)]))
        size[axis] = -(-size[axis] // (2 * divisor[axis])) * divisor[axis]
    return tuple(size)


def _windowed(forward: Forward, image: Array, window: Sequence[int], overlap: float) -> Array:
    """Logits of an image (1, channel, x, y, z) in one or several windows."""
    shape = image.shape[2:]
    padded = np.pad(image, [(0, 0), (0, 0), *((0, max(0, w - n)) for w, n in zip(window, shape, strict=True))], "edge")
    places = list(product(*map(_starts, padded.shape[2:], window, repeat(overlap))))
    if len(places) == 1:
        logits = forward(padded)
    else:
        weight = _weight(window)
        total: Array | None = None
        weights: Array = np.zeros(padded.shape[2:], dtype=np.float32)
        for place in places:
            i, j, k = (slice(start, start + side) for start, side in zip(place, window, strict=True))
            patch = forward(np.ascontiguousarray(padded[:, :, i, j, k])) * weight
            if total is None:
                total = np.zeros((1, patch.shape[1], *weights.shape), dtype=np.float32)
            total[:, :, i, j, k] += patch
            weights[i, j, k] += weight
        assert total is not None
        logits = total / weights
    x, y, z = shape
    return np.asarray(logits[..., :x, :y, :z])


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Where windows of ``side`` voxels begin along an axis: evenly, at least ``overlap`` of a window in common."""
    count = math.ceil((length - side) / max(1, int(side * (1 - overlap)))) + 1
    return [int(start) for start in np.linspace(0, length - side, count).round()]


def _weight(window: Sequence[int]) -> Array:
    """How much each voxel of a window counts: a Gaussian that is an eighth of the window wide, never 0."""
    sides = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 8)) ** 2) for n in window]
    return np.asarray(np.maximum(np.einsum("i,j,k", *sides), 1e-3), dtype=np.float32)
