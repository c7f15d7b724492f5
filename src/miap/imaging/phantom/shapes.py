"""Shapes whose volume and diameters are known in closed form."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from miap.imaging.phantom.grid import Coordinates
from miap.imaging.volume import Array, Volume

Point = tuple[float, float, float]
Matrix = npt.NDArray[np.float64]

SAMPLING_MM = 0.25
"""Voxels that the surface may cut are sampled at least this finely along each axis."""


@dataclass(frozen=True)
class Ellipsoid:
    """A solid ellipsoid in the patient.

    Args:
        centre_mm: LPS mm.
        semi_axes_mm: Half the lengths of the three principal axes, mm.
        rotation_deg: Turns about the fixed L, P and S axes, one after the other, degrees.

    Raises:
        ValueError: If a semi-axis isn't positive and finite.
    """

    centre_mm: Point
    semi_axes_mm: Point
    rotation_deg: Point = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not all(np.isfinite(a) and a > 0 for a in self.semi_axes_mm):
            raise ValueError(f"an ellipsoid's semi-axes are positive lengths, not {self.semi_axes_mm}")

    @classmethod
    def sphere(cls, centre_mm: Point, radius_mm: float) -> "Ellipsoid":
        """A sphere."""
        return cls(centre_mm, (radius_mm, radius_mm, radius_mm))

    @property
    def axes(self) -> Matrix:
        """Unit vectors of the principal axes in LPS, as the columns of a 3×3 matrix."""
        return np.asarray(Rotation.from_euler("xyz", self.rotation_deg, degrees=True).as_matrix())

    @property
    def volume_ml(self) -> float:
        """4/3 π a b c, in ml."""
        return float(4 / 3 * np.pi * np.prod(self.semi_axes_mm) / 1000)

    @property
    def extent_mm(self) -> Point:
        """Size of the bounding box along L, P and S: twice the root of the diagonal of R diag(a²) Rᵀ."""
        half = np.sqrt(np.square(self.axes) @ np.square(self.semi_axes_mm))
        return float(2 * half[0]), float(2 * half[1]), float(2 * half[2])

    def section_diameters(self, normal: npt.ArrayLike = (0.0, 0.0, 1.0)) -> tuple[float, float]:
        """Longest diameter in the planes across ``normal``, and the longest one perpendicular to it there, mm.

        Parallel sections of an ellipsoid are similar ellipses and the one through the centre is the largest. With
        the surface xᵀ A x = 1 and B an orthonormal basis of the plane, its semi-axes are 1/√λ of BᵀAB.
        """
        unit = np.asarray(normal, dtype=np.float64) / np.linalg.norm(normal)
        basis = np.linalg.svd(unit[None])[2][1:].T
        surface = self.axes @ np.diag(1 / np.square(self.semi_axes_mm)) @ self.axes.T
        short, long = np.linalg.eigvalsh(basis.T @ surface @ basis)[::-1]
        return float(2 / np.sqrt(long)), float(2 / np.sqrt(short))

    def scaled(self, factor: float) -> "Ellipsoid":
        """The same shape about the same centre with all axes times ``factor``."""
        a, b, c = self.semi_axes_mm
        return replace(self, semi_axes_mm=(a * factor, b * factor, c * factor))

    def radius(self, points: Coordinates) -> Array:
        """Distance from the centre in units of the surface's own: below 1 inside, 1 on the surface."""
        return np.sqrt(sum(np.square(component / a) for component, a in self._components(points)))

    def distance_mm(self, points: Coordinates) -> Array:
        """Signed distance to the surface, mm, negative inside.

        Exact for spheres and to first order near any surface: k₀ (k₀ - 1) / k₁ with k₀ = |p/a| and k₁ = |p/a²|.
        """
        components = list(self._components(points))
        near = np.sqrt(sum(np.square(component / a) for component, a in components))
        slope = np.sqrt(sum(np.square(component / a**2) for component, a in components))
        return np.where(slope > 0, near * (near - 1) / np.maximum(slope, 1e-12), -min(self.semi_axes_mm))

    def occupancy(self, grid: Volume) -> Array:
        """Fraction of each voxel inside the shape, shape (x, y, z), float32 in [0, 1].

        Voxels well away from the surface are wholly in or out; the others are sampled every `SAMPLING_MM` or finer.
        """
        occupancy = np.zeros(grid.shape, dtype=np.float32)
        start, stop = self._box(grid)
        if (stop <= start).any():
            return occupancy
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        index = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(start, stop, strict=True)), indexing="ij"), -1)
        points = grid.to_patient(index)
        distance = self.distance_mm((points[..., 0], points[..., 1], points[..., 2]))
        inside = (distance < 0).astype(np.float32)
        half_diagonal = np.linalg.norm(np.abs(grid.affine[:3, :3]).sum(axis=1)) / 2
        cut = np.abs(distance) <= 1.5 * half_diagonal
        inside[cut] = self._sampled(points[cut], grid)
        occupancy[box] = inside
        return occupancy

    def mask(self, grid: Volume) -> Array:
        """Voxels at least half inside, shape (x, y, z), bool."""
        return self.occupancy(grid) >= 0.5

    def _components(self, points: Coordinates) -> "list[tuple[Array, float]]":
        """Coordinates along the principal axes from the centre, each with its semi-axis."""
        offsets = [p - c for p, c in zip(points, self.centre_mm, strict=True)]
        components = []
        for axis, semi_axis in zip(self.axes.T.tolist(), self.semi_axes_mm, strict=True):
            terms = [offset * part for offset, part in zip(offsets, axis, strict=True) if abs(part) > 1e-12]
            components.append((sum(terms[1:], terms[0]), semi_axis))
        return components

    def _box(self, grid: Volume) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Indices of the part of the grid that can hold the shape, one voxel wider than its bounding box."""
        corners = np.array(list(product((-0.5, 0.5), repeat=3))) * self.extent_mm + self.centre_mm
        index = grid.to_index(corners)
        start = np.floor(index.min(axis=0)).astype(np.int64) - 1
        stop = np.ceil(index.max(axis=0)).astype(np.int64) + 2
        return np.clip(start, 0, grid.shape), np.clip(stop, 0, grid.shape)

    def _sampled(self, points: Array, grid: Volume) -> Array:
        """Fraction of the voxels centred at ``points``, shape (n, 3), that is inside."""
        counts = np.maximum(np.ceil(grid.spacing / SAMPLING_MM - 1e-6), 2).astype(int)
        steps = [(np.arange(n) + 0.5) / n - 0.5 for n in counts]
        offsets = np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 3) @ grid.affine[:3, :3].T
        scale = self.axes / np.asarray(self.semi_axes_mm)
        near = ((points - np.asarray(self.centre_mm)) @ scale).astype(np.float32)
        inside = np.zeros(len(points), dtype=np.int64)
        for offset in (offsets @ scale).astype(np.float32):
            moved = near + offset
            inside += np.einsum("ij,ij->i", moved, moved) < 1
        return (inside / len(offsets)).astype(np.float32)
