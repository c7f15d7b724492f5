"""Writes the DICOM conformance statement from the program itself (PS3.2, in the short form).

    python scripts/conformance.py            # write docs/reference/conformance.md
    python scripts/conformance.py --check    # write nothing; fail if the page is stale

SOP classes and transfer syntaxes are asked of the code and its decoders; the attributes of each object are taken from
objects really written from two phantoms: what is the same in both is fixed, what is the source's is copied.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    MediaStorageDirectoryStorage,
    RTStructureSetStorage,
)

from miap import __version__
from miap.findings.find import find_lesions
from miap.findings.lesion import Code, Findings, Label, Quality
from miap.imaging.header import IMAGE_CLASSES
from miap.imaging.modality import Modality
from miap.imaging.phantom import Ellipsoid, Phantom, thigh_petct
from miap.imaging.segment import Segment
from miap.imaging.segmentation import SEGMENTATION_CLASSES
from miap.imaging.series import Series, read_series
from miap.outputs.encapsulated import write_encapsulated_pdf
from miap.outputs.image_series import write_image_series
from miap.outputs.parametric_map import write_parametric_map
from miap.outputs.rtstruct import write_rtstruct
from miap.outputs.secondary_capture import write_secondary_capture
from miap.outputs.seg import SegKind, write_seg, write_segments
from miap.outputs.sr import write_sr

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "conformance.md"
MADE = "made by MIAP"
KINDS = {
    "seg": "Segmentation, binary (lesions of `miap analyze`, masks of `miap convert`)",
    "fraction": "Segmentation, fractional",
    "map": "Segmentation, label map",
    "sr": "Comprehensive 3D SR (measurements, TID 1500)",
    "rt": "RT Structure Set",
    "pdf": "Encapsulated PDF (report)",
    "pm": "Parametric Map (probability)",
    "sc": "Secondary Capture (key image)",
}
_LONGEST_VALUE = 48
_READ_ALSO = {
    RTStructureSetStorage: "structures as masks",
    MediaStorageDirectoryStorage: "the files it lists, where it is named; passed over in a folder",
}


@dataclass(frozen=True, eq=False)
class Made:
    """An object as written, a header of the series it was made from, and all UIDs of that series."""

    dataset: Dataset
    header: Dataset
    uids: frozenset[str]

    @classmethod
    def of(cls, file: Path, series: Series) -> "Made":
        """Read a file that was written for a series."""
        elements = (element for header in series.instances for element in header if element.VR == "UI")
        return cls(pydicom.dcmread(file), series.instances[0], frozenset(str(element.value) for element in elements))


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` say whether it is right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is stale")
    options = parser.parse_args(arguments)
    content = page()
    if not options.check:
        PAGE.write_text(content, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != content:
        print("docs/reference/conformance.md is stale: run python scripts/conformance.py.", file=sys.stderr)
        return 1
    return 0


def page() -> str:
    """The statement."""
    with tempfile.TemporaryDirectory() as work:
        first, second = (written(Path(work) / str(seed), seed) for seed in (0, 1))
    made = [one.dataset for run in (first, second) for one in run.values()]
    private = sorted({str(element.tag) for one in made for element in one.iterall() if element.tag.is_private})
    syntaxes = sorted({UID(one.file_meta.TransferSyntaxUID).name for one in made})
    schemes = sorted({str(e.value) for one in made for e in one.iterall() if e.keyword == "CodingSchemeDesignator"})
    parts = [
        HEAD,
        "## 3 Media interchange and files\n\n### 3.1 SOP classes read\n",
        _table("SOP class | UID | read as", [_row(_name(uid), f"`{uid}`", what) for uid, what in _read()]),
        "\nOther objects are listed by `miap inspect` and set aside.\n",
        f"### 3.2 Transfer syntaxes read\n\n{SYNTAXES}\n",
        _table("transfer syntax | UID | images decoded", [_row(s.name, f"`{s}`", yes) for s, yes in _syntaxes()]),
        "\n### 3.3 SOP classes written\n",
        _table("SOP class | UID | written as", [_row(_name(u), f"`{u}`", what) for u, what in _by_class(first)]),
        f"\nTransfer syntax of all: {', '.join(syntaxes)}.\n\n{BEHAVIOUR}",
        f"## 6 Annexes\n\n### 6.1 Private attributes\n\nWritten: {', '.join(private) or 'none'}. {PRIVATE}",
        f"### 6.2 Coded terminology\n\nCoding schemes written: {', '.join(schemes)}. {TEMPLATES}",
        f"\n### 6.3 Attributes written\n\n{LEGEND}",
        *(_object(kind, one, second[kind]) for kind, one in first.items()),
    ]
    return "\n".join(parts).rstrip() + "\n"


def written(folder: Path, seed: int) -> dict[str, Made]:
    """One object of each kind; patient, scanner, geometry, model and time differ by seed."""
    phantom, when = _petct(seed), datetime(2024, 1, 1 + seed, 10 + seed, 20 + seed, 30 + seed)
    phantom.write_dicom(folder / "study")
    for file in (folder / "study").rglob("*.dcm"):
        _disguise(file, seed)
    series = {one.modality_code: one for one in read_series([folder / "study"])}
    model, label = _model(seed), _label(seed)
    findings, segments = _findings(phantom, label, model)
    ct = series["CT"]
    files = {name: folder / f"{name}.dcm" for name in ("seg", "fraction", "map", "sr", "rt", "pdf", "pm", "sc")}
    seg = write_seg(files["seg"], ct, phantom.truth, findings, [label], model=model, when=when)
    write_segments(files["fraction"], ct, segments, kind=SegKind.FRACTIONAL, model=model, when=when)
    write_segments(files["map"], ct, segments, kind=SegKind.LABELMAP, model=model, when=when)
    write_sr(files["sr"], [ct, series["PT"]], seg, findings, [label], model=model, when=when)
    write_rtstruct(files["rt"], ct, segments, model=model, when=when)
    (folder / "report.pdf").write_bytes(b"%PDF-1.4 " + bytes([seed + 65]))
    write_encapsulated_pdf(files["pdf"], folder / "report.pdf", ct, findings, model=model, when=when)
    write_parametric_map(files["pm"], ct, segments, model=model, when=when)
    picture = Image.new("RGB", (16 + seed, 18 + seed), (seed, 0, 0))
    write_secondary_capture(
        files["sc"], picture, ct, number=1 + seed, title=f"lesion {seed}", slices=[0], model=model, when=when
    )
    made = {kind: Made.of(files[name], ct) for name, kind in KINDS.items()}
    volumes = {role: phantom.images[role] for role in (Modality.CT, Modality.PET)}
    for role, volume in {**volumes, Modality.T1C: phantom.images[Modality.CT]}.items():
        like = series["PT" if role is Modality.PET else "CT"]
        small = volume.crop((0, 0, 0), (8 + seed, 9 + seed, 2 + seed))
        written_files = write_image_series(
            folder / role, small, role=role, like=like, description=f"{role.words} {seed}", when=when
        )
        name = {Modality.CT: "CT", Modality.PET: "PET"}.get(role, "MR")
        made[f"{name} Image (from NIfTI)"] = Made.of(written_files[seed], like)
    return made


def _petct(seed: int) -> Phantom:
    tumour = Ellipsoid((100.0, -25.0, -30.0 - 4 * seed), (22.0, 16.0, 26.0 + 2 * seed))
    spacing = (3.0 + 0.1 * seed, 3.0 + 0.1 * seed, 5.0 + 0.1 * seed)
    return thigh_petct(
        seed, (tumour,), suv=10.0 + seed, margin_mm=20.0 + 10 * seed, spacing_mm=spacing, pet_spacing_mm=6.0 + seed
    )


def _disguise(file: Path, seed: int) -> None:
    """Make a phantom's instance one of another scanner, hospital and day."""
    dataset = pydicom.dcmread(file)
    dataset.SpecificCharacterSet = ("ISO_IR 192", "ISO_IR 100")[seed]
    dataset.PatientName, dataset.QualityControlSubject = f"Patient^{seed}", ("YES", "NO")[seed]
    dataset.PatientSex, dataset.PatientBirthDate, dataset.PatientAge = "MF"[seed], f"196{seed}0101", f"05{seed}Y"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = f"2023010{1 + seed}", f"0{8 + seed}0000", f"S{seed}"
    dataset.SeriesDate = dataset.AcquisitionDate = dataset.StudyDate
    dataset.AccessionNumber, dataset.ReferringPhysicianName = f"A{seed}", f"Doctor^{seed}"
    dataset.StudyDescription, dataset.PositionReferenceIndicator = f"Study {seed}", f"XY{seed}"
    dataset.Manufacturer, dataset.ManufacturerModelName = f"Maker {seed}", f"Scanner {seed}"
    dataset.InstitutionName, dataset.DeviceSerialNumber = f"Hospital {seed}", f"{1000 + seed}"
    dataset.SoftwareVersions = f"1.{seed}"
    dataset.PatientOrientationCodeSequence = []
    dataset.PatientPosition = ("HFS", "HFP")[seed]
    dataset.SeriesTime = dataset.AcquisitionTime = f"0{8 + seed}3000"
    if dataset.Modality == "PT":
        dataset.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = ""
        dataset.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = f"0{7 + seed}3000"
        dataset.ActualFrameDuration, dataset.FrameReferenceTime = 1000 + seed, float(seed)
    dataset.save_as(file)


