"""What is promised about installing MIAP: a light base, pinned versions, one version, models in the wheel."""

import re
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import miap
from miap.inference.bundle import starter_models

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
HEAVY = {"torch", "monai", "openvino", "simpleitk", "scipy", "highdicom", "matplotlib", "reportlab"}
MEGABYTE = 1_000_000


def requirements(lines: list[str]) -> Iterator[Requirement]:
    """Requirements on others; an extra that takes in another of our own is followed."""
    for requirement in map(Requirement, lines):
        if requirement.name == PROJECT["name"]:
            for extra in requirement.extras:
                yield from requirements(EXTRAS[extra])
        else:
            yield requirement


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements(lines)}


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    """Version by package, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "constraints.txt pins exact versions and nothing else"
    return {canonicalize_name(name): version for name, version in pairs}


def test_the_base_is_light_and_each_extra_holds_what_it_is_for() -> None:
    assert not HEAVY & names(PROJECT["dependencies"])
    assert {"simpleitk", "highdicom", "pydicom", "scipy"} <= names(EXTRAS["images"])
    assert not {"torch", "monai", "openvino"} & names(EXTRAS["images"])
    assert names(EXTRAS["all"]) >= names(EXTRAS["engine"]) >= HEAVY


def test_every_dependency_is_pinned_within_the_range_that_is_promised(pins: dict[str, str]) -> None:
    for lines in (PROJECT["dependencies"], *EXTRAS.values()):
        for requirement in requirements(lines):
            name = canonicalize_name(requirement.name)
            assert name in pins, f"{name} is not in constraints.txt"
            assert requirement.specifier.contains(pins[name]), f"{name} {pins[name]} is outside {requirement.specifier}"


def test_pins_hold_on_every_machine(pins: dict[str, str]) -> None:
    local = {name: version for name, version in pins.items() if "+" in version}
    assert not local, "a local version such as +cpu exists on one index only"
    assert "torchvision" not in pins


def test_one_version_and_one_licence_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    installed = metadata("miap")
    assert installed["Version"] == citation["version"] == miap.__version__
    assert installed["License-Expression"] == citation["license"] == "Apache-2.0"
    assert SpecifierSet(installed["Requires-Python"]).contains("3.11")
    changes = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert changes[0] == "Unreleased"


def test_each_starter_model_weighs_at_most_twelve_megabytes() -> None:
    for bundle in starter_models().iterdir():
        size = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file())
        assert size <= 12 * MEGABYTE, f"{bundle.name} weighs {size / MEGABYTE:.1f} MB"


@pytest.mark.req("REQ-NF-M-001")
def test_the_wheel_holds_the_code_the_schema_the_models_and_the_licence(tmp_path: Path) -> None:
    wheel_module = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    (path,) = wheel_module.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        held = set(wheel.namelist())
    package = ROOT / "src" / "miap"
    code = {f"miap/{file.relative_to(package).as_posix()}" for file in package.rglob("*.py")}
    assert code <= held
    data = {"miap/findings/findings.schema.json", "miap/imaging/roles.toml", "miap/jobs/inspection.schema.json"}
    assert {*data, "miap/py.typed"} <= held
    models = starter_models()
    weights = {f"miap/models/{file.relative_to(models).as_posix()}" for file in models.rglob("*.safetensors")}
    assert weights and weights <= held
    assert {f"miap/models/{bundle.name}/docs/README.md" for bundle in models.iterdir()} <= held
    assert any(name.endswith("licenses/LICENSE") for name in held)
    assert not [name for name in held if name.startswith(("tests/", "runs/", "docs/"))]
