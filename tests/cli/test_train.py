"""``miap train``, ``miap evaluate`` and ``miap analyze`` one after the other: from cases to findings."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from miap.cli.main import main
from tests.bundles import RECIPE
from tests.cli.conftest import Run
from tests.training.cases import write_cases

QUICK = {"iterations": 40, "optimiser": {"learning_rate": 0.01, "warmup_iterations": 5, "ema_decay": 0.5}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with cases, a recipe and the run that `miap train` made of them."""
    folder = tmp_path_factory.mktemp("train")
    recipe = {**RECIPE, **QUICK, "datalist": str(write_cases(folder))}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        words = ["train", str(folder / "recipe.yaml"), "--output", str(folder / "run")]
        patch.setattr(sys, "argv", ["miap", *words])
        main()
    assert not end.value.code
    return folder


@pytest.mark.req("REQ-F-001")
def test_training_ends_in_a_bundle_and_its_figures(trained: Path, run: Run) -> None:
    outcome = run("train", trained / "recipe.yaml", "--output", trained / "run")
    assert outcome.code == 0, "finished folds are kept, the bundle is written again"
    assert f"Bundle: {trained / 'run' / 'bundle' / 'tiny'}" in outcome.out
    assert "over 4 patients" in outcome.out
    assert (trained / "run" / "bundle" / "tiny" / "docs" / "README.md").is_file()


@pytest.mark.req("REQ-F-001")
def test_evaluation_gives_the_cards_figures_again(trained: Path, run: Run) -> None:
    bundle = trained / "run" / "bundle" / "tiny"
    outcome = run("evaluate", bundle, "--datalist", trained / "datalist.json", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    told = json.loads(outcome.out)
    card = json.loads((bundle / "configs" / "metadata.json").read_text())["miap"]["metrics"]
    assert told["summary"]["patients"] == 4
    assert told["summary"]["dice_mean"] == pytest.approx(card["dice_mean"], abs=0.02), (
        "another backend, the same figure"
    )
    assert [case["id"] for case in told["cases"]] == ["case0", "case1", "case2", "case3"]


def test_people_get_the_same_as_a_table(trained: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIAP_MODELS", str(trained / "run" / "bundle"))
    outcome = run("evaluate", "tiny", "--datalist", trained / "datalist.json")
    assert outcome.code == 0
    assert "case3" in outcome.out
    assert "over 4 patients" in outcome.out


@pytest.mark.req("REQ-F-002")
def test_what_was_trained_finds_tumours(
    trained: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIAP_MODELS", str(trained / "run" / "bundle"))
    images = [word for role in ("ct", "pet") for word in ("--image", f"{role}={trained / f'p0_{role}.nii.gz'}")]
    outcome = run("analyze", *images, "--output", tmp_path / "out", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    lesions = json.loads(outcome.out)["lesions"]
    assert len(lesions) == 1
    assert lesions[0]["suv"]["suv_max"] == pytest.approx(8, abs=1)


def test_one_fold_alone_makes_no_bundle(trained: Path, run: Run, tmp_path: Path) -> None:
    recipe = yaml.safe_load((trained / "recipe.yaml").read_text())
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "iterations": 2}))
    outcome = run("train", tmp_path / "recipe.yaml", "--output", tmp_path / "run", "--fold", 1)
    assert outcome.code == 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["fold1"]


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("train", "nowhere.yaml", "--output", "run"), 2, "nowhere.yaml"),
        (("evaluate", "nobody"), 4, "no model named 'nobody'"),
        (("evaluate", "tiny", "--datalist", "nowhere.json"), 3, "nowhere.json"),
        (("evaluate", "tiny"), 3, "datalist.json"),
    ],
)
def test_what_is_missing_is_named(
    words: tuple[str, ...], code: int, reason: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*words)
    assert outcome.code == code, outcome.err
    assert reason in outcome.err
    assert len(outcome.err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_fold_that_is_not_there_is_refused(trained: Path, run: Run, tmp_path: Path) -> None:
    outcome = run("train", trained / "recipe.yaml", "--output", tmp_path / "run", "--fold", 9)
    assert outcome.code == 2, outcome.err
    assert "9" in outcome.err
    assert list(tmp_path.iterdir()) == []
