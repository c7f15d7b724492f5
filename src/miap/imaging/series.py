"""Classic DICOM series: files grouped, sorted and checked, and their voxels as a `Volume`.

A classic instance is one slice. What else a folder holds (structure sets, segmentations, reports, secondary captures,
localizers) is set aside with a note.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MediaStorageDirectoryStorage,
)

from miap.errors import InputError
from miap.imaging import stack
from miap.imaging.bounded import BoundedFile
from miap.imaging.content import check_content
from miap.imaging.files import files_below
from miap.imaging.header import (
    CLASSIC_CLASSES,
    READ_ERRORS,
    is_dicom,
    number,
    read_header,
    sop_class,
    transfer_syntax,
    words,
)
from miap.imaging.volume import Array, Volume

_MULTI_FRAME_CLASSES = frozenset(
    {
        EnhancedCTImageStorage,
        EnhancedMRImageStorage,
        EnhancedPETImageStorage,
        LegacyConvertedEnhancedCTImageStorage,
        LegacyConvertedEnhancedMRImageStorage,
        LegacyConvertedEnhancedPETImageStorage,
    }
)
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_NO_SLICE = {"LOCALIZER": "localizer", "SCREEN SAVE": "screen save"}


@dataclass(frozen=True, eq=False)
class Series:
    """One image series whose slices make a regular grid.

    Args:
        instances: Headers without pixels, in slice order: along the normal, the cross product of row and column
            direction.
        files: The file of each.
    """

    instances: tuple[Dataset, ...]
    files: tuple[Path, ...]

    @classmethod
    def of(cls, instances: Sequence[Dataset], files: Sequence[Path]) -> "Series":
        """Sort and check the instances of one series; copies of a slice are dropped.

        Raises:
            InputError: They make no regular grid (see `stack.order`), or hold several frames each.
        """
        for instance, file in zip(instances, files, strict=True):
            if instance.get("NumberOfFrames") not in (None, "", 1):
                raise InputError(f"{file} holds several frames.", remedy="Export it as one file per slice.")
        order = stack.order(instances, files)
        return cls(tuple(instances[i] for i in order), tuple(files[i] for i in order))

    @property
    def uid(self) -> str:
        """Series Instance UID."""
        return self._text("SeriesInstanceUID")

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self._text("StudyInstanceUID")

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID; empty if the scanner wrote none."""
        return self._text("FrameOfReferenceUID")

    @property
    def patient_id(self) -> str:
        """Patient ID; empty if there is none."""
        return self._text("PatientID")

    @property
    def modality_code(self) -> str:
        """DICOM Modality: ``CT``, ``MR`` or ``PT``."""
        return self._text("Modality")

    @property
    def description(self) -> str:
        """Series Description."""
        return self._text("SeriesDescription")

    @property
    def number(self) -> int | None:
        """Series Number."""
        text = self._text("SeriesNumber")
        return int(text) if text.lstrip("-").isdigit() else None

    @property
    def title(self) -> str:
        """How messages name it, for example ``series 4 "PET AC" (267 slices)``."""
        name = f'series {"" if self.number is None else self.number} "{self.description}"'
        return f"{' '.join(name.split())} ({len(self.files)} slices)"

    def volume(self) -> Volume:
        """The voxels, rescaled slice by slice to the unit the scanner states: CT in HU, PET in its Units.

        Returns:
            Shape (1, columns, rows, slices), float32. The array's memory runs along columns first.

        Raises:
            InputError: A slice cannot be decoded, or the series holds no image (not finite, or one value everywhere).
        """
        columns, rows = int(self.instances[0].Columns), int(self.instances[0].Rows)
        voxels = np.empty((len(self.files), rows, columns), dtype=np.float32)
        for index, (instance, file) in enumerate(zip(self.instances, self.files, strict=True)):
            voxels[index] = _rescaled(instance, file)
        check_content(voxels, f"The series in {self.files[0].parent} ({self.title})")
        return Volume(voxels.transpose(2, 1, 0)[None], stack.affine(self.instances, self.files))

    def _text(self, keyword: str) -> str:
        value = self.instances[0].get(keyword)
        return "" if value is None else str(value).strip()


@dataclass(frozen=True, eq=False)
class Fault:
    """A series that cannot be used: the header of one instance, and why."""

    header: Dataset
    error: InputError


