"""A whole run: every fold trained, then one bundle with out-of-fold figures."""

from pathlib import Path

from miap.inference.backend import TorchBackend
from miap.inference.bundle import Bundle
from miap.inference.segmenter import Segmenter
from miap.training.config import TrainConfig
from miap.training.datalist import Datalist
from miap.training.evaluation import CaseScore, best_threshold, evaluate
from miap.training.export import complete_bundle, save_weights, set_threshold, write_bundle
from miap.training.loop import Report, train_fold


def weights_of(output: Path, fold: int) -> Path:
    """Where a finished fold's weights lie."""
    return output / f"fold{fold}" / "weights.safetensors"


def train_run(
    config: TrainConfig, datalist: Datalist, fold: int, output: Path, *, resume: bool, report: Report
) -> None:
    """Train one fold unless it is finished already."""
    path = weights_of(output, fold)
    if resume and path.is_file():
        return
    network = train_fold(config, datalist, fold, path.parent, resume=resume, report=report)
    save_weights(network, path)


def finish_run(config: TrainConfig, datalist: Datalist, output: Path) -> tuple[Bundle, list[CaseScore]]:
    """Write the bundle of all folds, score it out of fold, and complete its metadata and card."""
    weights = {fold: weights_of(output, fold) for fold in datalist.folds}
    bundle = write_bundle(config, weights, output / "bundle" / config.name)
    backend = TorchBackend("cpu", "bf16" if config.bf16 else "fp32")
    if config.threshold is None:
        bundle = set_threshold(bundle, best_threshold(bundle, datalist, Segmenter(bundle, backend)))
    scores = evaluate(bundle, datalist, Segmenter(bundle, backend))
    return complete_bundle(config, bundle, scores), scores
