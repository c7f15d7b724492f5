"""``miap models``: which there are, and their cards."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def edit(folder: Path, **changes: object) -> None:
    path = folder / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["miap"].update(changes)
    path.write_text(json.dumps(metadata))


@pytest.fixture
def mine(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A copy of the bundle, free to be changed."""
    shutil.copytree(models / "tiny", tmp_path / "models" / "tiny")
    monkeypatch.setenv("MIAP_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "tiny"


def test_the_list_says_what_each_model_needs_and_how_good_it_is(mine: Path, run: Run) -> None:
    outcome = run("models", "list")
    assert (outcome.code, outcome.err) == (0, "")
    assert "tiny" in outcome.out
    assert "ct + pet" in outcome.out
    assert "not measured" in outcome.out
    edit(mine, metrics={"dice_mean": 0.714, "dice_sd": 0.1, "patients": 28, "how": "cross-validation"})
    assert "0.71 ± 0.10 (28)" in run("models", "list").out


def test_the_list_for_machines(mine: Path, run: Run) -> None:
    edit(mine, metrics={"dice_mean": 0.714, "dice_sd": 0.1, "patients": 28, "how": "cross-validation"})
    (entry,) = json.loads(run("models", "list", "--json").out)
    assert entry == {
        "name": "tiny",
        "version": "0.1.0",
        "needs": ["ct", "pet"],
        "finds": "Anything bright",
        "dice_mean": 0.714,
        "dice_sd": 0.1,
        "patients": 28,
        "how": "cross-validation",
        "folder": str(mine),
    }


def test_without_models_it_says_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIAP_MODELS", str(tmp_path))
    outcome = run("models", "list")
    assert outcome.code == 0
    assert "MIAP_MODELS" in outcome.out
    assert json.loads(run("models", "list", "--json").out) == []


@pytest.mark.req("REQ-F-002")
def test_a_model_shows_its_card(mine: Path, run: Run) -> None:
    (mine / "docs").mkdir(exist_ok=True)
    (mine / "docs" / "README.md").write_text("# Tiny\n\nFinds *anything bright*.\n")
    outcome = run("models", "show", "tiny")
    assert outcome.code == 0
    assert "anything bright" in outcome.out
    assert run("models", "show", mine).out == outcome.out, "a folder does as well as a name"
    told = json.loads(run("models", "show", "tiny", "--json").out)
    assert told["metadata"]["miap"]["intended_use"] == "Tests."


def test_a_model_without_a_card_says_so(mine: Path, run: Run) -> None:
    shutil.rmtree(mine / "docs", ignore_errors=True)
    assert "has no card" in run("models", "show", "tiny").out


@pytest.mark.req("REQ-NF-R-002")
def test_a_model_that_is_not_there_is_refused_with_the_ones_that_are(mine: Path, run: Run) -> None:
    outcome = run("models", "show", "other")
    assert (outcome.code, outcome.out) == (4, "")
    assert "'other'" in outcome.err
    assert "Choose one of: tiny." in outcome.err
