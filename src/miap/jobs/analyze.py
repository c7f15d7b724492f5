"""The main road: a study in, findings out.

    receive → assemble → prepare → segment → measure → check → render → deliver

Each step is one call into one room and depends only on what the steps before it returned, so it can be repeated: the
same input gives the same identifiers and the same output.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from miap.errors import InputError
from miap.findings.confidence import Calibration
from miap.findings.find import find_lesions
from miap.findings.lesion import Findings, Quality
from miap.findings.quality import check_quality
from miap.imaging.case import Case, assemble
from miap.imaging.modality import Modality
from miap.imaging.preparation import prepare
from miap.imaging.volume import Volume
from miap.inference.backend import choose_backend
from miap.inference.bundle import Bundle, choose_bundle, find_bundles
from miap.inference.segmenter import Segmenter, restore, threshold
from miap.jobs.rendering import Extra, Outcome, deliver, render
from miap.outputs.folder import ResultFolder
from miap.outputs.manifest import FileRecord
from miap.settings import Settings


class Step(StrEnum):
    """The steps in order, by the names people, progress, audit and metrics use."""

    RECEIVE = "receive"
    ASSEMBLE = "assemble"
    PREPARE = "prepare"
    SEGMENT = "segment"
    MEASURE = "measure"
    CHECK = "check"
    RENDER = "render"
    DELIVER = "deliver"


@dataclass(frozen=True)
class Request:
    """What to analyse and where the result goes.

    Args:
        studies: Folders, files or zips.
        output: Folder to make.
        images: Files whose role the caller states.
        series: Series UID or number the caller chose for a role.
        model: Name of the model; chosen by what the case has if ``None``.
        overwrite: Replace a result that is there.
        also: DICOM objects to write beside those of every result.
    """

    studies: tuple[Path, ...]
    output: Path
    images: Mapping[Modality, Path] = field(default_factory=dict)
    series: Mapping[Modality, str] = field(default_factory=dict)
    model: str | None = None
    overwrite: bool = False
    also: frozenset[Extra] = frozenset()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything the user named."""
        return (*self.studies, *self.images.values())


@dataclass(frozen=True)
class Result:
    """What came out, and the folder it lies in."""

    folder: Path
    findings: Findings
    bundle: Bundle
    notes: tuple[str, ...]


Report = Callable[[Step, float], None]
"""Told the step and the fraction of it that is done: 0 when it begins, 1 when it ends."""


def analyze(
    request: Request, settings: Settings, *, report: Report = lambda step, fraction: None, when: datetime | None = None
) -> Result:
    """Analyse one case and deliver its result folder.

    Args:
        request: What and where to.
        settings: How.
        report: Told of progress.
        when: Time written into the results; now by default.

    Raises:
        InputError: Something given cannot be used.
        NoModelError: No model fits what there is.
        UsageError: The output folder is taken.
    """
    clock, when = Clock(report), when or datetime.now(UTC)
    work = tempfile.TemporaryDirectory(prefix="miap-")
    with work, ResultFolder(request.output, overwrite=request.overwrite) as folder:
        with clock(Step.RECEIVE):
            for path in request.paths:
                if not path.exists():
                    raise InputError(f"There is nothing at {path}.", remedy="Check the path.")
        with clock(Step.ASSEMBLE):
            case = assemble(request.studies, request.images, request.series, workdir=Path(work.name))
            named = ", ".join(map(str, request.paths))
            bundle = choose_bundle(
                find_bundles(settings.models), case.roles, request.model,
                doubtful=case.doubts, case=named, missing=case.missing,
            )  # fmt: skip
            doubts = [case.doubts[role] for role in bundle.card.inputs if role in case.doubts]
            images = case.volumes(bundle.card.inputs)
            _check_also(request, case, bundle)
            inputs = _records(request, case, bundle, Path(work.name))
        with clock(Step.PREPARE):
            prepared = prepare(images, bundle.card.spec)
        with clock(Step.SEGMENT):
            backend = choose_backend(settings)
            segmenter = Segmenter(bundle, backend, memory_gb=settings.memory_gb)
            answer = segmenter(prepared, report=lambda fraction: report(Step.SEGMENT, fraction))
            probability = restore(answer, images[bundle.card.spec.reference])
            segmentation = threshold(probability, bundle)
        slice_axis = 2 if case.images[bundle.card.spec.reference].series else None
        with clock(Step.MEASURE):
            findings = measure(bundle, images, segmentation, probability, inputs, slice_axis)
        with clock(Step.CHECK):
            findings = check(bundle, images, probability, findings, slice_axis, doubts)
        with clock(Step.RENDER):
            outcome = Outcome(
                case, bundle, segmentation, probability, findings, backend.device, backend.precision, when, request.also
            )
            render(outcome, folder)
        with clock(Step.DELIVER):
            findings = deliver(
                outcome, folder, inputs=inputs, settings=_options(request, settings), times_s=clock.seconds
            )
    return Result(request.output, findings, bundle, case.notes)


