"""A flat window through the patient, and what a `Volume` looks like in it."""

from dataclasses import dataclass
from enum import Enum
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from miap.imaging.volume import Volume

Vector = npt.NDArray[np.float64]
_PROJECTED_MM = 4.0
"""Pixel and step of a projection: a PET's voxels are no smaller."""


class View(Enum):
    """The three views a radiologist expects, each as the LPS directions of screen right and screen down.

    The patient's right is on the left of the picture in axial and coronal views, the front on the left in sagittal
    ones, the head at the top.
    """

    AXIAL = ((1, 0, 0), (0, 1, 0))
    CORONAL = ((1, 0, 0), (0, 0, -1))
    SAGITTAL = ((0, 1, 0), (0, 0, -1))

    @property
    def title(self) -> str:
        """Name as people read it."""
        return self.name.capitalize()

    @property
    def edges(self) -> tuple[str, str, str, str]:
        """Letters at the left, right, top and bottom edge of the picture."""
        return {
            View.AXIAL: ("R", "L", "A", "P"),
            View.CORONAL: ("R", "L", "S", "I"),
            View.SAGITTAL: ("A", "P", "S", "I"),
        }[self]


@dataclass(frozen=True)
class Plane:
    """A rectangle in the patient, parallel to the patient's axes; with a depth, a box seen through.

    Args:
        view: Its orientation.
        centre_mm: Its centre, LPS.
        size_mm: Width and height.
        depth_mm: Where above 0, pictures show the highest value along the line of sight (maximum intensity projection).
    """

    view: View
    centre_mm: tuple[float, float, float]
    size_mm: tuple[float, float]
    depth_mm: float = 0.0

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top in picture coordinates: mm from the centre, right and down positive."""
        width, height = self.size_mm
        return -width / 2, width / 2, height / 2, -height / 2

    def sample(
        self, volume: Volume, *, pixel_mm: float, order: int = 1, outside: float = 0.0
    ) -> npt.NDArray[np.float32]:
        """The plane's picture of a volume's first channel, shape (rows, columns).

        Args:
            volume: What to look at; any orientation.
            pixel_mm: Side of a pixel, approximately: the plane holds a whole number of them. A projection's are no
                smaller than 4 mm.
            order: 0 for the nearest voxel, 1 for trilinear interpolation.
            outside: Value beyond the volume.
        """
        pixel_mm, order = (max(pixel_mm, _PROJECTED_MM), 0) if self.depth_mm else (pixel_mm, order)
        columns, rows = (max(1, round(side / pixel_mm)) for side in self.size_mm)
        right = (np.arange(columns) + 0.5) / columns * self.size_mm[0] - self.size_mm[0] / 2
        down = (np.arange(rows) + 0.5) / rows * self.size_mm[1] - self.size_mm[1] / 2
        u, v = (np.array(direction, dtype=float) for direction in self.view.value)
        points = np.array(self.centre_mm) + right[None, :, None] * u + down[:, None, None] * v
        index = np.moveaxis(volume.to_index(points), -1, 0)
        step = (volume.to_index(self.normal) - volume.to_index(np.zeros(3)))[:, None, None]
        picture = np.full((rows, columns), np.float32(-np.inf))
        for depth in self._depths(volume):
            np.maximum(picture, _layer(volume, index + depth * step, order), out=picture)
        return np.where(np.isneginf(picture), np.float32(outside), picture)

    @property
    def normal(self) -> Vector:
        """Unit vector of the line of sight, LPS."""
        return np.asarray(np.cross(*self.view.value), dtype=float)

    def distances(self, points_mm: npt.ArrayLike) -> tuple[float, float]:
        """Nearest and farthest of some LPS points along the line of sight, mm from the centre."""
        distance = (np.asarray(points_mm, dtype=float) - self.centre_mm) @ self.normal
        return float(distance.min()), float(distance.max())

    def _depths(self, volume: Volume) -> Vector:
        """Where along the line of sight there is something of a volume to see, mm from the centre."""
        if not self.depth_mm:
            return np.zeros(1)
        steps = max(1, round(self.depth_mm / _PROJECTED_MM))
        depths = (np.arange(steps) + 0.5) / steps * self.depth_mm - self.depth_mm / 2
        corners = list(product(*((-0.5, n - 0.5) for n in volume.shape)))
        nearest, farthest = self.distances(volume.to_patient(corners))
        return depths[(depths >= nearest) & (depths <= farthest)]

    def project(self, point_mm: npt.ArrayLike) -> tuple[float, float]:
        """Picture coordinates (mm right, mm down of the centre) of the point of the plane nearest to an LPS point."""
        offset = np.asarray(point_mm, dtype=float) - self.centre_mm
        u, v = (np.array(direction, dtype=float) for direction in self.view.value)
        return float(offset @ u), float(offset @ v)

    def slope(self, start_mm: npt.ArrayLike, stop_mm: npt.ArrayLike) -> float:
        """How far a line leaves the plane's orientation: 0 parallel to it, 1 at a right angle."""
        line = np.asarray(stop_mm, dtype=float) - np.asarray(start_mm, dtype=float)
        return float(abs(line @ self.normal) / max(float(np.linalg.norm(line)), 1e-9))


def _layer(volume: Volume, index: Vector, order: int) -> npt.NDArray[np.float32]:
    """A volume's first channel at fractional indices, shape (3, rows, columns), and minus infinity outside.

    Border voxels count whole.
    """
    seen = map_coordinates(volume.array[0], index, output=np.float32, order=order, mode="nearest")
    limit = np.array(volume.shape).reshape(3, 1, 1)
    within = ((index >= -0.5) & (index <= limit - 0.5)).all(axis=0)
    return np.where(within, seen, np.float32(-np.inf))
