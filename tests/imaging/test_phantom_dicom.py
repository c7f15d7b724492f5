"""Phantoms as DICOM: valid to dciodvfy, in place for an independent reader, the same bytes every time."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from miap.imaging.modality import Modality
from miap.imaging.phantom import Plane, Study, empty_grid, write_series
from miap.imaging.volume import Volume

STUDY = Study("PHANTOM-5", "PHANTOM^TEST", description="TEST STUDY")
pytestmark = pytest.mark.req("REQ-I-002")


def ramp(volume: Volume, modality: Modality) -> Volume:
    """Distinct voxels, fit for the modality."""
    array = np.arange(np.prod(volume.shape), dtype=np.float32).reshape(1, *volume.shape)
    return volume.with_array(array - 800 if modality is Modality.CT else array, modality=modality)


def read_back(files: list[Path]) -> Volume:
    """The series as SimpleITK has it, slices sorted by SimpleITK itself."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(files[0].parent)))
    return Volume.from_sitk(reader.Execute())


def seconds(time: str) -> int:
    """Of the day, from a DICOM TM."""
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:6])


@pytest.mark.parametrize("modality", Modality)
@pytest.mark.parametrize("plane", Plane)
def test_dciodvfy_finds_no_error(modality: Modality, plane: Plane, tmp_path: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) isn't installed")
    grid = empty_grid((10, 20, 30), (12, 10, 2), (1.1, 0.9, 3.27), plane=plane, tilt_deg=(3.0, 5.0, -7.0))
    for file in write_series(tmp_path, ramp(grid, modality), modality=modality, description="TEST", study=STUDY):
        verdict = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False).stderr
        assert "Error" not in verdict, verdict
        assert "Warning" not in verdict, verdict


@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations()))
def test_simpleitk_reads_every_orientation_to_the_same_place(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool], tmp_path: Path
) -> None:
    grid = empty_grid((10, -20, 30), (7, 6, 5), (1.5, 2.0, 3.0), tilt_deg=(4.0, -6.0, 8.0))
    written = ramp(grid, Modality.CT).reoriented(axes, flips)
    files = write_series(tmp_path, written, modality=Modality.CT, description="TEST", study=STUDY)
    assert [file.name for file in files] == [f"{n + 1:04d}.dcm" for n in range(written.shape[2])]
    read = read_back(files).canonical()
    assert read.same_grid(written.canonical())
    assert np.array_equal(read.array, written.canonical().array)


def test_spacing_between_rows_comes_before_that_between_columns(tmp_path: Path) -> None:
    volume = ramp(empty_grid((0, 0, 0), (7, 6, 5), (1.5, 2.0, 3.0)), Modality.T1)
    dataset = pydicom.dcmread(write_series(tmp_path, volume, modality=Modality.T1, description="TEST", study=STUDY)[3])
    assert (dataset.Columns, dataset.Rows, dataset.InstanceNumber) == (7, 6, 4)
    assert dataset.PixelSpacing == [2.0, 1.5]
    assert np.array_equal(dataset.pixel_array.T, volume.array[0, :, :, 3])


