"""``miap phantom``: studies to try MIAP on."""

import json
from pathlib import Path

import pytest

from miap.imaging.phantom import Phantom
from tests.cli.conftest import Run
from tests.studies import petct


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Has both kinds give the same small study; the list says which was asked for."""
    asked: list[tuple[str, int]] = []

    def of(kind: str) -> object:
        def make(seed: int) -> Phantom:
            asked.append((kind, seed))
            return petct()

        return make

    monkeypatch.setattr("miap.imaging.phantom.thigh_petct", of("thigh"))
    monkeypatch.setattr("miap.imaging.phantom.brain_mr", of("brain"))
    return asked


@pytest.mark.parametrize("kind", ["thigh", "brain"])
def test_a_study_is_written_as_dicom_with_its_truth(
    kind: str, small: list[tuple[str, int]], run: Run, tmp_path: Path
) -> None:
    outcome = run("phantom", kind, "--output", tmp_path / "study", "--seed", 3)
    assert (outcome.code, outcome.err) == (0, "")
    assert str(tmp_path / "study") in outcome.out
    assert small == [(kind, 3)]
    assert len(list((tmp_path / "study" / "CT").glob("*.dcm"))) > 10
    assert len(json.loads((tmp_path / "study" / "truth.json").read_text())["lesions"]) == 2


def test_or_as_nifti(small: list[tuple[str, int]], run: Run, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    assert run("phantom", "thigh", "--output", tmp_path / "study", "--nifti").code == 0, "an empty folder is taken"
    assert {path.name for path in (tmp_path / "study").iterdir()} == {
        "ct.nii.gz", "pet.nii.gz", "truth.nii.gz", "truth.json"
    }  # fmt: skip


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize("taken", ["folder", "file"])
def test_what_is_there_is_not_touched(taken: str, small: list[tuple[str, int]], run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    outcome = run("phantom", "thigh", "--output", tmp_path / taken)
    assert outcome.code == 2
    assert "is there already" in outcome.err
    assert small == []
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "thesis.tex").read_text() == "mine"