def _model(seed: int) -> dict[str, str]:
    return {"name": f"model-{seed}", "version": f"1.0.{seed}", "sha256": str(seed) * 64}


def _label(seed: int) -> Label:
    category = Code("49755003", "SCT", "Morphologically Altered Structure")
    kind = (Code("108369006", "SCT", "Neoplasm"), Code("4147007", "SCT", "Mass"))[seed]
    anatomy = (Code("68367000", "SCT", "Thigh"), Code("30021000", "SCT", "Leg"))[seed]
    return Label(1 + seed, ("tumour", "mass")[seed], category, kind, anatomy)


def _findings(phantom: Phantom, label: Label, model: dict[str, str]) -> tuple[Findings, list[Segment]]:
    truth = phantom.truth.with_array((phantom.truth.array > 0).astype(np.uint8) * label.value)
    probability = truth.with_array((truth.array > 0).astype(np.float32))
    lesions, lesion_map = find_lesions(truth, probability, [label], pet=phantom.images[Modality.PET], slice_axis=2)
    findings = Findings(lesions, Quality("good"), model, {}, lesion_map)
    soft = Segment.of(
        probability, label.value, label.name, algorithm=f"{model['name']} {model['version']}",
        tracking_uid=f"2.25.{label.value}",
    )  # fmt: skip
    return findings, [soft]


