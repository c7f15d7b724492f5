"""The readers survive whatever bytes they are given; a long run of the same is `python -m tests.fuzz`."""

import importlib.util
from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.fuzz.__main__ import fuzz
from tests.fuzz.target import CORPUS, FOUND, TARGETS

RUNS = 2500


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed (Linux on x86-64)")
@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.req("REQ-NF-S-002")
def test_readers_raise_nothing_but_input_errors(tmp_path: Path) -> None:
    outcome = fuzz("all", RUNS, 7, tmp_path)
    assert outcome.finding == ""
    assert outcome.inputs >= RUNS


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_good_input(name: str, tmp_path: Path) -> None:
    for seed in TARGETS[name].seed_files:
        assert TARGETS[name].survive(seed.read_bytes(), tmp_path), seed.name


@pytest.mark.parametrize("file", sorted(FOUND.glob("*/*")), ids=lambda file: f"{file.parent.name}-{file.name}")
def test_what_once_broke_a_reader_is_refused_or_read(file: Path, tmp_path: Path) -> None:
    TARGETS[file.parent.name].survive(file.read_bytes(), tmp_path)


def test_the_seed_corpus_is_what_its_script_makes(tmp_path: Path) -> None:
    seeds.write(tmp_path)
    made, kept = (sorted(str(file.relative_to(top)) for file in top.rglob("*.*")) for top in (tmp_path, CORPUS))
    assert made == kept
