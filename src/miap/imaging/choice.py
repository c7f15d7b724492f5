"""Which of several series for one role is best, and why the others are not."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from miap.imaging.header import READ_ERRORS, words
from miap.imaging.modality import Modality
from miap.imaging.role import Recognition, is_reformat
from miap.imaging.series import Series
from miap.imaging.vocabulary import normal, said, table

FULL_COVERAGE = 0.9
"""A series that reaches this part of the longest one's length is as good as complete."""


@dataclass(frozen=True)
class Rejected:
    """What was not taken for a role, and why."""

    series: str
    reason: str


@dataclass(frozen=True)
class Choice:
    """What was taken for a role, how sure its role is and why, what else could have been, and the rule that decided."""

    role: Modality
    chosen: str
    rule: str
    confidence: float = 1.0
    reasons: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, eq=False)
class Candidate:
    """A series that could play a role."""

    series: Series
    recognition: Recognition

    @property
    def title(self) -> str:
        """How messages name it."""
        return self.series.title

    @property
    def seen(self) -> str:
        """What it is, in a line: ``series 4 "AX DWI" (24 slices): diffusion``."""
        sure = f", {self.recognition.confidence:.0%}" if self.recognition.role else ""
        return f"{self.title}: {self.recognition.kind}{sure}"


@dataclass(frozen=True)
class Criterion:
    """One line of the rule: what is better, what a candidate has (less is better), and what it lost by."""

    better: str
    value: Callable[[Candidate], float]
    lost: Callable[[Candidate, Candidate], str]
    full: float = 0.0
    """Values whose size is at least this part of the best count as equal to it."""


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates, the best first: see `RULE`."""
    left, order = list(candidates), []
    while left:
        best = _best(left)
        order.append(best)
        left.remove(best)
    return order


def lost(loser: Candidate, chosen: Candidate) -> str:
    """Why a candidate came behind the chosen one: the first criterion by which it did."""
    for criterion in CRITERIA:
        if chosen in (kept := _keep([loser, chosen], criterion)) and loser not in kept:
            return criterion.lost(loser, chosen)
    return "the same in every respect, with a higher UID"


def _best(candidates: Sequence[Candidate]) -> Candidate:
    left = list(candidates)
    for criterion in CRITERIA:
        left = _keep(left, criterion)
    return min(left, key=lambda one: one.series.uid)


def _keep(candidates: Sequence[Candidate], criterion: Criterion) -> list[Candidate]:
    values = [criterion.value(one) for one in candidates]
    limit = min(values) * criterion.full if criterion.full else min(values)
    return [one for one, value in zip(candidates, values, strict=True) if value <= limit]


def _uncorrected(candidate: Candidate) -> float:
    return float(candidate.recognition.role is Modality.PET and "ATTN" not in _values(candidate, "CorrectedImage"))


def _processed(candidate: Candidate) -> float:
    gated = {"GATED", "DYNAMIC"} & set(_values(candidate, "SeriesType"))
    return float(bool(gated) or is_reformat(candidate.series.instances[0]))


def _sharp(candidate: Candidate) -> float:
    """Whether a CT was reconstructed for bone or lung: by its kernel, else by its description."""
    if candidate.series.modality_code != "CT":
        return 0.0
    section = table()["sharp"]
    for kernel in _values(candidate, "ConvolutionKernel"):
        digits = re.match(r"(FC|[A-Z][A-Z]?) ?(\d\d)", kernel)
        if digits and int(digits[2]) >= section["canon_from" if digits[1] == "FC" else "siemens_from"]:
            return 1.0
        if said(normal(kernel), {"any": section["kernel"]}):
            return 1.0
    return float(bool(said(normal(candidate.series.description), section)))


def _step(candidate: Candidate) -> float:
    """Distance between slices, mm."""
    instances = candidate.series.instances
    if len(instances) < 2:
        return math.inf
    try:
        first, last = (np.array(instances[i].ImagePositionPatient, dtype=float) for i in (0, -1))
    except READ_ERRORS:
        return math.inf
    return float(np.linalg.norm(last - first)) / (len(instances) - 1)


def _length(candidate: Candidate) -> float:
    """Length of the stack, mm, negative: longer is better."""
    step = _step(candidate)
    return -round(step * len(candidate.series.instances), 1) if math.isfinite(step) else 0.0


def _longest_side(candidate: Candidate) -> float:
    return round(max(_step(candidate), *_pixel(candidate)), 1)


def _area(candidate: Candidate) -> float:
    one, other = _pixel(candidate)
    return round(one * other, 3)


def _pixel(candidate: Candidate) -> tuple[float, float]:
    """Pixel spacing, mm."""
    try:
        one, other = candidate.series.instances[0].PixelSpacing
        return float(one), float(other)
    except READ_ERRORS:
        return math.inf, math.inf


def _number(candidate: Candidate) -> float:
    return math.inf if candidate.series.number is None else candidate.series.number


def _values(candidate: Candidate, keyword: str) -> tuple[str, ...]:
    return words(candidate.series.instances[0], keyword)


CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        "a series whose role is sure before one whose role is doubtful",
        lambda one: float(one.recognition.doubtful),
        lambda one, _: f"its role is doubtful ({one.recognition.confidence:.0%}): {one.recognition.because}",
    ),
    Criterion(
        "PET corrected for attenuation",
        _uncorrected,
        lambda *_: "it does not say that it is corrected for attenuation",
    ),
    Criterion(
        "images as they were acquired before reformatted, derived or gated ones",
        _processed,
        lambda *_: "it is reformatted, derived from others, or gated",
    ),
    Criterion(
        "CT for soft tissue before CT for bone or lung", _sharp, lambda *_: "it was reconstructed for bone or lung"
    ),
    Criterion(
        "full coverage (90 % of the longest)",
        _length,
        lambda one, other: f"it covers {-_length(one):.0f} mm, the chosen one {-_length(other):.0f} mm",
        full=FULL_COVERAGE,
    ),
    Criterion(
        "thin, even voxels (the shortest longest side)",
        _longest_side,
        lambda one, other: (
            f"its voxels are {_longest_side(one):g} mm long, the chosen ones {_longest_side(other):g} mm"
        ),
    ),
    Criterion("the smallest pixels", _area, lambda *_: "its pixels are larger"),
    Criterion(
        "the surest role",
        lambda one: -one.recognition.confidence,
        lambda one, other: f"its role is less sure ({one.recognition.confidence:.0%}): {one.recognition.because}",
    ),
    Criterion("the lowest series number", _number, lambda *_: "equally good, with a higher series number"),
)

RULE = "; then ".join(criterion.better for criterion in CRITERIA) + "; then the lowest series UID"
"""How one of several series for a role is chosen."""
