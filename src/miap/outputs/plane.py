"""A flat window through the patient, and what a `Volume` looks like in it."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from miap.imaging.volume import Volume

Vector = npt.NDArray[np.float64]


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
    """A rectangle in the patient, parallel to the patient's axes.

    Args:
        view: Its orientation.
        centre_mm: Its centre, LPS.
        size_mm: Width and height.
    """

    view: View
    centre_mm: tuple[float, float, float]
    size_mm: tuple[float, float]

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
            pixel_mm: Side of a pixel, approximately: the plane holds a whole number of them.
            order: 0 for the nearest voxel, 1 for trilinear interpolation.
            outside: Value beyond the volume.
        """
        columns, rows = (max(1, round(side / pixel_mm)) for side in self.size_mm)
        right = (np.arange(columns) + 0.5) / columns * self.size_mm[0] - self.size_mm[0] / 2
        down = (np.arange(rows) + 0.5) / rows * self.size_mm[1] - self.size_mm[1] / 2
        u, v = (np.array(direction, dtype=float) for direction in self.view.value)
        points = np.array(self.centre_mm) + right[None, :, None] * u + down[:, None, None] * v
        index = np.moveaxis(volume.to_index(points), -1, 0)
        seen = map_coordinates(volume.array[0], index, output=np.float32, order=order, mode="nearest")
        limit = np.array(volume.shape).reshape(3, 1, 1)
        within = ((index >= -0.5) & (index <= limit - 0.5)).all(axis=0)
        return np.where(within, seen, np.float32(outside))

    def project(self, point_mm: npt.ArrayLike) -> tuple[float, float]:
        """Picture coordinates (mm right, mm down of the centre) of the point of the plane nearest to an LPS point."""
        offset = np.asarray(point_mm, dtype=float) - self.centre_mm
        u, v = (np.array(direction, dtype=float) for direction in self.view.value)
        return float(offset @ u), float(offset @ v)

    def slope(self, start_mm: npt.ArrayLike, stop_mm: npt.ArrayLike) -> float:
        """How far a line leaves the plane's orientation: 0 parallel to it, 1 at a right angle."""
        line = np.asarray(stop_mm, dtype=float) - np.asarray(start_mm, dtype=float)
        normal = np.cross(*self.view.value)
        return float(abs(line @ normal) / max(float(np.linalg.norm(line)), 1e-9))
