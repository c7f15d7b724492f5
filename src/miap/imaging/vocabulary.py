"""The words that tell what a series is, in the languages radiographers write, from ``roles.toml``."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe"})
_GLUED = re.compile(r"(?<!pos)(?<!tes)(?<!c)t([12])(?:w(?:i|eighted)?(?![a-z]))?(?!\d)")
"""T1 and T2 as people write them into other words: AXT1POST, t1ce, T2W."""


@cache
def table() -> Mapping[str, Any]:
    """The content of ``roles.toml``."""
    return tomllib.loads(files("miap.imaging").joinpath("roles.toml").read_text(encoding="utf-8"))


def normal(text: str) -> str:
    """A description as the table's phrases are written: lower case, no accents, words apart.

    Examples:
        >>> normal("AXT1post"), normal("T2*_gre"), normal("T1 w/o après"), normal("t1w+C")
        ('ax t1 post', 't2 star gre', 't1 without apres', 't1 + c')
    """
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    if plain.startswith("sub"):  # sub-012, a BIDS name
        plain = re.sub(r"^sub[-_ ][a-z0-9]*\d[a-z0-9]*", " ", plain)
    plain = re.sub(r"\bw ?/ ?o\b", " without ", plain)
    plain = re.sub(r"\bw ?/ ?", " with ", plain)
    plain = re.sub(r"t2 ?w?\*", " t2 star ", plain)
    plain = _GLUED.sub(r" t\1 ", plain)
    return " ".join(re.sub(r"[^\w+]|_", " ", plain).replace("+", " + ").split())


def said(text: str, section: Mapping[str, Any]) -> str:
    """The longest phrase of a table's section that a normalised text holds; empty if it holds none."""
    found = [match[0].strip() for pattern in _patterns(_phrases(section)) for match in [pattern.search(text)] if match]
    return max(found, key=len, default="")


def said_by_sequence(text: str, section: Mapping[str, Any]) -> str:
    """The same with the names that scanners give their pulse sequences."""
    return said(text, {"any": [*section.get("sequence", ())]}) or said(text, section)


def without(text: str, section: Mapping[str, Any]) -> str:
    """A normalised text without the phrases of a section."""
    for pattern in _patterns(_phrases(section)):
        text = pattern.sub(" ", text)
    return " ".join(text.split())


def among(values: Iterable[str], section: Mapping[str, Any], key: str) -> str:
    """The first of some coded values that a section lists under ``key``; empty if none."""
    listed = section.get(key, ())
    return next((value for value in values if value in listed), "")


_NO_LANGUAGE = {"name", "modalities", "image_type", "sequence", "acquisition_contrast", "kernel"}


def _phrases(section: Mapping[str, Any]) -> tuple[str, ...]:
    lists = (value for key, value in section.items() if key not in _NO_LANGUAGE and isinstance(value, list))
    return tuple(phrase for phrases in lists for phrase in phrases)


@cache
def _patterns(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """One pattern for the phrases of words, one for those that match anywhere."""
    anywhere = [re.escape(normal(phrase)) for phrase in phrases if not phrase.isascii() and _is_cjk(phrase)]
    spaced = [re.escape(phrase).replace(r"\*", r"[^ ]*") for phrase in phrases if not _is_cjk(phrase)]
    spaced.sort(key=len, reverse=True)
    return tuple(
        re.compile(pattern)
        for pattern in (
            rf"(?<!\S)(?:{'|'.join(spaced)})(?!\S)" if spaced else "",
            "|".join(sorted(anywhere, key=len, reverse=True)),
        )
        if pattern
    )


def _is_cjk(phrase: str) -> bool:
    return any("\u3040" <= c <= "\u9fff" for c in phrase)
