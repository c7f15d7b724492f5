"""The main road: what it delivers, and that it delivers the same from the same."""

import csv
import hashlib
import json
import shutil
import zipfile
from dataclasses import replace
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import jsonschema
import numpy as np
import pydicom
import pytest

from miap.errors import InputError, NoModelError
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask
from miap.imaging.phantom import thigh_petct
from miap.imaging.segmentation import read_segmentation
from miap.imaging.structure import read_structures
from miap.jobs.analyze import Step
from miap.jobs.rendering import Extra
from tests.conftest import Verify
from tests.jobs.conftest import WHEN, Analysis, Analyze
from tests.studies import TUMOURS, petct

ALWAYS = {"manifest.json", "findings.json", "segmentation.nii.gz", "report.pdf", "overview.png", "lesions.csv"}
FOR_DICOM = {"segmentation.dcm", "measurements.dcm", "report.dcm"}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# What is delivered


@pytest.mark.req("REQ-F-002")
def test_a_dicom_study_gives_every_file_of_the_contract(from_dicom: Analysis) -> None:
    assert names(from_dicom.folder) == ALWAYS | FOR_DICOM
    assert all((from_dicom.folder / name).stat().st_size > 0 for name in ALWAYS | FOR_DICOM)


@pytest.mark.req("REQ-F-002")
def test_nifti_gives_all_but_the_dicom_objects(from_nifti: Analysis) -> None:
    assert names(from_nifti.folder) == ALWAYS


@pytest.mark.req("REQ-I-002")
def test_more_dicom_objects_are_there_where_they_are_asked_for(
    study: Path, analysed: Analyze, tmp_path: Path, verify: Verify
) -> None:
    folder = analysed(study, output=tmp_path / "out", also=frozenset(Extra)).folder
    pictures = {f"key-image-{number}.dcm" for number in (1, 2, 3)}
    more = {"structures.dcm", "probability.dcm"} | pictures
    assert names(folder) == ALWAYS | FOR_DICOM | more
    seg = read_segmentation(folder / "segmentation.dcm")
    grid = read_mask(folder / "segmentation.nii.gz")
    for structure, segment in zip(read_structures(folder / "structures.dcm", grid), seg, strict=True):
        assert structure.label == segment.label
        np.testing.assert_array_equal(structure.mask.array, segment.onto(grid).mask.array)
    assert pydicom.dcmread(folder / "key-image-1.dcm").ImageComments == "Overview"
    for name in more:
        assert verify(folder / name) == []
        assert (
            pydicom.dcmread(folder / name).StudyInstanceUID == pydicom.dcmread(folder / "report.dcm").StudyInstanceUID
        )


@pytest.mark.req("REQ-I-002")
def test_dicom_objects_for_a_nifti_are_refused_before_any_work(analysed: Analyze, tmp_path: Path) -> None:
    ct, pet = petct().write_nifti(tmp_path / "study")
    with pytest.raises(InputError, match="rtstruct cannot be written"):
        analysed(output=tmp_path / "out", images={Modality.CT: ct, Modality.PET: pet}, also=frozenset({Extra.RTSTRUCT}))
    assert not (tmp_path / "out").exists()


@pytest.mark.req("REQ-F-002")
def test_every_tumour_is_found_where_it_is(from_dicom: Analysis) -> None:
    lesions = from_dicom.result.findings.lesions
    assert len(lesions) == len(TUMOURS)
    for lesion, tumour in zip(lesions, TUMOURS, strict=True):
        assert lesion.centroid_mm == pytest.approx(tumour.centre_mm, abs=2.5)
        assert lesion.volume_ml == pytest.approx(tumour.volume_ml, rel=0.15), "a threshold is no better than this"
        assert lesion.uptake.suv_mean == pytest.approx(10, abs=3)
        assert 0 < lesion.confidence <= 1


@pytest.mark.req("REQ-F-002")
def test_dicom_and_nifti_of_one_study_give_the_same_lesions(from_dicom: Analysis, from_nifti: Analysis) -> None:
    a, b = (read_mask(one.folder / "segmentation.nii.gz").canonical() for one in (from_dicom, from_nifti))
    assert a.same_grid(b)
    assert 2 * np.logical_and(a.array, b.array).sum() / (np.sum(a.array > 0) + np.sum(b.array > 0)) >= 0.98
    ours, theirs = from_dicom.result.findings.lesions, from_nifti.result.findings.lesions
    assert [lesion.volume_ml for lesion in ours] == pytest.approx([lesion.volume_ml for lesion in theirs], rel=0.02)
    assert [lesion.uptake.suv_max for lesion in ours] == pytest.approx(
        [lesion.uptake.suv_max for lesion in theirs], rel=0.01
    )


