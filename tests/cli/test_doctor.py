"""``miap doctor`` says what is missing and how to mend it, even where little is installed."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run


def checks(run: Run) -> tuple[int, dict[str, dict[str, Any]]]:
    outcome = run("doctor", "--json")
    assert outcome.err == ""
    return outcome.code, {check["name"]: check for check in json.loads(outcome.out)}


@pytest.mark.req("REQ-F-004")
def test_where_nothing_is_missing_it_ends_well(run: Run) -> None:
    code, found = checks(run)
    assert code == 0
    assert {check["status"] for check in found.values()} <= {"ok", "note"}
    assert found["models"]["found"] == "tiny 0.1.0"
    assert {"Python", "torch", "openvino", "processor", "memory", "GPU", "cache"} <= set(found)


@pytest.mark.req("REQ-F-004")
def test_what_is_not_ok_has_a_remedy(run: Run) -> None:
    for check in checks(run)[1].values():
        assert check["remedy"] or check["status"] == "ok"


def test_people_get_a_table(run: Run) -> None:
    outcome = run("doctor")
    assert outcome.code == 0
    assert "✔ ok" in outcome.out
    assert "tiny 0.1.0" in outcome.out


@pytest.mark.req("REQ-F-004")
@pytest.mark.parametrize(
    ("variable", "value", "name", "remedy"),
    [
        ("MIAP_MODELS", "nowhere", "models", "MIAP_MODELS"),
        ("MIAP_MODELS", "nowhere", "models' folder", "MIAP_MODELS"),
        ("MIAP_CACHE", "/dev/null/cache", "cache", "MIAP_CACHE"),
        ("MIAP_DEVICE", "tpu", "settings", "Mend"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    variable: str, value: str, name: str, remedy: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    code, found = checks(run)
    assert code == 1
    assert found[name]["status"] == "missing"
    assert remedy in found[name]["remedy"]
    assert "✘ missing" in run("doctor").out


def test_a_damaged_model_is_named(run: Run, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(models / "tiny", tmp_path / "models" / "tiny")
    (tmp_path / "models" / "tiny" / "configs" / "metadata.json").write_text("{}")
    monkeypatch.setenv("MIAP_MODELS", str(tmp_path / "models"))
    code, found = checks(run)
    assert code == 1
    assert "metadata.json" in found["models"]["found"]


@pytest.mark.parametrize(
    ("status", "machine"),
    [
        ("note", {"has_bf16": False, "has_cuda": False, "available": 2e9, "free": 1e9}),
        ("ok", {"has_bf16": True, "has_cuda": True, "available": 9e9, "free": 9e9}),
    ],
)
def test_a_weak_machine_is_told_what_that_means(
    status: str, machine: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    for name in ("has_bf16", "has_cuda"):
        monkeypatch.setattr(f"miap.inference.hardware.{name}", lambda name=name: machine[name])
    memory = psutil.virtual_memory()._replace(available=machine["available"])
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    usage = shutil.disk_usage("/")._replace(free=machine["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    code, found = checks(run)
    assert code == 0
    assert {found[name]["status"] for name in ("processor", "memory", "GPU", "cache")} == {status}


def test_it_works_where_hardly_anything_is_installed() -> None:
    program = """
        import sys
        from importlib import metadata

        ABSENT = ("SimpleITK", "torch", "monai", "openvino", "highdicom", "pydicom", "scipy")

        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ABSENT:
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Absent())
        real = metadata.version

        def version(name):
            if name in ABSENT:
                raise metadata.PackageNotFoundError(name)
            return real(name)

        metadata.version = version
        sys.argv = ["miap", "doctor", "--json"]
        from miap.cli.main import main
        main()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert found["torch"] == {
        "name": "torch", "status": "missing", "found": "not installed", "remedy": "pip install 'miap[engine]'"
    }  # fmt: skip
    assert found["models"]["status"] == "missing"
    assert found["processor"]["status"] in ("ok", "note")


def test_without_dciodvfy_it_says_that_only_tests_miss_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    code, found = checks(run)
    assert code == 0
    assert found["dciodvfy"]["status"] == "note"
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert checks(run)[1]["dciodvfy"] == {
        "name": "dciodvfy", "status": "ok", "found": "/usr/bin/dciodvfy", "remedy": ""
    }  # fmt: skip
