"""DICOM image series: slices grouped, sorted and checked, and their voxels as a `Volume`.

A classic instance is one slice, an enhanced one has many. What else a folder holds (structure sets, segmentations,
reports, secondary captures, localizers) is set aside with a note.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from miap.errors import InputError
from miap.imaging import stack
from miap.imaging.content import check_range
from miap.imaging.files import files_below
from miap.imaging.header import (
    IMAGE_CLASSES,
    MULTI_FRAME_CLASSES,
    READ_ERRORS,
    is_dicom,
    read_header,
    sop_class,
    words,
)
from miap.imaging.multiframe import frame_headers
from miap.imaging.pixels import AIR_HU, read_slices
from miap.imaging.split import Part, Slice, split
from miap.imaging.straighten import even, straight, tilt_degrees
from miap.imaging.volume import Array, Volume

_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_NO_SLICE = {"LOCALIZER": "localizer", "SCREEN SAVE": "screen save"}


@dataclass(frozen=True, eq=False)
class Series:
    """One stack of slices that make a grid: an image series, or a part of one.

    Args:
        instances: Headers without pixels, in slice order: along the normal, the cross product of row and column
            direction. A frame of a multi-frame object has a header of its own, as if it were an instance.
        files: The file of each.
        frames: Which frame of its file each is, from 0; empty where every file holds one slice.
        part: What tells it from other parts of the series, in words; empty if it is all of it.
        objects: Headers of the multi-frame objects the frames are from.
    """

    instances: tuple[Dataset, ...]
    files: tuple[Path, ...]
    frames: tuple[int, ...] = ()
    part: str = ""
    objects: tuple[Dataset, ...] = ()

    @classmethod
    def of(cls, part: Part) -> "Series":
        """Sort and check the slices of one stack; copies of a slice are dropped.

        Raises:
            InputError: They make no grid (see `stack.order`).
        """
        order = stack.order([one.plane for one in part.slices], [one.frame for one in part.slices])
        kept = [part.slices[i] for i in order]
        objects = {one.file: one.source for one in kept if one.source is not None}
        return cls(
            tuple(one.header for one in kept),
            tuple(one.file for one in kept),
            tuple(one.frame for one in kept) if objects else (),
            part.title,
            tuple(objects.values()),
        )

    @property
    def sources(self) -> tuple[Dataset, ...]:
        """Headers of the SOP instances: of the slices, or of the multi-frame objects that hold them."""
        return self.objects or self.instances

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
        name = " ".join(f'series {"" if self.number is None else self.number} "{self.description}"'.split())
        return f"{name} ({', '.join([*([self.part] if self.part else []), f'{len(self.files)} slices'])})"

    @property
    def resampled(self) -> str:
        """How `volume` differs from the slices as they were taken, in words; empty if it does not."""
        how = []
        if self._uneven:
            gaps = np.diff(self._heights)
            how.append(f"slices {gaps.min():.2f} to {gaps.max():.2f} mm apart were interpolated to even gaps")
        if self._sheared:
            tilt = tilt_degrees(self._grid(np.zeros((len(self.files), 1, 1), dtype=np.float32)))
            how.append(f"a tilt of {tilt:.1f}° was straightened")
        return " and ".join(how)

    def volume(self) -> Volume:
        """The voxels, rescaled slice by slice to the unit the scanner states: CT in HU, PET in its Units.

        Slices at uneven distances are interpolated to even ones, those of a tilted gantry to an orthogonal grid; see
        `resampled`.

        Returns:
            Shape (1, columns, rows, slices), float32. The array's memory runs along columns first.

        Raises:
            InputError: A slice cannot be decoded, or the series holds no image (not finite, or one value everywhere).
        """
        columns, rows = int(self.instances[0].Columns), int(self.instances[0].Rows)
        voxels = np.empty((len(self.files), rows, columns), dtype=np.float32)
        ranges = np.empty((len(self.files), 2), dtype=np.float32)
        members: dict[Path, list[int]] = defaultdict(list)
        for index, file in enumerate(self.files):
            members[file].append(index)

        def read(file: Path) -> None:
            indices = members[file]
            frames = [self.frames[i] for i in indices] if self.frames else [0]
            read_slices(file, [self.instances[i] for i in indices], frames, [voxels[i] for i in indices])
            for index in indices:
                ranges[index] = voxels[index].min(), voxels[index].max()

        with ThreadPoolExecutor() as pool:
            list(pool.map(read, members))
        check_range(float(ranges.min()), float(ranges.max()), f"The series in {self.files[0].parent} ({self.title})")
        volume = self._grid(voxels)
        if self._uneven:
            volume = even(volume, self._heights)
        if self._sheared:
            volume = straight(volume, fill=AIR_HU if self.modality_code == "CT" else 0.0)
        return volume

    @cached_property
    def _heights(self) -> npt.NDArray[np.float64]:
        return stack.heights([stack.Plane.of(*pair) for pair in zip(self.instances, self.files, strict=True)])

    @property
    def _uneven(self) -> bool:
        return stack.is_uneven(self._heights)

    @property
    def _sheared(self) -> bool:
        spacing = min(float(value) for value in self.instances[0].PixelSpacing)
        return stack.is_sheared(stack.affine(self.instances, self.files), len(self.files), spacing)

    def _grid(self, voxels: Array) -> Volume:
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


def named_series(wanted: str, series: Iterable[Series]) -> list[Series]:
    """Those with a Series Instance UID or number; ``5:2`` is the second part of series 5 in the order given."""
    everything = list(series)
    whole = [one for one in everything if wanted in (one.uid, str(one.number))]
    name, _, part = wanted.rpartition(":")
    if whole or not part.isdecimal():
        return whole
    return [one for one in everything if name in (one.uid, str(one.number))][int(part) - 1 : int(part)]


def claims_dicom(file: Path) -> bool:
    """Whether a file is DICOM by its name or its beginning."""
    return file.suffix.lower() in _DICOM_SUFFIXES or is_dicom(file)


def scan(files: Iterable[Path]) -> Scan:
    """Read all headers and group them.

    Raises:
        InputError: A file named as DICOM is none, an image file is cut short, or the images are of several patients.
    """
    groups: dict[str, list[Slice]] = defaultdict(list)
    faults: list[Fault] = []
    aside: Counter[str] = Counter()
    for file in files:
        if not claims_dicom(file):
            aside["other file"] += 1
            continue
        header = read_header(file)
        if sop_class(header) == MediaStorageDirectoryStorage:
            continue
        if reason := _no_image(header):
            aside[reason] += 1
            continue
        try:
            slices = _slices(header, file)
        except InputError as error:
            faults.append(Fault(header, error))
            continue
        for one in slices:
            if reason := _no_slice(one.header):
                aside[reason] += 1
            else:
                groups[str(header.get("SeriesInstanceUID") or file)].append(one)
    _check_patient([*(one for group in groups.values() for one in group)])
    series = []
    for group in groups.values():
        try:
            parts = split(group)
        except InputError as error:
            faults.append(Fault(group[0].header, error))
            continue
        for part in parts:
            try:
                series.append(Series.of(part))
            except InputError as error:
                faults.append(Fault(part.slices[0].header, error))
    series.sort(key=lambda one: (one.study_uid, one.number or 0, one.uid, one.part))
    notes = tuple(f"Set aside: {count} × {reason}." for reason, count in sorted(aside.items()))
    return Scan(tuple(series), tuple(faults), notes)


def _slices(header: Dataset, file: Path) -> list[Slice]:
    """The slices of one object.

    Raises:
        InputError: It has several frames and does not say where they lie.
    """
    if sop_class(header) in MULTI_FRAME_CLASSES:
        try:
            return [Slice(one, file, frame, header) for frame, one in enumerate(frame_headers(header))]
        except READ_ERRORS as error:
            raise InputError(
                f"The frames of {file} cannot be told apart: {error}.", remedy="Export it again."
            ) from error
    if header.get("NumberOfFrames") not in (None, "", 1):
        raise InputError(
            f"{file} holds several frames and does not say where each lies.", remedy="Export it as one file per slice."
        )
    return [Slice(header, file)]


def _no_image(header: Dataset) -> str:
    """What an object is that is no CT, MR or PET; empty if it is one."""
    kind = sop_class(header)
    return "" if kind in IMAGE_CLASSES else UID(kind).name.removesuffix(" Storage")


def _no_slice(header: Dataset) -> str:
    """What an image is that is no slice of an anatomical stack; empty if it is one."""
    for value in words(header, "ImageType"):
        if value in _NO_SLICE:
            return _NO_SLICE[value]
    return "colour image" if header.get("SamplesPerPixel", 1) != 1 else ""


def _check_patient(slices: Sequence[Slice]) -> None:
    patients: dict[str, Path] = {}
    for one in slices:
        patients.setdefault(str(one.header.get("PatientID") or one.header.get("PatientName") or ""), one.file)
    if len(patients) > 1:
        one_file, other, *_ = patients.values()
        raise InputError(f"{one_file} and {other} are of different patients.", remedy="Give one patient at a time.")
