"""Segmenting a volume: MIAP's path against MONAI's `sliding_window_inference` with the same weights.

The four-channel case measures speed alone: a SegResNet-16 with random weights on a 240×240×155 brain. The starter
models are measured with Dice: each case is segmented by the network that was trained without its patient, once in
MIAP's way (whole volume, bf16, OpenVINO) and once in MONAI's (fp32, windows of the training patch, half overlapping).
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from monai.inferers import sliding_window_inference

from benchmarks.table import Row, main, shared_data
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask, read_nifti
from miap.imaging.preparation import Preparation, prepare
from miap.imaging.volume import Array, Volume
from miap.inference.backend import choose_backend, load_network
from miap.inference.bundle import Bundle, find_bundles
from miap.inference.segmenter import Segmenter, restore, threshold
from miap.settings import Settings
from miap.training.config import TrainConfig
from miap.training.datalist import Datalist
from miap.training.evaluation import dice
from miap.training.export import save_weights, write_bundle
from miap.training.loop import build_for

PEER = "MONAI sliding_window_inference, fp32"
BRATS = {Modality.T1: "t1", Modality.T1C: "t1ce", Modality.T2: "t2", Modality.FLAIR: "flair"}


def measure(quick: bool) -> Iterator[Row]:
    """All rows."""
    data = shared_data()
    yield from _brats(data, quick)
    for bundle in find_bundles(()).values():
        yield from _starter(bundle, 2 if quick else 100)


def _brats(data: Path, quick: bool) -> Iterator[Row]:
    case = data / "brats" / "BraTS2021_00006"
    images = {m: read_nifti(case / f"{case.name}_{word}.nii.gz", m) for m, word in BRATS.items()}
    with tempfile.TemporaryDirectory() as folder:
        bundle = _random_segresnet(Path(folder))
        segmenter = Segmenter(bundle, choose_backend(Settings(cache=Path(folder) / "cache")))
        network = load_network(bundle, 0)
        whole = prepare(images, Preparation(bundle.card.spec.channels, bundle.card.spec.spacing)).array
        if quick:
            whole = whole[:, 48:192, 48:192, 24:120]
        cropped = prepare(images, bundle.card.spec)
        segmenter(cropped)
        ours = _time(lambda: segmenter(prepare(images, bundle.card.spec)), 3)
        peer = _time(lambda: _slide(network, whole, (96, 96, 96)), 1)
        name = "240×240×155×4, SegResNet-16" + (" (peer on a 144×144×96 part)" if quick else "")
        yield Row.seconds(name, ours, peer, PEER)


def _random_segresnet(folder: Path) -> Bundle:
    """A bundle around an untrained SegResNet with 16 filters, four channels and three labels."""
    codes = {"value": "108369006", "scheme": "SCT", "meaning": "Neoplasm"}
    config = TrainConfig.model_validate(
        {
            "name": "random-segresnet",
            "datalist": "none",
            "preparation": {
                "channels": [{"modality": m.value, "scale": "zscore", "low": 0.5, "high": 99.5} for m in BRATS],
                "spacing": [None, None, None],
                "crop": True,
            },
            "labels": [{"value": v, "name": f"part {v}", "category": codes, "type": codes} for v in (1, 2, 3)],
            "network": {
                "name": "segresnet",
                "options": {"init_filters": 16, "blocks_down": [1, 2, 2, 4], "blocks_up": [1, 1, 1]},
            },
            "patch": [96, 96, 96],
            "card": {"title": "none", "intended_use": "timing", "data": "none", "licence": "none"},
        }
    )
    torch.manual_seed(0)
    save_weights(build_for(config), folder / "w.safetensors")
    return write_bundle(config, {0: folder / "w.safetensors"}, folder / "bundle")


def _starter(bundle: Bundle, most: int) -> Iterator[Row]:
    cases = Datalist.load(bundle.folder / "configs" / "datalist.json").cases[:most]
    segmenter = Segmenter(bundle, choose_backend(Settings()))
    patch = bundle.metadata["network_data_format"]["inputs"]["image"]["spatial_shape"]
    scores: list[tuple[float, float]] = []
    times: list[tuple[float, float]] = []
    for case in cases:
        truth = read_mask(case.label)
        image = prepare({m: read_nifti(case.images[m], m) for m in bundle.card.inputs}, bundle.card.spec)
        members = bundle.card.unseen_by(case.fold)
        network = load_network(bundle, members[0])
        segmenter(image, members=members)
        ours, peer = segmenter(image, members=members), image.with_array(_slide(network, image.array, patch))
        times.append(
            (
                _time(partial(segmenter, image, members=members), 3),
                _time(partial(_slide, network, image.array, patch), 1),
            )
        )
        scores.append((_dice(ours, truth, bundle), _dice(peer, truth, bundle)))
    mean, (ours_s, peer_s) = np.mean(scores, axis=0), np.mean(times, axis=0)
    name = f"{bundle.name}, {len(cases)} cases"
    yield Row.seconds(name, ours_s, peer_s, PEER, "s a network and case")
    yield Row.score(name, "mean Dice", float(mean[0]), float(mean[1]), PEER)


def _slide(network: torch.nn.Module, image: Array, roi: tuple[int, ...]) -> Array:
    with torch.inference_mode():
        logits = sliding_window_inference(torch.from_numpy(image)[None], roi, 1, network, overlap=0.5, mode="gaussian")
    assert isinstance(logits, torch.Tensor)
    return np.asarray(torch.sigmoid(logits)[0].numpy())


def _dice(probability: Volume, truth: Volume, bundle: Bundle) -> float:
    mask = threshold(restore(probability, truth), bundle)
    return dice(mask.array[0] > 0, truth.array[0] > 0)


def _time(work: Callable[[], object], runs: int) -> float:
    """Median seconds."""
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


if __name__ == "__main__":
    main("bench_segment", measure)
