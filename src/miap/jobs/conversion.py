"""Between DICOM series, NIfTI, segmentations and structure sets: what is there, what is wanted, and one by one."""

import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydicom.uid import RTStructureSetStorage

from miap.errors import InputError, UsageError
from miap.imaging.inventory import Entry, Inventory, take_inventory
from miap.imaging.modality import Modality
from miap.imaging.nifti import is_nifti
from miap.imaging.segmentation import SEGMENTATION_CLASSES
from miap.imaging.series import named_series
from miap.jobs.conversion_steps import (
    Product,
    image_to_nifti,
    mask_to_nifti,
    mask_to_object,
    nifti_to_series,
    object_to_object,
)
from miap.outputs.folder import ResultFolder
from miap.outputs.result_file import ResultFile


class Target(StrEnum):
    """What `miap convert` writes."""

    NIFTI = "nifti"
    DICOM = "dicom"
    SEG = "seg"
    RTSTRUCT = "rtstruct"


@dataclass(frozen=True)
class Conversion:
    """What to convert, to what, and where to.

    Args:
        inputs: Folders, files and zips, of one patient.
        output: A file (``.nii``, ``.nii.gz``, ``.dcm``) or a folder.
        to: What to write; told from the output's name and the inputs if ``None``.
        series: Number or UID of the only series to convert, or of the series that masks belong to.
        like: The study that a mask, a structure set or a new series belongs to.
        labels: Table of labels for masks; by default the JSON beside each.
        role: What a NIfTI image is, where its name does not say.
        suv: Whether PET is written as SUV rather than in its own unit.
        identity: Whether the JSON beside an image may tell who the patient is.
        overwrite: Whether what is there is replaced.
    """

    inputs: tuple[Path, ...]
    output: Path
    to: Target | None = None
    series: str | None = None
    like: Path | None = None
    labels: Path | None = None
    role: Modality | None = None
    suv: bool = False
    identity: bool = False
    overwrite: bool = False
    when: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Converted:
    """The files that were written, and what the user should know."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Material:
    """What was found in the inputs and in the study they belong to."""

    entries: list[Entry]
    objects: list[Path]
    nifti: list[Path]
    masks: list[Path]
    references: list[Entry]
    refers_to: dict[Path, tuple[str, ...]]
    notes: list[str]


def convert(conversion: Conversion, *, report: Callable[[str], None] = lambda name: None) -> Converted:
    """Convert; everything is written, or nothing.

    Args:
        conversion: What to do.
        report: Told the name of each file when it is begun.

    Raises:
        InputError: Something given cannot be used, or does not say which series it belongs to.
        UsageError: The output is taken, or inputs and output do not go together.
    """
    with tempfile.TemporaryDirectory(prefix="miap-") as work:
        material = _material(conversion, Path(work))
        target = conversion.to or _target(conversion.output, material)
        products = _products(conversion, target, material)
        if not products:
            raise InputError(
                " ".join([f"Nothing in {_listed(conversion.inputs)} can be converted to {target}.", *material.notes]),
                remedy="miap inspect shows what is there.",
            )
        files = _write(conversion, products, report)
    return Converted(files, tuple(material.notes))


def _material(conversion: Conversion, work: Path) -> _Material:
    inventory = take_inventory(conversion.inputs, workdir=work / "inputs")
    beside = take_inventory([conversion.like], workdir=work / "like") if conversion.like else Inventory(())
    patients = [patient for patient in inventory.patients if patient.studies]
    if len(patients) > 1:
        raise InputError(
            f"{_listed(conversion.inputs)} holds {len(patients)} patients.", remedy="Convert one patient at a time."
        )
    for error in inventory.problems:
        raise error
    entries = [entry for patient in patients for entry in patient.entries]
    notes = [f"{one.title} was left out: {one.problem}" for one in entries if one.series is None and one.problem]
    companions = [one for patient in patients for study in patient.studies for one in study.companions]
    wanted = {*SEGMENTATION_CLASSES, RTStructureSetStorage}
    objects = [one for one in companions if one.sop_class in wanted]
    others = sorted({one.kind for one in companions if one.sop_class not in wanted})
    notes += [f"Not converted: {kind}." for kind in others]
    files = [one for patient in inventory.patients for one in patient.nifti]
    masks = [one.file for one in files if one.is_mask and conversion.role is None]
    references = [one for patient in beside.patients for one in patient.entries if one.series is not None]
    if conversion.like and not references:
        raise InputError(f"{conversion.like} holds no image series.", remedy="Give the study's folder: --like STUDY.")
    return _Material(
        entries=[entry for entry in entries if entry.series is not None],
        objects=[one.file for one in objects],
        nifti=[one.file for one in files if one.file not in masks],
        masks=masks,
        references=references or [entry for entry in entries if entry.series is not None],
        refers_to={one.file: one.refers_to for one in objects},
        notes=notes,
    )


def _target(output: Path, material: _Material) -> Target:
    """What the output's name and the inputs say."""
    if is_nifti(output):
        return Target.NIFTI
    if material.entries or (material.objects and output.suffix.lower() != ".dcm"):
        return Target.NIFTI
    if material.objects:
        raise UsageError(
            "A .dcm may be a segmentation or a structure set.", remedy="Say it: --to seg or --to rtstruct."
        )
    return Target.SEG if material.masks else Target.DICOM


