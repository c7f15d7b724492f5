"""Longest and perpendicular diameter of a lesion in the plane of acquisition (RECIST 1.1, Eisenhauer 2009)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from miap.findings.geometry import point, row_ends
from miap.findings.lesion import Diameter
from miap.imaging.volume import Array, Volume

EDGE_VOXELS = 0.45
"""How far beyond the outermost voxel centres the outline lies, in voxels, at each end.

The true edge lies anywhere between the last voxel centre inside and the first one outside, half a voxel on in the mean
(where the outline of marching squares runs, too); but the longest of many chords ends where the edge happens to lie
nearer. 0.45 keeps the largest error on simulated spheres and ellipsoids of any size, place and tilt below one voxel:
with 0.5 it passes +1, with 0.33 it passes -1 (perpendicular diameters). The mean error is +0.3 voxels, for large
spheres +0.7. The one exception, -1.1, is a body along the grid both of whose tips just miss a voxel's centre.
"""

THICK_SLICE = 1.5
"""Voxels longer along one axis than along any other by this factor give away how the image was sliced."""

_TIE_MM = 1e-4
_DIAMOND = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) * EDGE_VOXELS


@dataclass(frozen=True)
class Diameters:
    """The longest diameter in any slice, and the longest one at a right angle to it in that slice."""

    longest: Diameter
    perpendicular: Diameter


def slice_axis_of(volume: Volume) -> int:
    """The array axis along which slices were stacked, as far as the grid shows it.

    It is the axis with clearly the longest voxels, as in every image of thick slices; where there is none, the one
    closest to the patient's S axis. In a DICOM series it is known to be the last: pass 2 instead of asking.
    """
    spacing = volume.spacing
    thickest = int(spacing.argmax())
    if spacing[thickest] >= THICK_SLICE * np.delete(spacing, thickest).max():
        return thickest
    return int(np.abs(volume.direction[2]).argmax())


def measure_diameters(lesion: Volume, slice_axis: int, *, first_slice: int = 0) -> Diameters:
    """RECIST diameters of a lesion.

    In each slice every island (voxels joined by sides or corners) is measured by itself, so that a gap is never
    measured across. Its outline is the convex hull of points `EDGE_VOXELS` beyond each voxel centre along both
    in-plane axes. The longest diameter is the largest distance between two points of any outline; the perpendicular
    one is the longest chord of the same outline at exactly 90° to it. Both may leave a concave lesion between their
    ends, as a caliper's line does. Of diameters of equal length, the one with the longer perpendicular counts, then
    the one nearest the head, then the back, then the left.

    Args:
        lesion: Shape (1, x, y, z), bool; a crop serves as well as the whole grid.
        slice_axis: Array axis the slices are stacked along: 0, 1 or 2.
        first_slice: Index that the lesion's first slice has in the whole grid; ``slice_index`` counts from there.

    Raises:
        ValueError: The lesion has no voxel.
    """
    mask = np.moveaxis(lesion.array[0], slice_axis, 2)
    in_plane = [axis for axis in range(3) if axis != slice_axis]
    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[:, :, 1] = True
    islands, _ = ndimage.label(mask, structure)
    boxes = ndimage.find_objects(islands)
    bounds = [_diagonal(box, lesion, in_plane) for box in boxes]
    outlines: list[tuple[float, int, Array]] = []
    longest = 0.0
    for number in sorted(range(len(boxes)), key=lambda n: -bounds[n]):
        if bounds[number] < longest - _TIE_MM:
            break
        box = boxes[number]
        corners = _outline(islands[box][:, :, 0] == number + 1) + np.array([box[0].start, box[1].start])
        outline = lesion.to_patient(np.insert(corners, slice_axis, box[2].start, axis=1))
        length = float(pdist(outline).max())
        longest = max(longest, length)
        outlines.append((length, first_slice + box[2].start, outline))
    if not outlines:
        raise ValueError("an empty lesion has no diameter")
    tied = [
        candidate
        for length, index, outline in outlines
        if length >= longest - _TIE_MM
        for candidate in _candidates(outline, index)
    ]
    return max(tied, key=_rank)


def _diagonal(box: tuple[slice, ...], lesion: Volume, in_plane: list[int]) -> float:
    """Longest distance possible within a slice's box, mm."""
    sides = np.array([part.stop - part.start - 1 + 2 * EDGE_VOXELS for part in box[:2]])
    edges = lesion.affine[:3, in_plane] * sides
    return float(max(np.linalg.norm(edges[:, 0] + edges[:, 1]), np.linalg.norm(edges[:, 0] - edges[:, 1])))


