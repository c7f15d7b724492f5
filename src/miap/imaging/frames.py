"""Where the frames of a multi-frame object lie: functional groups (PS3.3 C.7.6.16) to one regular grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from miap.errors import InputError
from miap.imaging.content import MAX_VOXELS
from miap.imaging.header import number
from miap.imaging.stack import DRIFT_TOLERANCE, GAP_TOLERANCE, SAME_PLACE_MM
from miap.imaging.volume import Affine, Volume

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrameGrid:
    """A regular grid through frames that may be in any order, several at one place, or missing.

    Args:
        affine: Voxel (column, row, slice) to LPS mm; slices ascend along the cross product of row and column direction.
        shape: Columns, rows, slices.
        slices: The slice of each frame.
    """

    affine: Affine
    shape: tuple[int, int, int]
    slices: npt.NDArray[np.int64]

    @property
    def volume(self) -> Volume:
        """The grid, all-zero and without memory behind it."""
        return Volume(np.broadcast_to(np.uint8(0), (1, *self.shape)), self.affine)


def group(header: Dataset, frame: int, keyword: str) -> Dataset:
    """The first item of a functional group of a frame, its own or the shared one; empty where there is none."""
    for sequence, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = header.get(sequence)
        if groups and index < len(groups) and (items := groups[index].get(keyword)):
            return Dataset(items[0])
    return Dataset()


def frame_grid(header: Dataset, file: Path, onto: Volume | None = None) -> FrameGrid:
    """The grid of an object's frames.

    The distance between slices is what Spacing Between Slices says where all gaps are multiples of it, else that of
    ``onto`` along the normal, else the smallest gap; slices nobody stored are left between.

    Args:
        header: Of a multi-frame object.
        file: For messages.
        onto: The image the object belongs to, where known.

    Raises:
        InputError: A frame does not say where it lies, or they make no regular grid.
    """
    count = int(number(header, "NumberOfFrames", 1))
    rows, columns = int(number(header, "Rows")), int(number(header, "Columns"))
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or ()
    if count < 1 or len(per_frame) != count:
        raise InputError(
            f"{file} says it has {count} frames but describes {len(per_frame)}.", remedy="Export it again."
        )
    positions = np.array([_values(header, f, file, "PlanePosition", "ImagePositionPatient", 3) for f in range(count)])
    directions = np.array(
        [
            _values(header, f, file, "PlaneOrientation", "ImageOrientationPatient", 6)
            for f in _varying(header, "PlaneOrientationSequence", count)
        ]
    )
    spacings = np.array(
        [
            _values(header, f, file, "PixelMeasures", "PixelSpacing", 2)
            for f in _varying(header, "PixelMeasuresSequence", count)
        ]
    )
    if np.abs(directions - directions[0]).max() > 1e-3 or not np.allclose(spacings, spacings[0], rtol=1e-3):
        raise InputError(f"{file} has frames of several orientations or pixel sizes.", remedy="Export one plane only.")
    row, column = directions[0].reshape(2, 3)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(row @ column)) > 1e-2 or spacings[0].min() <= 0:
        raise InputError(f"{file} has impossible directions or pixel sizes.", remedy="Export it again.")
    row, column = row / lengths[0], column / lengths[1]
    normal = np.cross(row, column)
    along = positions @ normal
    first = int(np.argmin(along))
    height = along - along[first]
    slices, step_mm = _slots(height, _distances(header, normal, onto), file)
    last = int(np.argmax(slices))
    step = (positions[last] - positions[first]) / slices[last] if slices[last] else normal * step_mm
    beside = positions - positions[first] - slices[:, None] * step
    beside -= np.outer(beside @ normal, normal)
    if np.linalg.norm(beside, axis=1).max() > spacings[0].min() / 2:
        raise InputError(f"The frames of {file} do not lie above each other.", remedy="Export it again.")
    shape = (columns, rows, int(slices.max()) + 1)
    if min(shape) < 1 or np.prod([float(n) for n in shape]) > MAX_VOXELS:
        raise InputError(f"{file} claims a grid of {shape} voxels.", remedy="Check the file.")
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * spacings[0][1], column * spacings[0][0]
    affine[:3, 2], affine[:3, 3] = step, positions[first]
    return FrameGrid(affine, shape, slices)


def _varying(header: Dataset, keyword: str, count: int) -> range:
    """The frames to ask for a functional group: all where any frame has its own, else the first."""
    own = any(keyword in item for item in header.PerFrameFunctionalGroupsSequence)
    return range(count if own else 1)


def _values(header: Dataset, frame: int, file: Path, name: str, keyword: str, count: int) -> Vector:
    value = group(header, frame, f"{name}Sequence").get(keyword)
    try:
        values = np.atleast_1d(np.array(value, dtype=float))
    except (TypeError, ValueError):
        values = np.array([])
    if values.shape != (count,) or not np.isfinite(values).all() or np.abs(values).max() > 1e6:
        raise InputError(
            f"{file} does not say where frame {frame + 1} lies: {keyword} is {value}.",
            remedy="Export it with the geometry of its frames.",
        )
    return values


def _distances(header: Dataset, normal: Vector, onto: Volume | None) -> list[float]:
    """Candidates for the distance between slices, the most trusted first."""
    measures = group(header, 0, "PixelMeasuresSequence")
    said = [number(measures, keyword, 0.0) for keyword in ("SpacingBetweenSlices", "SliceThickness")]
    if onto is not None:
        along = np.abs(normal @ onto.direction)
        if along.max() > 0.99:
            said.insert(1, float(onto.spacing[np.argmax(along)]))
    return [abs(one) for one in said if one]


def _slots(height: Vector, distances: Sequence[float], file: Path) -> tuple[npt.NDArray[np.int64], float]:
    """The slice of each frame and the distance between slices, mm."""
    order = np.argsort(height, kind="stable")
    planes = np.cumsum(np.diff(height[order], prepend=0.0) > SAME_PLACE_MM)
    places = np.array([height[order][planes == p].mean() for p in range(planes[-1] + 1)])
    gaps = np.diff(places)
    if not len(gaps):
        if not distances:
            raise InputError(f"{file} does not say how thick its one slice is.", remedy="Export it again.")
        return np.zeros(len(height), dtype=np.int64), distances[0]
    for step in (*distances, float(gaps.min())):
        index = np.concatenate([[0.0], np.cumsum(np.maximum(1, np.rint(gaps / step)))])
        fitted = places[-1] / index[-1]
        even = np.abs(gaps - np.diff(index) * step).max() <= GAP_TOLERANCE * step
        if even and np.abs(places - index * fitted).max() <= DRIFT_TOLERANCE * step:
            slices = np.empty(len(height), dtype=np.int64)
            slices[order] = index[planes].astype(np.int64)
            return slices, float(fitted)
    raise InputError(
        f"The frames of {file} are {gaps.min():.2f} to {gaps.max():.2f} mm apart, which makes no regular grid.",
        remedy="Export it on evenly spaced slices.",
    )
