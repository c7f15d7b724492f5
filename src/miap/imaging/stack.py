"""From slices in any order to one regular grid: sorted along their normal, checked, with an affine.

Positions and directions are those of the Image Plane module (PS3.3 C.7.6.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

from miap.errors import InputError
from miap.imaging.bounded import BoundedFile
from miap.imaging.content import MAX_VOXELS
from miap.imaging.volume import Affine

Vector = npt.NDArray[np.float64]

GAP_TOLERANCE = 0.1
"""A gap between slices may differ from the usual one by this part of it. Real PET beds meet within 3 %."""
DRIFT_TOLERANCE = 0.25
"""No slice may lie further than this part of a step from where the regular grid has it."""
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


def order(instances: Sequence[Dataset], files: Sequence[Path]) -> list[int]:
    """Indices of the instances in the order of the grid's third axis, copies of a slice dropped.

    Raises:
        InputError: They make no regular grid: one slice, a slice missing or twice, uneven gaps, mixed orientations or
            sizes, a tilted gantry, too many voxels.
    """
    planes = [Plane.of(instance, file) for instance, file in zip(instances, files, strict=True)]
    first = planes[0]
    for plane in planes:
        if difference := first.difference(plane):
            raise InputError(
                f"{plane.file} does not fit the rest of its series: it has {difference} ({first.file.name}).",
                remedy="Give a folder whose series hold one stack of slices each.",
            )
    along = np.array([plane.position @ first.normal for plane in planes])
    kept = _without_copies(sorted(range(len(planes)), key=lambda i: (along[i], files[i])), along, files)
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


def _without_copies(indices: list[int], along: Vector, files: Sequence[Path]) -> list[int]:
    kept = indices[:1]
    for index in indices[1:]:
        if along[index] - along[kept[-1]] > SAME_PLACE_MM:
            kept.append(index)
        elif not _same_pixels(files[kept[-1]], files[index]):
            raise InputError(
                f"{files[kept[-1]]} and {files[index].name} are different images of one place, in one series.",
                remedy="Give one image a place: a series of several echoes or times is not read.",
            )
    return kept


def _same_pixels(one: Path, other: Path) -> bool:
    return _pixels(one) == _pixels(other)


def _pixels(file: Path) -> bytes | None:
    with BoundedFile(file) as opened:
        data: bytes | None = pydicom.dcmread(opened, force=True).get("PixelData")
    return data


def _check_gaps(along: Vector, files: Sequence[Path]) -> None:
    gaps = np.diff(along)
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    widest = int(np.argmax(gaps))
    where = (
        f"between {files[widest]} and {files[widest + 1].name} (at {along[widest]:.2f} and {along[widest + 1]:.2f} mm)"
    )
    if gaps[widest] > 1.5 * usual:
        raise InputError(
            f"A slice is missing {where}: they lie {gaps[widest]:.2f} mm apart, the others {usual:.2f} mm.",
            remedy="Send the series again, complete.",
        )
    regular = np.linspace(along[0], along[-1], len(along))
    if np.abs(gaps - usual).max() > GAP_TOLERANCE * usual or np.abs(along - regular).max() > DRIFT_TOLERANCE * usual:
        raise InputError(
            f"The slices of {files[0].parent} are {gaps.min():.2f} to {gaps.max():.2f} mm apart, the widest {where}.",
            remedy="Give a series with even gaps.",
        )


def _check_shift(planes: Sequence[Plane]) -> None:
    first, last = planes[0], planes[-1]
    offsets = np.array([plane.position - first.position for plane in planes])
    height = offsets @ first.normal
    beside = offsets - height[:, None] * first.normal
    allowed = SHIFT_TOLERANCE * first.spacing.min()
    if np.linalg.norm(beside, axis=1).max() <= allowed:
        return
    bent = beside - (height / height[-1])[:, None] * beside[-1]
    if np.linalg.norm(bent, axis=1).max() > allowed:
        raise InputError(
            f"The slices of {first.file.parent} do not lie above each other.", remedy="Give an unshifted series."
        )
    angle = np.degrees(np.arctan2(np.linalg.norm(beside[-1]), height[-1]))
    raise InputError(
        f"The series from {first.file} to {last.file.name} was taken with the gantry tilted by {angle:.1f}°.",
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
