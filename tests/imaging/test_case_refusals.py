"""Bad input to a case is refused by name, with a remedy."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from miap.errors import InputError
from miap.imaging.case import Case
from miap.imaging.modality import Modality
from tests.dicom_factory import voxels, write_series
from tests.imaging.studies import nifti, petct

CT, PET, T1, T2 = Modality.CT, Modality.PET, Modality.T1, Modality.T2


def text_dicom(tmp: Path) -> list[Path]:
    petct(tmp)
    (tmp / "notes.dcm").write_text("not an image " * 50)
    return [tmp]


def truncated(tmp: Path) -> list[Path]:
    file = next(petct(tmp).rglob("*.dcm"))
    file.write_bytes(file.read_bytes()[:-20])
    return [tmp]


def missing_slice(tmp: Path) -> list[Path]:
    write_series(tmp, "CT", RescaleSlope="1", RescaleIntercept="0")[1].unlink()
    return [tmp]


def two_patients(tmp: Path) -> list[Path]:
    write_series(tmp / "a", "MR", SeriesDescription="T1")
    write_series(tmp / "b", "MR", SeriesDescription="T2", PatientID="P-2", SeriesNumber=2)
    return [tmp]


def evil_zip(tmp: Path) -> list[Path]:
    with zipfile.ZipFile(tmp / "study.zip", "w") as archive:
        archive.writestr("../evil.dcm", b"x")
    return [tmp / "study.zip"]


def empty(tmp: Path) -> list[Path]:
    return [tmp]


def pet_without_weight(tmp: Path) -> list[Path]:
    write_series(tmp, "PT", PatientWeight=None, RescaleSlope="1", RescaleIntercept="0")
    return [tmp]


def written(tmp: Path, name: str, content: bytes) -> list[Path]:
    (tmp / name).write_bytes(content)
    return [tmp / name]


def broken_nifti(tmp: Path) -> list[Path]:
    file = nifti(tmp / "t1.nii.gz")
    file.write_bytes(file.read_bytes()[:-50])
    return [file]


def two_nifti(tmp: Path) -> list[Path]:
    return [nifti(tmp / "a_t1.nii.gz"), nifti(tmp / "b_t1.nii.gz")]


def nifti_and_dicom(tmp: Path) -> list[Path]:
    write_series(tmp / "ct", "CT", RescaleSlope="1", RescaleIntercept="0")
    return [tmp / "ct", nifti(tmp / "ct.nii.gz")]


def without_role(tmp: Path) -> list[Path]:
    write_series(tmp, "MR", SeriesDescription="mystery")
    return [tmp]


BAD: dict[str, tuple[Callable[[Path], list[Path]], str]] = {
    "not there": (lambda tmp: [tmp / "nowhere"], "no file or folder"),
    "an empty folder": (empty, "no DICOM or NIfTI in"),
    "a folder of other files": (lambda tmp: [written(tmp, "a.txt", b"x")[0].parent], "no DICOM or NIfTI in"),
    "a text file": (lambda tmp: written(tmp, "a.txt", b"hello"), "neither DICOM, NIfTI nor zip"),
    "a text file named .dcm": (lambda tmp: written(tmp, "a.dcm", b"hello"), "neither DICOM, NIfTI nor zip"),
    "a text file named .dcm in a study": (text_dicom, "notes.dcm is no DICOM"),
    "a text file named .nii": (lambda tmp: written(tmp, "ct.nii", b"hello"), "no NIfTI"),
    "a text file named .zip": (lambda tmp: written(tmp, "a.zip", b"hello"), "damaged"),
    "truncated DICOM": (truncated, "cut short"),
    "truncated .nii.gz": (broken_nifti, "cut short"),
    "one slice": (lambda tmp: write_series(tmp, "CT", array=voxels((6, 5, 1))), "only slice"),
    "a slice missing": (missing_slice, "A slice is missing"),
    "two patients": (two_patients, "different patients"),
    "PET without weight": (pet_without_weight, "PatientWeight is missing"),
    "a zip that leads outside": (evil_zip, "leads outside"),
    "a NIfTI file without a role": (lambda tmp: [nifti(tmp / "image.nii.gz")], "--image ROLE=image.nii.gz"),
    "a folder with such a file": (lambda tmp: [nifti(tmp / "image.nii.gz").parent], "--image ROLE=image.nii.gz"),
    "two NIfTI files of one role": (two_nifti, "Several images could be the T1.*--image t1=FILE"),
    "a NIfTI file and a series": (nifti_and_dicom, "Several images could be the CT"),
    "only a mask": (lambda tmp: [nifti(tmp / "mask.nii.gz")], "by its name a mask"),
    "MR without a role": (without_role, 'No role was recognised for series 1 "mystery".*--series ROLE=NUMBER'),
}


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_by_name_with_a_remedy(
    make: Callable[[Path], list[Path]], message: str, case_of: Callable[..., Case], tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    with pytest.raises(InputError, match=message) as caught:
        case_of(*make(folder))
    assert str(folder) in str(caught.value)
    assert caught.value.remedy
    assert not list(tmp_path.rglob("evil.dcm"))


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("role", "message"), [(T1, "holds no T1"), (PET, "PatientWeight is missing"), (CT, "A slice is missing")]
)
def test_a_named_image_that_cannot_be_used_is_refused(
    role: Modality, message: str, case_of: Callable[..., Case], tmp_path: Path
) -> None:
    scale = {"RescaleSlope": "1", "RescaleIntercept": "0"}
    write_series(tmp_path / "pet", "PT", PatientWeight=None, **scale)
    write_series(tmp_path / "ct", "CT", **scale)[1].unlink()
    with pytest.raises(InputError, match=message):
        case_of(named={role: tmp_path})


def test_named_images_of_two_patients_are_refused(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "a", "MR", SeriesDescription="T1")
    write_series(tmp_path / "b", "MR", SeriesDescription="T2", PatientID="P-2")
    with pytest.raises(InputError, match="different patients"):
        case_of(named={T1: tmp_path / "a", T2: tmp_path / "b"})


def test_nothing_given_is_refused(case_of: Callable[..., Case]) -> None:
    with pytest.raises(InputError, match="No usable image"):
        case_of()