@pytest.mark.req("REQ-I-002")
def test_the_dicom_objects_speak_of_the_study_and_of_the_nifti_mask(from_dicom: Analysis, study: Path) -> None:
    segmentation, report, measurements = (pydicom.dcmread(from_dicom.folder / name) for name in sorted(FOR_DICOM)[::-1])
    source = pydicom.dcmread(next((study / "CT").iterdir()))
    for one in (segmentation, report, measurements):
        assert one.StudyInstanceUID == source.StudyInstanceUID
        assert one.PatientID == source.PatientID
    mask = read_mask(from_dicom.folder / "segmentation.nii.gz").array
    assert segmentation.pixel_array.sum() == np.count_nonzero(mask)
    assert segmentation.SOPInstanceUID in str(measurements), "the measurements refer to the segmentation"


@pytest.mark.parametrize("form", ["from_dicom", "from_nifti"])
def test_the_findings_keep_to_the_schema_and_are_what_was_returned(form: str, request) -> None:
    analysis: Analysis = request.getfixturevalue(form)
    findings = read(analysis.folder, "findings.json")
    schema = json.loads((files("miap.findings") / "findings.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(findings, schema, cls=jsonschema.Draft202012Validator)
    assert findings == analysis.result.findings.to_json()
    assert findings["model"]["sha256"] == analysis.result.bundle.sha256
    assert list(findings["timing_s"]) == [step.value for step in Step if step is not Step.DELIVER]


def test_the_table_has_a_row_for_every_lesion(from_dicom: Analysis) -> None:
    with (from_dicom.folder / "lesions.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(from_dicom.result.findings.lesions)


def test_without_a_tumour_the_result_is_whole_and_empty(analysed: Analyze, tmp_path: Path) -> None:
    thigh_petct(1, [], spacing_mm=(5.0, 5.0, 6.0)).write_dicom(tmp_path / "study")
    analysis = analysed(tmp_path / "study", output=tmp_path / "out")
    assert analysis.result.findings.lesions == ()
    assert names(tmp_path / "out") >= ALWAYS | {"report.dcm"}
    assert not read_mask(tmp_path / "out" / "segmentation.nii.gz").array.any()


# The manifest


@pytest.mark.req("REQ-NF-R-001")
def test_the_manifests_hashes_are_those_of_the_files(from_dicom: Analysis, study: Path) -> None:
    manifest = read(from_dicom.folder, "manifest.json")
    assert {one["path"]: one["sha256"] for one in manifest["outputs"]} == {
        name: sha256(from_dicom.folder / name) for name in names(from_dicom.folder) - {"manifest.json"}
    }
    images = list(study.rglob("*.dcm"))
    assert {one["path"]: (one["sha256"], one["bytes"]) for one in manifest["inputs"]} == {
        path.relative_to(study).as_posix(): (sha256(path), path.stat().st_size) for path in images
    }


def test_the_manifest_says_how_the_result_was_made(from_dicom: Analysis) -> None:
    manifest, bundle = read(from_dicom.folder, "manifest.json"), from_dicom.result.bundle
    assert manifest["model"] == {"name": "tiny", "version": bundle.version, "sha256": bundle.sha256}
    assert manifest["created"] == WHEN.isoformat()
    assert (manifest["device"], manifest["precision"]) == ("cpu", "fp32")
    assert manifest["settings"]["memory_gb"] == 1
    assert [choice["role"] for choice in manifest["choices"]] == ["ct", "pet"]
    assert {"miap", "python", "numpy", "pydicom"} <= set(manifest["versions"])
    assert set(manifest["times_s"]) >= {step.value for step in Step if step is not Step.DELIVER}


def test_two_folders_are_told_apart_in_the_manifest(study: Path, analysed: Analyze, tmp_path: Path) -> None:
    for name in ("CT", "PET"):
        shutil.copytree(study / name, tmp_path / "patient" / name / "image")
    folders = [tmp_path / "patient" / name / "image" for name in ("CT", "PET")]
    analysed(*folders, output=tmp_path / "out")
    inputs = read(tmp_path / "out", "manifest.json")["inputs"]
    assert {str(Path(one["path"]).parent) for one in inputs} == {"CT/image", "PET/image"}


@pytest.mark.req("REQ-NF-S-001")
def test_nothing_but_reports_and_dicom_names_the_patient(analysed: Analyze, tmp_path: Path) -> None:
    named = replace(petct().study, patient_name="MUSTERMANN^ERIKA", patient_id="KLINIKUM-7")
    study = tmp_path / "Mustermann Erika KLINIKUM-7"
    replace(petct(), study=named).write_dicom(study)
    folder = analysed(study, output=tmp_path / "out").folder
    assert str(pydicom.dcmread(folder / "segmentation.dcm").PatientName) == "MUSTERMANN^ERIKA"
    for name in ALWAYS - {"report.pdf"}:
        content = (folder / name).read_bytes().lower()
        assert not [word for word in (b"mustermann", b"erika", b"klinikum") if word in content], name


# The same from the same


@pytest.mark.req("REQ-NF-R-002")
def test_the_same_study_gives_the_same_bytes_wherever_it_lies(
    from_dicom: Analysis, study: Path, analysed: Analyze, tmp_path: Path
) -> None:
    for number, file in enumerate(sorted(study.rglob("*.dcm"), reverse=True)):
        shutil.copyfile(file, tmp_path / f"IM{number:04d}")
    (tmp_path / "study").mkdir()
    for file in tmp_path.glob("IM*"):
        file.rename(tmp_path / "study" / file.name)
    again = analysed(tmp_path / "study", output=tmp_path / "out")
    for name in sorted((ALWAYS | FOR_DICOM) - {"manifest.json", "findings.json"}):
        assert sha256(again.folder / name) == sha256(from_dicom.folder / name), name
    first, second = (read(one.folder, "findings.json") for one in (from_dicom, again))
    assert {**first, "timing_s": {}} == {**second, "timing_s": {}}


def test_a_zip_is_as_good_as_its_folder(from_dicom: Analysis, study: Path, analysed: Analyze, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "case.zip", "w") as archive:
        for file in study.rglob("*.dcm"):
            archive.write(file, Path("DICOM") / file.relative_to(study))
    folder = analysed(tmp_path / "case.zip", output=tmp_path / "out").folder
    assert sha256(folder / "segmentation.dcm") == sha256(from_dicom.folder / "segmentation.dcm")
    inputs = read(folder, "manifest.json")["inputs"]
    assert inputs[0]["path"] == "case.zip/DICOM/CT/0001.dcm"


def test_another_study_gets_other_identifiers(from_dicom: Analysis, from_nifti: Analysis) -> None:
    ours, theirs = ({lesion.tracking_uid for lesion in one.result.findings.lesions} for one in (from_dicom, from_nifti))
    assert not ours & theirs


# Steps


@pytest.mark.req("REQ-F-002")
def test_steps_are_reported_in_order_from_their_beginning_to_their_end(from_dicom: Analysis) -> None:
    grouped = [(step, [f for _, f in group]) for step, group in groupby(from_dicom.reported, key=lambda one: one[0])]
    assert [step for step, _ in grouped] == list(Step)
    for _, fractions in grouped:
        assert (fractions[0], fractions[-1]) == (0.0, 1.0)
        assert fractions == sorted(fractions)


# Which model


def test_a_model_that_is_not_there_is_refused(study: Path, analysed: Analyze, tmp_path: Path) -> None:
    with pytest.raises(NoModelError, match="no model named 'other'"):
        analysed(study, output=tmp_path / "out", model="other")
    assert list(tmp_path.iterdir()) == []


def test_what_a_model_does_not_need_is_not_recorded_as_read(analysed: Analyze, tmp_path: Path) -> None:
    ct, pet = petct().write_nifti(tmp_path / "study")
    shutil.copyfile(ct, tmp_path / "study" / "t2.nii.gz")
    images = {Modality.CT: ct, Modality.PET: pet, Modality.T2: tmp_path / "study" / "t2.nii.gz"}
    analysed(output=tmp_path / "out", images=images)
    assert [one["path"] for one in read(tmp_path / "out", "manifest.json")["inputs"]] == ["ct.nii.gz", "pet.nii.gz"]
