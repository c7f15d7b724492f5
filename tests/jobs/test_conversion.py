"""Images and masks are the same after a conversion, wherever they went."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from miap.errors import InputError, MiapError, UsageError
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask, read_nifti, write_nifti
from miap.imaging.phantom import Phantom
from miap.imaging.segmentation import read_segmentation
from miap.imaging.series import read_series
from miap.imaging.suv import suv_factors
from miap.imaging.volume import Volume
from miap.jobs.conversion import Conversion, Converted, Target, convert
from tests.conftest import Verify
from tests.dicom_factory import affine, voxels, write_series
from tests.studies import petct

pytestmark = pytest.mark.req("REQ-I-002")
CODES = {"value": "108369006", "scheme": "SCT", "meaning": "Neoplasm"}
TABLE = {
    "schema": "miap.labels/1",
    "labels": [{"value": 1, "name": "GTV", "type": CODES}, {"value": 2, "name": "GTV 2"}],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PET/CT."""
    folder = tmp_path_factory.mktemp("study")
    petct().write_dicom(folder)
    return folder


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mask of two labels on the CT, with its table beside it."""
    folder = tmp_path_factory.mktemp("truth")
    phantom: Phantom = petct()
    array = phantom.truth.array.copy()
    array[:, :, :, array.shape[3] // 2 :] *= 2
    write_nifti(phantom.truth.with_array(array), folder / "gtv_mask.nii.gz")
    (folder / "gtv_mask.json").write_text(json.dumps(TABLE))
    return folder / "gtv_mask.nii.gz"


def run(*inputs: Path, output: Path, **options: object) -> Converted:
    return convert(Conversion(inputs, output, **options))


def same(one: Volume, other: Volume) -> bool:
    return one.same_grid(other) and np.array_equal(one.array, other.array)


# DICOM to NIfTI


def test_every_series_becomes_an_image_with_a_json_beside_it(study: Path, tmp_path: Path) -> None:
    done = run(study, output=tmp_path / "out")
    names = ["001_CT_ATTENUATION.json", "001_CT_ATTENUATION.nii.gz", "002_PET_AC.json", "002_PET_AC.nii.gz"]
    assert [file.name for file in done.files] == sorted(file.name for file in (tmp_path / "out").iterdir()) == names
    ct, pet = (read_nifti(tmp_path / "out" / name) for name in names[1::2])
    series = {one.modality_code: one for one in read_series([study])}
    assert same(ct, series["CT"].volume())
    assert same(pet, series["PT"].volume())
    assert nib.load(tmp_path / "out" / names[1]).get_data_dtype() == np.int16
    assert [json.loads((tmp_path / "out" / name).read_text())["Units"] for name in names[::2]] == ["HU", "BQML"]


def test_one_series_goes_into_a_file_and_pet_may_be_suv(study: Path, tmp_path: Path) -> None:
    run(study, output=tmp_path / "pet.nii.gz", series="2", suv=True)
    (series,) = read_series([study / "PET"])
    suv = series.volume().array * suv_factors(series.instances).astype(np.float32)
    assert read_nifti(tmp_path / "pet.nii.gz").array == pytest.approx(suv)
    assert json.loads((tmp_path / "pet.json").read_text())["Units"] == "SUV"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["pet.json", "pet.nii.gz"]


@pytest.mark.parametrize("reverse", [False, True])
def test_dcm2niix_agrees(reverse: bool, tmp_path: Path) -> None:
    program = shutil.which("dcm2niix")
    if program is None:
        pytest.skip("dcm2niix is not installed")
    turned = affine((1.5, 2.0, 3.0))
    angle = np.radians(20)
    turned[:3, :3] = [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]] @ turned[:3, :3]
    if reverse:
        turned[:3, 1:3] *= -1
    array = voxels((20, 16, 12))
    write_series(
        tmp_path / "s", "MR", array=array, grid=turned, SeriesDescription="T1", Manufacturer="SIEMENS",
        ScanningSequence="SE", RepetitionTime="500", EchoTime="10",
    )  # fmt: skip
    run(tmp_path / "s", output=tmp_path / "ours.nii.gz")
    subprocess.run(
        [program, "-b", "n", "-z", "n", "-f", "theirs", "-o", str(tmp_path), str(tmp_path / "s")],
        check=True, capture_output=True,
    )  # fmt: skip
    ours, theirs = read_nifti(tmp_path / "ours.nii.gz").canonical(), read_nifti(tmp_path / "theirs.nii").canonical()
    assert ours.same_grid(theirs, tolerance_mm=1e-2)
    assert np.array_equal(ours.array, theirs.array)


def test_a_series_that_cannot_be_used_is_left_out_with_a_note(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    sorted((tmp_path / "study" / "PET").iterdir())[2].unlink()
    done = run(tmp_path / "study", output=tmp_path / "out")
    assert len(done.files) == 2
    assert any("PET AC" in note and "missing" in note for note in done.notes)


def test_names_hold_no_patient_and_nothing_a_file_system_refuses(tmp_path: Path) -> None:
    for number, text in enumerate(["T1/Doe:*?", "../../T1", "T1 Jane <x>"], start=1):
        write_series(tmp_path / "s", "MR", SeriesNumber=number, SeriesDescription=text, PatientName="Doe^Jane")
    done = run(tmp_path / "s", output=tmp_path / "out")
    assert [file.name for file in done.files if file.suffix == ".gz"] == [
        "001_T1_patient.nii.gz", "002_.._.._T1.nii.gz", "003_T1_patient_x.nii.gz"
    ]  # fmt: skip


# Masks


@pytest.mark.parametrize("to", [Target.SEG, Target.RTSTRUCT])
def test_a_mask_goes_to_dicom_and_back_unchanged(
    to: Target, study: Path, truth: Path, verify: Verify, tmp_path: Path
) -> None:
    run(truth, output=tmp_path / "mask.dcm", to=to, like=study)
    assert verify(tmp_path / "mask.dcm") == []
    made = pydicom.dcmread(tmp_path / "mask.dcm")
    (ct,) = read_series([study / "CT"])
    assert made.StudyInstanceUID == ct.study_uid
    assert made.PatientID == ct.patient_id
    run(tmp_path / "mask.dcm", output=tmp_path / "back.nii.gz", like=study)
    assert same(read_mask(tmp_path / "back.nii.gz"), read_mask(truth))
    table = json.loads((tmp_path / "back.json").read_text())
    assert [entry["name"] for entry in table["labels"]] == ["GTV", "GTV 2"]
    assert table["labels"][0]["type"] == CODES


@pytest.mark.parametrize(("first", "second"), [(Target.SEG, Target.RTSTRUCT), (Target.RTSTRUCT, Target.SEG)])
def test_segmentations_and_structure_sets_become_each_other(
    first: Target, second: Target, study: Path, truth: Path, verify: Verify, tmp_path: Path
) -> None:
    run(truth, output=tmp_path / "first.dcm", to=first, like=study)
    run(tmp_path / "first.dcm", output=tmp_path / "second.dcm", to=second, like=study)
    assert verify(tmp_path / "second.dcm") == []
    run(tmp_path / "second.dcm", output=tmp_path / "back.nii.gz", like=study)
    assert same(read_mask(tmp_path / "back.nii.gz"), read_mask(truth))


def test_a_mask_stored_in_another_order_of_axes_lands_in_the_same_place(
    study: Path, truth: Path, tmp_path: Path
) -> None:
    mask = read_mask(truth).reoriented((2, 0, 1), (True, False, True))
    write_nifti(mask, tmp_path / "mask.nii.gz")
    run(tmp_path / "mask.nii.gz", output=tmp_path / "seg.dcm", like=study, labels=truth.with_name("gtv_mask.json"))
    (ct,) = read_series([study / "CT"])
    first, second = read_segmentation(tmp_path / "seg.dcm", ct.volume())
    assert np.array_equal(first.mask.array, read_mask(truth).array == 1)
    assert np.array_equal(second.mask.array, read_mask(truth).array == 2)
    assert (first.label, second.label) == ("GTV", "GTV 2")


def test_a_study_is_converted_with_its_masks(study: Path, truth: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    run(truth, output=tmp_path / "study" / "seg.dcm", like=study)
    run(truth, output=tmp_path / "study" / "rt.dcm", like=study, to=Target.RTSTRUCT)
    run(tmp_path / "study", output=tmp_path / "out")
    masks = sorted((tmp_path / "out").glob("[SR]*.nii.gz"))
    assert [file.name.split("_")[0] for file in masks] == ["RTSTRUCT", "SEG"]
    assert all(same(read_mask(file), read_mask(truth)) for file in masks)


def test_overlapping_segments_get_a_file_each(study: Path, tmp_path: Path) -> None:
    (ct,) = read_series([study / "CT"])
    from miap.imaging.segment import Segment
    from miap.outputs.seg import write_segments

    low, high = (np.zeros((1, *ct.volume().shape), np.uint8) for _ in "ab")
    low[:, 5:20, 5:20, 3:8], high[:, 15:30, 15:30, 5:9] = 1, 1
    grid = ct.volume().affine
    segments = [Segment.of(Volume(low, grid), 1, "one"), Segment.of(Volume(high, grid), 2, "two")]
    write_segments(
        tmp_path / "seg.dcm", ct, segments, model={"name": "x", "version": "1"}, when=Conversion((), Path()).when
    )
    run(tmp_path / "seg.dcm", output=tmp_path / "out", like=study)
    (table,) = (tmp_path / "out").glob("*.json")
    files = [tmp_path / "out" / entry["file"] for entry in json.loads(table.read_text())["labels"]]
    assert [np.array_equal(read_mask(file).array, array) for file, array in zip(files, (low, high))] == [True, True]


# NIfTI to DICOM


def test_an_image_goes_into_a_study_and_comes_back(study: Path, verify: Verify, tmp_path: Path) -> None:
    run(study, output=tmp_path / "nii")
    done = run(tmp_path / "nii", output=tmp_path / "dcm", like=study)
    assert [verify(file) for file in done.files[::20]] == [[] for _ in done.files[::20]]
    back = {one.modality_code: one for one in read_series([tmp_path / "dcm"])}
    original = {one.modality_code: one for one in read_series([study])}
    assert np.array_equal(back["CT"].volume().array, original["CT"].volume().array)
    peak = original["PT"].volume().array.max()
    assert np.abs(back["PT"].volume().array - original["PT"].volume().array).max() < 1e-4 * peak
    assert suv_factors(back["PT"].instances) == pytest.approx(suv_factors(original["PT"].instances), rel=1e-5)
    assert {one.study_uid for one in back.values()} == {original["CT"].study_uid}
    assert back["CT"].frame_of_reference_uid == original["CT"].frame_of_reference_uid


def test_an_image_alone_becomes_a_study_of_nobody(tmp_path: Path) -> None:
    write_nifti(Volume(voxels()[None].astype(np.float32), affine(), Modality.T1), tmp_path / "x_t1.nii.gz")
    done = run(tmp_path / "x_t1.nii.gz", output=tmp_path / "dcm")
    assert len(done.files) == 4
    (series,) = read_series([tmp_path / "dcm"])
    assert series.patient_id.startswith("UNKNOWN-")
    assert np.array_equal(series.volume().array[0], voxels())


# Refusals


def case(study: Path, truth: Path, tmp: Path) -> dict[str, tuple[Conversion, type[MiapError], str]]:
    """What cannot be converted, and what is said."""
    nameless = tmp / "image.nii.gz"
    write_nifti(Volume(voxels()[None].astype(np.float32), affine()), nameless)
    empty = tmp / "empty_mask.nii.gz"
    write_nifti(Volume(np.zeros((1, 4, 4, 4), np.uint8), affine()), empty)
    other = tmp / "other_mask.nii.gz"
    write_nifti(Volume(np.ones((1, 4, 4, 4), np.uint8), affine()), other)
    seg = tmp / "seg.dcm"
    if not seg.exists():
        run(truth, output=seg, like=study)
    (tmp / "notes.txt").write_text("x")
    out = tmp / "out"
    plain = Conversion((study,), out)
    return {
        "two series in one file": (replace(plain, output=tmp / "o.nii"), UsageError, "do not go into one file"),
        "a series that is not there": (replace(plain, series="9"), InputError, "No usable series has the number"),
        "a mask without a study": (replace(plain, inputs=(truth,), to=Target.SEG), UsageError, "--like STUDY"),
        "a study without series": (replace(plain, inputs=(truth,), like=seg), InputError, "holds no image series"),
        "an image of no role": (replace(plain, inputs=(nameless,)), UsageError, "does not say what it is"),
        "an empty mask": (
            replace(plain, inputs=(empty,), output=tmp / "o.dcm", like=study / "CT"), InputError, "is an empty mask"
        ),
        "a mask on one of several": (
            replace(plain, inputs=(other,), output=tmp / "o.dcm", like=study), InputError, "does not say which of these"
        ),
        "a segmentation to what": (replace(plain, inputs=(seg,), output=tmp / "o.dcm"), UsageError, "--to seg"),
        "nothing": (replace(plain, inputs=(tmp / "notes.txt",)), InputError, "can be converted to"),
        "a series in a file": (
            replace(plain, inputs=(nameless,), role=Modality.CT, to=Target.DICOM, output=tmp / "o.dcm"), UsageError,
            "a folder of files",
        ),
        "a pet without a pet": (replace(plain, inputs=(nameless,), role=Modality.PET), InputError, "tracer, dose"),
        "not there": (replace(plain, inputs=(tmp / "nowhere",)), InputError, "no file or folder"),
    }  # fmt: skip


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    "name",
    [
        "two series in one file", "a series that is not there", "a mask without a study", "a study without series",
        "an image of no role", "an empty mask", "a mask on one of several", "a segmentation to what", "nothing",
        "a series in a file", "a pet without a pet", "not there",
    ],
)  # fmt: skip
def test_what_cannot_be_converted_says_why_and_leaves_nothing(
    name: str, study: Path, truth: Path, tmp_path: Path
) -> None:
    conversion, kind, words = case(study, truth, tmp_path)[name]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(kind, match=words) as caught:
        convert(conversion)
    assert caught.value.remedy
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_there_is_not_overwritten_unless_asked(study: Path, tmp_path: Path) -> None:
    (tmp_path / "ct.nii.gz").write_text("old")
    with pytest.raises(UsageError, match="is there already"):
        run(study / "CT", output=tmp_path / "ct.nii.gz")
    assert (tmp_path / "ct.nii.gz").read_text() == "old"
    run(study / "CT", output=tmp_path / "ct.nii.gz", overwrite=True)
    assert read_nifti(tmp_path / "ct.nii.gz").shape