def _outline(island: Array) -> npt.NDArray[np.float64]:
    """Corners of the hull around a slice's island in order, in-plane indices, shape (n, 2)."""
    points = (row_ends(island)[:, None, :] + _DIAMOND).reshape(-1, 2)
    return np.asarray(points[ConvexHull(points).vertices], dtype=np.float64)


def _candidates(outline: Array, slice_index: int) -> Iterator[Diameters]:
    """The longest diameters of a convex polygon in a plane, shape (n, 3), LPS mm, each with its perpendicular."""
    basis = np.linalg.svd(outline - outline.mean(axis=0), full_matrices=False)[2][:2]
    flat = (outline - outline[0]) @ basis.T
    first, second = np.triu_indices(len(outline), 1)
    length = pdist(outline)
    for pair in np.flatnonzero(length >= length.max() - _TIE_MM):
        ends = _ordered(outline[[first[pair], second[pair]]])
        chord = _perpendicular(flat, (ends - outline[0]) @ basis.T)
        yield Diameters(_diameter(ends, slice_index), _diameter(_ordered(outline[0] + chord @ basis), slice_index))


def _rank(diameters: Diameters) -> tuple[int, ...]:
    """Orders diameters of equal length; the same whichever way the array's axes run."""
    start, stop = np.array(diameters.longest.start_mm), np.array(diameters.longest.stop_mm)
    numbers = (diameters.longest.length_mm, diameters.perpendicular.length_mm, *((start + stop) / 2)[::-1], *stop[::-1])
    return tuple(round(float(n) / _TIE_MM) for n in numbers)


def _perpendicular(corners: Array, ends: Array) -> npt.NDArray[np.float64]:
    """Longest chord of a convex polygon at a right angle to the line between ``ends``, all of shape (n, 2), mm.

    The length of parallel chords is concave and changes its slope at corners only, so one of the longest goes through
    a corner: each corner's chord is cut with every side. Of equal ones, that nearest the line's middle counts.
    """
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0]])
    x, y = corners @ along, corners @ across
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    run = next_x - x
    level = np.abs(run) < 1e-12
    fraction = (x[:, None] - x) / np.where(level, 1, run)
    fraction = np.where(level, np.where(np.abs(x[:, None] - x) < 1e-9, 0, -1), fraction)
    met = (fraction >= -1e-9) & (fraction <= 1 + 1e-9)
    height = y + fraction * (next_y - y)
    top = np.where(met, height, -np.inf).max(axis=1)
    bottom = np.where(met, height, np.inf).min(axis=1)
    off_middle = np.abs(x - (ends @ along).mean())
    chord = np.lexsort((x, np.round(off_middle / _TIE_MM), -np.round((top - bottom) / _TIE_MM)))[0]
    heights = np.array([bottom[chord], top[chord]])
    return np.asarray(x[chord] * along + heights[:, None] * across)


def _ordered(ends: Array) -> npt.NDArray[np.float64]:
    """Two points, shape (2, 3), LPS mm, the lower (then more anterior, then more right) one first."""
    return np.array(sorted(ends, key=lambda end: tuple(np.round(end[::-1] / _TIE_MM))))


def _diameter(ends: Array, slice_index: int) -> Diameter:
    return Diameter(float(np.linalg.norm(ends[1] - ends[0])), point(ends[0]), point(ends[1]), slice_index)
