"""What runs a network: OpenVINO on CPUs, torch on GPUs. Both map an image to logits and nothing else.

The torch module is converted for OpenVINO once and kept in the cache, so later starts need neither torch nor MONAI,
whose imports alone take longer than segmenting a study.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from miap.imaging.volume import Array
from miap.inference.bundle import Bundle
from miap.inference.hardware import has_bf16, has_cuda
from miap.settings import Settings

Forward = Callable[[Array], Array]
"""Image (1, channel, x, y, z) to logits (1, label, x, y, z), both float32."""


class Backend(Protocol):
    """Runs one member of a bundle's ensemble."""

    name: str
    device: str
    precision: str

    def load(self, bundle: Bundle, member: int) -> Forward:
        """The network with the weights of ``member``, ready to run."""


def load_network(bundle: Bundle, member: int) -> Any:
    """The torch module of one ensemble member, in evaluation mode, on the CPU."""
    from safetensors.torch import load_file

    from miap.networks.registry import build_network

    card = bundle.card
    network = build_network(
        card.network.name, in_channels=len(card.spec.channels), out_channels=len(card.labels), **card.network.options
    )
    weights = {name: tensor.float() for name, tensor in load_file(bundle.weights[member]).items()}
    network.load_state_dict(weights)
    return network.eval()


class TorchBackend:
    """torch in bf16 autocast or fp32 on a CPU or a GPU."""

    name = "torch"

    def __init__(self, device: str, precision: str) -> None:
        self.device, self.precision = device, precision

    def load(self, bundle: Bundle, member: int) -> Forward:
        """See `Backend`."""
        import torch

        network = load_network(bundle, member).to(self.device)

        def forward(image: Array) -> Array:
            with torch.inference_mode(), torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16"):
                logits = network(torch.from_numpy(image).to(self.device))
            return np.asarray(logits.float().cpu().numpy())

        return forward


class OpenVinoBackend:
    """OpenVINO on the CPU; ``folder`` keeps converted networks."""

    name = "openvino"
    device = "cpu"

    def __init__(self, folder: Path, precision: str) -> None:
        self.folder, self.precision = folder, precision

    def load(self, bundle: Bundle, member: int) -> Forward:
        """See `Backend`."""
        import openvino

        core = openvino.Core()
        hint = openvino.Type.bf16 if self.precision == "bf16" else openvino.Type.f32
        path = self._converted(bundle, member)
        compiled: dict[tuple[int, ...], Any] = {}

        def forward(image: Array) -> Array:
            if image.shape not in compiled:
                model = core.read_model(path)
                model.reshape(list(image.shape))
                compiled.clear()
                compiled[image.shape] = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
            return np.asarray(compiled[image.shape](image)[0], dtype=np.float32)

        return forward

    def _converted(self, bundle: Bundle, member: int) -> Path:
        import openvino

        card = bundle.card
        digest = hashlib.sha256(bundle.weights[member].read_bytes())
        digest.update(json.dumps([card.network.model_dump(), openvino.__version__], sort_keys=True).encode())
        path = self.folder / f"{bundle.name}-{digest.hexdigest()[:24]}.xml"
        if not path.is_file():
            self._convert(load_network(bundle, member), len(card.spec.channels), card.divisor, path)
        return path

    @staticmethod
    def _convert(network: Any, channels: int, divisor: tuple[int, int, int], path: Path) -> None:
        import openvino
        import torch

        example = torch.zeros(1, channels, *(4 * d for d in divisor))
        model = openvino.convert_model(network, example_input=example, input=[[1, channels, -1, -1, -1]])
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as partial:
            written = Path(partial) / path.name
            openvino.save_model(model, written, compress_to_fp16=False)
            os.replace(written.with_suffix(".bin"), path.with_suffix(".bin"))
            os.replace(written, path)


def choose_backend(settings: Settings) -> Backend:
    """The fastest backend this machine and the settings allow."""
    device = settings.device
    if device == "auto":
        device = "cuda" if has_cuda() else "cpu"
    precision = settings.precision
    if precision == "auto":
        precision = "bf16" if device == "cuda" or has_bf16() else "fp32"
    if settings.backend == "torch" or device == "cuda":
        return TorchBackend(device, precision)
    return OpenVinoBackend(settings.cache / "openvino", precision)