def _read() -> list[tuple[UID, str]]:
    images = [(UID(uid), "series of images") for uid in IMAGE_CLASSES]
    masks = [(UID(uid), "segments as masks") for uid in SEGMENTATION_CLASSES]
    return sorted([*images, *masks, *((UID(uid), what) for uid, what in _READ_ALSO.items())])


def _syntaxes() -> Iterator[tuple[UID, str]]:
    """Every transfer syntax that can be read, with what pydicom says of its decoders."""
    for uid in AllTransferSyntaxes:
        if not uid.is_encapsulated:
            yield uid, "yes"
            continue
        try:
            if get_decoder(uid).is_available:
                yield uid, "yes"
        except NotImplementedError:
            continue


def _by_class(run: Mapping[str, Made]) -> list[tuple[UID, str]]:
    found: dict[UID, list[str]] = {}
    for kind, one in run.items():
        found.setdefault(UID(one.dataset.SOPClassUID), []).append(kind)
    return sorted((uid, "; ".join(kinds)) for uid, kinds in found.items())


def _object(kind: str, one: Made, other: Made) -> str:
    rows = [
        _row(f"{'>' * depth}{element.tag}", element.keyword, element.VR, said)
        for depth, element, said in _elements(one.dataset, other.dataset, one, other, 0)
    ]
    name = _name(UID(one.dataset.SOPClassUID))
    return f"#### {kind}\n\nSOP class: {name}.\n\n{_table('tag | attribute | VR | value', rows)}\n"