def _products(conversion: Conversion, target: Target, material: _Material) -> list[Product]:
    if target is Target.NIFTI:
        return _to_nifti(conversion, material)
    if target is Target.DICOM:
        return [
            nifti_to_series(file, conversion.role, _like(conversion, material), conversion.when, number)
            for number, file in enumerate(material.nifti)
        ]
    kind = target.value
    made = [
        mask_to_object(file, kind, _candidates(conversion, material), conversion.labels, conversion.when)
        for file in (*material.masks, *material.nifti)
    ]
    for file in material.objects:
        references = _referenced(file, conversion, material)
        made.append(object_to_object(file, kind, references, conversion.when))
    return made


def _to_nifti(conversion: Conversion, material: _Material) -> list[Product]:
    """Images, and the masks that lie on them."""
    chosen = material.entries
    if conversion.series is not None and not conversion.like and chosen:
        chosen = _by_name(conversion.series, chosen)
    only_images = is_nifti(conversion.output) and chosen
    made = [image_to_nifti(entry, suv=conversion.suv, identity=conversion.identity) for entry in chosen]
    if only_images or (conversion.series is not None and chosen):
        if material.objects:
            material.notes.append("Segmentations and structure sets were left out: one series was asked for.")
        return made
    for file in material.objects:
        try:
            made.append(mask_to_nifti(file, _referenced(file, conversion, material)))
        except InputError as error:
            if len(material.objects) == 1 and not made:
                raise
            material.notes.append(f"{file.name} was left out: {error}")
    return made


def _like(conversion: Conversion, material: _Material) -> list[Entry]:
    """The series that a new one is to be like; empty where it stands alone."""
    if not conversion.like:
        return []
    return _by_name(conversion.series, material.references) if conversion.series else material.references


def _candidates(conversion: Conversion, material: _Material) -> list[Entry]:
    """The series that a mask may lie on."""
    if not material.references:
        raise UsageError("A mask lies on a series.", remedy="Give the study it belongs to: --like STUDY.")
    return _by_name(conversion.series, material.references) if conversion.series else material.references


def _referenced(file: Path, conversion: Conversion, material: _Material) -> list[Entry]:
    """The series an object was made on: the one named, else those it refers to, else all."""
    if conversion.series is not None:
        return _by_name(conversion.series, material.references)
    meant = [one for one in material.references if str(one.header.get("SeriesInstanceUID")) in material.refers_to[file]]
    return meant or material.references


def _by_name(wanted: str, entries: Sequence[Entry]) -> list[Entry]:
    """The series of a number or UID.

    Raises:
        InputError: There is none.
    """
    meant = named_series(wanted, [one.series for one in entries if one.series is not None])
    found = [one for one in entries if one.series in meant]
    if not found:
        there = "; ".join(one.title for one in entries) or "none"
        raise InputError(f"No usable series has the number or UID {wanted}.", remedy=f"There are: {there}.")
    return found


def _write(conversion: Conversion, products: Sequence[Product], report: Callable[[str], None]) -> tuple[Path, ...]:
    output = conversion.output
    is_file = is_nifti(output) or output.suffix.lower() == ".dcm"
    if is_file and (len(products) > 1 or products[0].suffix == ""):
        raise UsageError(
            f"{len(products)} results do not go into one file: {', '.join(one.name for one in products)}."
            if len(products) > 1
            else "A series is a folder of files.",
            remedy="Name a folder, or choose one series with --series.",
        )
    place: AbstractContextManager[Path] = (
        ResultFile(output, overwrite=conversion.overwrite)
        if is_file
        else ResultFolder(output, overwrite=conversion.overwrite)
    )
    taken: set[str] = set()
    with place as folder:
        for product in products:
            name = output.name if is_file else _free(product.name, taken) + product.suffix
            report(name)
            product.write(folder / name if product.suffix or len(products) > 1 else folder)
        made = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    root = output.parent if is_file else output
    return tuple(root / file for file in made)


def _free(name: str, taken: set[str]) -> str:
    """A name no other result has, fit for any file system."""
    base = re.sub(r"[^\w.+-]+", "_", name).strip("_.") or "image"
    made, number = base, 1
    while made.casefold() in taken:
        number += 1
        made = f"{base}_{number}"
    taken.add(made.casefold())
    return made


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
