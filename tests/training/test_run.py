"""A whole run: folds to bundle, figures out of fold, and the same figures again from the bundle alone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from miap.errors import InputError, UsageError
from miap.findings.confidence import Calibration
from miap.inference.backend import TorchBackend
from miap.inference.segmenter import Segmenter
from miap.training.datalist import Datalist
from miap.training.evaluation import dice, evaluate, row, summary
from miap.training.run import chosen_folds, finish_run, train_run, weights_of
from tests.bundles import recipe
from tests.training.cases import write_cases

CONFIG = recipe(iterations=40, optimiser={"learning_rate": 0.01, "warmup_iterations": 5, "ema_decay": 0.5})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def datalist(folder: Path) -> Datalist:
    return Datalist.load(write_cases(folder))


@pytest.fixture(scope="module")
def finished(folder: Path, datalist: Datalist):
    config = CONFIG.model_copy(update={"datalist": folder / "datalist.json"})
    for fold in datalist.folds:
        train_run(config, datalist, fold, folder / "run", resume=True, report=lambda iteration, loss: None)
    return finish_run(config, datalist, folder / "run")


@pytest.mark.req("REQ-F-001")
def test_a_run_ends_in_a_bundle_that_finds_what_it_learned(finished) -> None:
    bundle, scores = finished
    assert [score.id for score in scores] == ["case0", "case1", "case2", "case3"]
    assert np.mean([score.dice for score in scores]) > 0.5
    assert bundle.card.folds == (0, 1)
    assert bundle.card.metrics["dice_mean"] == summary(scores)["dice_mean"]
    assert Calibration.from_dict(bundle.card.calibration).lesions == sum(s.lesions for s in scores)
    assert set(bundle.card.input_profile) == {"ct", "pet"}


@pytest.mark.req("REQ-F-001")
def test_the_cards_table_comes_out_again_from_the_bundle(finished, datalist: Datalist) -> None:
    bundle, scores = finished
    again = evaluate(bundle, datalist, Segmenter(bundle, TorchBackend("cpu", "bf16")))
    assert [row(score) for score in again] == [row(score) for score in scores]
    assert bundle.card.metrics["cases_table"] == [row(score) for score in scores]


@pytest.mark.req("REQ-F-001")
def test_the_card_says_what_it_is_for_how_well_it_does_and_where_it_fails(finished) -> None:
    bundle, scores = finished
    card = (bundle.folder / "docs" / "README.md").read_text()
    for text in ("not a medical device", "Anything bright", "Where it fails", "cross-validation by patient"):
        assert text in card
    for score in scores:
        assert f"| {score.id} | {score.fold} | {score.dice:.3f} |" in card


def test_metadata_has_what_monai_asks_of_a_bundle(finished) -> None:
    metadata = json.loads((finished[0].folder / "configs" / "metadata.json").read_text())
    for key in ("version", "changelog", "monai_version", "pytorch_version", "numpy_version", "task", "description"):
        assert metadata[key]
    assert metadata["network_data_format"]["inputs"]["image"]["num_channels"] == 2


def test_finished_folds_are_not_trained_again(finished, folder: Path, datalist: Datalist) -> None:
    seen: list[int] = []
    train_run(CONFIG, datalist, 0, folder / "run", resume=True, report=lambda i, _: seen.append(i))
    assert seen == []


def test_dice_of_closed_forms() -> None:
    a, b = np.zeros((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    assert dice(a, b) == 1.0
    a[:2], b[1:3] = True, True
    assert dice(a, b) == pytest.approx(0.5)
    assert dice(a, ~a) == 0.0


def test_patients_count_once_however_many_examinations_they_have(finished) -> None:
    score = finished[1][0]
    three = [
        score.__class__(**{**score.__dict__, "patient": patient, "dice": value})
        for patient, value in (("p", 0.2), ("p", 0.4), ("q", 0.9))
    ]
    assert summary(three)["dice_mean"] == pytest.approx(0.6)
    assert (summary(three)["patients"], summary(three)["cases"]) == (2, 3)


def test_a_finished_fold_is_trained_on_by_a_longer_recipe(finished, folder: Path, datalist: Datalist) -> None:
    longer = CONFIG.model_copy(update={"iterations": CONFIG.iterations + 2})
    shutil.copytree(folder / "run" / "fold0", folder / "longer" / "fold0")
    before = weights_of(folder / "longer", 0).read_bytes()
    seen: list[int] = []
    train_run(longer, datalist, 0, folder / "longer", resume=True, report=lambda i, _: seen.append(i))
    assert seen == [CONFIG.iterations + 1, CONFIG.iterations + 2]
    assert weights_of(folder / "longer", 0).read_bytes() != before


def test_folds_are_those_the_datalist_has(datalist: Datalist) -> None:
    assert chosen_folds(datalist, None) == datalist.folds
    assert chosen_folds(datalist, 0) == (0,)
    with pytest.raises(UsageError, match="fold 9"):
        chosen_folds(datalist, 9)
    unfolded = Datalist(tuple(replace(case, fold=None) for case in datalist.cases))
    with pytest.raises(InputError, match="fold"):
        chosen_folds(unfolded, None)
