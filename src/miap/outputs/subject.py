"""Whose study it is, in words for a report."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from miap.imaging.series import Series

_SEXES = {"M": "male", "F": "female", "O": "other"}


@dataclass(frozen=True)
class Subject:
    """Patient and study as people read them; ``""`` where not known (a NIfTI file knows none of it)."""

    name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    study_date: str = ""
    study: str = ""
    accession: str = ""

    @classmethod
    def from_series(cls, series: Series) -> "Subject":
        """The subject of a DICOM series."""
        header = series.instances[0]
        return cls(
            name=person_name(_text(header, "PatientName")),
            patient_id=_text(header, "PatientID"),
            birth_date=_date(_text(header, "PatientBirthDate")),
            sex=_SEXES.get(_text(header, "PatientSex"), ""),
            study_date=_date(_text(header, "StudyDate")),
            study=_text(header, "StudyDescription"),
            accession=_text(header, "AccessionNumber"),
        )


def person_name(value: str) -> str:
    """A DICOM person name (PS3.5 6.2.1) as people write it.

    ``Doe^Jane^^Dr=山田^花子`` gives ``Doe, Dr Jane (山田 花子)``: the family name first, set off by a comma,
    and the ideographic group in brackets.
    """
    alphabetic, ideographic, *_ = [*value.split("="), "", ""]
    family, given, middle, prefix, suffix, *_ = [*(part.strip() for part in alphabetic.split("^")), *[""] * 5]
    rest = " ".join(part for part in (prefix, given, middle, suffix) if part)
    western = ", ".join(part for part in (family, rest) if part)
    native = " ".join(part for part in (part.strip() for part in ideographic.split("^")) if part)
    if western and native:
        return f"{western} ({native})"
    return western or native


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    return "" if value is None else "".join(c for c in str(value) if c.isprintable()).strip()


def _date(value: str) -> str:
    """``20261101`` as ``2026-11-01``; anything else as it is."""
    if len(value) == 8 and value.isdigit():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    return value
