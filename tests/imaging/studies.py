"""Small studies for tests of cases."""

import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.dicom_factory import voxels, write_series


def nifti(path: Path, seed: int = 0) -> Path:
    """A small NIfTI image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels(seed=seed).astype(np.float32), np.diag([-2.0, -1.5, 3.0, 1.0])), path)
    return path


def petct(folder: Path) -> Path:
    """A CT and a PET with a structure set's worth of other things beside them."""
    write_series(folder / "ct", "CT", RescaleSlope="1", RescaleIntercept="-1024", SeriesNumber=2)
    write_series(folder / "pet", "PT", RescaleSlope="2", RescaleIntercept="0", SeriesNumber=3)
    return folder


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.dcm"):
            archive.write(file, file.relative_to(folder))
    return path
