"""What a training run is made of: one YAML file, checked before anything starts."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from miap.errors import UsageError
from miap.imaging.modality import Modality
from miap.imaging.preparation import Preparation
from miap.inference.bundle import label_from


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkConfig(Strict):
    """A network of the registry and its options."""

    name: str = "segresnet"
    options: dict[str, Any] = Field(default_factory=dict)


class AugmentationConfig(Strict):
    """Random changes made to each training patch."""

    flip_axes: tuple[int, ...] = (0, 1, 2)
    rotate_rad: tuple[float, float, float] = (0.3, 0.3, 0.3)
    scale: tuple[float, float, float] = (0.2, 0.2, 0.2)
    intensity_scale: float = 0.15
    intensity_shift: float = 0.15
    noise_sd: float = 0.05
    smooth_probability: float = 0.15
    gamma_probability: float = 0.0
    paste_probability: float = 0.0


class OptimiserConfig(Strict):
    """AdamW; ``cycles`` times a linear warm-up and a cosine decay to zero. An EMA of the weights is what is kept."""

    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    warmup_iterations: int = Field(50, ge=0)
    cycles: int = Field(1, ge=1)
    ema_decay: float = Field(0.995, ge=0, lt=1)
    clip_norm: float = Field(1.0, gt=0)


class CardConfig(Strict):
    """What the model card says beyond what the run itself knows."""

    title: str
    intended_use: str
    limits: tuple[str, ...] = ()
    data: str
    licence: str
    citations: tuple[str, ...] = ()


class TrainConfig(Strict):
    """One recipe: data, preparation, network, schedule. Paths are relative to the file they stand in.

    ``threshold`` is the probability from which a voxel belongs to a label; left out, it is chosen on the left-out
    folds. ``window_at_test`` is the most voxels of each axis that one pass sees, 0 for all of them.
    ``profile_without`` names numbers of the input profile that mean nothing in these files.
    """

    name: str
    datalist: Path
    preparation: dict[str, Any]
    labels: list[dict[str, Any]] = Field(min_length=1)
    network: NetworkConfig = NetworkConfig()
    patch: tuple[int, int, int]
    batch: int = Field(2, ge=1)
    tumour_fraction: float = Field(0.67, ge=0, le=1)
    iterations: int = Field(1000, ge=1)
    checkpoint_every: int = Field(250, ge=1)
    augmentation: AugmentationConfig = AugmentationConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    bf16: bool = True
    seed: int = 0
    threshold: float | None = Field(None, gt=0, lt=1)
    min_volume_ml: float = Field(0.1, ge=0)
    flip_axes_at_test: tuple[int, ...] = ()
    window_at_test: tuple[int, int, int] = (0, 0, 0)
    divisor: tuple[int, int, int] = (8, 8, 8)
    profile_without: tuple[str, ...] = ()
    version: str = "0.1.0"
    card: CardConfig

    @model_validator(mode="after")
    def _parts_fit(self) -> "TrainConfig":
        try:
            Preparation.from_dict(self.preparation)
        except (KeyError, TypeError) as error:
            raise ValueError(f"preparation does not fit: {error}") from error
        if any(side % d for side, d in zip(self.patch, self.divisor, strict=True)):
            raise ValueError(f"patch {self.patch} must be a multiple of divisor {self.divisor}")
        if any(side < 0 or side % d for side, d in zip(self.window_at_test, self.divisor, strict=True)):
            raise ValueError(f"window_at_test {self.window_at_test} must be a multiple of divisor {self.divisor}")
        try:
            for label in self.labels:
                label_from(label)
        except (KeyError, TypeError) as error:
            raise ValueError(f"labels do not fit: {error}") from error
        return self

    @property
    def spec(self) -> Preparation:
        """The preparation as the object `imaging` works with."""
        return Preparation.from_dict(self.preparation)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities in channel order."""
        return self.spec.modalities

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read and check a recipe.

        Raises:
            UsageError: The file is missing, is no YAML, or a value in it is wrong; the message names the key.
        """
        try:
            values = yaml.safe_load(path.read_text())
            config = cls.model_validate(values)
        except FileNotFoundError as error:
            raise UsageError(f"There is no training configuration at {path}.", remedy="Check the path.") from error
        except yaml.YAMLError as error:
            raise UsageError(f"{path} is not valid YAML: {error}") from error
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
            raise UsageError(f"{path} cannot be used: {'; '.join(lines)}.") from error
        return config.model_copy(update={"datalist": (path.parent / config.datalist).resolve()})
