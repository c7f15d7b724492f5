"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans: ``MIAP_SHARED_DATA``, or ``shared/data`` beside the checkout."""
    folder = Path(os.environ.get("MIAP_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the shared scans are not at {folder} (set MIAP_SHARED_DATA)")
    return folder
