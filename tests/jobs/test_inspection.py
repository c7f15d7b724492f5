"""What is there, and which models can be run on it, told to people and machines alike."""

import json
from pathlib import Path

import jsonschema
import pytest

from miap.imaging.inventory import Inventory, take_inventory
from miap.imaging.modality import Modality
from miap.inference.bundle import Bundle
from miap.jobs import inspection
from miap.jobs.inspection import fits, to_json
from tests.bundles import tiny_bundle
from tests.dicom_factory import write_series
from tests.imaging.studies import nifti, petct

pytestmark = [pytest.mark.req("REQ-F-007"), pytest.mark.req("REQ-I-002")]
SCALE = {"RescaleSlope": "1", "RescaleIntercept": "0"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    """A model that needs CT and PET, and one that needs T1 after contrast."""
    folder = tmp_path_factory.mktemp("models")
    preparation = {"channels": [{"modality": "t1c", "scale": "window", "low": 0, "high": 999}], "spacing": [8, 8, 8]}
    return [
        tiny_bundle(folder / "petct", name="petct", members=1),
        tiny_bundle(folder / "brain", name="brain", members=1, preparation=preparation),
    ]


def taken(folder: Path) -> Inventory:
    return take_inventory([folder], workdir=folder.parent / "work")


def test_a_model_that_has_all_it_needs_says_what_it_would_use(bundles: list[Bundle], tmp_path: Path) -> None:
    (patient,) = taken(petct(tmp_path / "study")).patients
    first, second = fits(patient, bundles)
    assert (first.model, first.runs, first.missing, first.doubtful) == ("petct", True, (), ())
    assert first.words == 'It would use CT from series 2 "CT" (4 slices), PET from series 3 "PT" (4 slices).'
    assert (second.model, second.runs, second.missing) == ("brain", False, (Modality.T1C,))
    assert second.words.startswith("Not here: T1 after contrast, a T1 with a contrast agent")


def test_a_doubtful_role_is_said_of_the_model_that_would_use_it(bundles: list[Bundle], tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "ct", "CT", SeriesNumber=1, **SCALE)
    write_series(tmp_path / "study" / "pet", "PT", SeriesNumber=2, SeriesDescription="PET NAC", **SCALE)
    (patient,) = taken(tmp_path / "study").patients
    fit = fits(patient, bundles)[0]
    assert fit.runs
    assert fit.doubtful == (Modality.PET,)
    assert fit.words.endswith("Doubtful: PET.")


def test_nifti_files_serve_a_model_by_their_names(bundles: list[Bundle], tmp_path: Path) -> None:
    nifti(tmp_path / "study" / "x_t1ce.nii.gz")
    nifti(tmp_path / "study" / "x_seg.nii.gz")
    (patient,) = taken(tmp_path / "study").patients
    assert [fit.runs for fit in fits(patient, bundles)] == [True, False]
    assert fits(patient, bundles)[0].images == {Modality.T1C: "x_t1ce.nii.gz"}


def test_the_json_is_what_its_schema_says(bundles: list[Bundle], tmp_path: Path) -> None:
    study = petct(tmp_path / "study")
    write_series(study / "ct2", "CT", SeriesNumber=5, **SCALE)
    write_series(study / "other", "MR", PatientID="P-2", SeriesDescription="T1", SeriesNumber=1)[1].unlink()
    nifti(study / "t1.nii.gz")
    nifti(study / "broken.nii.gz").write_bytes(b"\x1f\x8b broken")
    (study / "broken.dcm").write_text("no DICOM")
    (study / "notes.txt").write_text("nothing")
    told = json.loads(json.dumps(to_json(taken(study), bundles)))
    schema = json.loads(Path(inspection.__file__).with_name("inspection.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(told, schema)
    first, second, files = told["patients"]
    assert [one["id"] for one in told["patients"]] == ["P-1", "P-2", ""]
    assert first["roles"]["ct"]["chosen"] == 'series 2 "CT" (4 slices)'
    assert first["roles"]["ct"]["rejected"][0]["reason"] == "equally good, with a higher series number"
    assert first["studies"][0]["series"][0]["spacing_mm"] == [2.0, 1.5, 3.0]
    assert first["studies"][0]["series"][0]["matrix"] == [6, 5]
    assert "A slice is missing" in second["studies"][0]["series"][0]["problem"]["message"]
    assert second["roles"] == {}
    assert [one["problem"] is None for one in files["nifti"]] == [False, True]
    assert "broken.dcm" in told["problems"][0]["message"]
    assert told["other_files"] == 1
    assert told["usable"]
