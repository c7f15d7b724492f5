"""The command line in-process, with a tiny model and nothing of this machine's own."""

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from miap.cli.main import main
from tests.bundles import tiny_bundle


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one bundle, ``tiny``, which needs CT and PET."""
    folder = tmp_path_factory.mktemp("models")
    tiny_bundle(folder / "tiny", members=1)
    return folder


@pytest.fixture
def run(
    models: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> Iterator[Run]:
    """Run ``miap`` with some words."""
    for name in ("MIAP_DEVICE", "MIAP_BACKEND", "MIAP_PRECISION", "MIAP_MEMORY_GB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MIAP_MODELS", str(models))
    monkeypatch.setenv("MIAP_CACHE", str(models.parent / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("miap.inference.bundle.starter_models", lambda: tmp_path_factory.getbasetemp() / "none")
    before = signal.getsignal(signal.SIGTERM)

    def run(*words: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["miap", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return Outcome(code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, before)
