"""The starter models as they are shipped, with networks converted once for all these tests."""

from pathlib import Path

import pytest

from miap.settings import Settings


@pytest.fixture(scope="package")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a machine where nobody set anything."""
    return Settings(cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def scans(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared scans, where the starter models' datalists look for them, too."""
    monkeypatch.setenv("MIAP_SHARED_DATA", str(shared_data))
    return shared_data
