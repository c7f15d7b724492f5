"""From finished folds to a bundle: weights, metadata with calibration and figures, and the model card."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from miap.findings.confidence import Calibration
from miap.findings.profile import merge_profiles
from miap.inference.bundle import Bundle, label_from
from miap.training.card import write_card
from miap.training.config import TrainConfig
from miap.training.evaluation import CaseScore, row, summary


def save_weights(network: nn.Module, path: Path) -> None:
    """Weights as half-precision safetensors: half the size, and within rounding of bf16 inference."""
    save_file({k: v.detach().to(torch.float16).contiguous() for k, v in network.state_dict().items()}, path)


def write_bundle(config: TrainConfig, weights: dict[int, Path], folder: Path) -> Bundle:
    """A runnable bundle from one weight file per fold, yet without figures.

    Args:
        config: The recipe.
        weights: Weight file of each fold.
        folder: Where the bundle goes; what is there of an earlier one is replaced.
    """
    for part in ("configs", "models", "docs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    names = []
    for fold, path in sorted(weights.items()):
        names.append(f"fold{fold}.safetensors")
        shutil.copyfile(path, folder / "models" / names[-1])
    if config.datalist.is_file():
        shutil.copyfile(config.datalist, folder / "configs" / "datalist.json")
    _write_metadata(folder, _metadata(config, names, sorted(weights)))
    return Bundle(folder)


def set_threshold(bundle: Bundle, threshold: float) -> Bundle:
    """The bundle with another threshold."""
    metadata = json.loads(json.dumps(bundle.metadata))
    metadata["miap"]["threshold"] = threshold
    _write_metadata(bundle.folder, metadata)
    return Bundle(bundle.folder)


def complete_bundle(config: TrainConfig, bundle: Bundle, scores: list[CaseScore]) -> Bundle:
    """Add what only out-of-fold results can tell: calibration, plausible sizes, input profile, figures and the card."""
    metadata = json.loads(json.dumps(bundle.metadata))
    section = metadata["miap"]
    features = [f for score in scores for f in score.features]
    hits = [h for score in scores for h in score.hits]
    section["calibration"] = Calibration.fit(features, hits).to_dict()
    volumes = np.array([v for score in scores for v in score.truth_lesions_ml])
    section["plausible_volume_ml"] = [round(float(volumes.min()) / 2, 2), round(float(volumes.max()) * 2, 2)]
    section["input_profile"] = {
        m.value: merge_profiles([score.profile[m.value] for score in scores if score.profile])
        for m in config.modalities
    }
    section["metrics"] = {"how": _how(bundle), **summary(scores), "cases_table": [row(s) for s in scores]}
    _write_metadata(bundle.folder, metadata)
    finished = Bundle(bundle.folder)
    write_card(config, finished, scores)
    return finished


def _how(bundle: Bundle) -> str:
    folds = len(bundle.card.folds)
    return (
        f"{folds}-fold cross-validation by patient; each case segmented only by the network trained without its patient"
    )


def _metadata(config: TrainConfig, names: list[str], folds: list[int]) -> dict[str, Any]:
    labels = [label_from(label) for label in config.labels]

    patch = list(config.patch)
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json",
        "name": config.name,
        "version": config.version,
        "changelog": {config.version: "first release"},
        "monai_version": monai.__version__,
        "pytorch_version": torch.__version__.split("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {"safetensors": "0.4"},
        "task": config.card.title,
        "description": config.card.intended_use,
        "authors": "MIAP",
        "copyright": "Copyright The MIAP authors",
        "data_source": config.card.data,
        "data_type": "nifti",
        "intended_use": config.card.intended_use,
        "references": list(config.card.citations),
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "format": "magnitude",
                    "num_channels": len(config.modalities),
                    "spatial_shape": patch,
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": True,
                    "channel_def": {str(i): m.value for i, m in enumerate(config.modalities)},
                }
            },
            "outputs": {
                "pred": {
                    "type": "image",
                    "format": "probabilities",
                    "num_channels": len(labels),
                    "spatial_shape": patch,
                    "dtype": "float32",
                    "value_range": [0, 1],
                    "is_patch_data": True,
                    "channel_def": {str(i): label.name for i, label in enumerate(labels)},
                }
            },
        },
        "miap": {
            "schema": "miap.bundle/1",
            "title": config.card.title,
            "inputs": [m.value for m in config.modalities],
            "preparation": config.preparation,
            "network": config.network.model_dump(),
            "weights": names,
            "folds": folds,
            "labels": [asdict(label) for label in labels],
            "divisor": list(config.divisor),
            "threshold": config.threshold or 0.5,
            "min_volume_ml": config.min_volume_ml,
            "flip_axes": list(config.flip_axes_at_test),
            "max_window": list(config.window_at_test),
            "intended_use": config.card.intended_use,
            "limits": list(config.card.limits),
            "metrics": {},
        },
    }


def _write_metadata(folder: Path, metadata: dict[str, Any]) -> None:
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata, indent=2, ensure_ascii=False) + "\n")
