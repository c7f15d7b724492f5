"""A whole run: every fold trained, then one bundle with out-of-fold figures."""

from pathlib import Path

from miap.errors import InputError, UsageError
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


def chosen_folds(datalist: Datalist, fold: int | None) -> tuple[int, ...]:
    """The one fold that is asked for, or all.

    Raises:
        InputError: No case says which fold it is in.
        UsageError: No case is in the fold asked for.
    """
    if not datalist.folds:
        raise InputError("No case of the datalist has a fold.", remedy='Give each one a "fold", the same per patient.')
    if fold is not None and fold not in datalist.folds:
        folds = ", ".join(map(str, datalist.folds))
        raise UsageError(f"No case is in fold {fold}.", remedy=f"The datalist has the folds {folds}.")
    return datalist.folds if fold is None else (fold,)


def train_run(
    config: TrainConfig, datalist: Datalist, fold: int, output: Path, *, resume: bool, report: Report
) -> None:
    """Train one fold, or what its checkpoint leaves to train, and save its weights."""
    path = weights_of(output, fold)
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
