"""The table of labels beside a label map: what each value means, with DICOM codes (``miap.labels/1``)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.sr.coding import Code

from miap.errors import InputError
from miap.imaging.segment import Segment

SCHEMA = "miap.labels/1"
_CODES = ("category", "type", "anatomy")
_MOST = 2**16


@dataclass(frozen=True)
class Label:
    """What is known of one value of a label map; ``None`` and empty where nothing is."""

    value: int
    name: str
    category: Code | None = None
    type: Code | None = None
    anatomy: Code | None = None
    algorithm: str = ""
    tracking_uid: str = ""


def to_json(segments: Sequence[Segment], files: Mapping[int, str] | None = None) -> dict[str, Any]:
    """The table of some segments.

    Args:
        segments: Their numbers are the values.
        files: File of each number, where each has one of its own.
    """
    return {"schema": SCHEMA, "labels": [_entry(segment, (files or {}).get(segment.number)) for segment in segments]}


def read_labels(file: Path) -> dict[int, Label]:
    """A table by value.

    Raises:
        InputError: The file is missing, or is no such table.
    """
    remedy = 'Write {"schema": "miap.labels/1", "labels": [{"value": 1, "name": "…"}]}.'
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content.get("schema") != SCHEMA:
            raise ValueError(f"its schema is {content.get('schema')}")
        labels = [_label(entry) for entry in content["labels"]]
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}).", remedy="Check the name.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{file} is no table of labels ({error!r}).", remedy=remedy) from error
    found = {label.value: label for label in labels}
    if len(found) != len(labels):
        raise InputError(f"{file} names a value twice.", remedy="Name each value once.")
    return found


def _entry(segment: Segment, file: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": segment.number, "name": segment.label}
    for key in _CODES:
        code: Code | None = getattr(segment, key)
        if code is not None:
            entry[key] = {"value": code.value, "scheme": code.scheme_designator, "meaning": code.meaning}
    told = {"algorithm": segment.algorithm, "tracking_uid": segment.tracking_uid, "file": file}
    return entry | {key: value for key, value in told.items() if value}


def _label(entry: Mapping[str, Any]) -> Label:
    value, name = entry["value"], entry["name"]
    if type(value) is not int or not 0 < value < _MOST or not isinstance(name, str) or not name.strip():
        raise ValueError(f"{dict(entry)} has no value from 1 to {_MOST - 1} and name")
    codes = {key: _code(entry[key]) for key in _CODES if entry.get(key)}
    return Label(
        value, name.strip(), **codes, algorithm=str(entry.get("algorithm") or ""),
        tracking_uid=str(entry.get("tracking_uid") or ""),
    )  # fmt: skip


def _code(entry: Mapping[str, Any]) -> Code:
    value, scheme, meaning = (entry[key] for key in ("value", "scheme", "meaning"))
    if not all(isinstance(one, str) and one.strip() for one in (value, scheme, meaning)):
        raise ValueError(f"{dict(entry)} is no code")
    return Code(value.strip(), scheme.strip(), meaning.strip())
