"""The run manifest: from what, with what and how a result was made, so that it can be traced and made again."""

import hashlib
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from miap import __version__
from miap.imaging.choice import Choice
from miap.outputs.json_file import write_json

SCHEMA = "miap.manifest/1"
_PACKAGES = {"numpy", "pydicom", "highdicom", "SimpleITK"}
_IF_LOADED = {"torch", "monai", "openvino"}
_WITHHELD = "[patient]"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileRecord:
    """A file as it was when it was read or written: its path relative to what the user named, bytes and SHA-256."""

    path: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, file: Path, *, root: Path) -> "FileRecord":
        """Hash a file in blocks, whatever its size; ``root`` is what its path is told from."""
        digest, size = hashlib.sha256(), 0
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
        name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
        return cls(name, size, digest.hexdigest())


@dataclass(frozen=True)
class Manifest:
    """What is said of a run.

    Args:
        created: Time of the analysis.
        inputs: Every file that was read.
        choices: Which series was taken for which role, how sure that is and why, and by which rule.
        model: ``name``, ``version`` and ``sha256``; other entries are left out.
        settings: Options of the run.
        times_s: Seconds by step.
        device: Where the network ran, for example ``cpu``.
        precision: In what arithmetic, for example ``bf16``.
        outputs: Every file that was written, but the manifest.
        notes: What assembly had to say.
        warnings: What the user should know.
        withheld: Words of the patient's identity, which are struck from paths, choices, notes and warnings.
    """

    created: datetime
    inputs: Sequence[FileRecord]
    choices: Sequence[Choice]
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    times_s: Mapping[str, float]
    device: str
    precision: str
    outputs: Sequence[FileRecord] = ()
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    withheld: Sequence[str] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON values, keys in reading order."""
        strike = Striker(self.withheld)
        return {
            "schema": SCHEMA,
            "created": self.created.isoformat(timespec="seconds"),
            "inputs": [_record(one, strike) for one in sorted(self.inputs, key=lambda record: record.path)],
            "choices": [
                {
                    "role": str(choice.role),
                    "chosen": strike(choice.chosen),
                    "confidence": round(choice.confidence, 2),
                    "reasons": [strike(reason) for reason in choice.reasons],
                    "rejected": [
                        {"series": strike(one.series), "reason": strike(one.reason)} for one in choice.rejected
                    ],
                    "rule": choice.rule,
                }
                for choice in self.choices
            ],
            "notes": [strike(note) for note in self.notes],
            "model": {key: str(self.model.get(key, "")) for key in ("name", "version", "sha256")},
            "settings": dict(self.settings),
            "device": self.device,
            "precision": self.precision,
            "versions": versions(),
            "times_s": {step: round(seconds, 3) for step, seconds in self.times_s.items()},
            "outputs": [_record(one, strike) for one in sorted(self.outputs, key=lambda record: record.path)],
            "warnings": [strike(warning) for warning in self.warnings],
        }


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest (see `miap.outputs.json_file.write_json`)."""
    write_json(path, manifest.to_json())


def folder_records(folder: Path) -> list[FileRecord]:
    """Records of every file below a folder."""
    return [FileRecord.of(file, root=folder) for file in sorted(folder.rglob("*")) if file.is_file()]


def versions() -> dict[str, str]:
    """Versions of MIAP, Python and the packages that shape a result; engines only where they were used."""
    names = sorted(_PACKAGES | {name for name in _IF_LOADED if name in sys.modules}, key=str.lower)
    return {"miap": __version__, "python": platform.python_version(), **{name: _version(name) for name in names}}


def identity_words(*identities: str) -> list[str]:
    """What tells who a patient is: names and identifiers whole, and each part of them of three letters or more.

    Args:
        identities: Person names (with ``^`` and ``=`` between their parts) and identifiers.
    """
    words: dict[str, None] = {}
    for identity in identities:
        parts = [identity, *re.split(r"[\^=\s,]+", identity)]
        words.update(dict.fromkeys(part.strip() for part in parts if len(part.strip()) >= 3))
    return sorted(words, key=len, reverse=True)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _record(record: FileRecord, strike: "Striker") -> dict[str, Any]:
    return {"path": strike(record.path), "bytes": record.bytes, "sha256": record.sha256}


class Striker:
    """Replaces words where they stand by themselves, whatever their case."""

    def __init__(self, words: Iterable[str]) -> None:
        joined = "|".join(re.escape(word) for word in words)
        self._pattern = re.compile(rf"(?<![^\W_])(?:{joined})(?![^\W_])", re.IGNORECASE) if joined else None

    def __call__(self, text: str) -> str:
        """The text with ``[patient]`` for each of the words."""
        return self._pattern.sub(_WITHHELD, text) if self._pattern else text
