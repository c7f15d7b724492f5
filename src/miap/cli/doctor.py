"""``miap doctor``: what this machine can do, what is missing, and how to mend it."""

import json
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from miap.cli.main import app


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``status`` is ``ok``, ``note`` (works without) or ``missing`` (does not)."""

    name: str
    status: str
    found: str
    remedy: str = ""


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Check this machine. Exit code 1 if something MIAP needs is missing."""
    checks = [_python(), *_packages(), _processor(), _memory(), _gpu(), *_site(), _dciodvfy()]
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        _show(checks)
    if any(check.status == "missing" for check in checks):
        raise typer.Exit(1)


def _show(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table

    marks = {"ok": "[green]✔ ok[/]", "note": "[yellow]● note[/]", "missing": "[red]✘ missing[/]"}
    table = Table("", "what", "found", "what to do", show_edge=False)
    for check in checks:
        table.add_row(marks[check.status], check.name, check.found, check.remedy)
    Console().print(table)


def _python() -> Check:
    return Check("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def _packages() -> list[Check]:
    needs = {
        "SimpleITK": "pip install 'miap[images]'",
        "highdicom": "pip install 'miap[images]'",
        "torch": "pip install 'miap[engine]'",
        "monai": "pip install 'miap[engine]'",
        "openvino": "pip install 'miap[engine]'",
    }
    return [_package(name, remedy) for name, remedy in needs.items()]


def _package(name: str, remedy: str) -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "missing", "not installed", remedy)


def _processor() -> Check:
    from miap.inference.hardware import has_bf16

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if has_bf16():
        return Check("processor", "ok", f"{cores} cores, bf16")
    return Check("processor", "note", f"{cores} cores, no bf16", "Inference runs in fp32, about half as fast.")


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB"
    if memory.available < 4e9:
        return Check("memory", "note", found, "Under 4 GB large studies run in small windows, slowly.")
    return Check("memory", "ok", found)


def _gpu() -> Check:
    from miap.inference.hardware import has_cuda

    if has_cuda():
        return Check("GPU", "ok", "NVIDIA driver loaded")
    return Check("GPU", "note", "none", "Everything runs on the processor; training is slow.")


def _site() -> list[Check]:
    from miap.cli.site import site_settings
    from miap.errors import UsageError

    try:
        settings = site_settings()
    except UsageError as error:
        return [Check("settings", "missing", error.message, error.remedy)]
    return [_cache(settings.cache), *(_folder(folder) for folder in settings.models), _models(settings.models)]


def _cache(folder: Path) -> Check:
    parent = next(p for p in (folder, *folder.parents) if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        return Check("cache", "missing", f"{folder} cannot be written", "Set MIAP_CACHE to a folder of yours.")
    free = shutil.disk_usage(parent).free
    status, remedy = ("ok", "") if free > 2e9 else ("note", "Under 2 GB free; make room or set MIAP_CACHE elsewhere.")
    return Check("cache", status, f"{folder}, {free / 1e9:.0f} GB free", remedy)


def _folder(folder: Path) -> Check:
    if folder.is_dir():
        return Check("models' folder", "ok", str(folder))
    return Check("models' folder", "missing", f"{folder} is not there", "Make it, or take it out of MIAP_MODELS.")


def _models(folders: tuple[Path, ...]) -> Check:
    from miap.errors import InputError

    try:
        from miap.inference.bundle import find_bundles

        bundles = find_bundles(folders)
    except ImportError as error:
        return Check("models", "missing", f"no look at them without {error.name}", "Install what is missing above.")
    except InputError as error:
        return Check("models", "missing", error.message, error.remedy or "Remove or mend that bundle.")
    if not bundles:
        return Check("models", "missing", "none", "Set MIAP_MODELS to a folder of bundles, or train one.")
    return Check("models", "ok", ", ".join(f"{b.name} {b.version}" for b in bundles.values()))


def _dciodvfy() -> Check:
    found = shutil.which("dciodvfy")
    if found:
        return Check("dciodvfy", "ok", str(Path(found)))
    return Check("dciodvfy", "note", "not installed", "Only tests need it: apt-get install dicom3tools.")
