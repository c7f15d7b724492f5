"""Bundles: a model as MONAI writes it, with a ``miap`` section that says what it needs and what it is good for.

Reading a bundle's metadata needs no torch, so listing and choosing models is quick.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from miap.errors import InputError, NoModelError
from miap.findings.lesion import Code, Label
from miap.findings.quality import Limits
from miap.imaging.modality import Modality
from miap.imaging.preparation import Preparation


class Network(BaseModel):
    """A network of the registry and its options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


class Card(BaseModel):
    """The ``miap`` section of ``configs/metadata.json``.

    Attributes:
        title: What the model finds, as people say it.
        inputs: Modalities it needs; every one is required.
        preparation: See `miap.imaging.preparation.Preparation`.
        network: What is built for each file of ``weights``.
        weights: File names under ``models/``; with several, their probabilities are averaged.
        folds: With cross-validation ensembles, the fold each member of ``weights`` was trained without.
        labels: What is segmented, with DICOM codes.
        divisor: What each side of the network's input must be a multiple of.
        threshold: Probability from which a voxel belongs to a label.
        min_volume_ml: Smaller regions are dropped.
        flip_axes: Axes of test-time mirroring.
        max_window: Most voxels that one pass sees along each axis; 0 is no limit.
        plausible_volume_ml: Range of lesion volumes seen in training, ml; others are flagged.
        calibration: Coefficients of the detection confidence (`miap.findings.confidence`).
        input_profile: Intensity statistics of the training images by modality (`miap.findings.quality`).
        intended_use: One sentence.
        limits: What it cannot do or was not tested on.
        metrics: How it did on patients it had not seen, and how that was obtained.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: str = Field("miap.bundle/1", alias="schema")
    title: str
    inputs: tuple[Modality, ...]
    preparation: dict[str, Any]
    network: Network
    weights: tuple[str, ...] = Field(min_length=1)
    folds: tuple[int, ...] = ()
    labels: tuple[Label, ...] = Field(min_length=1)
    divisor: tuple[int, int, int] = (8, 8, 8)
    threshold: float = Field(0.5, gt=0, lt=1)
    min_volume_ml: float = 0.1
    flip_axes: tuple[int, ...] = ()
    max_window: tuple[int, int, int] = (0, 0, 0)
    plausible_volume_ml: tuple[float, float] = (0.0, 5000.0)
    calibration: dict[str, Any] | None = None
    input_profile: dict[str, Any] = Field(default_factory=dict)
    intended_use: str
    limits: tuple[str, ...] = ()
    metrics: dict[str, Any] = Field(default_factory=dict)

    @property
    def spec(self) -> Preparation:
        """The preparation as the object `imaging` works with."""
        return Preparation.from_dict(self.preparation)

    @property
    def limits_of_quality(self) -> Limits:
        """Beyond what a result of this model is flagged."""
        return Limits(volume_ml=self.plausible_volume_ml)

    def unseen_by(self, fold: int | None) -> tuple[int, ...]:
        """Members that were trained without the patients of ``fold``; all of them where no member names it."""
        without = tuple(member for member, left_out in enumerate(self.folds) if left_out == fold)
        return without or tuple(range(len(self.weights)))


class Bundle:
    """A model in a folder: ``configs/metadata.json``, ``models/*.safetensors``, ``docs/README.md``.

    Args:
        folder: The bundle's root.

    Raises:
        InputError: The metadata is missing or wrong, or a weight file is missing or unsafe.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "configs" / "metadata.json"
        try:
            self.metadata: dict[str, Any] = json.loads(path.read_text())
            self.card = Card.model_validate(self.metadata["miap"])
            self.version = str(self.metadata["version"])
            self.card.spec  # noqa: B018 - fails here rather than in the middle of a case
        except FileNotFoundError as error:
            raise InputError(f"{folder} is no model bundle: {path} is missing.") from error
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise InputError(f"{path} cannot be used: {error}") from error
        for file in self.weights:
            if file.suffix != ".safetensors" or folder.resolve() not in file.resolve().parents:
                raise InputError(
                    f"{file} cannot be used as weights.", remedy="Weights are .safetensors inside the bundle."
                )
            if not file.is_file():
                raise InputError(f"The weights {file} are missing.", remedy="Fetch the bundle again.")

    @property
    def name(self) -> str:
        """The name ``--model`` takes."""
        return str(self.metadata.get("name", self.folder.name))

    @property
    def weights(self) -> tuple[Path, ...]:
        """The weight files, one per member of the ensemble."""
        return tuple(self.folder / "models" / file for file in self.card.weights)

    @cached_property
    def sha256(self) -> str:
        """Hash of the metadata and all weights: what exactly produced a result."""
        digest = hashlib.sha256((self.folder / "configs" / "metadata.json").read_bytes())
        for file in self.weights:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def identity(self) -> dict[str, Any]:
        """What every result says of the model that made it."""
        return {
            "name": self.name,
            "title": self.card.title,
            "version": self.version,
            "sha256": self.sha256,
            "intended_use": self.card.intended_use,
            "limits": list(self.card.limits),
        }


def label_from(values: dict[str, Any]) -> Label:
    """A `Label` from its dictionary form in a recipe."""
    codes = {key: Code(**values[key]) for key in ("category", "type", "anatomy") if values.get(key)}
    return Label(value=int(values["value"]), name=str(values["name"]), **codes)


def starter_models() -> Path:
    """The models that come with MIAP: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "models"
    return installed if installed.is_dir() else package.parents[1] / "models"


def find_bundles(folders: Iterable[Path]) -> dict[str, Bundle]:
    """All bundles directly below ``folders`` and the starter models, by name; an earlier folder wins."""
    found: dict[str, Bundle] = {}
    for folder in (*folders, starter_models()):
        for path in sorted(folder.glob("*/configs/metadata.json")):
            bundle = Bundle(path.parents[1])
            found.setdefault(bundle.name, bundle)
    return found


