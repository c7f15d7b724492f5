"""A small data set whose tumours a network finds within seconds: bright balls in PET, seen by CT as well."""

import json
from pathlib import Path

import numpy as np

from miap.imaging.nifti import write_nifti
from miap.imaging.volume import Volume


def write_cases(folder: Path, *, patients: int = 4, folds: int = 2, size: int = 24) -> Path:
    """Write NIfTI cases and their datalist; returns the datalist."""
    entries = []
    for patient in range(patients):
        rng = np.random.default_rng(patient)
        grid = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"))
        centre = rng.uniform(size * 0.35, size * 0.65, size=(3, 1, 1, 1))
        ball = ((grid - centre) ** 2).sum(axis=0) < (size / 5) ** 2
        affine = np.diag([8.0, 8.0, 8.0, 1.0])
        ct = np.where(ball, 40, 60) + rng.normal(0, 10, ball.shape)
        pet = np.where(ball, 8, 0.5) + rng.normal(0, 0.1, ball.shape)
        for name, array in {"ct": ct, "pet": pet.clip(0), "mask": ball}.items():
            kind = np.uint8 if name == "mask" else np.float32
            write_nifti(Volume(array[None].astype(kind), affine), folder / f"p{patient}_{name}.nii.gz")
        entries.append(
            {
                "id": f"case{patient}",
                "patient": f"p{patient}",
                "fold": patient % folds,
                "image": {"ct": f"p{patient}_ct.nii.gz", "pet": f"p{patient}_pet.nii.gz"},
                "label": f"p{patient}_mask.nii.gz",
            }
        )
    path = folder / "datalist.json"
    path.write_text(json.dumps({"root": ".", "training": entries}))
    return path
