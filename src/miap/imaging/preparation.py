"""From the images of a case to the array a network sees, and back.

Training and inference call the same `prepare`, so what a model learned on is what it gets.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from miap.imaging.modality import Modality
from miap.imaging.resample import regrid, resample
from miap.imaging.volume import Array, Volume


@dataclass(frozen=True)
class Channel:
    """How one modality becomes one channel.

    Args:
        modality: Which image of the case.
        scale: ``window`` maps ``low``…``high`` (HU) to -1…1 and clips; ``log`` is log(1 + SUV) with SUV clipped to
            ``low``…``high``; ``zscore`` subtracts the mean and divides by the standard deviation of the
            foreground, after clipping at the foreground's percentiles ``low`` and ``high``; ``tissue`` is for MR, whose
            unit is arbitrary: intensities relative to the commonest one of the foreground (in a head, the brain's;
            after Shinohara et al., NeuroImage: Clinical 2014), less 1, doubled, clipped to ``low``…``high``.
        low: See ``scale``.
        high: See ``scale``.
    """

    modality: Modality
    scale: Literal["window", "log", "zscore", "tissue"]
    low: float
    high: float

    def normalise(self, array: Array, foreground: Array) -> Array:
        """Voxels of one channel, any shape, scaled as documented above; float32.

        ``foreground`` is a mask of the body (`foreground_mask`).
        """
        if self.scale == "window":
            return _float32((np.clip(array, self.low, self.high) - self.low) * (2 / (self.high - self.low)) - 1)
        if self.scale == "log":
            return _float32(np.log1p(np.clip(array, self.low, self.high)))
        values = array[foreground]
        if self.scale == "tissue":
            return _float32(np.clip(2 * (array / _mode(values) - 1), self.low, self.high))
        low, high = np.percentile(values, [self.low, self.high])
        values = np.clip(values, low, high)
        return _float32((np.clip(array, low, high) - values.mean()) / max(float(values.std()), 1e-6))

    @property
    def air(self) -> float:
        """Value of empty space in the image's own unit, for voxels outside its field of view."""
        return -1000.0 if self.modality is Modality.CT else 0.0


@dataclass(frozen=True)
class Preparation:
    """What a model wants to see. The first channel's image is the reference: results lie on its grid.

    Args:
        channels: In the network's order.
        spacing: Voxel size in mm along L, P and S; ``None`` keeps the reference's own.
        max_slices: A reference with more slices than this along S is resampled to as many. With
            ``spacing[2] = None`` it makes a model indifferent to how finely a head was sliced.
        crop: Cut to the box around the foreground before normalising.
    """

    channels: tuple[Channel, ...]
    spacing: tuple[float | None, float | None, float | None]
    max_slices: int | None = None
    crop: bool = False

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities in channel order."""
        return tuple(channel.modality for channel in self.channels)

    @property
    def reference(self) -> Modality:
        """The modality whose grid results lie on."""
        return self.channels[0].modality

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preparation":
        """From the ``miap.preparation`` section of a bundle's metadata."""
        channels = tuple(Channel(**{**c, "modality": Modality(c["modality"])}) for c in values["channels"])
        return cls(**{**values, "channels": channels, "spacing": tuple(values["spacing"])})

    def target_spacing(self, reference: Volume) -> tuple[float, float, float]:
        """Voxel size in mm of the model's grid for a reference whose axes already run along L, P and S."""
        x, y, z = (
            float(own if want is None else want) for own, want in zip(reference.spacing, self.spacing, strict=True)
        )
        extent = reference.shape[2] * float(reference.spacing[2])
        if self.max_slices is not None and extent / z > self.max_slices:
            z = extent / self.max_slices
        return x, y, z


def prepare(images: Mapping[Modality, Volume], preparation: Preparation) -> Volume:
    """The network's input: shape (channel, x, y, z), float32, axes along L, P and S.

    Args:
        images: One Volume per modality of ``preparation``, CT in HU, PET in SUV.
        preparation: What the model wants.
    """
    canonical = images[preparation.reference].canonical()
    spacing = preparation.target_spacing(canonical)
    grid = regrid(canonical, spacing, fill=preparation.channels[0].air)
    if preparation.crop:
        grid = grid.crop(*_box(foreground_mask(grid.array[0])))

    def prepared(channel: Channel) -> Array:
        if channel.modality is preparation.reference:
            array = grid.array[0]
        else:
            array = resample(images[channel.modality], grid, fill=channel.air).array[0]
        return channel.normalise(array, foreground_mask(array))

    with ThreadPoolExecutor() as pool:
        return Volume(np.stack(list(pool.map(prepared, preparation.channels))), grid.affine)


def foreground_mask(array: Array) -> Array:
    """The body in an MR or PET image: brighter than a tenth of its 99th percentile, holes kept, specks dropped."""
    mask = ndimage.binary_opening(array > 0.1 * np.percentile(array, 99), iterations=1)
    return mask if mask.any() else np.ones(array.shape, dtype=bool)


def _box(mask: Array, margin: int = 2) -> tuple[Array, Array]:
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    start = np.array([max(0, s.start - margin) for s in box])
    stop = np.array([min(n, s.stop + margin) for s, n in zip(box, mask.shape, strict=True)])
    return start, stop


def _mode(values: Array) -> float:
    """The commonest value: the peak of a smoothed histogram of 100 bins."""
    counts, edges = np.histogram(values, bins=100, range=tuple(np.percentile(values, [0.5, 99.8])))
    peak = int(ndimage.uniform_filter1d(counts.astype(float), 5).argmax())
    return max(float(edges[peak] + edges[peak + 1]) / 2, 1e-6)


def _float32(array: Array) -> Array:
    return np.asarray(array, dtype=np.float32)
