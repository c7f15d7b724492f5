"""A real PET/CT through the main road, as DICOM and as NIfTI: every file of the contract, and the same lesions."""

import json
from pathlib import Path

import numpy as np
import pytest

from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask
from miap.jobs.analyze import Request, analyze
from miap.settings import Settings
from miap.training.evaluation import dice
from tests.conftest import Verify

pytestmark = [pytest.mark.slow, pytest.mark.shared_data, pytest.mark.req("REQ-F-002")]

FILES = {
    "findings.json", "lesions.csv", "manifest.json", "overview.png", "report.pdf", "segmentation.nii.gz"
}  # fmt: skip
OBJECTS = {"segmentation.dcm", "measurements.dcm", "report.dcm"}


@pytest.fixture(scope="module")
def from_dicom(shipped: Settings, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = shared_data / "sts_dicom" / "STS_001"
    output = tmp_path_factory.mktemp("dicom") / "out"
    return analyze(Request((study / "CT" / "image", study / "PET" / "image"), output), shipped).folder


@pytest.fixture(scope="module")
def from_nifti(shipped: Settings, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = shared_data / "sts" / "STS_001"
    images = {Modality.CT: study / "CT_image.nii.gz", Modality.PET: study / "PET_image.nii.gz"}
    return analyze(Request((), tmp_path_factory.mktemp("nifti") / "out", images=images), shipped).folder


def test_every_file_of_the_contract_is_there(from_dicom: Path, from_nifti: Path) -> None:
    assert {file.name for file in from_dicom.iterdir()} == FILES | OBJECTS
    assert {file.name for file in from_nifti.iterdir()} == FILES


@pytest.mark.req("REQ-I-002")
def test_both_forms_give_the_same_lesions(from_dicom: Path, from_nifti: Path) -> None:
    a, b = (read_mask(folder / "segmentation.nii.gz").canonical() for folder in (from_dicom, from_nifti))
    assert a.same_grid(b, tolerance_mm=0.01)
    assert dice(a.array > 0, b.array > 0) >= 0.98
    one, other = (json.loads((folder / "findings.json").read_text())["lesions"] for folder in (from_dicom, from_nifti))
    assert len(one) == len(other) > 0
    for lesion, same in zip(one, other, strict=True):
        assert lesion["volume_ml"] == pytest.approx(same["volume_ml"], rel=0.02)
        assert np.allclose(lesion["centroid_mm"], same["centroid_mm"], atol=1)
        assert lesion["suv"]["suv_max"] == pytest.approx(same["suv"]["suv_max"], rel=0.01)


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_dciodvfy_has_no_error(name: str, from_dicom: Path, verify: Verify) -> None:
    assert verify(from_dicom / name) == []


def test_a_glioblastoma_is_outlined_from_one_nifti_file(shipped: Settings, shared_data: Path, tmp_path: Path) -> None:
    image = shared_data / "brain_tumor_progression" / "01" / "Pre_Scan_T1.nii.gz"
    result = analyze(Request((), tmp_path / "out", images={Modality.T1C: image}), shipped)
    assert result.bundle.name == "glioblastoma-t1c"
    assert {file.name for file in result.folder.iterdir()} == FILES
    assert result.findings.lesions
