"""Whatever goes wrong on the main road, a result appears whole or not at all."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from miap.errors import UsageError
from miap.jobs import analyze as road
from miap.jobs.analyze import Request, Step
from miap.settings import Settings
from tests.jobs.conftest import Analyze

FAILS_IN = {
    Step.RECEIVE: "miap.jobs.analyze.Request.paths",
    Step.ASSEMBLE: "miap.jobs.analyze.assemble",
    Step.PREPARE: "miap.jobs.analyze.prepare",
    Step.SEGMENT: "miap.inference.segmenter.Segmenter.__call__",
    Step.MEASURE: "miap.jobs.analyze.measure",
    Step.CHECK: "miap.jobs.analyze.check",
    Step.RENDER: "miap.jobs.analyze.render",
    Step.DELIVER: "miap.jobs.rendering.write_manifest",
}
"""What is broken for each step to fail."""


ROOT = Path(__file__).parents[2]


class Broken(Exception):
    """Stands for any error."""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def quick_render(outcome: Any, folder: Path) -> None:
    (folder / "overview.png").write_bytes(b"a picture")


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize("step", Step)
def test_an_error_in_any_step_leaves_nothing(
    step: Step, study: Path, analysed: Analyze, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Broken(step)

    monkeypatch.setattr(road, "render", quick_render)
    monkeypatch.setattr(FAILS_IN[step], property(fail) if step is Step.RECEIVE else fail)
    with pytest.raises(Broken):
        analysed(study, output=tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == [scratch]
    assert list(scratch.iterdir()) == []


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize("step", [Step.ASSEMBLE, Step.SEGMENT, Step.DELIVER])
def test_an_interrupt_leaves_nothing(
    step: Step, study: Path, settings: Settings, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(at: Step, fraction: float) -> None:
        if at is step and fraction == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(road, "render", quick_render)
    with pytest.raises(KeyboardInterrupt):
        road.analyze(Request((study,), tmp_path / "out"), settings, report=interrupt)
    assert list(tmp_path.iterdir()) == [scratch]
    assert list(scratch.iterdir()) == []


@pytest.mark.req("REQ-NF-R-002")
def test_a_full_disk_leaves_nothing(
    study: Path, analysed: Analyze, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(outcome: Any, folder: Path) -> None:
        (folder / "overview.png").write_bytes(b"half a pic")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(road, "render", full)
    with pytest.raises(OSError, match="No space"):
        analysed(study, output=tmp_path / "out")
    assert list(tmp_path.iterdir()) == [scratch]


def test_a_result_that_is_there_stays_unless_it_may_be_replaced(
    study: Path, analysed: Analyze, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(road, "render", quick_render)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        analysed(study, output=tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]
    analysed(study, output=tmp_path / "out", overwrite=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"findings.json", "manifest.json", "overview.png"}


def test_a_failure_while_replacing_keeps_the_old_result(
    study: Path, analysed: Analyze, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise Broken

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "findings.json").write_text("old")
    monkeypatch.setattr(road, "render", fail)
    with pytest.raises(Broken):
        analysed(study, output=tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "findings.json").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "scratch"}


def test_an_output_that_cannot_be_made_is_refused_before_any_work(
    study: Path, settings: Settings, scratch: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    steps: list[Step] = []
    with pytest.raises(UsageError, match="can be made"):
        road.analyze(Request((study,), tmp_path / "file" / "out"), settings, report=lambda step, _: steps.append(step))
    assert steps == []
    assert list(scratch.iterdir()) == []


@pytest.mark.req("REQ-NF-R-001")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_without_a_word_and_without_a_trace(
    number: int, code: int, study: Path, settings: Settings, scratch: Path, tmp_path: Path
) -> None:
    """In a process of its own: the signal comes while the network runs."""
    program = """
        import os, signal
        from tests.studies import Brightness

        signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts the tests may have it ignored

        class Interrupted(Brightness):
            def load(self, bundle, member):
                forward = super().load(bundle, member)

                def interrupted(image):
                    os.kill(os.getpid(), int(os.environ["SIGNAL"]))
                    return forward(image)

                return interrupted

        import miap.jobs.analyze
        miap.jobs.analyze.choose_backend = lambda settings: Interrupted()
        from miap.cli.main import main
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), "analyze", study, "--output", tmp_path / "out"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MIAP_MODELS": str(settings.models[0]), "TMPDIR": str(scratch), "SIGNAL": str(int(number))},
    )
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [scratch]
    assert list(scratch.iterdir()) == []
