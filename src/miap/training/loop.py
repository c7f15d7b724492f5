"""The training loop: patches in, averaged weights out, resumable at any iteration."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.losses import DiceCELoss
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from miap.networks.registry import build_network
from miap.training.config import OptimiserConfig, TrainConfig
from miap.training.datalist import Datalist
from miap.training.patches import Patches


@dataclass
class State:
    """Where a run stands. ``losses`` holds one mean loss per validation interval."""

    iteration: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0


Report = Callable[[int, float], None]
"""Called after every iteration with its number (from 1) and its loss."""


def train_fold(
    config: TrainConfig,
    datalist: Datalist,
    fold: int,
    folder: Path,
    *,
    resume: bool = True,
    report: Report = lambda iteration, loss: None,
) -> nn.Module:
    """Train on every case outside ``fold`` and return the network with averaged weights.

    Args:
        config: The recipe.
        datalist: All cases.
        fold: Cases of this fold are never seen; a number no case has trains on everything.
        folder: Holds ``checkpoint.pt``, written at each interval, and ``weights.safetensors`` at the end.
        resume: Go on from the checkpoint if there is one.
        report: Told of progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build_for(config).to(device)
    averaging = get_ema_multi_avg_fn(config.optimiser.ema_decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
    optimiser = torch.optim.AdamW(
        network.parameters(), config.optimiser.learning_rate, weight_decay=config.optimiser.weight_decay
    )
    state = State()
    checkpoint = folder / "checkpoint.pt"
    if resume and checkpoint.exists():
        state = _restore(checkpoint, network, average, optimiser)
    if state.iteration < config.iterations:
        patches = Patches(datalist.split(fold)[0], config)
        _run(config, network, average, optimiser, patches, state, checkpoint, report)
    result = average.module
    result.eval()
    return result


def build_for(config: TrainConfig) -> nn.Module:
    """The recipe's network with fresh weights: one logit per label."""
    return build_network(
        config.network.name,
        in_channels=len(config.modalities),
        out_channels=len(config.labels),
        **config.network.options,
    )


def _run(
    config: TrainConfig,
    network: nn.Module,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    patches: Patches,
    state: State,
    checkpoint: Path,
    report: Report,
) -> None:
    device = next(network.parameters()).device
    loss_function = DiceCELoss(sigmoid=True, batch=True)
    network.train()
    started, sum_of_losses = time.monotonic() - state.seconds, 0.0
    for iteration in range(state.iteration, config.iterations):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config.optimiser, iteration, config.iterations)
        image, label = (t.to(device) for t in patches.batch(iteration))
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            logits = network(image)
        loss = loss_function(logits.float(), label)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.optimiser.clip_norm)
        optimiser.step()
        average.update_parameters(network)
        sum_of_losses += loss.item()
        report(iteration + 1, loss.item())
        if (iteration + 1) % config.checkpoint_every == 0 or iteration + 1 == config.iterations:
            state.iteration, state.seconds = iteration + 1, time.monotonic() - started
            state.losses.append(sum_of_losses / (iteration % config.checkpoint_every + 1))
            sum_of_losses = 0.0
            _save(checkpoint, network, average, optimiser, state)


def learning_rate(optimiser: OptimiserConfig, iteration: int, iterations: int) -> float:
    """In each cycle a linear warm-up, then half a cosine down to zero (SGDR, Loshchilov and Hutter, ICLR 2017)."""
    length = -(-iterations // optimiser.cycles)
    place = iteration % length
    if place < optimiser.warmup_iterations:
        return optimiser.learning_rate * (place + 1) / optimiser.warmup_iterations
    done = (place - optimiser.warmup_iterations) / max(1, length - optimiser.warmup_iterations)
    return optimiser.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _save(
    path: Path, network: nn.Module, average: AveragedModel, optimiser: torch.optim.Optimizer, state: State
) -> None:
    content: dict[str, Any] = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "state": asdict(state),
    }
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    os.replace(partial, path)


def _restore(path: Path, network: nn.Module, average: AveragedModel, optimiser: torch.optim.Optimizer) -> State:
    content = torch.load(path, weights_only=True)
    network.load_state_dict(content["network"])
    average.load_state_dict(content["average"])
    optimiser.load_state_dict(content["optimiser"])
    return State(**content["state"])
