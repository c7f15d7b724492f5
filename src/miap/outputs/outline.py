"""Outlines of lesions in a plane."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from miap.findings.lesion import Findings, Lesion
from miap.imaging.volume import Volume
from miap.outputs.plane import Plane


@dataclass(frozen=True)
class Cut:
    """A lesion where a plane cuts it.

    Args:
        lesion: The lesion.
        inside: How far each pixel is inside, 0 to 1, shape (rows, columns); the outline is the level 0.5.
    """

    lesion: Lesion
    inside: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Outlines:
    """The lesions of a case, ready to be cut by planes.

    Args:
        segmentation: The grid of ``findings.lesion_map``.
        findings: The lesions.
    """

    segmentation: Volume
    findings: Findings
    _masks: dict[int, Volume] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        boxes = find_objects(self.findings.lesion_map)
        grid = self.segmentation.with_array(self.findings.lesion_map[None])
        for lesion in self.findings.lesions:
            box = boxes[lesion.id - 1] if lesion.id <= len(boxes) else None
            if box is None:
                continue
            start = np.array([side.start for side in box])
            mask = (self.findings.lesion_map[box] == lesion.id).astype(np.float32)
            affine = grid.affine.copy()
            affine[:3, 3] = grid.to_patient(start - 1)
            self._masks[lesion.id] = Volume(np.pad(mask, 1)[None], affine)

    def cut(self, plane: Plane, *, pixel_mm: float) -> list[Cut]:
        """Every lesion the plane cuts, in the order of the findings."""
        cuts = []
        for lesion in self.findings.lesions:
            if lesion.id in self._masks and _near(plane, self._masks[lesion.id]):
                inside = plane.sample(self._masks[lesion.id], pixel_mm=pixel_mm)
                if inside.max() >= 0.5:
                    cuts.append(Cut(lesion, inside))
        return cuts

    def focus(self, lesion: Lesion) -> tuple[float, float, float]:
        """The lesion's voxel nearest to the middle of its longest diameter, LPS mm: where to cut to see it best."""
        middle = (np.array(lesion.longest.start_mm) + lesion.longest.stop_mm) / 2
        mask = self._masks.get(lesion.id)
        if mask is None:
            return (float(middle[0]), float(middle[1]), float(middle[2]))
        voxels = mask.to_patient(np.argwhere(mask.array[0] > 0))
        x, y, z = voxels[np.argmin(((voxels - middle) ** 2).sum(axis=1))]
        return float(x), float(y), float(z)


def _near(plane: Plane, mask: Volume) -> bool:
    """Whether the plane passes through the box around a mask."""
    corners = np.stack(np.meshgrid(*((0, n - 1) for n in mask.shape)), -1).reshape(-1, 3)
    nearest, farthest = plane.distances(mask.to_patient(corners))
    return nearest <= plane.depth_mm / 2 and farthest >= -plane.depth_mm / 2