def choose_bundle(
    bundles: dict[str, Bundle],
    available: Iterable[Modality],
    name: str | None = None,
    *,
    doubtful: Iterable[Modality] = (),
    case: str = "this case",
    missing: Callable[[Iterable[Modality]], str] = lambda roles: "",
) -> Bundle:
    """The model for a case: the one named, else the one that needs nothing doubtful and uses most of what is there.

    Of equals it is the first found.

    Args:
        bundles: Models by name, as `find_bundles` gives them.
        available: What the case has.
        name: The model the user wants.
        doubtful: Those of ``available`` that may be something else.
        case: What the message calls the case.
        missing: Tells in sentences what was looked for in vain for some roles.

    Raises:
        NoModelError: None fits; the message says what there is and what each model needs.
    """
    there = set(available)
    wanted = {name: bundles[name]} if name is not None and name in bundles else {} if name is not None else bundles
    if name is not None and not wanted:
        raise NoModelError(
            f"There is no model named {name!r}.", remedy=f"Choose one of: {', '.join(bundles) or 'none installed'}."
        )
    fitting = [b for b in wanted.values() if set(b.card.inputs) <= there]
    if not fitting:
        sought = {role for b in wanted.values() for role in b.card.inputs}
        needs = "; ".join(f"{b.name} needs {_list(b.card.inputs)}" for b in wanted.values())
        raise NoModelError(
            f"No model fits {case}, which has {_list(sorted(there)) or 'no usable image'}.",
            remedy=" ".join(
                [
                    f"{needs}.",
                    *filter(None, [missing(sought)]),
                    "Add what is missing, or say what an image is: --series ROLE=NUMBER or --image ROLE=FILE.",
                ]
            )
            if needs
            else "Install a model.",
        )
    unsure = set(doubtful)
    return max(fitting, key=lambda bundle: (not unsure & set(bundle.card.inputs), len(bundle.card.inputs)))


def _list(modalities: Iterable[Modality]) -> str:
    return " and ".join(m.value.upper() for m in modalities)
