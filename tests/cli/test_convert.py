"""``miap convert``: what it says, and its exit codes; what it makes is tested with `miap.jobs.conversion`."""

import json
from pathlib import Path

import pytest

from miap.imaging.nifti import write_nifti
from miap.jobs.conversion import Target
from tests.cli.conftest import Run
from tests.studies import petct

pytestmark = [pytest.mark.req("REQ-I-002"), pytest.mark.req("REQ-NF-U-001")]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    petct().write_dicom(folder)
    return folder


def test_what_was_written_is_listed(study: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("convert", study, "--series", "1", "--output", tmp_path / "ct.nii.gz")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [str(tmp_path / "ct.json"), str(tmp_path / "ct.nii.gz")]
    assert outcome.err == ""


def test_a_mask_becomes_a_segmentation_by_the_outputs_name(study: Path, run: Run, tmp_path: Path) -> None:
    write_nifti(petct().truth, tmp_path / "gtv_mask.nii.gz")
    outcome = run("convert", tmp_path / "gtv_mask.nii.gz", "--like", study, "--output", tmp_path / "seg.dcm", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == {"files": [str(tmp_path / "seg.dcm")], "notes": []}


def test_many_files_are_counted_not_listed(study: Path, run: Run, tmp_path: Path) -> None:
    run("convert", study, "--series", "1", "--output", tmp_path / "ct.nii.gz")
    outcome = run("convert", tmp_path / "ct.nii.gz", "--output", tmp_path / "dcm")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == 21
    assert outcome.out.splitlines()[-1] == f"… {len(list((tmp_path / 'dcm').iterdir()))} files in {tmp_path / 'dcm'}"


@pytest.mark.req("REQ-NF-R-002")
def test_mistakes_have_their_exit_codes_and_a_remedy(study: Path, run: Run, tmp_path: Path) -> None:
    assert run("convert", study).code == 2
    assert run("convert", study, "--output", tmp_path / "o", "--to", "png").code == 2
    taken = tmp_path / "ct.nii.gz"
    taken.write_text("old")
    outcome = run("convert", study, "--series", "1", "--output", taken)
    assert outcome.code == 2
    assert "is there already" in outcome.err
    assert "→" in outcome.err
    outcome = run("convert", study, "--series", "9", "--output", tmp_path / "o")
    assert outcome.code == 3
    assert "No usable series has the number or UID 9" in outcome.err
    assert taken.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [taken]


def test_the_options_are_what_the_job_knows() -> None:
    from miap.cli.convert import Role, To
    from miap.imaging.modality import Modality

    assert list(To) == list(Target)
    assert list(Role) == list(Modality)
