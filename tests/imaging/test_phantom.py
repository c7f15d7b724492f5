"""A phantom's files and its record of the truth."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from miap.imaging.modality import Modality
from miap.imaging.phantom import Ellipsoid, Phantom, Plane, brain_mr, thigh_petct

TUMOUR = Ellipsoid((60.0, 5.0, 10.0), (10.0, 8.0, 14.0), (0.0, 0.0, 30.0))
pytestmark = pytest.mark.req("REQ-I-002")


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return thigh_petct(11, [TUMOUR], suv=5.0, core=0.5, margin_mm=12)


def headers(files: list[Path]) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(file, stop_before_pixels=True) for file in files]


def test_record_holds_the_closed_forms(phantom: Phantom) -> None:
    record = phantom.record()
    (lesion,) = record["lesions"]
    assert record["patient_id"] == "PHANTOM-11"
    assert record["images"] == ["ct", "pet"]
    assert lesion["centre_mm"] == [60, 5, 10]
    assert lesion["volume_ml"] == pytest.approx(4 / 3 * np.pi * 10 * 8 * 14 / 1000)
    assert lesion["core_volume_ml"] == pytest.approx(lesion["volume_ml"] / 8)
    assert lesion["longest_diameter_mm"] == pytest.approx(20)
    assert lesion["perpendicular_diameter_mm"] == pytest.approx(16)
    assert lesion["suv"] == 5


def test_diameters_of_the_record_follow_the_slices(phantom: Phantom) -> None:
    (lesion,) = phantom.reoriented((1, 2, 0), (False, True, False)).record()["lesions"]
    assert lesion["longest_diameter_mm"] == pytest.approx(28)
    (core,) = brain_mr(0, [TUMOUR], sequences=[Modality.T1], spacing_mm=(8, 8, 8)).record()["lesions"]
    assert "suv" not in core


def test_dicom_is_one_study_of_a_made_up_patient_with_the_truth_beside(phantom: Phantom, tmp_path: Path) -> None:
    files = phantom.write_dicom(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CT", "PET", "truth.json"]
    assert len(files) == sum(image.shape[2] for image in phantom.images.values())
    datasets = headers(files)
    assert {(d.PatientID, str(d.PatientName)) for d in datasets} == {("PHANTOM-11", "PHANTOM^THIGH")}
    for shared in ("StudyInstanceUID", "FrameOfReferenceUID"):
        assert len({d[shared].value for d in datasets}) == 1
    assert {(d.Modality, d.SeriesDescription) for d in datasets} == {("CT", "CT ATTENUATION"), ("PT", "PET AC")}
    assert {d.Laterality for d in datasets} == {"L"}
    assert json.loads((tmp_path / "truth.json").read_text()) == phantom.record()


def test_same_phantom_same_bytes_other_phantom_other_uids(phantom: Phantom, tmp_path: Path) -> None:
    again = thigh_petct(11, [TUMOUR], suv=5.0, core=0.5, margin_mm=12)
    other = thigh_petct(11, [TUMOUR], suv=5.5, core=0.5, margin_mm=12)
    first, second, third = (p.write_dicom(tmp_path / n) for p, n in ((phantom, "a"), (again, "b"), (other, "c")))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    uids = [{d.SOPInstanceUID for d in headers(files)} for files in (first, third)]
    assert not uids[0] & uids[1]


@pytest.mark.parametrize(("plane", "name"), [(Plane.AXIAL, "AX"), (Plane.SAGITTAL, "SAG"), (Plane.CORONAL, "COR")])
def test_mr_descriptions_name_the_plane(plane: Plane, name: str, tmp_path: Path) -> None:
    files = brain_mr(0, [], plane=plane, spacing_mm=(10.0, 10.0, 10.0)).write_dicom(tmp_path)
    assert {d.SeriesDescription for d in headers(files)} == {
        f"T1 {name} PRE",
        f"T1 {name} POST",
        f"T2 {name}",
        f"FLAIR {name}",
    }


def test_nifti_lies_where_the_volumes_do(phantom: Phantom, tmp_path: Path) -> None:
    files = phantom.write_nifti(tmp_path / "nifti")
    assert [file.name for file in files] == ["ct.nii.gz", "pet.nii.gz"]
    to_ras = np.diag([-1, -1, 1, 1])
    for file, volume in zip([*files, tmp_path / "nifti" / "truth.nii.gz"], [*phantom.images.values(), phantom.truth]):
        image = nib.load(file)
        assert image.affine == pytest.approx(to_ras @ volume.affine, abs=1e-3)
        assert np.asarray(image.dataobj) == pytest.approx(volume.array[0], abs=1e-3)
    assert json.loads((tmp_path / "nifti" / "truth.json").read_text()) == phantom.record()
