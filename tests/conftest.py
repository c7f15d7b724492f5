"""What all tests share."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ROOT = Path(__file__).parents[1]
Verify = Callable[[Path], list[str]]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans: ``MIAP_SHARED_DATA``, or ``shared/data`` beside the checkout."""
    folder = Path(os.environ.get("MIAP_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the shared scans are not at {folder} (set MIAP_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def verify() -> Verify:
    """dciodvfy's errors about a file; skips where it is not installed."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")

    def errors(path: Path) -> list[str]:
        done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
        return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]

    return errors
