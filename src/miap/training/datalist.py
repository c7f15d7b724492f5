"""Datalists: which files train a model, and which patients are kept apart.

The format is MONAI's datalist (``{"training": [{"image": …, "label": …, "fold": …}]}``) with two additions: ``image``
names files by modality, and ``patient`` says who must never stand on both sides of a fold.
"""

import json
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from miap.errors import InputError
from miap.imaging.modality import Modality


@dataclass(frozen=True)
class TrainingCase:
    """One examination with its ground truth."""

    id: str
    patient: str
    fold: int | None
    images: dict[Modality, Path]
    label: Path


@dataclass(frozen=True)
class Datalist:
    """All cases of a data set, in file order."""

    cases: tuple[TrainingCase, ...]

    @property
    def folds(self) -> tuple[int, ...]:
        """Fold numbers in use, ascending."""
        return tuple(sorted({case.fold for case in self.cases if case.fold is not None}))

    def split(self, fold: int) -> tuple[list[TrainingCase], list[TrainingCase]]:
        """Training and validation cases of a fold; a fold nobody is in trains on everything."""
        return [c for c in self.cases if c.fold != fold], [c for c in self.cases if c.fold == fold]

    @classmethod
    def load(cls, path: Path) -> "Datalist":
        """Read a datalist. File names are relative to ``root``, which may hold ``${VARIABLE}``.

        Raises:
            InputError: The list or a file in it is missing, or a patient stands in two folds.
        """
        try:
            content = json.loads(path.read_text())
            root = _root(content.get("root", "."), path)
            cases = tuple(
                TrainingCase(
                    id=entry["id"],
                    patient=str(entry["patient"]),
                    fold=int(entry["fold"]) if entry.get("fold") is not None else None,
                    images={Modality(name): root / file for name, file in entry["image"].items()},
                    label=root / entry["label"],
                )
                for entry in content["training"]
            )
        except FileNotFoundError as error:
            raise InputError(f"There is no datalist at {path}.", remedy="Check the path.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The datalist {path} cannot be used: {error!r}.",
                remedy="It is JSON: docs/how-to/train.md shows one.",
            ) from error
        _check(cases, path)
        return cls(cases)


def _root(written: str, path: Path) -> Path:
    expanded = os.path.expandvars(written)
    if "$" in expanded:
        raise InputError(f"The datalist {path} needs {written}.", remedy="Set that variable to the folder of the data.")
    return (path.parent / expanded).resolve()


def _check(cases: tuple[TrainingCase, ...], path: Path) -> None:
    folds: defaultdict[str, set[int | None]] = defaultdict(set)
    for case in cases:
        folds[case.patient].add(case.fold)
        for file in (*case.images.values(), case.label):
            if not file.is_file():
                raise InputError(f"{file}, named by {path}, is not there.", remedy="Check the datalist's root.")
    for patient, numbers in folds.items():
        if len(numbers) > 1:
            raise InputError(
                f"Patient {patient} stands in several folds of {path}.",
                remedy="Give all of a patient's examinations the same fold.",
            )
    ids = [case.id for case in cases]
    if len(set(ids)) != len(ids):
        raise InputError(f"{path} names a case twice.", remedy="Give every case an id of its own.")
