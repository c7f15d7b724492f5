"""Grids in the patient: where a phantom is sampled."""

from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from miap.imaging.volume import Array, Volume

Coordinates = tuple[Array, Array, Array]
"""L, P and S in mm; three arrays that broadcast to a grid's shape."""


class Plane(Enum):
    """How slices lie. The value holds the LPS directions of rows, columns and slices, as the columns of a matrix.

    Rows and columns are those of the usual Image Orientation (Patient); the slices follow their cross product.
    """

    AXIAL = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    SAGITTAL = ((0, 0, -1), (1, 0, 0), (0, -1, 0))
    CORONAL = ((1, 0, 0), (0, 0, 1), (0, -1, 0))

    @property
    def directions(self) -> npt.NDArray[np.float64]:
        """The directions as a 3×3 array."""
        return np.array(self.value, dtype=np.float64)


def empty_grid(
    centre_mm: npt.ArrayLike,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    *,
    plane: Plane = Plane.AXIAL,
    tilt_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Volume:
    """A Volume of zeros, shape (1, x, y, z), uint8, whose middle lies at ``centre_mm``.

    Args:
        centre_mm: LPS mm.
        shape: Columns, rows and slices.
        spacing_mm: Between columns, rows and slices.
        plane: How the slices lie before they are tilted.
        tilt_deg: Turns of the grid about the fixed L, P and S axes, one after the other.
    """
    tilt = Rotation.from_euler("xyz", tilt_deg, degrees=True).as_matrix() if any(tilt_deg) else np.eye(3)
    affine = np.eye(4)
    affine[:3, :3] = tilt @ plane.directions * spacing_mm
    affine[:3, 3] = np.asarray(centre_mm) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Volume(np.zeros((1, *shape), dtype=np.uint8), affine)


def coordinates(grid: Volume) -> Coordinates:
    """Patient coordinates of all voxels, float32.

    On a grid along the patient's axes each coordinate varies along one array axis and its array is flat along the
    others, which makes what is computed from it cheap.
    """
    index = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in grid.shape), indexing="ij", sparse=True)
    planes: list[Array] = []
    for row in grid.affine[:3]:
        terms = [np.float32(row[axis]) * index[axis] for axis in range(3) if abs(row[axis]) > 1e-9]
        planes.append(sum(terms[1:], terms[0]) + np.float32(row[3]))
    return planes[0], planes[1], planes[2]


def refined(grid: Volume, slices: int) -> Volume:
    """The grid with each slice cut into ``slices`` thinner ones."""
    x, y, z = grid.shape
    affine = grid.affine.copy()
    affine[:3, 2] /= slices
    affine[:3, 3] -= affine[:3, 2] * (slices - 1) / 2
    return Volume(np.zeros((1, x, y, z * slices), dtype=np.uint8), affine)
