"""Each conversion on its own: what it will be called, and how it is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.uid import RTStructureSetStorage

from miap import __version__
from miap.errors import InputError, UsageError
from miap.imaging.filename import role_from_name
from miap.imaging.header import read_header, sop_class
from miap.imaging.inventory import Entry
from miap.imaging.labelmap import label_map, segments_of
from miap.imaging.labels import Label, read_labels, to_json
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask, read_nifti, write_nifti
from miap.imaging.segment import Segment
from miap.imaging.segmentation import read_segmentation
from miap.imaging.series import Series
from miap.imaging.structure import read_structures
from miap.imaging.suv import suv_factors
from miap.imaging.volume import Array, Volume
from miap.outputs.image_series import SERIES_NUMBER, write_image_series
from miap.outputs.json_file import read_json, write_json
from miap.outputs.rtstruct import write_rtstruct
from miap.outputs.seg import write_segments
from miap.outputs.sidecar import sidecar, struck
from miap.outputs.source import grid

CONVERTER: Mapping[str, str] = {"name": "miap convert", "version": __version__}
"""What a converted object names as its maker; who drew a segment stays with the segment."""


@dataclass(frozen=True)
class Product:
    """One result: its name, the end of its file's name (empty for a folder of slices), and how it is written."""

    name: str
    suffix: str
    write: Callable[[Path], object]


def image_to_nifti(entry: Entry, *, suv: bool, identity: bool) -> Product:
    """A series as an image, with a JSON of its acquisition beside it."""
    series = _series(entry)
    header = series.instances[0]
    strike = (lambda text: text) if identity else struck(header)
    unit = {"CT": "HU", "PT": str(header.get("Units") or "")}.get(series.modality_code, "")
    as_suv = suv and entry.recognition.role is Modality.PET

    def write(file: Path) -> None:
        volume = series.volume()
        if as_suv:
            volume = volume.with_array(volume.array * suv_factors(series.instances).astype(np.float32))
        write_nifti(volume.with_array(_compact(volume.array)), file)
        told = sidecar(series, entry.recognition, unit="SUV" if as_suv else unit, identity=identity)
        write_json(_beside(file), told | ({"Resampled": series.resampled} if series.resampled else {}))

    number = "" if series.number is None else f"{series.number:03d}_"
    part = f"_{series.part}" if series.part else ""
    return Product(f"{number}{strike(series.description) or series.modality_code}{part}", ".nii.gz", write)


def mask_to_nifti(file: Path, references: Sequence[Entry]) -> Product:
    """A segmentation or structure set as a label map, or as one mask a segment where one map cannot hold them."""
    segments = _read(file, references)

    def write(target: Path) -> None:
        together = label_map(segments)
        if together is not None:
            write_nifti(together, target)
            write_json(_beside(target), to_json(segments))
            return
        if len({segment.number for segment in segments}) < len(segments):
            raise InputError(f"{file} gives one number to two segments.", remedy="Export it again.")
        stem = _stem(target)
        names = {one.number: f"{stem}_{one.number:03d}.nii.gz" for one in segments}
        for segment in segments:
            write_nifti(segment.mask, target.with_name(names[segment.number]))
        write_json(_beside(target), to_json(segments, names))

    header = read_header(file)
    kind = "RTSTRUCT" if sop_class(header) == RTStructureSetStorage else "SEG"
    described = struck(header)(str(header.get("SeriesDescription") or ""))
    return Product(f"{kind}_{described or file.stem}", ".nii.gz", write)


def mask_to_object(file: Path, kind: str, references: Sequence[Entry], table: Path | None, when: datetime) -> Product:
    """A label map in NIfTI as a segmentation or structure set on the series it was drawn on."""
    mask = read_mask(file)
    series = _fitting(mask, file, references)
    segments = segments_of(mask, _labels(file, table))
    if not any(not segment.is_empty for segment in segments):
        raise InputError(f"{file} is an empty mask.", remedy="Give a mask with a label.")
    return _object(_stem(file), kind, series, segments, when)


def object_to_object(file: Path, kind: str, references: Sequence[Entry], when: datetime) -> Product:
    """A segmentation as a structure set, or the other way."""
    if not references:
        raise UsageError(f"{file.name} lies on a series.", remedy="Give the study it belongs to: --like STUDY.")
    segments = _read(file, references)
    return _object(file.stem, kind, _one(file, references), segments, when)


