"""Orthanc takes every kind of object MIAP writes, and gives it back unchanged; dcmtk reads each without complaint."""

import shutil
import subprocess
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from miap.imaging.modality import Modality
from miap.imaging.segment import Segment
from miap.outputs.encapsulated import write_encapsulated_pdf
from miap.outputs.image_series import write_image_series
from miap.outputs.parametric_map import write_parametric_map
from miap.outputs.rtstruct import write_rtstruct
from miap.outputs.secondary_capture import write_secondary_capture
from miap.outputs.seg import SegKind, write_seg, write_segments
from miap.outputs.sr import write_sr
from tests.interop.conftest import Orthanc
from tests.outputs.conftest import MODEL, WHEN, SyntheticCase, make_case
from tests.outputs.test_round_trip import GEOMETRIES, segments

pytestmark = [pytest.mark.service, pytest.mark.req("REQ-I-002")]

PIXELS = ("PixelData", "FloatPixelData", "EncapsulatedDocument")
KINDS = {
    "lesions.dcm": "Segmentation",
    "binary.dcm": "Segmentation",
    "fractional.dcm": "Segmentation",
    "label-map.dcm": "1.2.840.10008.5.1.4.1.1.66.7",
    "report.dcm": "Encapsulated PDF",
    "measurements.dcm": "Comprehensive 3D SR",
    "structures.dcm": "RT Structure Set",
    "probability.dcm": "Parametric Map",
    "key-image.dcm": "Secondary Capture Image",
    "image.dcm": "CT Image",
    "of-multi-frame.dcm": "Segmentation",
    "of-tilted.dcm": "RT Structure Set",
}
"""Every kind of object MIAP writes, and the name of its class."""
SENDABLE = [name for name in KINDS if name != "label-map.dcm"]
"""What dcmtk 3.6.7 can send: its list of classes is older than label maps (Supplement 243)."""


def write_all(folder: Path) -> None:
    case, made = make_case(), {"model": MODEL, "when": WHEN}
    seg = write_seg(folder / "lesions.dcm", case.series, case.segmentation, case.findings, case.labels, **made)
    write_sr(folder / "measurements.dcm", [case.series], seg, case.findings, case.labels, **made)
    parts = parts_of(case)
    for name, kind in (("binary", SegKind.BINARY), ("fractional", SegKind.FRACTIONAL), ("label-map", SegKind.LABELMAP)):
        write_segments(folder / f"{name}.dcm", case.series, parts, kind=kind, **made)
    (folder / "report.pdf").write_bytes(b"%PDF-1.4\n%%EOF")
    write_encapsulated_pdf(folder / "report.dcm", folder / "report.pdf", case.series, case.findings, **made)
    write_rtstruct(folder / "structures.dcm", case.series, parts, **made)
    write_parametric_map(folder / "probability.dcm", case.series, parts, **made)
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (51, 101, 3)).astype(np.uint8))
    write_secondary_capture(folder / "key-image.dcm", picture, case.series, number=1, title="Lesion 1", **made)
    image, *_ = write_image_series(
        folder / "images", case.images[Modality.CT], role=Modality.CT, like=case.series, description="again", when=WHEN
    )
    image.rename(folder / "image.dcm")
    for name, geometry, writer in (
        ("of-multi-frame", "enhanced", write_segments), ("of-tilted", "tilted", write_rtstruct)
    ):  # fmt: skip
        series = GEOMETRIES[geometry].write(folder / "study")
        writer(folder / f"{name}.dcm", series, segments(series.volume(), 1), model=MODEL, when=datetime(2026, 1, 2))


def parts_of(case: SyntheticCase) -> list[Segment]:
    grid = case.segmentation
    return [
        Segment.of(grid.with_array((case.findings.lesion_map == n)[None]), n, f"part {n}", algorithm="test 1.0")
        for n in (1, 2)
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    write_all(folder)
    return folder


def without_meta(path_or_file: Any) -> Dataset:
    dataset = pydicom.dcmread(path_or_file)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    return dataset


def same(one: Dataset, other: Dataset) -> None:
    """Every attribute, in every item, and the bytes of pixels and documents."""
    assert {element.tag for element in one} == {element.tag for element in other}
    for element in one:
        assert other[element.tag].VR == element.VR, element
        assert other[element.tag].value == element.value, element
    for keyword in PIXELS:
        assert one.get(keyword) == other.get(keyword)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} (Debian package dcmtk) is not installed")
    return found


@pytest.mark.parametrize("name", SENDABLE)
def test_what_is_sent_over_dicom_comes_back_unchanged(orthanc: Orthanc, written: Path, name: str) -> None:
    sent = without_meta(written / name)
    command = [program("storescu"), "-R", "-aec", "ORTHANC", "127.0.0.1", str(orthanc.dicom_port), str(written / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = orthanc.json("tools/lookup", str(sent.SOPInstanceUID).encode())
    back = without_meta(BytesIO(orthanc.ask(f"instances/{found['ID']}/file")))
    same(sent, back)
    assert back.SOPClassUID.name.removesuffix(" Storage") == KINDS[name]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_posted_comes_back_byte_for_byte(orthanc: Orthanc, written: Path, name: str) -> None:
    content = (written / name).read_bytes()
    sent = without_meta(written / name)
    for known in orthanc.json("tools/lookup", str(sent.SOPInstanceUID).encode()):
        delete(orthanc, known["ID"])
    stored = orthanc.json("instances", content)
    assert stored["Status"] == "Success"
    assert orthanc.ask(f"instances/{stored['ID']}/file") == content


def delete(orthanc: Orthanc, identifier: str) -> None:
    orthanc.ask("tools/bulk-delete", f'{{"Resources": ["{identifier}"]}}'.encode())


def test_all_results_of_a_study_lie_in_it(orthanc: Orthanc, written: Path) -> None:
    for name in KINDS:
        orthanc.json("instances", (written / name).read_bytes())
    uid = str(pydicom.dcmread(written / "lesions.dcm").StudyInstanceUID)
    (study,) = orthanc.json("tools/lookup", uid.encode())
    series = [orthanc.json(f"series/{one}")["MainDicomTags"] for one in orthanc.json(study["Path"][1:])["Series"]]
    of_the_case = len(KINDS) - 2
    assert len(series) == of_the_case
    assert {one["Modality"] for one in series} == {"SEG", "SR", "DOC", "RTSTRUCT", "OT", "CT"}


@pytest.mark.parametrize("name", KINDS)
def test_dcmdump_reads_it_without_complaint(written: Path, name: str) -> None:
    done = subprocess.run([program("dcmdump"), "+L", written / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "SOPInstanceUID" in done.stdout