@dataclass(frozen=True, eq=False)
class Scan:
    """What a set of files holds: usable series, those with a fault, and notes on what was set aside."""

    series: tuple[Series, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def read_series(paths: Iterable[Path]) -> list[Series]:
    """All image series in files and folders, by study, series number and UID.

    Raises:
        InputError: A path isn't there, a file is not what it says or cut short, a series makes no regular grid, or
            the files are of several patients.
    """
    found = scan([file for path in paths for file in files_below(path)])
    for fault in found.faults:
        raise fault.error
    return list(found.series)


def claims_dicom(file: Path) -> bool:
    """Whether a file is DICOM by its name or its beginning."""
    return file.suffix.lower() in _DICOM_SUFFIXES or is_dicom(file)


def scan(files: Iterable[Path]) -> Scan:
    """Read all headers and group them.

    Raises:
        InputError: A file named as DICOM is none, an image file is cut short, or the images are of several patients.
    """
    groups: dict[str, list[tuple[Dataset, Path]]] = defaultdict(list)
    aside: Counter[str] = Counter()
    for file in files:
        if not claims_dicom(file):
            aside["other file"] += 1
            continue
        header = read_header(file)
        if reason := _set_aside(header):
            aside[reason] += 1
        elif sop_class(header) != MediaStorageDirectoryStorage:
            groups[str(header.get("SeriesInstanceUID") or file)].append((header, file))
    _check_patient([member for group in groups.values() for member in group])
    series, faults = [], []
    for group in groups.values():
        headers, places = zip(*group, strict=True)
        try:
            if sop_class(headers[0]) in _MULTI_FRAME_CLASSES:
                raise InputError(f"{places[0]} is an enhanced multi-frame object.", remedy="Export classic slices.")
            series.append(Series.of(headers, places))
        except InputError as error:
            faults.append(Fault(headers[0], error))
    series.sort(key=lambda one: (one.study_uid, one.number or 0, one.uid))
    notes = tuple(f"Set aside: {count} × {reason}." for reason, count in sorted(aside.items()))
    return Scan(tuple(series), tuple(faults), notes)


def _set_aside(header: Dataset) -> str:
    """Why an object is no slice of an image; empty if it is one, or is the directory of a disc."""
    kind = sop_class(header)
    if kind not in CLASSIC_CLASSES | _MULTI_FRAME_CLASSES | {MediaStorageDirectoryStorage}:
        return UID(kind).name.removesuffix(" Storage")
    for value in words(header, "ImageType"):
        if value in _NO_SLICE:
            return _NO_SLICE[value]
    return "colour image" if header.get("SamplesPerPixel", 1) != 1 else ""


def _check_patient(members: Sequence[tuple[Dataset, Path]]) -> None:
    patients: dict[str, Path] = {}
    for header, file in members:
        patients.setdefault(str(header.get("PatientID") or header.get("PatientName") or ""), file)
    if len(patients) > 1:
        one, other, *_ = patients.values()
        raise InputError(f"{one} and {other} are of different patients.", remedy="Give one patient at a time.")


def _rescaled(instance: Dataset, file: Path) -> Array:
    """One slice, shape (rows, columns), times Rescale Slope plus Rescale Intercept (PS3.3 C.11.1)."""
    # CT and PET without them would be in no known unit; MR has none to be in.
    default = (None, None) if str(instance.get("Modality")) in ("CT", "PT") else (1.0, 0.0)
    try:
        if instance.get("ModalityLUTSequence"):
            raise ValueError("it has a Modality LUT")
        slope = number(instance, "RescaleSlope", default[0])
        intercept = number(instance, "RescaleIntercept", default[1])
        with BoundedFile(file) as opened:
            dataset = pydicom.dcmread(opened, force=True)
        dataset.file_meta.TransferSyntaxUID = transfer_syntax(dataset)
        pixels = dataset.pixel_array
        if pixels.shape != (instance.Rows, instance.Columns):
            raise ValueError(f"its pixels are {pixels.shape}")
    except READ_ERRORS as error:
        raise InputError(f"The pixels of {file} cannot be read ({error}).", remedy="Export it again.") from error
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(pixels.astype(np.float32) * np.float32(slope) + np.float32(intercept))
