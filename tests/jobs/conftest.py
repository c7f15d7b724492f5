"""Analyses of a small PET/CT, run once and looked at from all sides."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from miap.imaging.modality import Modality
from miap.jobs.analyze import Request, Result, Step, analyze
from miap.settings import Settings
from tests.bundles import tiny_bundle
from tests.studies import Brightness, petct

WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@dataclass
class Analysis:
    """A result and what was reported on the way."""

    result: Result
    reported: list[tuple[Step, float]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.result.folder


Analyze = Callable[..., Analysis]


@pytest.fixture(scope="package", autouse=True)
def bright(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Networks see brightness alone, and no starter model is in the way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("miap.jobs.analyze.choose_backend", lambda settings: Brightness())
        patch.setattr("miap.inference.bundle.starter_models", lambda: tmp_path_factory.getbasetemp() / "none")
        yield


@pytest.fixture(scope="package")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("models")
    tiny_bundle(folder / "tiny", members=1)
    return Settings(models=(folder,), cache=folder / "cache", memory_gb=1)


@pytest.fixture(scope="package")
def analysed(settings: Settings) -> Analyze:
    """Analyse paths, at a fixed time."""

    def run(*studies: Path, output: Path, **options: object) -> Analysis:
        reported: list[tuple[Step, float]] = []
        request = Request(studies, output, **options)
        result = analyze(request, settings, report=lambda *step: reported.append(step), when=WHEN)
        return Analysis(result, reported)

    return run


@pytest.fixture(scope="package")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PET/CT as DICOM."""
    folder = tmp_path_factory.mktemp("study")
    petct().write_dicom(folder)
    return folder


@pytest.fixture(scope="package")
def from_dicom(study: Path, analysed: Analyze, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analysed(study, output=tmp_path_factory.mktemp("dicom") / "out")


@pytest.fixture(scope="package")
def from_nifti(analysed: Analyze, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = tmp_path_factory.mktemp("nifti")
    ct, pet = petct().write_nifti(folder / "study")
    return analysed(output=folder / "out", images={Modality.CT: ct, Modality.PET: pet})
