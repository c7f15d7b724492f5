"""`Volume`: voxels and where they lie in the patient. Nothing else in MIAP knows an affine."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from miap.imaging.modality import Modality

Array: TypeAlias = npt.NDArray[Any]
Affine: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Volume:
    """An image on a regular grid in the patient.

    Args:
        array: Voxels, shape (channel, x, y, z).
        affine: 4×4 matrix from voxel index (x, y, z, 1) to DICOM patient coordinates, LPS, in mm.
        modality: What the image is, or ``None`` for masks and probabilities.
    """

    array: Array
    affine: Affine
    modality: Modality | None = None

    def __post_init__(self) -> None:
        if self.array.ndim != 4:
            raise ValueError(f"a Volume's array is (channel, x, y, z), not of shape {self.array.shape}")
        affine = np.asarray(self.affine, dtype=np.float64)
        # Subnormal entries, found in files as well as by arithmetic, break the SVD in which ITK inverts a direction.
        affine = np.where(np.abs(affine) < 1e-12, 0.0, affine)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise ValueError("a Volume's affine is a finite, invertible 4×4 matrix")
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
        x, y, z = self.array.shape[1:]
        return x, y, z

    @property
    def spacing(self) -> npt.NDArray[np.float64]:
        """Distance between voxel centres along each array axis, mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def direction(self) -> npt.NDArray[np.float64]:
        """Unit vectors of the array axes in LPS, as the columns of a 3×3 matrix."""
        return self.affine[:3, :3] / self.spacing

    @property
    def origin(self) -> npt.NDArray[np.float64]:
        """Centre of voxel (0, 0, 0), LPS mm."""
        return self.affine[:3, 3]

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel, ml."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000.0)

    def to_patient(self, index: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Voxel indices, shape (…, 3), to LPS mm."""
        return np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, point: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """LPS mm, shape (…, 3), to (fractional) voxel indices."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return (np.asarray(point, dtype=np.float64) - self.affine[:3, 3]) @ inverse.T

    def with_array(self, array: Array, *, modality: Modality | None = None) -> "Volume":
        """The same grid with other voxels."""
        if array.shape[1:] != self.array.shape[1:]:
            raise ValueError(f"shape {array.shape[1:]} does not fit the grid {self.array.shape[1:]}")
        return replace(self, array=array, modality=modality)

    def same_grid(self, other: "Volume", *, tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids have the same shape and no corner further apart than ``tolerance_mm``."""
        if self.shape != other.shape:
            return False
        corners = np.array(list(product(*((0, n - 1) for n in self.shape))))
        return bool(np.abs(self.to_patient(corners) - other.to_patient(corners)).max() <= tolerance_mm)

    def crop(self, start: npt.ArrayLike, stop: npt.ArrayLike) -> "Volume":
        """The box from index ``start`` up to, not including, ``stop``; the affine follows."""
        start, stop = np.asarray(start, dtype=int), np.asarray(stop, dtype=int)
        box = (slice(None), *(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True)))
        affine = self.affine.copy()
        affine[:3, 3] = self.to_patient(start)
        return replace(self, array=self.array[box], affine=affine)

    def reoriented(self, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> "Volume":
        """The same voxels at the same places with array axes permuted by ``axes``, then flipped."""
        affine = self.affine.copy()
        affine[:3, :3] = affine[:3, list(axes)]
        array = self.array.transpose(0, *(a + 1 for a in axes))
        for axis, flip in enumerate(flips):
            if flip:
                affine[:3, 3] += affine[:3, axis] * (array.shape[axis + 1] - 1)
                affine[:3, axis] *= -1
                array = np.flip(array, axis + 1)
        return replace(self, array=np.ascontiguousarray(array), affine=affine)

    def canonical(self) -> "Volume":
        """The same voxels with array axes closest to L, P and S (the order of an axial DICOM series)."""
        axes, flips = self._toward_lps()
        return self.reoriented(axes, flips)

    def _toward_lps(self) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
        direction = self.direction
        axes = max(permutations(range(3)), key=lambda p: sum(abs(direction[row, p[row]]) for row in range(3)))
        flips = tuple(bool(direction[row, axis] < 0) for row, axis in enumerate(axes))
        return (axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2])

    @staticmethod
    def orientations() -> Iterator[tuple[tuple[int, int, int], tuple[bool, bool, bool]]]:
        """All 48 ways to order and reverse three axes, for `reoriented`."""
        for axes in permutations(range(3)):
            for flips in product((False, True), repeat=3):
                yield (axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2])

    def to_sitk(self, channel: int = 0) -> sitk.Image:
        """One channel as a SimpleITK image at the same place.

        A left-handed grid is passed on with its direction as it is: SimpleITK only asks that it be orthogonal.
        """
        image = sitk.GetImageFromArray(np.ascontiguousarray(self.array[channel].transpose(2, 1, 0)))
        image.SetSpacing(self.spacing.tolist())
        image.SetOrigin(self.origin.tolist())
        image.SetDirection(self.direction.ravel().tolist())
        return image

    @classmethod
    def from_sitk(cls, image: sitk.Image, *, modality: Modality | None = None) -> "Volume":
        """A single-component 3-D SimpleITK image as a one-channel Volume."""
        affine = np.eye(4)
        affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
        array = sitk.GetArrayFromImage(image).transpose(2, 1, 0)[None]
        return cls(np.ascontiguousarray(array), affine, modality)
