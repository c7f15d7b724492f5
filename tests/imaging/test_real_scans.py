"""The readers on real scans: DICOM equals the same scan prepared by others, and SUV equals theirs."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from miap.imaging.case import assemble
from miap.imaging.modality import Modality
from miap.imaging.nifti import read_mask, read_nifti
from miap.imaging.resample import resample
from miap.imaging.series import read_series
from miap.imaging.suv import suv_factors
from miap.imaging.volume import Volume

pytestmark = pytest.mark.shared_data


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("kind", ["CT", "PET", "MR_T1"])
@pytest.mark.parametrize("patient", ["STS_001", "STS_007"])
def test_dicom_equals_the_prepared_nifti(patient: str, kind: str, shared_data: Path) -> None:
    (series,) = read_series([shared_data / "sts_dicom" / patient / kind / "image"])
    dicom = series.volume().canonical()
    nifti = read_nifti(shared_data / "sts" / patient / f"{kind}_image.nii.gz").canonical()
    assert dicom.same_grid(nifti, tolerance_mm=1e-3)
    assert np.allclose(dicom.array, nifti.array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "folder", ["sts_raw_STS_001/FDG_PET/image", "sts_raw_STS_001/MR_T2/image", "dicom_cases/pseudo_phi_mr"]
)
def test_dicom_equals_what_simpleitk_reads(folder: str, shared_data: Path) -> None:
    (series,) = read_series([shared_data / folder])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(shared_data / folder)))
    other = Volume.from_sitk(reader.Execute())
    read = series.volume()
    # PET beds meet a little unevenly: SimpleITK spreads slices by their mean gap as we do, to the last digit.
    assert read.same_grid(other, tolerance_mm=0.02)
    assert np.allclose(read.array, other.array, rtol=1e-4)


@pytest.mark.req("REQ-F-007")
def test_suv_from_becquerel_agrees_with_the_prepared_suv_inside_the_tumour(shared_data: Path) -> None:
    (series,) = read_series([shared_data / "sts_raw_STS_001/FDG_PET/image"])
    assert series.instances[0].Units == "BQML"
    activity = series.volume()
    suv = activity.with_array(activity.array * suv_factors(series.instances).astype(np.float32))
    prepared = read_nifti(shared_data / "sts/STS_001/PET_image.nii.gz")
    tumour = read_mask(shared_data / "sts/STS_001/PET_mask.nii.gz").array > 0
    ours, theirs = resample(suv, prepared).array[tumour], prepared.array[tumour]
    assert ours.max() == pytest.approx(theirs.max(), rel=0.001)
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.001)
    assert np.abs(ours / theirs - 1).max() < 0.02


def test_a_study_is_assembled_the_same_from_dicom_and_nifti(shared_data: Path, tmp_path: Path) -> None:
    dicom = assemble([shared_data / "sts_dicom/STS_001"], workdir=tmp_path)
    nifti = assemble([shared_data / "sts/STS_001"], workdir=tmp_path)
    assert list(dicom.images) == list(nifti.images) == [Modality.T1, Modality.CT, Modality.PET]
    for role, image in dicom.images.items():
        ours, theirs = image.volume.canonical(), nifti.images[role].volume.canonical()
        assert ours.same_grid(theirs, tolerance_mm=1e-3)
        assert np.allclose(ours.array, theirs.array, rtol=1e-5, atol=1e-6)
    assert dicom.notes == ("Set aside: 3 × RT Structure Set.",)
    assert dicom.patient_id == "STS_001"


def test_images_of_two_days_are_noted(shared_data: Path, tmp_path: Path) -> None:
    case = assemble([shared_data / "sts_raw_STS_001"], workdir=tmp_path)
    assert list(case.images) == [Modality.T2, Modality.PET]
    assert any("frame of reference" in note for note in case.notes)
    assert any("different studies" in note for note in case.notes)


def test_four_sequences_of_one_brain_share_a_grid(shared_data: Path, tmp_path: Path) -> None:
    case = assemble([shared_data / "brats/BraTS2021_00006"], workdir=tmp_path)
    assert list(case.images) == [Modality.T1, Modality.T1C, Modality.T2, Modality.FLAIR]
    first = case.images[Modality.T1].volume
    assert first.shape == (240, 240, 155)
    assert all(image.volume.same_grid(first) for image in case.images.values())
    assert case.notes == ("Set aside: BraTS2021_00006_seg.nii.gz, by its name a mask.",)


@pytest.mark.parametrize("date", ["Pre", "Post"])
def test_glioblastoma_scans_lie_on_the_grid_of_their_masks(date: str, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "brain_tumor_progression/01"
    named = {Modality.T1C: folder / f"{date}_Scan_T1.nii.gz"}
    volume = assemble([], named, workdir=tmp_path).images[Modality.T1C].volume
    mask = read_mask(folder / f"{date}_Mask.nii.gz")
    assert volume.same_grid(mask)
    assert volume.array[mask.array > 0].mean() > volume.array.mean()
