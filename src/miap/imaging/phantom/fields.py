"""Random fields and soft edges, the stuff tissue is made of."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.interpolate import BSpline

from miap.imaging.volume import Array, Volume

SLAB = 8
"""Columns worked on at a time: few enough that arrays stay in the processor's cache."""


class SmoothNoise:
    """A smooth random field on a grid, of mean 0 and standard deviation 1.

    Independent normal values on a lattice, joined by cubic B-splines along each array axis.

    Args:
        grid: Where the field is wanted.
        scale_mm: Step of the lattice along the array's axes.
        rng: Source of the lattice's values.
    """

    def __init__(self, grid: Volume, scale_mm: float | tuple[float, float, float], rng: np.random.Generator) -> None:
        scales = np.broadcast_to(np.asarray(scale_mm, dtype=float), (3,))
        self._weights = [
            _spline_weights(n, step / scale) for n, step, scale in zip(grid.shape, grid.spacing, scales, strict=True)
        ]
        self._lattice = rng.standard_normal([w.shape[1] for w in self._weights], dtype=np.float32)

    def __getitem__(self, columns: slice) -> Array:
        """The field in some of the grid's columns, shape (columns, y, z), float32."""
        x, y, z = self._weights
        return np.asarray(y @ np.tensordot(x[columns], self._lattice, axes=1) @ z.T)


def _spline_weights(count: int, step: float) -> Array:
    """Weights of lattice values at ``count`` points ``step`` steps apart, shape (count, lattice), unit power."""
    points = np.arange(count) * step
    knots = np.arange(-3, int(np.ceil(points[-1])) + 5, dtype=float)
    matrix = BSpline.design_matrix(points, knots, 3).toarray()
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), dtype=np.float32)


def slabs(grid: Volume) -> Iterator[tuple[slice, Volume]]:
    """The grid in pieces of at most `SLAB` columns, which lie together in memory, each with its place along x."""
    x, y, z = grid.shape
    for start in range(0, x, SLAB):
        stop = min(start + SLAB, x)
        yield slice(start, stop), grid.crop((start, 0, 0), (stop, y, z))


def inside(distance_mm: Array, edge_mm: float = 1.0) -> Array:
    """How far inside a surface, 0 to 1: a signed distance (negative inside) with an edge ``edge_mm`` wide."""
    return np.asarray(np.clip(0.5 - distance_mm / np.float32(edge_mm), 0, 1))


def joined(first: Array, second: Array, blend_mm: float) -> Array:
    """Signed distance to the union of two bodies, with the crease filled over about ``blend_mm`` (polynomial)."""
    gap = np.clip(0.5 + (0.5 / np.float32(blend_mm)) * (second - first), 0, 1)
    return np.asarray(second + (first - second) * gap - np.float32(blend_mm) * gap * (1 - gap))


def length(u: Array, v: Array) -> Array:
    """√(u² + v²); several times faster than `numpy.hypot`."""
    return np.asarray(np.sqrt(u * u + v * v))


def paint(images: Sequence[Array], values: Sequence[float | Array], occupancy: Array) -> None:
    """Lay a tissue over what is there: each image moves toward its value by the occupancy, in place."""
    for image, value in zip(images, values, strict=True):
        image += (value - image) * occupancy
