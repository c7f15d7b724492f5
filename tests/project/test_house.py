"""What keeps the code in order and is not a linter's to say."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
MOST_LINES = 400


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.req("REQ-NF-M-001")
def test_no_file_outgrows_its_room() -> None:
    lengths = {
        file: len(file.read_text(encoding="utf-8").splitlines()) for file in sources("src", "benchmarks", "scripts")
    }
    assert {file: lines for file, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_room_has_its_place_on_a_floor() -> None:
    package = ROOT / "src" / "miap"
    rooms = {path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"}
    (floors,) = [contract for contract in SETTINGS["importlinter"]["contracts"] if contract["type"] == "layers"]
    placed = {room.strip() for layer in floors["layers"] for room in layer.split("|")}
    assert rooms - {"__init__", "__pycache__"} <= placed


@pytest.mark.req("REQ-NF-M-001")
def test_tests_mirror_the_package() -> None:
    rooms = {path.name for path in (ROOT / "src" / "miap").iterdir() if (path / "__init__.py").is_file()}
    for room in rooms:
        assert list((ROOT / "tests" / room).glob("test_*.py")), f"no tests of {room}"
