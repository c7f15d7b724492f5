"""From slices in any order to one regular grid: sorted along their normal, checked, with an affine.

Positions and directions are those of the Image Plane module (PS3.3 C.7.6.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from miap.errors import InputError
from miap.imaging.content import MAX_VOXELS
from miap.imaging.pixels import same_pixels
from miap.imaging.volume import Affine

Vector = npt.NDArray[np.float64]

GAP_TOLERANCE = 0.1
"""A gap between slices may differ from the usual one by this part of it. Real PET beds meet within 3 %."""
MOST_GAP, LEAST_GAP = 1.5, 0.5
"""A gap wider than this many usual ones misses a slice; a narrower one than the other is refused as well. Between these
and `GAP_TOLERANCE` slices are interpolated to even gaps."""
MOST_TILT = 45.0
"""Degrees; no gantry tilts by more than 30."""
DRIFT_TOLERANCE = 0.25
"""Nor lie further than this part of a step from where the regular grid has it, or it is interpolated."""
SHIFT_TOLERANCE = 0.5
"""Nor further than this part of a pixel beside the straight line of all slices along the normal."""
SAME_PLACE_MM = 0.01
"""Slices closer than this are at one position."""
DIRECTION_TOLERANCE = 1e-3
"""Most by which a direction cosine may differ from one slice to the next, or the directions be off orthogonal."""


@dataclass(frozen=True)
class Plane:
    """Where one slice lies: LPS mm, and its pixels."""

    file: Path
    position: Vector
    """Centre of the first pixel."""
    row: Vector
    """Unit vector along a row, the way the column index grows."""
    column: Vector
    """Unit vector along a column, the way the row index grows."""
    spacing: Vector
    """Between columns, then between rows."""
    shape: tuple[int, int]
    """Columns, rows."""

    @classmethod
    def of(cls, instance: Dataset, file: Path) -> "Plane":
        """The plane of one instance.

        Raises:
            InputError: The header does not say it, or says nonsense.
        """
        position = _numbers(instance, file, "ImagePositionPatient", 3)
        row, column = _numbers(instance, file, "ImageOrientationPatient", 6).reshape(2, 3)
        between_rows, between_columns = _numbers(instance, file, "PixelSpacing", 2)
        columns, rows = (int(_numbers(instance, file, keyword, 1)[0]) for keyword in ("Columns", "Rows"))
        lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
        skew = float(abs(row @ column))
        if max(abs(lengths[0] - 1), abs(lengths[1] - 1), skew) > 10 * DIRECTION_TOLERANCE:
            raise InputError(f"{file} has impossible directions (ImageOrientationPatient).", remedy="Export it again.")
        if min(between_rows, between_columns) <= 0 or min(columns, rows) < 1:
            raise InputError(f"{file} has pixels of no size (PixelSpacing, Rows, Columns).", remedy="Export it again.")
        return cls(
            file, position, row / lengths[0], column / lengths[1], np.array([between_columns, between_rows]),
            (columns, rows),
        )  # fmt: skip

    @property
    def normal(self) -> Vector:
        """Unit vector the slices are sorted along."""
        return np.cross(self.row, self.column)

    def difference(self, other: "Plane") -> str:
        """What keeps two slices out of one grid, in words; empty if nothing does."""
        if self.shape != other.shape:
            return f"{other.shape[0]} × {other.shape[1]} pixels, not {self.shape[0]} × {self.shape[1]}"
        if not np.allclose(self.spacing, other.spacing, rtol=1e-3):
            return "another pixel spacing"
        turned = max(np.abs(self.row - other.row).max(), np.abs(self.column - other.column).max())
        return "another orientation" if turned > DIRECTION_TOLERANCE else ""


def order(planes: Sequence[Plane], frames: Sequence[int] = ()) -> list[int]:
    """Indices of the slices in the order of the grid's third axis, copies of a slice dropped.

    Args:
        planes: Where the slices lie.
        frames: Which frame of its file each is, from 0; by default all are the first.

    Raises:
        InputError: They make no grid: one slice, a slice missing or twice, gaps too uneven to interpolate, mixed
            orientations or sizes, slices beside each other, too many voxels.
    """
    first = planes[0]
    files = [plane.file for plane in planes]
    for plane in planes:
        if difference := first.difference(plane):
            raise InputError(
                f"{plane.file} does not fit the rest of its series: it has {difference} ({first.file.name}).",
                remedy="Give a folder whose series hold one stack of slices each.",
            )
    along = np.array([plane.position @ first.normal for plane in planes])
    places = list(zip(files, frames or [0] * len(files), strict=True))
    kept = _without_copies(sorted(range(len(planes)), key=lambda i: (along[i], places[i])), along, places)
    if len(kept) < 2:
        raise InputError(f"{first.file} is the only slice of its series.", remedy="Give all slices of the series.")
    if first.shape[0] * first.shape[1] * len(kept) > MAX_VOXELS:
        raise InputError(f"The series of {first.file} has more than {MAX_VOXELS} voxels.", remedy="Give a smaller one.")
    _check_gaps(along[kept], [files[i] for i in kept])
    _check_shift([planes[i] for i in kept])
    return kept


def affine(instances: Sequence[Dataset], files: Sequence[Path]) -> Affine:
    """Voxel (column, row, slice) to LPS mm for instances in `order`: PS3.3 C.7.6.2.1.1, the step from first to last."""
    first, last = (Plane.of(instances[i], files[i]) for i in (0, -1))
    matrix = np.eye(4)
    matrix[:3, 0] = first.row * first.spacing[0]
    matrix[:3, 1] = first.column * first.spacing[1]
    matrix[:3, 2] = (last.position - first.position) / (len(instances) - 1)
    matrix[:3, 3] = first.position
    return matrix


def _without_copies(indices: list[int], along: Vector, places: Sequence[tuple[Path, int]]) -> list[int]:
    kept = indices[:1]
    for index in indices[1:]:
        if along[index] - along[kept[-1]] > SAME_PLACE_MM:
            kept.append(index)
        elif not same_pixels(places[kept[-1]], places[index]):
            raise InputError(
                f"{places[kept[-1]][0]} and {places[index][0].name} are different images of one place, in one series, "
                "and nothing says how they differ.",
                remedy="Give one image a place.",
            )
    return kept


def _check_gaps(along: Vector, files: Sequence[Path]) -> None:
    gaps = np.diff(along)
    usual = _usual(gaps)
    widest = int(np.argmax(gaps))
    where = (
        f"between {files[widest]} and {files[widest + 1].name} (at {along[widest]:.2f} and {along[widest + 1]:.2f} mm)"
    )
    if gaps[widest] > MOST_GAP * usual:
        raise InputError(
            f"A slice is missing {where}: they lie {gaps[widest]:.2f} mm apart, the others {usual:.2f} mm.",
            remedy="Send the series again, complete.",
        )
    if gaps.min() < LEAST_GAP * usual:
        raise InputError(
            f"The slices of {files[0].parent} are {gaps.min():.2f} to {gaps.max():.2f} mm apart, the widest {where}.",
            remedy="Give a series with even gaps.",
        )


def is_uneven(along: Vector) -> bool:
    """Whether slices at these places along their normal, mm, must be interpolated to lie on a regular grid."""
    gaps = np.diff(along)
    usual = _usual(gaps)
    regular = np.linspace(along[0], along[-1], len(along))
    return bool(
        np.abs(gaps - usual).max() > GAP_TOLERANCE * usual or np.abs(along - regular).max() > DRIFT_TOLERANCE * usual
    )


def heights(planes: Sequence[Plane]) -> Vector:
    """Where slices in `order` lie along their normal, mm from the first; shape (slices,)."""
    return np.array([(plane.position - planes[0].position) @ planes[0].normal for plane in planes])


def is_sheared(matrix: Affine, slices: int, spacing: float) -> bool:
    """Whether the last of ``slices`` lies further beside the first than may be neglected; ``spacing`` of pixels, mm."""
    column, row, step = matrix[:3, 0], matrix[:3, 1], matrix[:3, 2]
    normal = np.cross(column / np.linalg.norm(column), row / np.linalg.norm(row))
    beside = step - (step @ normal) * normal
    return bool(np.linalg.norm(beside) * (slices - 1) > SHIFT_TOLERANCE * spacing)


def _usual(gaps: Vector) -> float:
    return float(np.sort(gaps)[(len(gaps) - 1) // 2])


def _check_shift(planes: Sequence[Plane]) -> None:
    first, last = planes[0], planes[-1]
    offsets = np.array([plane.position - first.position for plane in planes])
    height = offsets @ first.normal
    beside = offsets - height[:, None] * first.normal
    bent = beside - (height / height[-1])[:, None] * beside[-1]
    if np.linalg.norm(bent, axis=1).max() > SHIFT_TOLERANCE * first.spacing.min():
        raise InputError(
            f"The slices of {first.file.parent} do not lie above each other.", remedy="Give an unshifted series."
        )
    angle = np.degrees(np.arctan2(np.linalg.norm(beside[-1]), height[-1]))
    if angle > MOST_TILT:
        raise InputError(
            f"The slices from {first.file} to {last.file.name} are shifted against each other as if the gantry had "
            f"been tilted by {angle:.1f}°.",
            remedy="Give a series that was straightened.",
        )


def _numbers(instance: Dataset, file: Path, keyword: str, count: int) -> Vector:
    """An attribute's values as floats."""
    value = instance.get(keyword)
    try:
        values = np.atleast_1d(np.array(value, dtype=float))
    except (TypeError, ValueError):
        values = np.array([])
    if values.shape != (count,) or not np.isfinite(values).all():
        raise InputError(f"{file} does not say where it lies: {keyword} is {value}.", remedy="Export it with geometry.")
    return values
