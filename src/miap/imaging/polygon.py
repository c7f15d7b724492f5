"""Polygons to pixels: exactly those whose centre lies inside."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from miap.imaging.volume import Array

Points = npt.NDArray[np.float64]

_MAX_CROSSINGS = 2**23


def fill(points: Points, shape: tuple[int, int]) -> Array:
    """Pixels whose centre is inside a closed polygon, by the even-odd rule.

    Every edge is followed over the pixel lines it crosses; a pixel is inside where an odd number of edges lie on its
    low side. So a polygon that touches itself along a seam (a keyhole) leaves its hole out, and polygons that share an
    edge share no pixel and leave none between them.

    Args:
        points: Vertices in index units, shape (n, 2): pixel (i, j) has its centre at (i, j).
        shape: Pixels along both axes.

    Returns:
        Boolean, of ``shape``; what lies outside is cut off.

    Raises:
        ValueError: The polygon crosses more lines than any contour does.
    """
    start, stop = points, np.roll(points, -1, axis=0)
    # Lines j = 0, 1, … with min(y) <= j < max(y): half open, so that a vertex on a line counts once.
    low, high = np.minimum(start[:, 1], stop[:, 1]), np.maximum(start[:, 1], stop[:, 1])
    first = np.clip(np.ceil(low), 0, shape[1]).astype(np.int64)
    behind = np.clip(np.ceil(high), 0, shape[1]).astype(np.int64)
    lines = np.maximum(0, behind - first)
    if lines.sum() > _MAX_CROSSINGS:
        raise ValueError("a contour claims more lines than any image has")
    edge = np.repeat(np.arange(len(points)), lines)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(lines) - lines, lines) + first[edge]
    slope = (line - start[edge, 1]) / (stop[edge, 1] - start[edge, 1])
    crossing = start[edge, 0] + slope * (stop[edge, 0] - start[edge, 0])
    column = np.clip(np.ceil(crossing), 0, shape[0]).astype(np.int64)
    counts = np.zeros((shape[0] + 1, shape[1]), dtype=np.int32)
    np.add.at(counts, (column, line), 1)
    return np.asarray(np.cumsum(counts[:-1], axis=0) % 2 == 1)


def fill_all(polygons: Sequence[Points], shape: tuple[int, int], *, exclusive: bool = False) -> Array:
    """Pixels inside a set of closed polygons of one plane.

    A polygon inside another is a hole, one inside that hole an island, and so on; polygons that merely overlap are
    joined. One that is there twice counts once.

    Args:
        polygons: Vertices of each, as in `fill`.
        shape: Pixels along both axes.
        exclusive: Combine all by exclusive or, as ``CLOSEDPLANAR_XOR`` says (PS3.3 C.8.8.6.3).
    """
    distinct = list({points.tobytes(): points for points in polygons}.values())
    inside = np.zeros(shape, dtype=bool)
    for points in sorted(distinct, key=area, reverse=True):
        low = np.clip(np.floor(points.min(axis=0)), 0, shape).astype(int)
        high = np.clip(np.ceil(points.max(axis=0)) + 1, low, shape).astype(int)
        part = inside[low[0] : high[0], low[1] : high[1]]
        filled = fill(points - low, (part.shape[0], part.shape[1]))
        if exclusive or (filled <= part).all():
            part ^= filled
        else:
            part |= filled
    return inside


def area(points: Points) -> float:
    """Area a polygon encloses, in index units squared."""
    return abs(signed_area(points))


def signed_area(points: Points) -> float:
    """Area a polygon encloses, positive where it turns from the first axis to the second (shoelace formula)."""
    x, y = (points - points.mean(axis=0)).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
