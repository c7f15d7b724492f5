"""The entry point: quick help, and every error as one message and an exit code."""

import importlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import miap
from tests.cli.conftest import Run

COMMANDS = [
    (),
    ("analyze",),
    ("train",),
    ("evaluate",),
    ("models",),
    ("models", "list"),
    ("models", "show"),
    ("phantom",),
    ("doctor",),
]
HEAVY = ("torch", "monai", "openvino", "SimpleITK", "nibabel", "pydicom", "highdicom", "matplotlib", "scipy", "numpy")


def modules_after(*words: str) -> set[str]:
    """Top-level modules loaded once a command has run in a process of its own."""
    program = f"""
        import json, sys
        sys.argv = ["miap", *{words!r}]
        from miap.cli.main import main
        try:
            main()
        except SystemExit as end:
            assert not end.code, end.code
        print("\\n" + json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.req("REQ-NF-U-001")
@pytest.mark.parametrize("words", [("--help",), ("--version",), ("analyze", "--help")], ids=" ".join)
def test_help_and_version_load_nothing_heavy(words: tuple[str, ...]) -> None:
    loaded = modules_after(*words)
    assert "typer" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.req("REQ-NF-U-001")
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "miap")
def test_every_command_explains_itself(words: tuple[str, ...], run: Run) -> None:
    outcome = run(*words, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Usage: miap " + " ".join(words) in outcome.out


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version").out == f"miap {miap.__version__}\n"


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    "words",
    [("unknown",), ("analyze",), ("analyze", "--nonsense"), ("phantom", "heart", "--output", "x"), ("models", "show")],
    ids=" ".join,
)
def test_words_that_make_no_sense_are_usage_errors(words: tuple[str, ...], run: Run) -> None:
    outcome = run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err


@pytest.fixture
def raises(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have ``miap doctor`` raise something."""

    def prepare(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(importlib.import_module("miap.cli.doctor"), "_python", fail)

    return prepare


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("error", "message", "remedy"),
    [
        (ZeroDivisionError("division by zero"), "MIAP failed: ZeroDivisionError: division by zero.", "--debug"),
        (MemoryError(), "MIAP failed: MemoryError.", "--debug"),
        (OSError(28, "No space left on device", "/data/out"), "No space left on device: /data/out.", "disk"),
        (PermissionError(13, "Permission denied"), "Permission denied.", "permissions"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "torch is not installed.", "miap doctor"),
    ],
)
def test_what_nobody_foresaw_is_one_line_and_a_hint(
    error: Exception, message: str, remedy: str, raises: Any, run: Run
) -> None:
    raises(error)
    outcome = run("doctor")
    assert (outcome.code, outcome.out) == (1, "")
    first, second = outcome.err.splitlines()
    assert first == f"Error: {message}"
    assert second.startswith("→ ")
    assert remedy in second
    told = json.loads(run("doctor", "--json").err)
    assert (told["error"], told["exit_code"]) == (message, 1)


def test_debug_shows_where_it_happened(raises: Any, run: Run) -> None:
    raises(ZeroDivisionError("division by zero"))
    outcome = run("--debug", "doctor")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert "test_main.py" in outcome.err


def test_an_interrupt_says_nothing(raises: Any, run: Run) -> None:
    raises(KeyboardInterrupt())
    outcome = run("doctor")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "")


def test_brackets_and_colons_of_a_path_are_shown_as_they_are(run: Run, tmp_path: Path) -> None:
    outcome = run("analyze", tmp_path / "[bold]scan :smile:", "--output", tmp_path / "out")
    assert f"Error: There is nothing at {tmp_path}/[bold]scan :smile:." in outcome.err


def test_a_reader_that_stops_listening_is_no_error() -> None:
    command = f"{sys.executable} -c 'from miap.cli.main import main; main()' models show --help | head -c 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr
