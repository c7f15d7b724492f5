"""Bodies whose measurements are known in closed form, on any grid."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from miap.findings.lesion import Code, Label
from miap.imaging.volume import Volume

Vector = npt.NDArray[np.float64]
TUMOUR = Label(1, "tumour", Code("49755003", "SCT", "Abnormal structure"), Code("108369006", "SCT", "Neoplasm"))
OEDEMA = Label(2, "oedema", Code("49755003", "SCT", "Abnormal structure"), Code("79654002", "SCT", "Edema"))


def grid(
    shape: tuple[int, int, int], spacing: tuple[float, float, float] = (1, 1, 1), rotation: Vector | None = None
) -> Volume:
    """An empty mask centred a little off the patient's origin."""
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if rotation is None else rotation) * np.asarray(spacing)
    affine[:3, 3] = np.array([7.3, -31.9, 112.4]) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Volume(np.zeros((1, *shape), dtype=bool), affine)


def centres(volume: Volume) -> Vector:
    """Voxel centres, shape (x, y, z, 3), LPS mm."""
    return volume.to_patient(np.stack(np.meshgrid(*(np.arange(n) for n in volume.shape), indexing="ij"), -1))


@dataclass(frozen=True)
class Ellipsoid:
    """Surface |Qᵀ(p - c) / a| = 1; ``q`` turns its axes into the patient's."""

    centre: Vector
    semi_axes: Vector
    q: Vector

    @property
    def volume_ml(self) -> float:
        return float(4 / 3 * np.pi * self.semi_axes.prod() / 1000)

    @property
    def extent(self) -> Vector:
        return np.asarray(2 * np.linalg.norm(self.q * self.semi_axes, axis=1))

    def section(self, normal: Vector) -> tuple[float, float]:
        """Diameters of the section through the centre across ``normal``."""
        plane = np.linalg.svd(normal[None])[2][1:]
        form = plane @ self.q @ np.diag(self.semi_axes**-2.0) @ self.q.T @ plane.T
        low, high = np.linalg.eigvalsh(form)
        return 2 / np.sqrt(low), 2 / np.sqrt(high)

    def on(self, volume: Volume) -> Volume:
        """Voxels whose centre is inside, bool."""
        inside = (((centres(volume) - self.centre) @ self.q / self.semi_axes) ** 2).sum(-1) <= 1
        return volume.with_array(inside[None])


def sphere(centre: npt.ArrayLike, radius: float) -> Ellipsoid:
    return Ellipsoid(np.asarray(centre, dtype=float), np.full(3, float(radius)), np.eye(3))


def rotations() -> st.SearchStrategy[Vector]:
    """Any rotation, drawn as a rotation vector."""
    part = st.floats(-np.pi, np.pi)
    return st.tuples(part, part, part).map(lambda v: Rotation.from_rotvec(v).as_matrix())


def cropped(mask: Volume) -> Volume:
    """The box around a mask's voxels."""
    voxels = np.argwhere(mask.array[0])
    return mask.crop(voxels.min(axis=0), voxels.max(axis=0) + 1)
