"""`Phantom`: images, and the truth about them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from miap.imaging.modality import Modality
from miap.imaging.nifti import write_nifti
from miap.imaging.phantom.dicom_writer import write_series
from miap.imaging.phantom.shapes import Ellipsoid
from miap.imaging.phantom.study import Study
from miap.imaging.volume import Volume

_SERIES = {
    Modality.T1: "T1 {plane} PRE",
    Modality.T1C: "T1 {plane} POST",
    Modality.T2: "T2 {plane}",
    Modality.FLAIR: "FLAIR {plane}",
    Modality.CT: "CT ATTENUATION",
    Modality.PET: "PET AC",
}
"""Series descriptions as scanners have them."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic case.

    Args:
        images: CT in HU, PET in SUV, MR in arbitrary units.
        truth: Label 1 where a voxel is at least half tumour, label 2 where it is at least half necrotic core (of a
            brain tumour only), on the first image's grid; shape (1, x, y, z), uint8.
        lesions: The shapes that were voxelised.
        study: Patient and visit that the DICOM instances name.
        core: Semi-axes of each lesion's necrotic core over those of the lesion; 0 means none.
        suv: Uptake of each lesion's viable part before blur and noise; empty without PET.
    """

    images: Mapping[Modality, Volume]
    truth: Volume
    lesions: tuple[Ellipsoid, ...]
    study: Study
    core: float = 0.0
    suv: tuple[float, ...] = ()

    def reoriented(self, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> "Phantom":
        """The same study with array axes in another order, as `Volume.reoriented` has it."""
        images = {modality: image.reoriented(axes, flips) for modality, image in self.images.items()}
        return replace(self, images=images, truth=self.truth.reoriented(axes, flips))

    def record(self) -> dict[str, Any]:
        """The truth in closed form, ready for JSON. Diameters are in the slices of the truth's grid."""
        lesions = []
        for number, lesion in enumerate(self.lesions):
            longest, perpendicular = lesion.section_diameters(self._normal)
            entry: dict[str, Any] = {
                "id": number + 1,
                "centre_mm": list(lesion.centre_mm),
                "semi_axes_mm": list(lesion.semi_axes_mm),
                "rotation_deg": list(lesion.rotation_deg),
                "volume_ml": lesion.volume_ml,
                "core_volume_ml": lesion.volume_ml * self.core**3,
                "longest_diameter_mm": longest,
                "perpendicular_diameter_mm": perpendicular,
                "extent_mm": list(lesion.extent_mm),
            }
            if self.suv:
                entry["suv"] = self.suv[number]
            lesions.append(entry)
        return {
            "schema": "miap.phantom/1",
            "patient_id": self.study.patient_id,
            "images": [modality.value for modality in self.images],
            "lesions": lesions,
        }

    def write_dicom(self, folder: Path) -> list[Path]:
        """One folder of DICOM instances per image, and ``truth.json``; returns the instances.

        The study's UIDs depend on the voxels, so that two phantoms never share one.
        """
        digest = hashlib.sha256()
        for image in (*self.images.values(), self.truth):
            digest.update(image.affine.tobytes() + np.ascontiguousarray(image.array).tobytes())
        study = replace(self.study, key=f"{self.study.key}{digest.hexdigest()}")
        plane = ("SAG", "COR", "AX")[int(np.abs(self._normal).argmax())]
        files: list[Path] = []
        for number, (modality, image) in enumerate(self.images.items(), start=1):
            files += write_series(
                folder / modality.name,
                image,
                modality=modality,
                description=_SERIES[modality].format(plane=plane),
                study=study,
                number=number,
            )
        self._write_record(folder)
        return files

    def write_nifti(self, folder: Path) -> list[Path]:
        """``ct.nii.gz`` and so on, ``truth.nii.gz`` and ``truth.json``; returns the images, without the truth."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for modality, image in self.images.items():
            files.append(folder / f"{modality.value}.nii.gz")
            write_nifti(image, files[-1])
        write_nifti(self.truth, folder / "truth.nii.gz")
        self._write_record(folder)
        return files

    @property
    def _normal(self) -> npt.NDArray[np.float64]:
        """Unit vector across the slices of the first image."""
        return np.cross(self.truth.direction[:, 0], self.truth.direction[:, 1])

    def _write_record(self, folder: Path) -> None:
        (folder / "truth.json").write_text(json.dumps(self.record(), indent=2) + "\n", encoding="utf-8")
