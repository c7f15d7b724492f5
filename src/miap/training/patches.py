"""From prepared cases to augmented patches."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import CacheDataset
from monai.transforms import (
    Compose,
    Lambdad,
    MapTransform,
    RandAdjustContrastd,
    RandAffined,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    SpatialPadd,
)

from miap.imaging.nifti import read_mask, read_nifti
from miap.imaging.preparation import prepare
from miap.imaging.resample import resample
from miap.imaging.volume import Volume
from miap.training.config import TrainConfig
from miap.training.datalist import TrainingCase
from miap.training.paste import Cutting, PasteLesiond, cuttings

Sample = dict[str, torch.Tensor]


class PrepareCased(MapTransform):  # type: ignore[misc]
    """Reads a case: ``image`` (channel, x, y, z) and ``label`` (label, x, y, z), each voxel's share in the label."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(("image", "label"))
        self.config = config

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        """The prepared ``image`` and ``label`` of ``case``."""
        case: TrainingCase = data["case"]
        image, truth = load_case(case, self.config)
        values = [label["value"] for label in self.config.labels]
        shares = np.stack([(truth.array[0] == value) for value in values]).astype(np.float32)
        label = resample(Volume(shares, truth.affine), image).array
        return {"image": torch.from_numpy(image.array), "label": torch.from_numpy(label)}


def load_case(case: TrainingCase, config: TrainConfig) -> tuple[Volume, Volume]:
    """A case's network input, and its ground truth on its own grid."""
    images = {m: read_nifti(case.images[m], m) for m in config.modalities}
    return prepare(images, config.spec), read_mask(case.label)


def augmentation(config: TrainConfig, donors: Sequence[Cutting] = ()) -> Compose:
    """A random patch of a case, then random changes to it; ``donors`` are lesions to paste."""
    a, both, image = config.augmentation, ("image", "label"), ("image",)
    return Compose(
        [
            SpatialPadd(both, config.patch, mode="constant"),
            Lambdad("label", lambda x: (x >= 0.5).float().amax(0, keepdim=True), overwrite="centre"),
            RandCropByPosNegLabeld(
                (*both, "centre"),
                "centre",
                spatial_size=config.patch,
                pos=config.tumour_fraction,
                neg=1 - config.tumour_fraction,
                num_samples=1,
                allow_smaller=False,
            ),
            PasteLesiond(donors, a.paste_probability),
            RandAffined(
                both,
                prob=0.8,
                rotate_range=a.rotate_rad,
                scale_range=a.scale,
                mode=("bilinear", "bilinear"),
                padding_mode="border",
            ),
            *(RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in a.flip_axes),
            RandAdjustContrastd(image, prob=a.gamma_probability, gamma=(0.7, 1.5)),
            RandScaleIntensityd(image, factors=a.intensity_scale, prob=0.5, channel_wise=True),
            RandShiftIntensityd(image, offsets=a.intensity_shift, prob=0.5, channel_wise=True),
            RandGaussianSmoothd(
                image, prob=a.smooth_probability, sigma_x=(0.3, 0.8), sigma_y=(0.3, 0.8), sigma_z=(0.3, 0.8)
            ),
            RandGaussianNoised(image, prob=0.3, std=a.noise_sd),
        ]
    )


class Patches:
    """An endless, repeatable stream of batches: batch *i* depends on the seed and *i* alone, so a run can resume.

    Args:
        cases: Training cases; prepared once and kept in memory.
        config: The recipe.
        progress: Whether to show a bar while the cases are prepared.
    """

    def __init__(self, cases: list[TrainingCase], config: TrainConfig, *, progress: bool = False) -> None:
        self.config = config
        self.cache = CacheDataset(
            [{"case": case} for case in cases], PrepareCased(config), cache_rate=1.0, num_workers=1, progress=progress
        )
        self.augment = augmentation(config, self._donors() if config.augmentation.paste_probability else [])

    def batch(self, iteration: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (batch, channel, x, y, z) and soft labels (batch, label, x, y, z) of one iteration."""
        samples = list(self._samples(iteration))
        return torch.stack([s["image"] for s in samples]), torch.stack([s["label"] for s in samples])

    def _donors(self) -> list[Cutting]:
        return [cutting for item in self.cache for cutting in cuttings(item["image"].numpy(), item["label"].numpy())]

    def _samples(self, iteration: int) -> Iterator[Sample]:
        for place in range(self.config.batch):
            drawn = iteration * self.config.batch + place
            epoch, index = divmod(drawn, len(self.cache))
            order = np.random.default_rng((self.config.seed, epoch)).permutation(len(self.cache))
            self.augment.set_random_state(seed=(self.config.seed * 1_000_003 + drawn) % 2**32)
            sample = self.augment(dict(self.cache[int(order[index])]))[0]
            yield {key: torch.as_tensor(sample[key]).contiguous() for key in ("image", "label")}