def nifti_to_series(file: Path, role: Modality | None, like: Sequence[Entry], when: datetime, number: int) -> Product:
    """An image in NIfTI as a new DICOM series."""
    known = _known(file)
    found = role or _said_role(known) or role_from_name(file)
    if found is None:
        raise UsageError(
            f"The name of {file} does not say what it is.", remedy=f"Say it: --role {', '.join(Modality)}."
        )
    volume = read_nifti(file, found)
    code = {Modality.CT: "CT", Modality.PET: "PT"}.get(found, "MR")
    alike = [_series(one) for one in like if one.header.get("Modality") == code] or [_series(one) for one in like]
    same = [one for one in alike if _same_place(volume, grid(one))]
    described = str(known.get("SeriesDescription") or found.words)
    return Product(
        _stem(file),
        "",
        lambda folder: write_image_series(
            folder, volume, role=found, like=next(iter([*same, *alike]), None), description=described, when=when,
            number=SERIES_NUMBER + number, sidecar=known,
        ),
    )  # fmt: skip


def _object(name: str, kind: str, series: Series, segments: Sequence[Segment], when: datetime) -> Product:
    drawn = [segment for segment in segments if not segment.is_empty] or list(segments)
    writer = write_segments if kind == "seg" else write_rtstruct
    return Product(name, ".dcm", lambda file: writer(file, series, drawn, model=CONVERTER, when=when))


def _read(file: Path, references: Sequence[Entry]) -> list[Segment]:
    """The segments of an object, on the series it was made on; a segmentation without a series has its own grid."""
    if sop_class(read_header(file)) == RTStructureSetStorage:
        if not references:
            raise UsageError(f"{file.name} holds contours, no voxels.", remedy="Give its study: --like STUDY.")
        return read_structures(file, grid(_one(file, references)))
    return read_segmentation(file, grid(_one(file, references)) if references else None)


def _one(file: Path, references: Sequence[Entry]) -> Series:
    """The only series an object may lie on.

    Raises:
        InputError: There are several.
    """
    if len(references) > 1:
        there = "; ".join(one.title for one in references)
        raise InputError(
            f"{file} does not say which of these series it was made on: {there}.", remedy="Say it: --series NUMBER."
        )
    return _series(references[0])


def _fitting(mask: Volume, file: Path, references: Sequence[Entry]) -> Series:
    """The series whose grid a mask has, or the only one there is."""
    matching = [one for one in references if _same_place(mask, grid(_series(one)))]
    return _one(file, matching or references)


def _same_place(one: Volume, other: Volume) -> bool:
    """Whether two grids are the same but for the order and direction of their axes."""
    return one.canonical().same_grid(other.canonical(), tolerance_mm=0.01)


def _labels(file: Path, table: Path | None) -> dict[int, Label]:
    """The labels of a mask: from the table named, else from the JSON beside it if that is one."""
    if table is not None:
        return read_labels(table)
    beside = _beside(file)
    return read_labels(beside) if beside.is_file() else {}


def _known(file: Path) -> dict[str, object]:
    """What the JSON beside an image says; nothing where there is none."""
    beside = _beside(file)
    return read_json(beside) if beside.is_file() else {}


def _said_role(known: Mapping[str, object]) -> Modality | None:
    return next((role for role in Modality if role.value == known.get("Role")), None)


def _series(entry: Entry) -> Series:
    if entry.series is None:
        raise entry.problem or InputError(f"{entry.title} cannot be used.", remedy="Choose another.")
    return entry.series


def _compact(array: Array) -> Array:
    """Whole numbers of 16 bits as such: a quarter of the file, and exact."""
    low, high = float(array.min()), float(array.max())
    if low >= -32768 and high <= 32767 and (np.rint(array) == array).all():
        return array.astype(np.int16)
    return array


def _stem(file: Path) -> str:
    return (
        file.name.removesuffix(".gz").removesuffix(".nii")
        if file.name.lower().endswith((".nii", ".nii.gz"))
        else file.stem
    )


def _beside(file: Path) -> Path:
    return file.with_name(f"{_stem(file)}.json")
