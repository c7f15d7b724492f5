"""A bundle with tiny random networks, for tests of what surrounds networks."""

from pathlib import Path
from typing import Any

import torch

from miap.inference.bundle import Bundle
from miap.networks.registry import build_network
from miap.training.config import TrainConfig
from miap.training.export import save_weights, write_bundle

RECIPE: dict[str, Any] = {
    "name": "tiny",
    "datalist": "datalist.json",
    "preparation": {
        "channels": [
            {"modality": "ct", "scale": "window", "low": -160, "high": 240},
            {"modality": "pet", "scale": "log", "low": 0, "high": 40},
        ],
        "spacing": [8, 8, 8],
    },
    "labels": [
        {
            "value": 1,
            "name": "tumour",
            "category": {"value": "49755003", "scheme": "SCT", "meaning": "Morphologically Abnormal Structure"},
            "type": {"value": "108369006", "scheme": "SCT", "meaning": "Neoplasm"},
        }
    ],
    "network": {"name": "segresnet", "options": {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}},
    "patch": [16, 16, 16],
    "batch": 2,
    "iterations": 6,
    "checkpoint_every": 2,
    "divisor": [4, 4, 4],
    "card": {"title": "Anything bright", "intended_use": "Tests.", "data": "none", "licence": "Apache-2.0"},
}


def recipe(**changes: Any) -> TrainConfig:
    """The tiny recipe with ``changes``."""
    return TrainConfig.model_validate({**RECIPE, **changes})


def tiny_bundle(folder: Path, *, members: int = 2, **changes: Any) -> Bundle:
    """A bundle whose ``members`` networks hold random weights."""
    config = recipe(**changes)
    weights = {}
    for member in range(members):
        torch.manual_seed(member)
        network = build_network(
            config.network.name,
            in_channels=len(config.modalities),
            out_channels=len(config.labels),
            **config.network.options,
        )
        weights[member] = folder.parent / f"{folder.name}-{member}.safetensors"
        save_weights(network, weights[member])
    return write_bundle(config, weights, folder)
