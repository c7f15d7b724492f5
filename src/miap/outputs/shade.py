"""Voxel values as the grey and colour a radiologist is used to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps

from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from miap.outputs.plane import Plane

CT_WINDOW_HU = (-160.0, 240.0)
"""Soft tissue: width 400, level 40."""
SUV_WINDOW = (0.0, 10.0)
_FUSION_SUV = (1.0, 5.0)
"""Uptake below the first is clear, above the second shown as far as `_FUSION_OPACITY`."""
_FUSION_OPACITY = 0.75
_PREFERRED = (Modality.CT, Modality.T1C, Modality.FLAIR, Modality.T2, Modality.T1, Modality.PET)

RGB = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """What a picture shows: one image, or one with PET in colour over it."""

    base: Modality
    fused: bool = False

    @property
    def title(self) -> str:
        """Name as people read it."""
        return f"{self.base.words} + PET" if self.fused else self.base.words


def best_look(images: Mapping[Modality, Volume]) -> Look:
    """The one look that says most: anatomy, with PET over it where there is one."""
    base = next(modality for modality in _PREFERRED if modality in images)
    return Look(base, fused=base is not Modality.PET and Modality.PET in images)


def looks(images: Mapping[Modality, Volume]) -> list[Look]:
    """The images one by one, in the order they are best read."""
    return [Look(modality) for modality in _PREFERRED if modality in images]


def window(volume: Volume) -> tuple[float, float]:
    """Values shown as black and white: fixed for CT (HU) and PET (SUV), 1st to 99th percentile of MR."""
    if volume.modality is Modality.CT:
        return CT_WINDOW_HU
    if volume.modality is Modality.PET:
        return SUV_WINDOW
    step = tuple(slice(None, None, max(1, n // 64)) for n in volume.shape)
    values = volume.array[0][step]
    present = values[values > values.min()]
    low, high = np.percentile(present if present.size else values, (1, 99))
    return float(low), float(max(high, low + 1e-6))


def shade(images: Mapping[Modality, Volume], look: Look, plane: Plane, *, pixel_mm: float) -> RGB:
    """The plane's picture, shape (rows, columns, 3), values 0 to 1.

    CT and MR are grey; PET alone is inverted grey, SUV 0 to 10; PET over another image is the *hot* colour map on the
    same scale.
    """
    volume = images[look.base]
    low, high = window(volume)
    grey = np.clip((plane.sample(volume, pixel_mm=pixel_mm, outside=low) - low) / (high - low), 0, 1)
    if look.base is Modality.PET:
        grey = 1 - grey
    picture = np.repeat(grey[..., None], 3, axis=-1).astype(np.float32)
    if look.fused:
        suv = plane.sample(images[Modality.PET], pixel_mm=pixel_mm)
        heat = colormaps["hot"](np.clip(suv / SUV_WINDOW[1], 0, 1))[..., :3]
        start, full = _FUSION_SUV
        opacity = (_FUSION_OPACITY * np.clip((suv - start) / (full - start), 0, 1))[..., None]
        picture = (picture * (1 - opacity) + heat * opacity).astype(np.float32)
    return picture
