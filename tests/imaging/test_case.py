"""What a user hands over becomes images by role, or one clear refusal."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from miap.errors import InputError
from miap.imaging.case import Case, assemble
from miap.imaging.choice import RULE, Rejected
from miap.imaging.modality import Modality
from tests.dicom_factory import affine, uid, voxels, write_series

CT, PET, T1, T1C, T2, FLAIR = Modality.CT, Modality.PET, Modality.T1, Modality.T1C, Modality.T2, Modality.FLAIR


@pytest.fixture
def case_of(tmp_path: Path) -> Callable[..., Case]:
    """`assemble` with a folder to unpack in."""
    return lambda *paths, named=None, series=None: assemble(
        paths, named or {}, series or {}, workdir=tmp_path / "workdir"
    )


def nifti(path: Path, seed: int = 0) -> Path:
    """A small NIfTI image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels(seed=seed).astype(np.float32), np.diag([-2.0, -1.5, 3.0, 1.0])), path)
    return path


def petct(folder: Path) -> Path:
    """A CT and a PET with a structure set's worth of other things beside them."""
    write_series(folder / "ct", "CT", RescaleSlope="1", RescaleIntercept="-1024", SeriesNumber=2)
    write_series(folder / "pet", "PT", RescaleSlope="2", RescaleIntercept="0", SeriesNumber=3)
    return folder


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.dcm"):
            archive.write(file, file.relative_to(folder))
    return path


def chosen(case: Case) -> dict[Modality, int | None]:
    """Series number by role."""
    return {role: image.series.number for role, image in case.images.items() if image.series}


def test_pet_ct_comes_in_hu_and_suv(case_of: Callable[..., Case], tmp_path: Path) -> None:
    case = case_of(petct(tmp_path / "study"))
    assert list(case.images) == [CT, PET]
    assert case.images[CT].volume.array[0] == pytest.approx(voxels() - 1024.0)
    factor = 70_000 / 370e6 * 2 ** (3600 / 6586.2)
    assert case.images[PET].volume.array[0] == pytest.approx(voxels() * 2 * factor, rel=1e-5)
    assert [image.volume.modality for image in case.images.values()] == [CT, PET]
    assert case.is_dicom
    assert case.patient_id == "P-1"
    assert case.notes == ()
    assert [(choice.role, choice.rejected, choice.rule) for choice in case.choices] == [
        (CT, (), "the only one"),
        (PET, (), "the only one"),
    ]


def test_folders_files_and_zips_give_the_same_case(case_of: Callable[..., Case], tmp_path: Path) -> None:
    study = petct(tmp_path / "study")
    ways = [
        [study],
        [study / "ct", study / "pet"],
        sorted(study.rglob("*.dcm")),
        [study, study / "ct"],
        [zipped(study, tmp_path / "study.zip")],
        [zipped(study / "ct", tmp_path / "ct.zip"), study / "pet"],
    ]
    cases = [case_of(*paths) for paths in ways]
    for case in cases:
        assert list(case.images) == [CT, PET]
        for role in (CT, PET):
            assert np.array_equal(case.images[role].volume.array, cases[0].images[role].volume.array)
            assert case.images[role].volume.same_grid(cases[0].images[role].volume)
    assert cases[0].files == tuple(sorted(study.rglob("*.dcm"), key=lambda f: (f.parent, _place(f)))), (
        "every file once, by role and slice"
    )


def _place(file: Path) -> float:
    return float(pydicom.dcmread(file).ImagePositionPatient[2])


def test_four_sequences_are_told_apart(case_of: Callable[..., Case], tmp_path: Path) -> None:
    for number, description in enumerate(["T1 AX", "T1 AX POST", "T2 AX", "AX FLAIR", "DWI"], start=1):
        write_series(tmp_path / str(number), "MR", SeriesNumber=number, SeriesDescription=description)
    case = case_of(tmp_path)
    assert chosen(case) == {T1: 1, T1C: 2, T2: 3, FLAIR: 4}
    assert case.notes == ('No role was recognised for series 5 "DWI" (4 slices): diffusion.',)


# Which of several


