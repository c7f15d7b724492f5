"""What an analysis leaves in its result folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from PIL import Image

from miap.findings.lesion import Findings
from miap.imaging.case import Case
from miap.imaging.modality import Modality
from miap.imaging.nifti import write_nifti
from miap.imaging.series import Series
from miap.imaging.volume import Volume
from miap.inference.bundle import Bundle
from miap.outputs.encapsulated import write_encapsulated_pdf
from miap.outputs.json_file import write_json
from miap.outputs.keyimage import key_image
from miap.outputs.lesions import lesion_colours, lesion_segments, nothing_found, probability_segments
from miap.outputs.manifest import FileRecord, Manifest, folder_records, identity_words, write_manifest
from miap.outputs.parametric_map import write_parametric_map
from miap.outputs.picture import overview
from miap.outputs.report import Report, write_pdf
from miap.outputs.rtstruct import write_rtstruct
from miap.outputs.secondary_capture import write_secondary_capture
from miap.outputs.seg import write_seg
from miap.outputs.source import grid
from miap.outputs.sr import write_sr
from miap.outputs.subject import Subject
from miap.outputs.table import write_csv

KEY_IMAGES = 6
"""Lesions shown one by one in the report, the largest first."""


class Extra(StrEnum):
    """DICOM objects a result holds where they are asked for."""

    RTSTRUCT = "rtstruct"
    PARAMETRIC_MAP = "parametric-map"
    SECONDARY_CAPTURE = "secondary-capture"


@dataclass(frozen=True)
class Outcome:
    """Everything the files of a result are made from."""

    case: Case
    bundle: Bundle
    segmentation: Volume
    probability: Volume
    findings: Findings
    device: str
    precision: str
    when: datetime
    also: frozenset[Extra] = frozenset()

    @property
    def images(self) -> dict[Modality, Volume]:
        """The images the model used, its reference first."""
        return {modality: self.case.images[modality].volume for modality in self.bundle.card.inputs}


def render(outcome: Outcome, folder: Path) -> None:
    """Write pictures, report, mask and table, and for a DICOM reference the SEG, SR and encapsulated PDF."""
    findings, images = outcome.findings, outcome.images
    picture = overview(images, outcome.segmentation, findings)
    picture.save(folder / "overview.png")
    write_nifti(outcome.segmentation, folder / "segmentation.nii.gz")
    write_csv(folder / "lesions.csv", findings)
    series = [image.series for m in outcome.bundle.card.inputs if (image := outcome.case.images[m]).series is not None]
    keys = [key_image(images, outcome.segmentation, findings, lesion) for lesion in findings.lesions[:KEY_IMAGES]]
    write_pdf(
        folder / "report.pdf",
        Report(
            findings=findings,
            subject=Subject.from_series(series[0]) if series else Subject(),
            overview=picture,
            key_images=keys,
            model=_described(outcome.bundle),
            when=outcome.when,
            details=_details(outcome),
        ),
    )
    reference = outcome.case.images[outcome.bundle.card.spec.reference].series
    if reference is None:
        return
    model, labels, when = outcome.bundle.identity(), outcome.bundle.card.labels, outcome.when
    segmentation = write_seg(
        folder / "segmentation.dcm", reference, outcome.segmentation, findings, labels, model=model, when=when
    )
    write_sr(folder / "measurements.dcm", series, segmentation, findings, labels, model=model, when=when)
    write_encapsulated_pdf(folder / "report.dcm", folder / "report.pdf", reference, findings, model=model, when=when)
    _write_extras(outcome, folder, reference, [picture, *keys])


def _write_extras(outcome: Outcome, folder: Path, reference: Series, pictures: Sequence[Image.Image]) -> None:
    """The objects that were asked for beside those of every result."""
    findings, labels = outcome.findings, outcome.bundle.card.labels
    made: dict[str, Any] = {"model": outcome.bundle.identity(), "when": outcome.when}
    if Extra.RTSTRUCT in outcome.also:
        onto = grid(reference)
        lesions = lesion_segments(onto, outcome.segmentation, findings, labels, made["model"])
        structures = lesions or nothing_found(onto, labels, made["model"])
        write_rtstruct(folder / "structures.dcm", reference, structures, colours=lesion_colours(findings), **made)
    if Extra.PARAMETRIC_MAP in outcome.also:
        maps = probability_segments(outcome.probability, labels, made["model"])
        write_parametric_map(folder / "probability.dcm", reference, maps, **made)
    if Extra.SECONDARY_CAPTURE in outcome.also:
        names = ["Overview", *(f"{lesion.label} {lesion.id}" for lesion in findings.lesions)]
        for number, (picture, name) in enumerate(zip(pictures, names, strict=False), 1):
            path = folder / f"key-image-{number}.dcm"
            write_secondary_capture(path, picture, reference, number=number, title=name, **made)


def deliver(
    outcome: Outcome,
    folder: Path,
    *,
    inputs: Sequence[FileRecord],
    settings: Mapping[str, Any],
    times_s: Mapping[str, float],
) -> Findings:
    """Write ``findings.json`` and, last, the manifest with the hash of every other file; returns the findings."""
    findings = replace(outcome.findings, timing_s={step: round(seconds, 3) for step, seconds in times_s.items()})
    write_json(folder / "findings.json", findings.to_json())
    headers = [image.series.instances[0] for image in outcome.case.images.values() if image.series is not None]
    manifest = Manifest(
        created=outcome.when,
        inputs=inputs,
        choices=outcome.case.choices,
        model=outcome.bundle.identity(),
        settings=settings,
        times_s=times_s,
        device=outcome.device,
        precision=outcome.precision,
        outputs=folder_records(folder),
        notes=outcome.case.notes,
        warnings=findings.quality.flags,
        withheld=identity_words(*(str(h.get(k, "")) for h in headers for k in ("PatientName", "PatientID"))),
    )
    write_manifest(folder / "manifest.json", manifest)
    return findings


def _described(bundle: Bundle) -> dict[str, Any]:
    metadata = bundle.metadata
    return {
        **bundle.identity(),
        "citation": " ".join(metadata.get("references", ())[:1]),
        "licence": metadata.get("licence", ""),
    }


def _details(outcome: Outcome) -> dict[str, str]:
    rows = {f"Series used for {choice.role.words}": choice.chosen for choice in outcome.case.choices}
    figures = outcome.bundle.card.metrics
    if "dice_mean" in figures:
        spread = f"{figures['dice_mean']:.2f} ± {figures['dice_sd'] or 0:.2f}"
        rows["Accuracy on unseen patients"] = f"Dice {spread} ({figures['patients']} patients; {figures['how']})"
    return {**rows, "Computed on": f"{outcome.device}, {outcome.precision}"}
