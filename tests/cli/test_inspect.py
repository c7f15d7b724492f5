"""``miap inspect``: a tree for people, JSON for machines, exit code 3 where there is nothing to use."""

import json
from pathlib import Path

import pytest

from miap.imaging.modality import Modality
from tests.cli.conftest import Run
from tests.dicom_factory import write_series
from tests.imaging.studies import nifti
from tests.studies import petct

pytestmark = [pytest.mark.req("REQ-F-007"), pytest.mark.req("REQ-NF-U-001")]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    petct().write_dicom(folder)
    return folder


def test_the_tree_shows_patients_series_roles_with_reasons_and_models(study: Path, run: Run) -> None:
    outcome = run("inspect", study)
    assert outcome.code == 0
    for words in (
        "patient PHANTOM-0",
        'CT series 1 "CT ATTENUATION"',
        "axial",
        "CT, 97%: it is a CT in Hounsfield units",
        "PET, 97%: it is a PET corrected for attenuation",
        "✔ tiny",
        'It would use CT from series 1 "CT ATTENUATION"',
    ):
        assert words in outcome.out, words
    assert outcome.err == ""


def test_the_json_says_the_same(study: Path, run: Run) -> None:
    told = json.loads(run("inspect", study, "--json").out)
    assert told["schema"] == "miap.inspect/1"
    (patient,) = told["patients"]
    assert list(patient["roles"]) == [Modality.CT, Modality.PET]
    assert [(model["name"], model["runs"]) for model in patient["models"]] == [("tiny", True)]


def test_headers_are_shown_as_they_stand(run: Run, tmp_path: Path) -> None:
    write_series(tmp_path / "s", "MR", SeriesDescription="[red]T1[/] \x1b[31m", PatientName="[bold]X")
    outcome = run("inspect", tmp_path / "s")
    assert outcome.code == 0
    assert "[red]T1[/]" in outcome.out
    assert "[bold]X" in outcome.out
    assert "\x1b" not in outcome.out


@pytest.mark.req("REQ-NF-R-002")
def test_problems_come_with_a_remedy(run: Run, tmp_path: Path) -> None:
    nifti(tmp_path / "s" / "t1.nii.gz")
    write_series(tmp_path / "s", "MR", SeriesDescription="T1")[1].unlink()
    (tmp_path / "s" / "broken.dcm").write_text("nothing")
    outcome = run("inspect", tmp_path / "s")
    assert outcome.code == 0
    assert "A slice is missing" in outcome.out
    assert "→ Send the series again, complete." in outcome.out
    assert "broken.dcm cannot be read as DICOM" in outcome.out


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize("as_json", [False, True])
def test_nothing_to_use_is_exit_code_3(as_json: bool, run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    outcome = run("inspect", tmp_path, *(["--json"] if as_json else []))
    assert outcome.code == 3
    assert "can be used" in outcome.err
    if as_json:
        assert json.loads(outcome.out)["usable"] is False
        assert json.loads(outcome.err)["exit_code"] == 3


def test_a_path_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    outcome = run("inspect", tmp_path / "nowhere")
    assert outcome.code == 3
    assert "no file or folder" in outcome.err