def test_the_stated_rule_decides_and_is_shown(case_of: Callable[..., Case], tmp_path: Path) -> None:
    thin = affine((1.0, 1.0, 3.0))
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1 few", array=voxels((6, 5, 3)))
    write_series(tmp_path / "2", "MR", SeriesNumber=9, SeriesDescription="T1 fine late", grid=thin)
    write_series(tmp_path / "3", "MR", SeriesNumber=4, SeriesDescription="T1 fine early", grid=thin)
    write_series(tmp_path / "4", "MR", SeriesNumber=2, SeriesDescription="T1 coarse")
    (choice,) = case_of(tmp_path).choices
    assert choice.chosen == 'series 4 "T1 fine early" (4 slices)'
    assert choice.rejected == (
        Rejected('series 9 "T1 fine late" (4 slices)', "equally good, with a higher series number"),
        Rejected('series 2 "T1 coarse" (4 slices)', "its pixels are larger"),
        Rejected('series 1 "T1 few" (3 slices)', "it covers 9 mm, the chosen one 12 mm"),
    )
    assert choice.rule == RULE


@pytest.mark.parametrize(
    "spoiled", [{"CorrectedImage": ["DECY"]}, {"SeriesDescription": "WB NAC"}, {"CorrectedImage": None}]
)
def test_pet_corrected_for_attenuation_comes_first(
    spoiled: dict[str, object], case_of: Callable[..., Case], tmp_path: Path
) -> None:
    write_series(
        tmp_path / "a", "PT", SeriesNumber=1, array=voxels((6, 5, 8)), RescaleSlope="1", RescaleIntercept="0", **spoiled
    )
    write_series(tmp_path / "b", "PT", SeriesNumber=2, RescaleSlope="1", RescaleIntercept="0")
    assert chosen(case_of(tmp_path)) == {PET: 2}


def test_a_series_that_cannot_be_read_is_passed_over_and_says_why(case_of: Callable[..., Case], tmp_path: Path) -> None:
    scale = {"RescaleSlope": "1", "RescaleIntercept": "0"}
    write_series(tmp_path / "a", "PT", SeriesNumber=1, PatientWeight=None, **scale)
    write_series(tmp_path / "b", "PT", SeriesNumber=2, **scale)
    write_series(tmp_path / "c", "PT", SeriesNumber=3, **scale)[1].unlink()
    case = case_of(tmp_path)
    assert chosen(case) == {PET: 2}
    assert not case.faults
    why = {one.series: one.reason for one in case.choices[0].rejected}
    assert "A slice is missing" in why['series 3 "PT"']
    assert "PatientWeight is missing" in why['series 1 "PT" (4 slices)']


