"""One region somebody outlined: a segment of a DICOM segmentation, or a structure of a structure set, as a mask."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pydicom.sr.coding import Code

from miap.imaging.resample import resample
from miap.imaging.volume import Array, Volume


@dataclass(frozen=True, eq=False)
class Segment:
    """A region on a grid, and what is known of it.

    Only the smallest box around the region is held, so that a hundred organs on a large CT fit into memory; `of` takes
    a whole mask, and `mask` gives one.

    Args:
        number: Segment Number, or ROI Number of a structure.
        label: As people read it.
        box: The region in the smallest box of the grid that holds it, shape (1, x, y, z): uint8, 0 or 1; or float32
            from 0 to 1, how probable or how full each voxel is. An empty region has a box of one voxel, 0.
        grid: The whole grid; its voxels are not looked at.
        category: Segmented Property Category, ``None`` where the file does not say.
        type: Segmented Property Type.
        anatomy: Anatomic Region.
        algorithm: Name and version of what drew it; empty where a person did or nobody says.
        tracking_uid: Tracking UID; empty where there is none.
        notes: What a reader should know, in sentences: parts that lie outside the image, for example.
    """

    number: int
    label: str
    box: Volume
    grid: Volume
    category: Code | None = None
    type: Code | None = None
    anatomy: Code | None = None
    algorithm: str = ""
    tracking_uid: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        mask: Volume,
        number: int,
        label: str,
        *,
        category: Code | None = None,
        type: Code | None = None,  # noqa: A002  (the standard's word)
        anatomy: Code | None = None,
        algorithm: str = "",
        tracking_uid: str = "",
        notes: tuple[str, ...] = (),
    ) -> "Segment":
        """A segment from a mask on its whole grid, shape (1, x, y, z): whole numbers and booleans count as 0 or 1."""
        array = mask.array if mask.array.dtype.kind == "f" else (mask.array != 0).astype(np.uint8)
        values = array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array
        box = tight(Volume(values, mask.affine))
        return cls(number, label, box, empty(mask), category, type, anatomy, algorithm, tracking_uid, notes)

    @property
    def fractional(self) -> bool:
        """Whether voxels hold fractions rather than inside and outside."""
        return bool(self.box.array.dtype.kind == "f")

    @cached_property
    def start(self) -> npt.NDArray[np.int64]:
        """Index of the box's first voxel in the grid."""
        return np.rint(self.grid.to_index(self.box.origin)).astype(np.int64)

    @property
    def where(self) -> tuple[slice, slice, slice]:
        """The box as slices of the grid."""
        x, y, z = (slice(int(a), int(a) + n) for a, n in zip(self.start, self.box.shape, strict=True))
        return x, y, z

    @property
    def mask(self) -> Volume:
        """The region on the whole grid, shape (1, x, y, z), made anew at each call."""
        array = np.zeros(self.grid.shape[::-1], dtype=self.box.array.dtype).T
        array[self.where] = self.box.array[0]
        return Volume(array[None], self.grid.affine)

    @property
    def volume_ml(self) -> float:
        """Its volume, ml: of a fractional one, the sum of its fractions."""
        return float(self.box.array.sum(dtype=np.float64)) * self.grid.voxel_volume_ml

    @property
    def is_empty(self) -> bool:
        """Whether no voxel belongs to it."""
        return not self.box.array.any()

    def onto(self, grid: Volume) -> "Segment":
        """The same region at the voxel centres of another grid: by the nearest voxel, a fractional one linearly.

        A note says what part lies outside it.
        """
        padding = [(0, 0), *[(1, 1)] * 3]
        affine = self.box.affine.copy()
        affine[:3, 3] = self.box.to_patient((-1, -1, -1))
        padded = Volume(np.pad(self.box.array, padding), affine)
        corners = np.stack(np.meshgrid(*((0, n - 1) for n in padded.shape)), -1).reshape(-1, 3)
        index = grid.to_index(padded.to_patient(corners))
        limits = np.array(grid.shape)
        start = np.clip(np.floor(index.min(axis=0)), 0, limits).astype(int)
        stop = np.clip(np.ceil(index.max(axis=0)) + 1, 0, limits).astype(int)
        if self.is_empty or (stop <= start).any():
            part = empty(grid).crop((0, 0, 0), (1, 1, 1))
            part = part.with_array(part.array.astype(self.box.array.dtype))
        else:
            part = resample(
                padded, empty(grid).crop(start, stop), interpolation="linear" if self.fractional else "nearest"
            )
        return Segment(
            self.number, self.label, tight(part), empty(grid), self.category, self.type, self.anatomy, self.algorithm,
            self.tracking_uid, (*self.notes, *self._lost(grid)),
        )  # fmt: skip

    def _lost(self, grid: Volume) -> list[str]:
        inside = self.box.to_patient(np.argwhere(self.box.array[0] > 0))
        if not len(inside):
            return []
        index = grid.to_index(inside)
        out = 1 - ((index > -0.5 - 1e-3) & (index < np.array(grid.shape) - 0.5 + 1e-3)).all(axis=1).mean()
        return [f'{100 * out:.0f} % of "{self.label}" lie outside the image.'] if round(100 * out) else []


def empty(grid: Volume) -> Volume:
    """The same grid without memory behind it: all voxels 0, shape (1, x, y, z)."""
    return Volume(np.broadcast_to(np.uint8(0), (1, *grid.shape)), grid.affine)


def tight(mask: Volume) -> Volume:
    """The smallest box that holds all that is not 0; one voxel where nothing is."""
    array: Array = mask.array[0]
    start, stop = [0, 0, 0], [1, 1, 1]
    if array.any():
        for axis in range(3):
            used = np.flatnonzero(array.any(axis=tuple(a for a in range(3) if a != axis)))
            start[axis], stop[axis] = int(used[0]), int(used[-1]) + 1
    part = mask.crop(start, stop)
    return part.with_array(part.array.copy())
