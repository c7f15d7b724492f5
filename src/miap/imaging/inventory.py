"""What files hold: patients, their studies, the series and objects in them, NIfTI files. No pixel is decoded."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from miap.errors import InputError
from miap.imaging.bounded import BoundedFile
from miap.imaging.choice import Candidate, Rejected, lost, ranked
from miap.imaging.companion import Companion
from miap.imaging.filename import is_mask_name, role_from_name
from miap.imaging.files import contents
from miap.imaging.header import IMAGE_CLASSES, READ_ERRORS, is_dicom, read_header, sop_class
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_grid
from miap.imaging.orientation import plane
from miap.imaging.role import Recognition, recognise
from miap.imaging.series import Series, claims_dicom, scan
from miap.imaging.suv import suv_factors
from miap.imaging.volume import Volume

_GLANCE = [
    "SOPClassUID", "PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyDescription",
    "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality",
]  # fmt: skip

Report = Callable[[int, int], None]
"""Told how many of how many things are done."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One image series, or the part of one that makes a stack.

    Args:
        header: Of one of its slices.
        recognition: What it is.
        slices: How many.
        series: The series, ``None`` where it cannot be used.
        problem: Why it cannot be used, or only without its unit (a PET without SUV).
        aside: What of it was set aside, in a phrase.
    """

    header: Dataset
    recognition: Recognition
    slices: int
    series: Series | None = None
    problem: InputError | None = None
    aside: str = ""

    @property
    def usable(self) -> bool:
        """Whether an analysis could use it."""
        return self.series is not None and self.problem is None

    @property
    def title(self) -> str:
        """How messages name it."""
        if self.series is not None:
            return self.series.title
        name = f'series {"" if self.number is None else self.number} "{self.header.get("SeriesDescription") or ""}"'
        return f"{' '.join(name.split())} ({self.slices} images)"

    @property
    def number(self) -> int | None:
        """Series Number; ``None`` where it is absent or no number."""
        text = str(self.header.get("SeriesNumber")).strip()
        return int(text) if text.removeprefix("-").isdecimal() else None

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Pixel width and height and slice distance, mm; ``None`` where the headers do not say."""
        try:
            height, width = (float(value) for value in self.header.PixelSpacing)
            first, last = self._ends()
            return width, height, float(np.linalg.norm(last - first)) / (self.slices - 1)
        except (*READ_ERRORS, ZeroDivisionError):
            return None

    @property
    def orientation(self) -> str:
        """The plane of its slices in words; empty where the headers do not say."""
        try:
            row, column = np.array(self.header.ImageOrientationPatient, dtype=float).reshape(2, 3)
            return plane(np.cross(row, column))
        except READ_ERRORS:
            return ""

    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        instances = self.series.instances if self.series else ()
        one, other = (np.array(instances[i].ImagePositionPatient, dtype=float) for i in (0, -1))
        return one, other


@dataclass(frozen=True, eq=False)
class NiftiFile:
    """One NIfTI file: its grid (``None`` where it cannot be read), and what its name says."""

    file: Path
    grid: Volume | None
    role: Modality | None
    is_mask: bool
    problem: InputError | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """One study of a patient."""

    header: Dataset
    series: tuple[Entry, ...]
    companions: tuple[Companion, ...]


@dataclass(frozen=True, eq=False)
class Best:
    """The series an analysis would take for a role, and why not the others."""

    role: Modality
    title: str
    uid: str
    recognition: Recognition
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, eq=False)
class Patient:
    """What belongs to one patient; NIfTI files, which name none, make up a patient without identity."""

    header: Dataset
    studies: tuple[Study, ...] = ()
    nifti: tuple[NiftiFile, ...] = ()

    @property
    def entries(self) -> list[Entry]:
        """All image series."""
        return [entry for study in self.studies for entry in study.series]

    @property
    def best(self) -> dict[Modality, Best]:
        """What an analysis would use, by role."""
        found: dict[Modality, Best] = {}
        usable = [(one, one.series) for one in self.entries if one.usable and one.series is not None]
        for role in Modality:
            fitting = [Candidate(series, one.recognition) for one, series in usable if one.recognition.role is role]
            if order := ranked(fitting):
                first = order[0]
                rejected = tuple(Rejected(one.title, lost(one, first)) for one in order[1:])
                found[role] = Best(role, first.title, first.series.uid, first.recognition, rejected)
        for file in self.nifti:
            if file.role is not None and not file.is_mask and file.problem is None:
                why = Recognition(file.role, file.role.words, 0.9, ("its name says so",))
                found.setdefault(file.role, Best(file.role, file.file.name, "", why))
        return found

    @property
    def usable(self) -> bool:
        """Whether there is anything an analysis or conversion could use."""
        companions = [one for study in self.studies for one in study.companions if one.contains]
        return (
            any(entry.series is not None for entry in self.entries)
            or any(one.problem is None for one in companions)
            or any(one.problem is None for one in self.nifti)
        )


@dataclass(frozen=True, eq=False)
class Inventory:
    """All that was found.

    Args:
        patients: In the order of their identifiers, NIfTI files last.
        problems: Files that could not be read at all.
        others: How many files are neither DICOM nor NIfTI.
    """

    patients: tuple[Patient, ...]
    problems: tuple[InputError, ...] = field(default=())
    others: int = 0

    @property
    def usable(self) -> bool:
        """Whether there is anything an analysis or conversion could use."""
        return any(patient.usable for patient in self.patients)


