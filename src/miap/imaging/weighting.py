"""What an MR series is weighted for, from its words and from the times of its sequence."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from miap.imaging.header import words
from miap.imaging.vocabulary import among, said, said_by_sequence, table

_REFINED = {("t2", "flair"), ("flair", "stir")}
"""Said, measured, and right both times: a FLAIR is a T2, and TIRM is written over long and short inversions."""
_TIMES = ("repetition", "echo", "inversion")


@dataclass(frozen=True)
class Weighting:
    """``kind`` is a key of ``[weighting]`` in ``roles.toml``, or empty where nothing says any."""

    kind: str
    confidence: float
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        """The weighting as people say it."""
        return weighting_name(self.kind)


@dataclass(frozen=True)
class Sign:
    """Something that names weightings, and how it does so in words."""

    kinds: frozenset[str]
    reason: str


def weighting(header: Dataset, description: str, others: Iterable[tuple[str, str]]) -> Weighting:
    """Weigh what is written against what was measured; the numbers are ``[confidence]`` of ``roles.toml``.

    Args:
        header: Of any slice of an MR series.
        description: Series Description, as `vocabulary.normal` leaves it.
        others: Name and normalised text of what speaks where the description does not: protocol, sequence.
    """
    sure = table()["confidence"]
    spoken, weight = written("description", description), sure["words"]
    for source, text in () if spoken else others:
        spoken, weight = written(source, text), sure["protocol"]
        if spoken:
            break
    measured = from_times(header) or from_acquisition_contrast(header)
    if spoken is None:
        if measured is None:
            return Weighting("", 0.0, ("neither the words nor the sequence's times say what it is",))
        return Weighting(next(iter(measured.kinds)), sure["times"], (measured.reason,))
    if measured is None:
        return _from_words(spoken, weight)
    return _weighed(spoken, measured, weight)


def written(source: str, text: str) -> Sign | None:
    """The weightings that a normalised text names."""
    search = said_by_sequence if source == "sequence's name" else said
    found = {kind: phrase for kind, section in table()["weighting"].items() if (phrase := search(text, section))}
    if "flair" in found:  # FLAIR is a T2 unless it says T1 alone
        kinds = {"t1"} if "t1" in found and "t2" not in found else {"flair"}
    elif {"stir", "t2star"} & found.keys():
        kinds = {"stir", "t2star"} & found.keys()
    else:
        kinds = set(found)
    if not kinds:
        return None
    named = " and ".join(f'"{phrase}"' for phrase in dict.fromkeys(found.values()))
    return Sign(frozenset(kinds), f"the {source} says {named}")


def from_times(header: Dataset) -> Sign | None:
    """The weighting that repetition, echo and inversion time (ms), flip angle and field strength make."""
    values = {
        "repetition": first_number(header, "RepetitionTime"),
        "echo": first_number(header, "EchoTime", "EffectiveEchoTime"),
        "inversion": first_number(header, "InversionTime", "InversionTimes") or 0.0,
        "flip": first_number(header, "FlipAngle"),
        "field": first_number(header, "MagneticFieldStrength"),
    }
    gradient = "GR" in words(header, "ScanningSequence")
    for row in table()["times"]:
        ranges = {key: row[key] for key in values if key in row}
        fits = all((value := values[key]) is not None and low <= value <= high for key, (low, high) in ranges.items())
        if fits and row.get("gradient", gradient) == gradient:
            kind = str(row["weighting"])
            return Sign(frozenset({kind}), f"{_told(values)} are those of {weighting_name(kind)}")
    return None


def from_acquisition_contrast(header: Dataset) -> Sign | None:
    """The weighting that enhanced MR states in Acquisition Contrast (PS3.3 C.8.13.3.3.1)."""
    values = words(header, "AcquisitionContrast")
    for kind, section in table()["weighting"].items():
        if among(values, section, "acquisition_contrast"):
            return Sign(frozenset({kind}), f"the scanner calls its contrast {section['name']}")
    return None


def weighting_name(kind: str) -> str:
    """A key of ``[weighting]`` as people say it."""
    return str(table()["weighting"][kind]["name"]) if kind else ""


def _from_words(spoken: Sign, weight: float) -> Weighting:
    if len(spoken.kinds) == 1:
        return Weighting(next(iter(spoken.kinds)), weight, (spoken.reason,))
    if spoken.kinds == {"pd", "t2"}:
        return Weighting("t2", table()["confidence"]["conflict"], (f"{spoken.reason}: two weightings",))
    return Weighting("", 0.0, (f"{spoken.reason}: several weightings",))


def _weighed(spoken: Sign, measured: Sign, weight: float) -> Weighting:
    sure, kind = table()["confidence"], next(iter(measured.kinds))
    both = (spoken.reason, measured.reason)
    if spoken.kinds == measured.kinds:
        return Weighting(kind, max(weight, sure["words_and_times"]), both)
    if len(spoken.kinds) > 1:
        return Weighting(kind, sure["mixed"], both) if kind in spoken.kinds else _from_words(spoken, sure["conflict"])
    (called,) = spoken.kinds
    if (called, kind) in _REFINED:
        return Weighting(kind, sure["refined"], both)
    return Weighting(called, sure["conflict"], (spoken.reason, f"but {measured.reason}"))


def _told(values: Mapping[str, float | None]) -> str:
    """Times as people say them: "repetition time 500 ms and echo time 12 ms"."""
    told = [f"{key} time {value:g} ms" for key, value in values.items() if key in _TIMES and value]
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else "".join(told)


def first_number(header: Dataset, *keywords: str) -> float | None:
    """The first of some attributes that is a finite number; of several values the first."""
    for keyword in keywords:
        value: Any = header.get(keyword)
        try:
            first = float(value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value)
        except (TypeError, ValueError, LookupError):
            continue
        if math.isfinite(first):
            return first
    return None
