"""What can be run on what is there: an inventory weighed against the installed models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from miap.errors import InputError
from miap.imaging.companion import Companion
from miap.imaging.inventory import Best, Entry, Inventory, NiftiFile, Patient, Study
from miap.imaging.modality import Modality
from miap.imaging.orientation import plane
from miap.imaging.role import looked_for
from miap.inference.bundle import Bundle

SCHEMA = "miap.inspect/1"


@dataclass(frozen=True)
class Fit:
    """Whether a model can be run on a patient's images, on which, and why not or with what doubt."""

    model: str
    version: str
    title: str
    runs: bool
    images: Mapping[Modality, str]
    missing: tuple[Modality, ...]
    doubtful: tuple[Modality, ...]

    @property
    def words(self) -> str:
        """The same in a sentence."""
        if self.missing:
            sought = "; ".join(f"{role.words}, {looked_for(role)}" for role in self.missing)
            return f"Not here: {sought}."
        used = ", ".join(f"{role.words} from {title}" for role, title in self.images.items())
        doubt = f" Doubtful: {', '.join(role.words for role in self.doubtful)}." if self.doubtful else ""
        return f"It would use {used}.{doubt}"


def fits(patient: Patient, bundles: Iterable[Bundle]) -> list[Fit]:
    """Every model against what the patient has, those that can be run first."""
    best = patient.best
    found = []
    for bundle in bundles:
        needs = bundle.card.inputs
        missing = tuple(role for role in needs if role not in best)
        images = {role: best[role].title for role in needs if role in best}
        doubtful = tuple(role for role in needs if role in best and best[role].recognition.doubtful)
        found.append(Fit(bundle.name, bundle.version, bundle.card.title, not missing, images, missing, doubtful))
    return sorted(found, key=lambda fit: (not fit.runs, fit.model))


def to_json(inventory: Inventory, bundles: Sequence[Bundle]) -> dict[str, Any]:
    """The inventory as ``inspection.schema.json`` beside this file describes it."""
    return {
        "schema": SCHEMA,
        "usable": inventory.usable,
        "patients": [_patient(patient, bundles) for patient in inventory.patients],
        "problems": [_problem(error) for error in inventory.problems],
        "other_files": inventory.others,
    }


def _patient(patient: Patient, bundles: Sequence[Bundle]) -> dict[str, Any]:
    return {
        "id": str(patient.header.get("PatientID") or ""),
        "name": str(patient.header.get("PatientName") or ""),
        "studies": [_study(study) for study in patient.studies],
        "nifti": [_nifti(file) for file in patient.nifti],
        "roles": {role.value: _best(best) for role, best in patient.best.items()},
        "models": [_fit(fit) for fit in fits(patient, bundles)],
    }


def _study(study: Study) -> dict[str, Any]:
    return {
        "uid": str(study.header.get("StudyInstanceUID") or ""),
        "date": str(study.header.get("StudyDate") or ""),
        "description": str(study.header.get("StudyDescription") or ""),
        "series": [_series(entry) for entry in study.series],
        "objects": [_companion(companion) for companion in study.companions],
    }


def _series(entry: Entry) -> dict[str, Any]:
    header, found = entry.header, entry.recognition
    return {
        "uid": str(header.get("SeriesInstanceUID") or ""),
        "number": entry.number,
        "description": str(header.get("SeriesDescription") or ""),
        "modality": str(header.get("Modality") or ""),
        "part": entry.series.part if entry.series else "",
        "slices": entry.slices,
        "matrix": _matrix(header),
        "spacing_mm": _rounded(entry.spacing),
        "orientation": entry.orientation,
        "role": found.role and found.role.value,
        "kind": found.kind,
        "confidence": round(found.confidence, 2),
        "doubtful": found.doubtful,
        "reasons": list(found.reasons),
        "resampled": entry.series.resampled if entry.series else "",
        "set_aside": entry.aside,
        "problem": _problem(entry.problem),
    }


def _matrix(header: Dataset) -> list[int] | None:
    sides = [header.get("Columns"), header.get("Rows")]
    return sides if all(isinstance(side, int) for side in sides) else None


def _companion(companion: Companion) -> dict[str, Any]:
    return {
        "file": str(companion.file),
        "kind": companion.kind,
        "description": companion.description,
        "series_uid": companion.series_uid,
        "contains": list(companion.contains),
        "refers_to": list(companion.refers_to),
        "problem": _problem(companion.problem),
    }


def _nifti(file: NiftiFile) -> dict[str, Any]:
    return {
        "file": str(file.file),
        "role": file.role and file.role.value,
        "mask": file.is_mask,
        "matrix": None if file.grid is None else list(file.grid.shape),
        "spacing_mm": None if file.grid is None else _rounded(file.grid.spacing),
        "orientation": "" if file.grid is None else plane(file.grid.direction[:, 2]),
        "problem": _problem(file.problem),
    }


def _best(best: Best) -> dict[str, Any]:
    return {
        "chosen": best.title,
        "uid": best.uid,
        "confidence": round(best.recognition.confidence, 2),
        "doubtful": best.recognition.doubtful,
        "reasons": list(best.recognition.reasons),
        "rejected": [{"series": one.series, "reason": one.reason} for one in best.rejected],
    }


def _fit(fit: Fit) -> dict[str, Any]:
    return {
        "name": fit.model,
        "version": fit.version,
        "finds": fit.title,
        "runs": fit.runs,
        "images": {role.value: title for role, title in fit.images.items()},
        "missing": [role.value for role in fit.missing],
        "doubtful": [role.value for role in fit.doubtful],
        "why": fit.words,
    }


def _problem(error: InputError | None) -> dict[str, str] | None:
    return None if error is None else {"message": error.message, "remedy": error.remedy}


def _rounded(values: Iterable[float] | None) -> list[float] | None:
    return None if values is None else [round(float(value), 4) for value in values]
