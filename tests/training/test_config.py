"""Recipes: what is wrong in one is said before anything starts."""

from pathlib import Path

import pytest
import yaml

from miap.errors import UsageError
from miap.imaging.modality import Modality
from miap.training.config import TrainConfig
from tests.bundles import RECIPE

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


@pytest.mark.req("REQ-F-001")
@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_starter_recipes_are_valid_and_name_their_datalist(path: Path) -> None:
    config = TrainConfig.load(path)
    assert config.name == path.stem
    assert config.datalist.is_file()
    assert config.card.citations


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"iterations": 0}, "iterations"),
        ({"optimiser": {"learning_rate": -1}}, "optimiser.learning_rate"),
        ({"learning_rte": 1}, "learning_rte"),
        ({"labels": []}, "labels"),
        ({"labels": [{"value": 1, "name": "a", "category": {"value": "1"}}]}, "file"),
        ({"preparation": {"channels": [], "space": 1}}, "file"),
        ({"preparation": {"channels": [{"modality": "xray", "scale": "log", "low": 0, "high": 1}]}}, "file"),
        ({"patch": [16, 16]}, "patch"),
        ({"patch": [18, 16, 16]}, "file"),
        ({"network": {"name": "segresnet", "option": {}}}, "network.option"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}))
    with pytest.raises(UsageError, match=f"cannot be used: .*{named}"):
        TrainConfig.load(path)


@pytest.mark.parametrize("content", ["a: [", "", "just words"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match="recipe.yaml"):
        TrainConfig.load(path)


def test_a_recipe_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training configuration"):
        TrainConfig.load(tmp_path / "absent.yaml")


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    config = TrainConfig.load(path)
    assert config.datalist == tmp_path / "datalist.json"
    assert config.modalities == (Modality.CT, Modality.PET)