def test_pet_gives_back_its_suv_by_the_formula(tmp_path: Path) -> None:
    suv = np.random.default_rng(1).gamma(1.0, 2.0, (1, 8, 8, 4))
    suv[..., 2] *= 20
    suv[..., 3] = 0
    volume = empty_grid((0, 0, 0), (8, 8, 4), (4.0, 4.0, 3.27)).with_array(suv)
    study = replace(STUDY, weight_kg=61.5, dose_bq=412e6, uptake_s=4321.0)
    files = write_series(tmp_path, volume, modality=Modality.PET, description="PET AC", study=study)
    slopes = set()
    for index, file in enumerate(files):
        dataset = pydicom.dcmread(file)
        assert (dataset.Units, dataset.DecayCorrection, dataset.RescaleIntercept) == ("BQML", "START", 0)
        tracer = dataset.RadiopharmaceuticalInformationSequence[0]
        waited = seconds(dataset.SeriesTime) - seconds(tracer.RadiopharmaceuticalStartTime)
        left = tracer.RadionuclideTotalDose * 2 ** (-waited / tracer.RadionuclideHalfLife)
        activity = dataset.pixel_array * float(dataset.RescaleSlope)
        recomputed = activity * dataset.PatientWeight * 1000 / left
        assert recomputed.T == pytest.approx(suv[0, :, :, index], abs=suv[..., index].max() / 30000 + 1e-12)
        slopes.add(float(dataset.RescaleSlope))
    assert len(slopes) == 4


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    volume = ramp(empty_grid((0, 0, 0), (7, 6, 3), (1.0, 1.0, 3.0)), Modality.PET)
    once, again = (
        write_series(tmp_path / name, volume, modality=Modality.PET, description="PET", study=STUDY) for name in "ab"
    )
    assert [file.read_bytes() for file in once] == [file.read_bytes() for file in again]


def test_uids_are_valid_unique_and_shared_where_they_should_be(tmp_path: Path) -> None:
    volume = ramp(empty_grid((0, 0, 0), (7, 6, 3), (1.0, 1.0, 3.0)), Modality.CT)
    headers = [
        pydicom.dcmread(file, stop_before_pixels=True)
        for number, study in enumerate((STUDY, STUDY, replace(STUDY, key="another visit")), start=1)
        for file in write_series(
            tmp_path / str(number), volume, modality=Modality.CT, description="CT", study=study, number=number
        )
    ]
    assert len({header.SOPInstanceUID for header in headers}) == 9
    assert len({header.SeriesInstanceUID for header in headers}) == 3
    assert len({header.StudyInstanceUID for header in headers}) == 2
    assert len({header.FrameOfReferenceUID for header in headers}) == 2
    assert all(header.SOPInstanceUID.is_valid for header in headers)
    assert all(header.file_meta.MediaStorageSOPInstanceUID == header.SOPInstanceUID for header in headers)


def test_the_patient_is_plainly_made_up(tmp_path: Path) -> None:
    volume = ramp(empty_grid((0, 0, 0), (7, 6, 1), (1.0, 1.0, 3.0)), Modality.T1C)
    (file,) = write_series(tmp_path, volume, modality=Modality.T1C, description="T1 AX POST", study=STUDY)
    header = pydicom.dcmread(file)
    assert (header.PatientID, header.PatientName) == ("PHANTOM-5", "PHANTOM^TEST")
    assert header.QualityControlSubject == "YES"
    assert header.Manufacturer == "MIAP"
    assert (header.Modality, header.SeriesDescription) == ("MR", "T1 AX POST")
    assert "simulated" in header.ContrastBolusAgent


@pytest.mark.parametrize(
    ("array", "modality", "message"),
    [
        (np.full((1, 4, 4, 2), -2000.0), Modality.CT, "fit 16 bits"),
        (np.full((1, 4, 4, 2), 70000.0), Modality.T2, "fit 16 bits"),
        (np.full((1, 4, 4, 2), np.nan), Modality.T2, "fit 16 bits"),
        (np.full((1, 4, 4, 2), -1.0), Modality.PET, "fit 16 bits"),
        (np.zeros((2, 4, 4, 2)), Modality.CT, "one channel"),
    ],
)
def test_what_dicom_cannot_hold_is_refused(array: np.ndarray, modality: Modality, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        write_series(tmp_path, Volume(array, np.eye(4)), modality=modality, description="TEST", study=STUDY)


def test_a_sheared_slice_is_refused(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.3
    with pytest.raises(ValueError, match="right angles"):
        write_series(
            tmp_path, Volume(np.zeros((1, 4, 4, 2)), affine), modality=Modality.CT, description="TEST", study=STUDY
        )
