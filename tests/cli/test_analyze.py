"""``miap analyze``: what people and machines are shown, and how a series is chosen."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from miap.imaging.modality import Modality
from miap.imaging.nifti import write_nifti
from miap.imaging.phantom import Phantom, write_series
from tests.cli.conftest import Run
from tests.studies import Brightness, petct


@pytest.fixture(autouse=True)
def bright(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks see brightness alone."""
    monkeypatch.setattr("miap.jobs.analyze.choose_backend", lambda settings: Brightness())


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    petct().write_dicom(folder)
    return folder


@pytest.fixture(scope="module")
def niftis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nifti")
    petct().write_nifti(folder)
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is drawn and printed."""
    monkeypatch.setattr("miap.jobs.analyze.render", lambda outcome, folder: None)


@pytest.mark.req("REQ-F-002")
def test_people_see_the_lesions_and_where_the_report_is(study: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("analyze", study, "--output", tmp_path / "[out]")
    assert (outcome.code, outcome.err) == (0, "")
    findings = json.loads((tmp_path / "[out]" / "findings.json").read_text())
    for lesion in findings["lesions"]:
        assert f"{lesion['volume_ml']:.1f} ml" in outcome.out
        assert f"{lesion['suv']['suv_max']:.1f}" in outcome.out
    assert f"Report: {tmp_path / '[out]' / 'report.pdf'}" in outcome.out
    assert "not a medical device" in outcome.out


@pytest.mark.req("REQ-F-002")
def test_machines_get_the_findings_and_nothing_else(quick: None, niftis: Path, run: Run, tmp_path: Path) -> None:
    ct, pet = (f"{role}={niftis / role}.nii.gz" for role in ("ct", "pet"))
    outcome = run("analyze", "--image", ct, "--image", pet, "--output", tmp_path / "out", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out) == json.loads((tmp_path / "out" / "findings.json").read_text())


def test_names_say_what_niftis_are(quick: None, niftis: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("analyze", niftis, "--output", tmp_path / "out", "--json")
    assert outcome.code == 0
    notes = json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"]
    assert any("truth.nii.gz" in note for note in notes)


def test_finding_nothing_is_no_all_clear(quick: None, niftis: Path, run: Run, tmp_path: Path) -> None:
    ct = f"ct={niftis / 'ct.nii.gz'}"
    outcome = run("analyze", "--image", ct, "--image", f"pet={dark(tmp_path)}", "--output", tmp_path / "out")
    assert outcome.code == 0
    assert "No lesion found. This does not rule disease out." in outcome.out


def dark(folder: Path) -> Path:
    """The PET with a hundredth of its uptake."""
    pet = petct().images[Modality.PET]
    write_nifti(pet.with_array((pet.array / 100).astype(np.float32)), folder / "dark_pet.nii.gz")
    return folder / "dark_pet.nii.gz"


# Several series for one role


@pytest.fixture(scope="module")
def two_cts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study with a second CT, of half the length."""
    folder = tmp_path_factory.mktemp("two")
    phantom: Phantom = petct()
    phantom.write_dicom(folder)
    ct = phantom.images[Modality.CT]
    short = ct.crop((0, 0, 0), (*ct.shape[:2], ct.shape[2] // 2))
    write_series(
        folder / "SHORT", short, modality=Modality.CT, description="CT SHORT", number=7,
        study=replace(phantom.study, key="short"),
    )  # fmt: skip
    return folder


def choice_of_ct(folder: Path) -> dict:
    choices = json.loads((folder / "manifest.json").read_text())["choices"]
    return next(choice for choice in choices if choice["role"] == "ct")


@pytest.mark.req("REQ-F-007")
def test_of_two_series_the_rule_takes_the_longer_and_the_manifest_says_so(
    quick: None, two_cts: Path, run: Run, tmp_path: Path
) -> None:
    assert run("analyze", two_cts, "--output", tmp_path / "out").code == 0
    choice = choice_of_ct(tmp_path / "out")
    assert "CT ATTENUATION" in choice["chosen"]
    assert len(choice["rejected"]) == 1
    assert "CT SHORT" in choice["rejected"][0]["series"]
    assert choice["rejected"][0]["reason"].startswith("it covers ")
    assert "full coverage" in choice["rule"]
    assert choice["confidence"] > 0.9
    assert choice["reasons"] == ["it is a CT in Hounsfield units"]


@pytest.mark.req("REQ-F-007")
def test_a_doubtful_role_is_used_where_there_is_nothing_better_and_the_result_says_so(
    quick: None, run: Run, tmp_path: Path
) -> None:
    petct().write_dicom(tmp_path / "study")
    for file in (tmp_path / "study" / "PET").iterdir():
        dataset = pydicom.dcmread(file)
        dataset.SeriesDescription = "PET NAC"
        dataset.save_as(file)
    outcome = run("analyze", tmp_path / "study", "--output", tmp_path / "out")
    assert outcome.code == 0
    findings = json.loads((tmp_path / "out" / "findings.json").read_text())
    assert findings["quality"]["status"] == "review"
    assert 'PET is series 2 "PET NAC"' in findings["quality"]["flags"][0]
    assert "doubtful (40%)" in findings["quality"]["flags"][0]
    assert "--series pet=NUMBER" in findings["quality"]["flags"][0]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert findings["quality"]["flags"][0] in manifest["notes"]
    assert manifest["choices"][1]["confidence"] == 0.4


@pytest.mark.req("REQ-F-007")
def test_a_missing_role_names_what_was_looked_for_and_what_is_there(run: Run, tmp_path: Path) -> None:
    phantom = petct()
    write_series(
        tmp_path / "study", phantom.images[Modality.CT], modality=Modality.CT, description="CT", study=phantom.study
    )
    outcome = run("analyze", tmp_path / "study", "--output", tmp_path / "out")
    assert outcome.code == 4
    assert "PET was looked for: a PET that is corrected for attenuation" in outcome.err
    assert 'There is: series 1 "CT"' in outcome.err
    assert "--series ROLE=NUMBER" in outcome.err


@pytest.mark.req("REQ-F-007")
@pytest.mark.parametrize("by", ["number", "uid"])
def test_the_user_overrides_the_rule(by: str, quick: None, two_cts: Path, run: Run, tmp_path: Path) -> None:
    uid = pydicom.dcmread(next((two_cts / "SHORT").iterdir())).SeriesInstanceUID
    wanted = f"ct={7 if by == 'number' else uid}"
    assert run("analyze", two_cts, "--series", wanted, "--output", tmp_path / "out").code == 0
    choice = choice_of_ct(tmp_path / "out")
    assert "CT SHORT" in choice["chosen"]
    assert choice["rule"] == "named by the user"
    settings = json.loads((tmp_path / "out" / "manifest.json").read_text())["settings"]
    assert settings["series"] == {"ct": wanted.partition("=")[2]}


def test_a_series_that_is_not_there_is_refused_with_those_that_are(two_cts: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("analyze", two_cts, "--series", "ct=99", "--output", tmp_path / "out")
    assert outcome.code == 3
    assert "CT SHORT" in outcome.err
    assert "CT ATTENUATION" in outcome.err


# Words


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "nothing to analyse"),
        (("--image", "ct.nii.gz"), "is not understood"),
        (("--image", "xray=ct.nii.gz"), "is not understood"),
        (("--image", "ct="), "is not understood"),
        (("--image", "ct=a.nii", "--image", "CT=b.nii"), "twice"),
        (("--image", "ct=a.nii", "--series", "pet"), "is not understood"),
        (("--image", "ct=a.nii", "--series", "mri=3"), "is not understood"),
    ],
)
def test_words_that_make_no_sense_are_usage_errors(
    words: tuple[str, ...], reason: str, run: Run, tmp_path: Path
) -> None:
    outcome = run("analyze", *words, "--output", tmp_path / "out")
    assert (outcome.code, outcome.out) == (2, "")
    assert reason in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.req("REQ-NF-R-002")
def test_a_folder_that_holds_something_is_kept(study: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    outcome = run("analyze", study, "--output", tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert "is not empty" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.req("REQ-I-002")
def test_more_objects_are_named_by_commas_and_a_wrong_name_is_explained(study: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("analyze", study, "--output", tmp_path / "out", "--also", "RTSTRUCT, secondary-capture", "--json")
    assert outcome.code == 0
    assert (tmp_path / "out" / "structures.dcm").is_file()
    assert (tmp_path / "out" / "key-image-1.dcm").is_file()
    assert not (tmp_path / "out" / "probability.dcm").exists()
    outcome = run("analyze", study, "--output", tmp_path / "other", "--also", "dvd")
    assert outcome.code == 2
    assert "rtstruct, parametric-map, secondary-capture" in outcome.err