def measure(
    bundle: Bundle,
    images: Mapping[Modality, Volume],
    segmentation: Volume,
    probability: Volume,
    inputs: Sequence[FileRecord],
    slice_axis: int | None,
) -> Findings:
    """Lesions with their measurements; identifiers follow from the inputs and the model, so they repeat."""
    card = bundle.card
    lesions, lesion_map = find_lesions(
        segmentation,
        probability,
        card.labels,
        pet=images.get(Modality.PET),
        calibration=Calibration.from_dict(card.calibration) if card.calibration else None,
        min_volume_ml=card.min_volume_ml,
        slice_axis=slice_axis,
        limits=card.limits_of_quality,
        namespace=" ".join([bundle.sha256, *sorted(record.sha256 for record in inputs)]),
    )
    return Findings(lesions, Quality("good"), bundle.identity(), {}, lesion_map)


def check(
    bundle: Bundle,
    images: Mapping[Modality, Volume],
    probability: Volume,
    findings: Findings,
    slice_axis: int | None,
    doubts: Sequence[str] = (),
) -> Findings:
    """The findings with what speaks against leaning on them, first the ``doubts`` about what the images are."""
    quality = check_quality(
        findings.lesions,
        images,
        profile=bundle.card.input_profile,
        probability=probability,
        slice_axis=slice_axis,
        limits=bundle.card.limits_of_quality,
    )
    if doubts:
        quality = replace(quality, status="review", flags=(*doubts, *quality.flags))
    return replace(findings, quality=quality)


def _records(request: Request, case: Case, bundle: Bundle, work: Path) -> list[FileRecord]:
    """Every file the analysis reads, told from what the user named."""
    files = [file for modality in bundle.card.inputs for file in case.images[modality].files]
    given = [path.absolute() for path in request.paths]
    common = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in given]))
    zips = {path.name for path in given if not path.is_dir()}
    records = []
    for file in files:
        unpacked = next((p.parent for p in file.parents if p.name in zips and p.is_relative_to(work)), None)
        records.append(FileRecord.of(file.absolute(), root=unpacked or common))
    return records


def _check_also(request: Request, case: Case, bundle: Bundle) -> None:
    """DICOM objects beside the result need a DICOM study to lie in."""
    reference = case.images[bundle.card.spec.reference]
    if request.also and reference.series is None:
        raise InputError(
            f"{', '.join(sorted(request.also))} cannot be written for {reference.files[0]}: it is no DICOM series.",
            remedy="Give the DICOM study, or leave --also out.",
        )


def _options(request: Request, settings: Settings) -> dict[str, Any]:
    return {
        "model": request.model or "chosen by what the case has",
        "also": sorted(request.also),
        "series": {modality.value: chosen for modality, chosen in request.series.items()},
        **settings.model_dump(mode="json", include={"device", "backend", "precision", "memory_gb"}),
    }


class Clock:
    """Times the steps and reports where each begins and ends."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: Step) -> Iterator[None]:
        """Time one step."""
        self.report(step, 0.0)
        started = time.perf_counter()
        yield
        self.seconds[step.value] = time.perf_counter() - started
        self.report(step, 1.0)
