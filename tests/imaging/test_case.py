"""What a user hands over becomes images by role, or one clear refusal."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from miap.errors import InputError
from miap.imaging.case import Case
from miap.imaging.choice import RULE, Rejected
from miap.imaging.modality import Modality
from tests.dicom_factory import affine, uid, voxels, write_series
from tests.imaging.studies import nifti, petct, zipped

CT, PET, T1, T1C, T2, FLAIR = Modality.CT, Modality.PET, Modality.T1, Modality.T1C, Modality.T2, Modality.FLAIR


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


T2_TIMES = {"RepetitionTime": "4500", "EchoTime": "95"}


@pytest.mark.req("REQ-F-007")
def test_a_doubtful_series_gives_way_to_a_sure_one_however_fine(case_of: Callable[..., Case], tmp_path: Path) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1", array=voxels((6, 5, 9)), **T2_TIMES)
    write_series(tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="T1 thick")
    case = case_of(tmp_path)
    assert chosen(case) == {T1: 2}
    assert case.doubts == {}
    assert case.choices[0].confidence > 0.5
    (rejected,) = case.choices[0].rejected
    assert rejected.series == 'series 1 "T1" (9 slices)'
    assert rejected.reason.startswith('its role is doubtful (34%): the description says "t1"; but repetition time')


@pytest.mark.req("REQ-F-007")
def test_a_doubtful_role_is_used_with_a_note_that_says_how_to_override(
    case_of: Callable[..., Case], tmp_path: Path
) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1", **T2_TIMES)
    case = case_of(tmp_path)
    assert chosen(case) == {T1: 1}
    assert case.doubts[T1] in case.notes
    assert case.doubts[T1] == (
        'T1 is series 1 "T1" (4 slices), but that is doubtful (34%): the description says "t1"; but repetition time '
        "4500 ms and echo time 95 ms are those of T2; nothing speaks of a contrast agent. If another is meant, say so: "
        "--series t1=NUMBER."
    )
    named = case_of(tmp_path, series={T1: "1"})
    assert named.doubts == {}
    assert named.choices[0].confidence == 1


@pytest.mark.req("REQ-F-007")
def test_a_missing_role_says_what_was_looked_for_and_what_is_there(
    case_of: Callable[..., Case], tmp_path: Path
) -> None:
    write_series(tmp_path / "1", "MR", SeriesNumber=1, SeriesDescription="T1")
    write_series(tmp_path / "2", "MR", SeriesNumber=2, SeriesDescription="DWI")
    case = case_of(tmp_path)
    said = case.missing([T1, FLAIR])
    assert said.startswith("FLAIR was looked for: an MR described as FLAIR or dark fluid, or with an inversion time")
    assert said.endswith('There is: series 1 "T1" (4 slices): T1, 77%; series 2 "DWI" (4 slices): diffusion.')
    assert case.missing([T1]) == ""


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


def double_echo(folder: Path) -> Path:
    """Two echoes of one series: proton density and T2."""
    for echo, contrast in enumerate(["15", "95"], start=1):

        def rename(one: pydicom.Dataset, _: int, echo: int = echo) -> None:
            one.SOPInstanceUID = uid(one.SOPInstanceUID, echo)

        write_series(
            folder / str(echo), "MR", SeriesNumber=5, SeriesDescription="AX PD T2", EchoNumbers=echo, EchoTime=contrast,
            RepetitionTime="3000", array=voxels(seed=echo), edit=rename,
        )  # fmt: skip
    return folder


@pytest.mark.req("REQ-F-007")
def test_a_part_of_a_series_may_have_a_role_and_may_be_chosen(case_of: Callable[..., Case], tmp_path: Path) -> None:
    study = double_echo(tmp_path / "study")
    case = case_of(study)
    assert list(case.images) == [T2]
    assert case.images[T2].volume.array[0] == pytest.approx(voxels(seed=2))
    assert "proton density" in case.notes[0]
    assert case_of(study, series={T2: "5"}).images[T2].volume.array[0] == pytest.approx(voxels(seed=2))
    assert case_of(study, series={T2: "5:1"}).images[T2].volume.array[0] == pytest.approx(voxels(seed=1))
    with pytest.raises(InputError, match="No series has the number or UID 5:3"):
        case_of(study, series={T2: "5:3"})


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
