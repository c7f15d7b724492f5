"""The seed corpus: small valid files of every kind, made by `python -m tests.fuzz.seeds`."""

import gzip
import shutil
import zipfile
from pathlib import Path

import numpy as np

from miap.imaging.modality import Modality
from miap.imaging.nifti import write_nifti
from miap.imaging.phantom.dicom_writer import write_series
from miap.imaging.phantom.study import Study
from miap.imaging.volume import Volume
from tests.fuzz.target import CORPUS

SHAPE = (6, 5, 3)


def write(folder: Path) -> None:
    """Write all of it into an empty folder."""
    study = Study("FUZZ-1", "SEED^CASE", key="1")
    for name, modality in (("series", Modality.CT), ("pet", Modality.PET), ("mr", Modality.FLAIR)):
        write_series(folder / name, _volume(modality), modality=modality, description=name, study=study)
    _nifti(folder / "nifti", "pet.nii", np.float32)
    _nifti(folder / "nifti", "ct.nii", np.int16)
    _nifti(folder / "mask", "mask.nii", np.uint8)
    (folder / "nifti_gz").mkdir()
    for file in (folder / "nifti").iterdir():
        (folder / "nifti_gz" / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    _zip(folder / "zip" / "study.zip", sorted((folder / "series").iterdir()))
    _zip(folder / "zip" / "ct.zip", [folder / "nifti" / "ct.nii"])


def _volume(modality: Modality | None, kind: type = np.float32) -> Volume:
    voxels = np.random.default_rng(0).integers(0, 9, (1, *SHAPE)).astype(kind)
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    return Volume(voxels, affine, modality)


def _nifti(folder: Path, name: str, kind: type) -> None:
    folder.mkdir(exist_ok=True)
    write_nifti(_volume(None, kind), folder / name)


def _zip(path: Path, files: list[Path]) -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(f"{file.parent.name}/{file.name}"), file.read_bytes())


if __name__ == "__main__":
    shutil.rmtree(CORPUS, ignore_errors=True)
    CORPUS.mkdir()
    write(CORPUS)
