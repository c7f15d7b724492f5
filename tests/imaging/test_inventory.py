"""An inventory sees all there is, says what is wrong with it, and stops at nothing."""

from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from miap.errors import InputError
from miap.imaging.inventory import Inventory, take_inventory
from miap.imaging.modality import Modality
from miap.imaging.orientation import plane
from tests.dicom_factory import uid, voxels, write_series
from tests.imaging.studies import nifti, petct, zipped

pytestmark = pytest.mark.req("REQ-I-002")


def taken(*paths: Path, **options: object) -> Inventory:
    return take_inventory(paths, workdir=paths[0].parent / "work", **options)


def test_patients_studies_and_series_are_kept_apart(tmp_path: Path) -> None:
    study = petct(tmp_path / "study")
    write_series(study / "later", "MR", SeriesDescription="T1", StudyInstanceUID=uid("later"), StudyDate="20250101")
    write_series(study / "other", "MR", SeriesDescription="T2", PatientID="P-2")
    found = taken(study)
    assert [str(patient.header.PatientID) for patient in found.patients] == ["P-1", "P-2"]
    first, second = found.patients
    assert [[entry.title for entry in one.series] for one in first.studies] == [
        ['series 2 "CT" (4 slices)', 'series 3 "PT" (4 slices)'],
        ['series 1 "T1" (4 slices)'],
    ]
    assert [entry.recognition.role for entry in second.entries] == [Modality.T2]
    assert list(first.best) == [Modality.T1, Modality.CT, Modality.PET]
    assert found.usable


def test_geometry_is_told_from_headers_alone(tmp_path: Path) -> None:
    (patient,) = taken(petct(tmp_path / "study")).patients
    entry = patient.entries[0]
    assert entry.spacing == pytest.approx((2.0, 1.5, 3.0))
    assert entry.orientation == "axial"
    assert entry.usable


@pytest.mark.req("REQ-NF-R-002")
def test_what_is_wrong_with_one_series_stops_no_other(tmp_path: Path) -> None:
    study = petct(tmp_path / "study")
    gap = write_series(study / "gap", "MR", SeriesNumber=5, SeriesDescription="T1")
    gap[1].unlink()
    cut = write_series(study / "cut", "MR", SeriesNumber=6, SeriesDescription="T2")
    cut[0].write_bytes(cut[0].read_bytes()[:-20])
    write_series(
        study / "noweight", "PT", SeriesNumber=7, SeriesDescription="WB", PatientWeight=None, RescaleSlope="1",
        RescaleIntercept="0",
    )  # fmt: skip
    (study / "notes.dcm").write_text("no DICOM at all " * 20)
    found = taken(study)
    (patient,) = found.patients
    why = {int(one.header.SeriesNumber): str(one.problem or "") for one in patient.entries}
    assert why[2] == why[3] == ""
    assert "A slice is missing" in why[5]
    assert "cut short" in why[6]
    assert "PatientWeight is missing" in why[7]
    assert "notes.dcm" in str(found.problems[0])
    assert list(patient.best) == [Modality.CT, Modality.PET]
    assert patient.best[Modality.PET].title == 'series 3 "PT" (4 slices)'


def test_what_is_set_aside_is_said(tmp_path: Path) -> None:
    write_series(tmp_path / "scout", "CT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], array=voxels((6, 5, 1)))
    (patient,) = taken(tmp_path / "scout").patients
    (entry,) = patient.entries
    assert entry.recognition.role is None
    assert "localizer" in entry.aside or entry.recognition.kind == "localizer"
    assert not entry.usable


def test_nifti_files_are_read_by_name_and_header(tmp_path: Path) -> None:
    nifti(tmp_path / "s" / "a_t1ce.nii.gz")
    nifti(tmp_path / "s" / "a_seg.nii.gz")
    (tmp_path / "s" / "b.nii").write_bytes(b"x" * 400)
    found = taken(tmp_path / "s")
    mask, image, broken = found.patients[0].nifti
    assert (mask.is_mask, mask.role) == (True, None)
    assert (image.role, image.grid.shape) == (Modality.T1C, (6, 5, 4))
    assert not image.grid.array.any(), "no voxel was read"
    assert "b.nii" in str(broken.problem)


def test_zips_and_large_deflated_files_are_looked_at_with_care(tmp_path: Path) -> None:
    study = petct(tmp_path / "study")
    deflated = write_series(tmp_path / "deflated", "CT", transfer_syntax=DeflatedExplicitVRLittleEndian)
    deflated[0].write_bytes(deflated[0].read_bytes() + bytes(3 * 2**20))
    found = take_inventory([zipped(study, tmp_path / "s.zip"), tmp_path / "deflated"], workdir=tmp_path / "work")
    assert list(found.patients[0].best) == [Modality.CT, Modality.PET]
    assert "deflated and too large" in str(found.problems[0])


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    taken(petct(tmp_path / "study"), report=lambda done, total: told.append((done, total)))
    assert told[:8] == [(n, 8) for n in range(8)]
    assert told[8:] == [(0, 2), (1, 2)]


@pytest.mark.req("REQ-NF-R-002")
def test_a_folder_of_nothing_is_not_usable_and_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert not taken(tmp_path / "empty").usable
    with pytest.raises(InputError, match="no file or folder"):
        taken(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("normal", "words"),
    [
        ((0, 0, 1), "axial"), ((0, 0, -1), "axial"), ((1, 0, 0), "sagittal"), ((0, -1, 0), "coronal"),
        ((0, 0.05, 1), "axial"), ((0, 0.5, 0.866), "axial, 30° oblique"),
    ],
)  # fmt: skip
def test_planes_are_named(normal: tuple[float, ...], words: str) -> None:
    assert plane(normal) == words


@pytest.mark.shared_data
def test_real_segmentations_and_structure_sets_say_what_they_hold_and_refer_to(shared_data: Path) -> None:
    found = taken(shared_data / "dicom_cases", shared_data / "sts_dicom" / "STS_007")
    companions = {
        one.file.name: one for patient in found.patients for study in patient.studies for one in study.companions
    }
    assert companions["liver.dcm"].contains == ("Liver",)
    assert companions["partial_overlaps.dcm"].contains == ("GREEN", "ORANGE", "PURPLE", "LIGHT_BLUE", "DARK_BLUE")
    assert companions["sr.dcm"].kind == "Comprehensive SR"
    assert len(companions["sr.dcm"].refers_to) == 3
    assert companions["rt.dcm"].contains == ("ROI-1",)
    series = {entry.header.SeriesInstanceUID for patient in found.patients for entry in patient.entries}
    assert set(companions["RS.dcm"].refers_to) <= series
    assert not found.problems
