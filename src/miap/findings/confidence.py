"""How likely a lesion is to be real, calibrated on lesions of patients the model hadn't seen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from miap.findings.components import lesion_boxes
from miap.imaging.volume import Volume

UNCERTAIN = (0.25, 0.75)
"""A voxel with a probability between these is uncertain."""

_SIGNS = np.array([1, 1, 1, -1])
"""Direction in which each feature may move the confidence."""


@dataclass(frozen=True)
class LesionFeatures:
    """What the confidence in a lesion is computed from.

    Args:
        mean_probability: Mean over the lesion's voxels of the highest label's probability.
        max_probability: Its maximum.
        log_volume: Natural logarithm of the volume in ml.
        uncertain_fraction: Fraction of voxels whose probability lies within `UNCERTAIN`.
    """

    mean_probability: float
    max_probability: float
    log_volume: float
    uncertain_fraction: float


@dataclass(frozen=True)
class Calibration:
    """A logistic model from lesion features to the probability that the lesion is real.

    The features are first cut to the range seen when it was fitted (``low`` to ``high``), so that it never
    extrapolates, then standardised by ``mean`` and ``scale``.

    Args:
        intercept: Log odds of an average lesion.
        coefficients: Log odds per standard deviation of each feature, in the order of `LesionFeatures`.
        mean: Mean of each feature.
        scale: Standard deviation of each feature, 1 where it didn't vary.
        low: Smallest value of each feature.
        high: Largest value of each feature.
        lesions: Number of lesions it was fitted on.
        hits: How many of them were real.
    """

    intercept: float
    coefficients: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    lesions: int
    hits: int

    @classmethod
    def fit(cls, features: Sequence[LesionFeatures], hits: Sequence[bool], *, penalty: float = 1.0) -> "Calibration":
        """Logistic regression on lesions of which it is known whether they are real.

        Instead of 1 and 0 the targets are (h + 1) / (h + 2) and 1 / (m + 2) for h hits and m misses (Platt 1999), and
        ``penalty`` / 2 times the squared coefficients is added to the negative log likelihood. With few lesions the
        fit therefore shrinks to the base rate, and where all are hits it is Laplace's estimate for every lesion. No
        coefficient takes the sign that contradicts its meaning: more probability or volume never lowers the
        confidence, more uncertain voxels never raise it.

        Args:
            features: One entry a lesion.
            hits: Whether it overlaps the truth (`match_lesions`).
            penalty: Strength of the L2 penalty on the standardised coefficients.

        Raises:
            ValueError: The two lists differ in length.
        """
        x = np.array([astuple(f) for f in features], dtype=np.float64).reshape(len(features), len(_SIGNS))
        hit = np.array(hits, dtype=bool)
        if len(x) != len(hit):
            raise ValueError(f"{len(x)} lesions do not fit {len(hit)} answers")
        if not len(x):
            zero, one = (0.0,) * len(_SIGNS), (1.0,) * len(_SIGNS)
            return cls(0.0, zero, zero, one, zero, zero, 0, 0)
        count = int(hit.sum())
        target = np.where(hit, (count + 1) / (count + 2), 1 / (len(hit) - count + 2))
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        scale = np.where(deviation > 1e-9, deviation, 1.0)
        weights = _fitted((x - mean) / scale, target, penalty)
        return cls(
            intercept=float(weights[0]),
            coefficients=_floats(weights[1:]),
            mean=_floats(mean),
            scale=_floats(scale),
            low=_floats(x.min(axis=0)),
            high=_floats(x.max(axis=0)),
            lesions=len(hit),
            hits=count,
        )

    def confidence(self, features: LesionFeatures) -> float:
        """Probability between 0 and 1 that a lesion with these features is real."""
        x = np.clip(astuple(features), self.low, self.high)
        standardised = (x - self.mean) / np.array(self.scale)
        return float(expit(self.intercept + standardised @ np.array(self.coefficients)))

    def to_dict(self) -> dict[str, Any]:
        """For the ``miap.calibration`` section of a bundle's metadata; it says which feature is which."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {"features": [f.name for f in fields(LesionFeatures)], **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Calibration":
        """From `to_dict`'s form.

        Raises:
            ValueError: Something is missing, or it was made for other features.
        """
        names = [f.name for f in fields(LesionFeatures)]
        if list(values.get("features", ())) != names:
            raise ValueError(f"the calibration is for the features {values.get('features')}, not {names}")
        try:
            vectors = {key: _floats(values[key]) for key in ("coefficients", "mean", "scale", "low", "high")}
            calibration = cls(
                intercept=float(values["intercept"]),
                **vectors,
                lesions=int(values["lesions"]),
                hits=int(values["hits"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"the calibration is incomplete: {error}") from error
        if any(len(vector) != len(names) for vector in vectors.values()) or min(calibration.scale) <= 0:
            raise ValueError("the calibration needs one number per feature, and positive scales")
        return calibration


@dataclass(frozen=True)
class Matches:
    """Predicted lesions against true ones.

    Args:
        hits: For each predicted lesion in the order of its number, whether it is real.
        missed: Numbers of the true lesions that no predicted one hit.
        iou: Largest intersection over union of each predicted lesion with a true one.
    """

    hits: tuple[bool, ...]
    missed: tuple[int, ...]
    iou: tuple[float, ...]


def lesion_features(lesion_map: Volume, probability: Volume) -> tuple[LesionFeatures, ...]:
    """Features of each lesion in the order of its number.

    Args:
        lesion_map: Shape (1, x, y, z), as `find_components` numbers it.
        probability: Shape (label, x, y, z) on the same grid. Within a lesion its own label is the most probable one,
            so the highest over labels is taken.

    Raises:
        ValueError: The grids differ.
    """
    if lesion_map.shape != probability.shape:
        raise ValueError(f"probabilities of shape {probability.shape} do not fit a mask of shape {lesion_map.shape}")
    numbers = lesion_map.array[0]
    return tuple(
        features_of(probability.array[(slice(None), *box)][:, numbers[box] == number], lesion_map.voxel_volume_ml)
        for number, box in enumerate(lesion_boxes(numbers), start=1)
    )


def features_of(probability: npt.NDArray[Any], voxel_volume_ml: float) -> LesionFeatures:
    """Features of one lesion from the probabilities of its voxels, shape (label, voxels)."""
    values = probability.max(axis=0).astype(np.float64)
    uncertain = (values >= UNCERTAIN[0]) & (values <= UNCERTAIN[1])
    return LesionFeatures(
        mean_probability=float(values.mean()),
        max_probability=float(values.max()),
        log_volume=float(np.log(len(values) * voxel_volume_ml)),
        uncertain_fraction=float(uncertain.mean()),
    )


def match_lesions(predicted: npt.NDArray[Any], truth: npt.NDArray[Any], *, min_iou: float = 0.1) -> Matches:
    """Which predicted lesions are real, and which real ones were missed.

    A predicted and a true lesion match when their intersection is at least ``min_iou`` of their union. One lesion may
    match several of the other side.

    Args:
        predicted: Lesion map, shape (x, y, z), numbered 1…n.
        truth: The same for the ground truth, 1…m.
        min_iou: Smallest intersection over union of a match.

    Raises:
        ValueError: The maps differ in shape.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"maps of shape {predicted.shape} and {truth.shape} cannot be compared")
    voxels = (predicted != 0) | (truth != 0)
    first, second = predicted[voxels].astype(np.int64), truth[voxels].astype(np.int64)
    rows, columns = (int(side.max(initial=0)) + 1 for side in (first, second))
    shared = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    iou = (shared / np.maximum(union, 1))[1:, 1:]
    matched = (iou >= min_iou) & (shared[1:, 1:] > 0)
    return Matches(
        hits=tuple(matched.any(axis=1).tolist()),
        missed=tuple((np.flatnonzero(~matched.any(axis=0)) + 1).tolist()),
        iou=_floats(iou.max(axis=1, initial=0.0)),
    )


def _fitted(x: npt.NDArray[np.float64], target: npt.NDArray[np.float64], penalty: float) -> npt.NDArray[np.float64]:
    """Intercept and coefficients that minimise the penalised cross entropy, signs held."""
    from scipy.optimize import minimize  # only training fits, and importing it takes as long as a case's measurements

    design = np.column_stack([np.ones(len(x)), x])
    ridge = np.array([0.0, *[penalty] * x.shape[1]])

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        log_odds = design @ weights
        value = np.logaddexp(0, log_odds).sum() - target @ log_odds + 0.5 * ridge @ weights**2
        return float(value), design.T @ (expit(log_odds) - target) + ridge * weights

    start = np.zeros(design.shape[1])
    start[0] = logit(target.mean())
    bounds = [(None, None)] + [(0, None) if sign > 0 else (None, 0) for sign in _SIGNS]
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, tol=1e-12).x)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