@pytest.mark.parametrize("wanted", ["1", str(uid("MR", 1, "T1 few"))])
def test_the_user_may_choose_by_number_or_uid(wanted: str, case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1 few", array=voxels((6, 5, 3)))
    write_series(tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="T1 many")
    case = case_of(tmp_path, series={T1: wanted})
    assert chosen(case) == {T1: 1}
    assert case.choices[0].rule == "named by the user"


def test_a_chosen_series_may_play_a_role_its_header_does_not_say(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1 AX")
    write_series(tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="mystery")
    assert chosen(case_of(tmp_path, series={T1C: "1"})) == {T1C: 1}, "and it plays no other"
    assert chosen(case_of(tmp_path, series={FLAIR: "2"})) == {T1: 1, FLAIR: 2}


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({CT: "7"}, "No series has the number or UID 7"),
        ({CT: "3"}, "is PT, no CT"),
        ({PET: "2"}, "is CT, no PET"),
        ({T1: "2"}, "is CT, no T1"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    series: dict[Modality, str], message: str, case_of: Callable[..., Case], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        case_of(petct(tmp_path / "study"), series=series)
    assert 'CT series 2 "CT" (4 slices)' in caught.value.remedy


def test_a_number_two_series_share_is_refused(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1 a")
    write_series(tmp_path / "2", "MR", SeriesNumber=1, SeriesDescription="T1 b")
    with pytest.raises(InputError, match="Several series have"):
        case_of(tmp_path, series={T1: "1"})


def test_a_chosen_series_with_a_fault_says_it(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1 a")
    write_series(tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="T1 b")[1].unlink()
    with pytest.raises(InputError, match="missing"):
        case_of(tmp_path, series={T1: "2"})


# Faults


def test_a_role_with_a_fault_waits_for_who_needs_it(case_of: Callable[..., Case], tmp_path: Path) -> None:
    study = petct(tmp_path / "study")
    sorted((study / "pet").iterdir())[1].unlink()
    case = case_of(study)
    assert list(case.images) == [CT]
    assert case.roles == {CT, PET}
    assert list(case.volumes([CT])) == [CT]
    assert case.notes[0].startswith("PET was left out: A slice is missing")
    with pytest.raises(InputError, match="A slice is missing"):
        case.volumes([CT, PET])


def test_a_fault_in_a_series_without_role_is_a_note(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesDescription="T1")
    write_series(tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="SURVEY", array=voxels((6, 5, 1)))
    case = case_of(tmp_path)
    assert list(case.images) == [T1]
    assert "only slice" in case.notes[0]
    assert not case.faults


# NIfTI


def test_nifti_files_go_by_name(case_of: Callable[..., Case], tmp_path: Path) -> None:
    for name in ("x_t1", "x_t1ce", "x_t2", "x_flair", "x_seg", "notes"):
        nifti(tmp_path / f"{name}.nii.gz")
    case = case_of(tmp_path)
    assert list(case.images) == [T1, T1C, T2, FLAIR]
    assert [image.volume.modality for image in case.images.values()] == [T1, T1C, T2, FLAIR]
    assert [choice.chosen for choice in case.choices] == [f"x_{n}.nii.gz" for n in ("t1", "t1ce", "t2", "flair")]
    assert not case.is_dicom
    assert case.patient_id == ""
    assert set(case.notes) == {
        "Set aside: x_seg.nii.gz, by its name a mask.",
        "Set aside: notes.nii.gz, whose name says no role.",
    }


def test_a_named_image_needs_no_telling_name(case_of: Callable[..., Case], tmp_path: Path) -> None:
    file = nifti(tmp_path / "image.nii.gz")
    case = case_of(named={T1C: file})
    assert list(case.images) == [T1C]
    assert case.images[T1C].files == (file,)
    assert case.choices[0].rule == "named by the user"


def test_a_named_image_replaces_what_the_folder_has(case_of: Callable[..., Case], tmp_path: Path) -> None:
    nifti(tmp_path / "study" / "t1.nii.gz", 1)
    other = nifti(tmp_path / "study" / "other_t1.nii.gz", 2)
    case = case_of(tmp_path / "study", named={T1: other})
    assert case.images[T1].files == (other,)
    assert case.notes == ("Set aside: t1.nii.gz; the user named another T1.",)


def test_dicom_may_be_named_too(case_of: Callable[..., Case], tmp_path: Path) -> None:
    study = petct(tmp_path / "study")
    case = case_of(named={CT: study, PET: zipped(study / "pet", tmp_path / "pet.zip")})
    assert chosen(case) == {CT: 2, PET: 3}
    assert {choice.rule for choice in case.choices} == {"named by the user"}


def test_naming_prefers_the_series_whose_header_agrees(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="DWI", array=voxels((6, 5, 9)))
    write_series(tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="AX FLAIR")
    assert chosen(case_of(named={FLAIR: tmp_path})) == {FLAIR: 2}
    assert chosen(case_of(named={T1: tmp_path / "1"})) == {T1: 1}


# What the user should know


def test_images_that_share_no_frame_or_study_are_noted(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1")
    write_series(
        tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="T2", FrameOfReferenceUID=uid("other"),
        StudyInstanceUID=uid("another day"),
    )  # fmt: skip
    assert case_of(tmp_path).notes == (
        "The images do not share a frame of reference, so their positions may not match: t1, t2.",
        "The images are of different studies: t1, t2.",
    )


def test_nifti_that_does_not_say_how_the_patient_lies_is_noted(case_of: Callable[..., Case], tmp_path: Path) -> None:
    image = nib.Nifti1Image(voxels().astype(np.float32), None)
    nib.save(image, tmp_path / "t1.nii")
    nifti(tmp_path / "t2.nii.gz")
    assert case_of(tmp_path).notes == ("t1.nii does not say how the patient lies: left and right may be swapped.",)


# Bad input


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
