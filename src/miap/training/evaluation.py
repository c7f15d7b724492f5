"""How well a bundle does on cases with ground truth, each judged by networks that never saw its patient."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from miap.findings.components import find_components
from miap.findings.confidence import LesionFeatures, lesion_features, match_lesions
from miap.findings.profile import input_profile
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask, read_nifti
from miap.imaging.preparation import prepare
from miap.imaging.volume import Array, Volume
from miap.inference.bundle import Bundle
from miap.inference.segmenter import Segmenter, restore, threshold
from miap.training.datalist import Datalist, TrainingCase


@dataclass(frozen=True)
class CaseScore:
    """One case's result. Volumes in ml; ``features`` and ``hits`` pair up, one entry per lesion found."""

    id: str
    patient: str
    fold: int | None
    dice: float
    volume_ml: float
    truth_ml: float
    lesions: int
    false_lesions: int
    missed_lesions: int
    features: tuple[LesionFeatures, ...] = ()
    hits: tuple[bool, ...] = ()
    truth_lesions_ml: tuple[float, ...] = ()
    profile: dict[str, Any] | None = None


def dice(mask: Array, truth: Array) -> float:
    """2·|A∩B| / (|A|+|B|) (Dice 1945) of two boolean arrays; 1 where both are empty."""
    size = int(mask.sum()) + int(truth.sum())
    return 1.0 if size == 0 else 2.0 * int((mask & truth).sum()) / size


def evaluate_case(case: TrainingCase, bundle: Bundle, segment: Callable[[Volume], Volume]) -> CaseScore:
    """Run a case the way `miap analyze` does and compare the mask with the truth on the truth's own grid."""
    images, truth = _load(case, bundle)
    probability = restore(segment(prepare(images, bundle.card.spec)), truth)
    mask = threshold(probability, bundle)
    found = find_components(mask, min_volume_ml=bundle.card.min_volume_ml)
    kept, real = found.array[0] > 0, _real(truth, bundle)
    actual = find_components(truth.with_array(real[None].astype(np.uint8)), min_volume_ml=bundle.card.min_volume_ml)
    matches = match_lesions(found.array[0], actual.array[0])
    return CaseScore(
        id=case.id,
        patient=case.patient,
        fold=case.fold,
        dice=dice(kept, real),
        volume_ml=float(kept.sum()) * truth.voxel_volume_ml,
        truth_ml=float(real.sum()) * truth.voxel_volume_ml,
        lesions=len(matches.hits),
        false_lesions=sum(not hit for hit in matches.hits),
        missed_lesions=len(matches.missed),
        features=lesion_features(found, probability),
        hits=tuple(matches.hits),
        truth_lesions_ml=tuple(float(n) * truth.voxel_volume_ml for n in np.bincount(actual.array.ravel())[1:]),
        profile={m.value: input_profile(image) for m, image in images.items()},
    )


THRESHOLDS = tuple(round(0.3 + 0.05 * step, 2) for step in range(11))
"""Probabilities tried by `best_threshold`."""


def best_threshold(bundle: Bundle, datalist: Datalist, segmenter: Segmenter) -> float:
    """The probability from which counting a voxel gives the highest mean Dice over patients, out of fold.

    One number chosen on all cases; the Dice at it is therefore very slightly optimistic.
    """
    patients: dict[str, list[list[float]]] = {}
    for case in datalist.cases:
        images, truth = _load(case, bundle)
        members = bundle.card.unseen_by(case.fold)
        probability = restore(segmenter(prepare(images, bundle.card.spec), members=members), truth).array.max(axis=0)
        real = _real(truth, bundle)
        scores = [dice(probability >= value, real) for value in THRESHOLDS]
        patients.setdefault(case.patient, []).append(scores)
    means = np.mean([np.mean(scores, axis=0) for scores in patients.values()], axis=0)
    return THRESHOLDS[int(np.argmax(means))]


def evaluate(
    bundle: Bundle, datalist: Datalist, segmenter: Segmenter, report: Callable[[CaseScore], None] = lambda score: None
) -> list[CaseScore]:
    """Score every case in order.

    A case whose patient the bundle was trained on is segmented by the one member of the ensemble that was trained
    without that fold; any other case by the whole ensemble.
    """
    scores = []
    for case in datalist.cases:
        scores.append(evaluate_case(case, bundle, partial(segmenter, members=bundle.card.unseen_by(case.fold))))
        report(scores[-1])
    return scores


def _load(case: TrainingCase, bundle: Bundle) -> tuple[dict[Modality, Volume], Volume]:
    """A case's images by modality, and its ground truth."""
    return {m: read_nifti(case.images[m], m) for m in bundle.card.inputs}, read_mask(case.label)


def _real(truth: Volume, bundle: Bundle) -> Array:
    """Voxels of the truth that belong to any of the bundle's labels."""
    return np.isin(truth.array[0], [label.value for label in bundle.card.labels])


def summary(scores: list[CaseScore]) -> dict[str, Any]:
    """Mean over patients (a patient's cases are averaged first), spread, and lesion counts."""
    by_patient: dict[str, list[float]] = {}
    for score in scores:
        by_patient.setdefault(score.patient, []).append(score.dice)
    means = np.array([np.mean(values) for values in by_patient.values()])
    return {
        "patients": len(means),
        "cases": len(scores),
        "dice_mean": round(float(means.mean()), 4),
        "dice_sd": round(float(means.std(ddof=1)), 4) if len(means) > 1 else None,
        "dice_median": round(float(np.median(means)), 4),
        "dice_min": round(float(means.min()), 4),
        "dice_max": round(float(means.max()), 4),
        "lesions_found": sum(s.lesions for s in scores),
        "lesions_false": sum(s.false_lesions for s in scores),
        "lesions_missed": sum(s.missed_lesions for s in scores),
    }


def row(score: CaseScore) -> dict[str, Any]:
    """A score as one flat row of a table."""
    values = asdict(score)
    return {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in values.items()
        if key not in ("features", "hits", "profile", "truth_lesions_ml")
    }