def _elements(
    dataset: Dataset, twin: Dataset, one: Made, other: Made, depth: int
) -> Iterator[tuple[int, DataElement, str]]:
    """Each attribute of an object and of the first item of its sequences, with where its value comes from."""
    for element in dataset:
        same = twin.get(element.tag)
        if element.keyword == "ContentSequence":
            yield depth, element, "the content tree, by its template"
        elif element.VR != "SQ":
            yield depth, element, _origin(element, same, one, other)
        else:
            yield depth, element, "" if element.value else "empty"
            if element.value:
                below = same.value[0] if same is not None and same.value else Dataset()
                yield from _elements(element.value[0], below, one, other, depth + 1)


def _origin(element: DataElement, twin: DataElement | None, one: Made, other: Made) -> str:
    if element.is_empty and (twin is None or twin.is_empty):
        return "empty"
    text = "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value)
    if twin is not None and twin.value == element.value:
        if element.VR == "UI":
            return MADE if UID(text).name == text else UID(text).name
        plain = element.VR not in ("OB", "OW") and len(text) <= _LONGEST_VALUE and __version__ not in text
        return f"`{text}`" if plain else MADE
    if element.VR == "UI":
        return "copied from the source" if text in one.uids else MADE
    source, its = one.header.get(element.tag), other.header.get(element.tag)
    copied = source is not None and source.value == element.value
    if copied and twin is not None and its is not None and its.value == twin.value:
        return "copied from the source"
    return MADE


def _name(uid: UID) -> str:
    return "Label Map Segmentation Storage" if uid.name == uid else uid.name


def _row(*cells: str) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([f"| {head} |", "|" + "---|" * (head.count(" | ") + 1), *rows])


HEAD = """\
# DICOM conformance statement

Written by `python scripts/conformance.py` from the program itself; do not edit. The order is that of PS3.2, in the
short form.

## 1 Overview

MIAP reads CT, MR and PET studies, segmentations and structure sets from files, and writes its results into the study
they belong to. It is research software, not a medical device.

| service | provided |
|---|---|
| network (DIMSE: storage, query, retrieve, commitment, worklist) | none yet |
| DICOMweb | none yet |
| media: reading files, folders and zips | yes |
| media: writing files | yes, without DICOMDIR |
| de-identification (PS3.15 Annex E) | none yet; results carry the patient of their source |
| transport security | none yet: there is no network service |

## 2 Network

No application entity listens or calls. There is no association, no presentation context and no AE title to configure.
"""
PRIVATE = """\
Read where present: Philips' SUV and activity factors (7053,xx00) and
(7053,xx09), and GE's start of the PET scan (0009,xx0D).
"""
SYNTAXES = """\
All that pydicom and its decoders can decode. A file in another one is
refused with a message that names it, and nothing else is affected. Deflated files are read up to 2 MiB."""
TEMPLATES = "Templates: TID 1500 with TID 1411 for each lesion and TID 1501 for each label."
BEHAVIOUR = """\
### 3.4 Behaviour

- Results belong to the patient and study of their source and share its frame of reference; each makes a new series.
  Series Numbers are from 9001.
- UIDs are under the root `2.25` and follow from what the object says and was made from: the same input gives the same
  UIDs, so that a study that is sent twice fills no archive with copies.
- Nothing is changed or deleted in the source.
- Images of a tilted gantry and at uneven distances are resampled when they are read; masks are written on the slices as
  they were taken. See [coordinates](../explanation/coordinates.md).
- MR Image Storage written from NIfTI with fractions has Rescale Slope and Intercept: a Standard Extended SOP Class.

## 4 Character sets

Read: every one that pydicom decodes (ISO 2022 with and without extensions, ISO_IR 192, GB18030, GBK). Written: the
source's own, so that names stay as they were; ISO_IR 192 where MIAP's texts need more than the source's can hold.

## 5 Security and privacy

No de-identification and no encryption yet. `manifest.json` and the JSON beside converted images name no patient, unless
`--identity` is given.
"""
LEGEND = """\
Of the first item of each sequence. *Copied from the source* is the value of the series that the object belongs to;
a value in code is always that; *made by MIAP* follows from content, model, version or time. Attributes that the source
leaves out are left out here or, where DICOM wants them named, empty.
"""

if __name__ == "__main__":
    sys.exit(main())
