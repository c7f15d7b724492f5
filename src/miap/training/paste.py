"""Lesions copied from one case into another (TumorCP, Yang et al., MICCAI 2021).

With few patients a network learns where their lesions were. Pasted elsewhere, the same lesions teach what one looks
like.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.transforms import MapTransform, Randomizable
from scipy import ndimage

from miap.imaging.volume import Array

_MARGIN = 2
_LEAST_VOXELS = 30


@dataclass(frozen=True)
class Cutting:
    """A lesion with a little of what surrounds it: image (channel, x, y, z) and label (label, x, y, z)."""

    image: Array
    label: Array


def cuttings(image: Array, label: Array) -> list[Cutting]:
    """Every connected lesion of a case of 30 voxels or more, cut out with a margin of two voxels."""
    inside = label.max(axis=0) >= 0.5
    parts, _ = ndimage.label(inside, np.ones((3, 3, 3)))
    found = []
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        if np.count_nonzero(parts[box] == number) < _LEAST_VOXELS:
            continue
        wide = tuple(slice(max(0, s.start - _MARGIN), s.stop + _MARGIN) for s in box)
        alone = label[(slice(None), *wide)] * ndimage.binary_dilation(parts[wide] == number)
        found.append(Cutting(image[(slice(None), *wide)], alone))
    return found


class PasteLesiond(Randomizable, MapTransform):  # type: ignore[misc]
    """Pastes a random cutting somewhere into the tissue of a patch, mirrored at random and blended at its rim.

    Args:
        donors: Lesions to paste from.
        probability: How often a patch gets one.
    """

    def __init__(self, donors: Sequence[Cutting], probability: float) -> None:
        super().__init__(("image", "label"))
        self.donors, self.probability = donors, probability

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """A patch's ``image`` and ``label``, with a lesion more or as they were."""
        patch = dict(data)
        if not self.donors or self.R.random() >= self.probability:
            return patch
        donor = self.donors[self.R.randint(len(self.donors))]
        axes = tuple(axis for axis in (1, 2, 3) if self.R.random() < 0.5)
        image, label = np.flip(donor.image, axes), np.flip(donor.label, axes)
        target = np.asarray(patch["image"]).copy()
        place = self._place(target[0], label.shape[1:])
        if place is None:
            return patch
        box = (slice(None), *(slice(p, p + n) for p, n in zip(place, label.shape[1:], strict=True)))
        solid = ndimage.binary_dilation(label.max(axis=0) >= 0.3).astype(np.float32)
        weight = ndimage.gaussian_filter(solid, (0.7, 0.7, 0.3))
        target[box] = weight * image + (1 - weight) * target[box]
        labels = np.asarray(patch["label"]).copy()
        labels[box] = np.maximum(labels[box], label)
        patch["image"], patch["label"] = torch.from_numpy(target), torch.from_numpy(labels)
        return patch

    def _place(self, image: Array, size: Sequence[int]) -> tuple[int, ...] | None:
        """Corner of a box of ``size`` whose centre lies in soft tissue away from edges, or ``None`` if none fits."""
        room = [n - s for n, s in zip(image.shape, size, strict=True)]
        if min(room) < 0:
            return None
        tissue = ndimage.uniform_filter(np.abs(image) < 0.8, (9, 9, 1), output=np.float32) > 0.9
        centres = np.argwhere(tissue[tuple(slice(s // 2, s // 2 + r + 1) for s, r in zip(size, room, strict=True))])
        if not len(centres):
            return None
        return tuple(int(n) for n in centres[self.R.randint(len(centres))])