def take_inventory(paths: Sequence[Path], *, workdir: Path, report: Report = lambda done, total: None) -> Inventory:
    """Look at everything in folders, files and zips; what cannot be read becomes a problem and stops nothing.

    Args:
        paths: As for `miap.imaging.case.assemble`, but of any number of patients.
        workdir: An empty folder for unpacked zips.
        report: Told of progress, first over files, then over series.

    Raises:
        InputError: A path isn't there, or a zip cannot be trusted.
    """
    found = contents(paths, workdir)
    groups: dict[tuple[str, str, str], list[tuple[Dataset, Path]]] = defaultdict(list)
    problems: list[InputError] = []
    others = 0
    for done, file in enumerate(found.others):
        report(done, len(found.others))
        if not claims_dicom(file):
            others += 1
            continue
        try:
            if not is_dicom(file):
                raise ValueError("it does not begin as DICOM does")
            glance = _glance(file)
            if not (kind := sop_class(glance)):
                raise ValueError("it names no SOP class")
        except InputError as error:
            problems.append(error)
            continue
        except READ_ERRORS as error:
            problems.append(InputError(f"{file} cannot be read as DICOM ({error}).", remedy="Copy or export it again."))
            continue
        if kind != MediaStorageDirectoryStorage:
            keys = (str(glance.get("PatientID") or glance.get("PatientName") or ""), *_uids(glance))
            groups[keys].append((glance, file))
    patients: dict[str, dict[str, list[Entry | Companion]]] = defaultdict(lambda: defaultdict(list))
    headers: dict[tuple[str, str], Dataset] = {}
    for done, ((patient, study, _), members) in enumerate(sorted(groups.items())):
        report(done, len(groups))
        headers.setdefault((patient, study), members[0][0])
        patients[patient][study] += _looked_at(members)
    nifti = tuple(_nifti(file) for file in found.nifti)
    people = [_patient(patient, studies, headers) for patient, studies in patients.items()]
    return Inventory((*people, *([Patient(Dataset(), nifti=nifti)] if nifti else ())), tuple(problems), others)


def _glance(file: Path) -> Dataset:
    """What says where an object belongs, without reading the rest of the header."""
    with BoundedFile(file) as opened:
        if DeflatedExplicitVRLittleEndian.encode() in opened.read(1024):
            return read_header(file)  # it has to be inflated as a whole, and is checked first
        opened.seek(0)
        return pydicom.dcmread(opened, specific_tags=_GLANCE, stop_before_pixels=True, force=True)


def _uids(glance: Dataset) -> tuple[str, str]:
    return str(glance.get("StudyInstanceUID") or ""), str(glance.get("SeriesInstanceUID") or "")


def _patient(
    patient: str, studies: dict[str, list[Entry | Companion]], headers: dict[tuple[str, str], Dataset]
) -> Patient:
    made = []
    for study, things in studies.items():
        entries = sorted((one for one in things if isinstance(one, Entry)), key=_order)
        companions = tuple(one for one in things if isinstance(one, Companion))
        made.append(Study(headers[patient, study], tuple(entries), companions))
    made.sort(key=lambda one: str(one.header.get("StudyDate") or ""))
    return Patient(made[0].header, tuple(made))


def _order(entry: Entry) -> tuple[int, str]:
    return (1 << 31 if entry.number is None else entry.number, str(entry.header.get("SeriesInstanceUID")))


def _looked_at(members: Sequence[tuple[Dataset, Path]]) -> list[Entry | Companion]:
    """One DICOM series: its image stacks, and its other objects one by one."""
    images = [file for glance, file in members if sop_class(glance) in IMAGE_CLASSES]
    things: list[Entry | Companion] = [
        Companion.of(file) for glance, file in members if sop_class(glance) not in IMAGE_CLASSES
    ]
    if not images:
        return things
    header = next(glance for glance, _ in members if sop_class(glance) in IMAGE_CLASSES)
    try:
        scanned = scan(images)
    except InputError as error:
        return [*things, Entry(header, recognise(header), len(images), problem=error)]
    aside = "; ".join(note.removeprefix("Set aside: ").rstrip(".") for note in scanned.notes)
    stacks: Iterable[Entry] = (
        *(_stack(one, aside) for one in scanned.series),
        *(Entry(one.header, recognise(one.header), len(images), problem=one.error) for one in scanned.faults),
    )
    things += stacks or [Entry(header, Recognition(None, aside or "nothing", 1.0, ()), len(images), aside=aside)]
    return things


def _stack(series: Series, aside: str) -> Entry:
    recognition, problem = recognise(series.instances[0]), None
    if recognition.role is Modality.PET:
        try:
            suv_factors(series.instances)
        except InputError as error:
            problem = error
    return Entry(series.instances[0], recognition, len(series.instances), series, problem, aside)


def _nifti(file: Path) -> NiftiFile:
    role, is_mask = role_from_name(file), is_mask_name(file)
    try:
        return NiftiFile(file, read_grid(file), role, is_mask)
    except InputError as error:
        return NiftiFile(file, None, role, is_mask, error)
