"""Our reading of DICOM beside that of others: SimpleITK (GDCM), dcm2niix and dcmdump."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom.data
import pytest
import SimpleITK as sitk

from miap.imaging.header import IMAGE_CLASSES, read_header, sop_class
from miap.imaging.pixels import read_slices
from miap.imaging.series import Series, scan
from miap.imaging.volume import Volume

BUNDLED = Path(pydicom.data.__path__[0]) / "test_files"
SINGLE = sorted(
    file for file in BUNDLED.glob("*.dcm") if file.name.startswith(("MR_small", "CT_small", "693_J2KI", "J2K_pixelrep"))
)
SERIES = ("CT2", "CT5N", "MR1", "MR2", "MR700")
SHARED = (
    "sts_dicom/STS_001/CT/image",
    "sts_dicom/STS_001/PET/image",
    "sts_dicom/STS_001/MR_T1/image",
    "sts_dicom/STS_007/CT/image",
    "sts_dicom/STS_007/PET/image",
    "sts_dicom/STS_007/MR_T1/image",
    "dicom_cases/pseudo_phi_mr",
    "dicom_cases/dcmqi/segmentations/ct-3slice",
    "dicom_cases/dcmqi/segmentations/23x38x3/image",
    "dicom_cases/dcmqi/segmentations/23x38x3/multiframe",
    "dicom_cases/dcmqi/segmentations/24x38x3/image",
    "dicom_cases/dcmqi/segmentations/24x38x3/multiframe",
    "dicom_cases/rt_utils/mock_data",
    "dicom_cases/rt_utils/oriented_data",
)
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("file", SINGLE, ids=lambda file: file.stem)
def test_one_slice_of_every_transfer_syntax_has_the_values_simpleitk_reads(file: Path) -> None:
    if file.stem == "J2K_pixelrep_mismatch":
        pytest.skip("its JPEG 2000 stream contradicts its header, and GDCM believes the header")
    header = read_header(file)
    ours = np.empty((header.Rows, header.Columns), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_slices(file, [header], [0], [ours])
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(file), sitk.sitkFloat32))[0]
    if "PixelPaddingValue" in header:
        image = np.ones(ours.shape, bool) if header.Modality == "MR" else theirs > -1000
        assert image.mean() > 0.2
        np.testing.assert_array_equal(ours[image], theirs[image])
    else:
        np.testing.assert_array_equal(ours, theirs)


def read(folder: Path) -> list[Series]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(scan(sorted(file for file in folder.rglob("*") if file.is_file())).series)


@pytest.fixture
def bundled(request: pytest.FixtureRequest) -> list[Series]:
    """The readable series in one folder of pydicom's discs."""
    (folder,) = BUNDLED.glob(f"dicomdirtests/*/{request.param}")
    return read(folder)


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("bundled", SERIES, indirect=True)
def test_bundled_series_agree_with_the_others_or_are_refused(bundled: list[Series], tmp_path: Path) -> None:
    for series in bundled:
        agree(series, tmp_path)


@pytest.mark.shared_data
@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("name", SHARED)
def test_real_series_agree_with_the_others(name: str, shared_data: Path, tmp_path: Path) -> None:
    found = read(shared_data / name)
    assert found, "the folder holds a series"
    for series in found:
        agree(series, tmp_path)


def agree(series: Series, work: Path) -> None:
    """Hold a series to dcm2niix's NIfTI, to SimpleITK and to what dcmdump prints."""
    volume = series.volume()
    if not series.resampled:
        check_simpleitk(series, volume)
        check_dcm2niix(series, volume, work)
    check_dcmdump(series)


def check_simpleitk(series: Series, volume: Volume) -> None:
    if series.objects:
        return  # ITK does not read enhanced objects' frames as places
    image = sitk.ReadImage([str(file) for file in series.files], sitk.sitkFloat32)
    theirs = Volume.from_sitk(image)
    assert theirs.array.shape == volume.array.shape
    assert theirs.origin == pytest.approx(volume.origin, abs=1e-3)
    assert theirs.direction[:, :2] == pytest.approx(volume.direction[:, :2], abs=1e-4)
    padded = any("PixelPaddingValue" in one for one in series.instances)
    same = np.isclose(theirs.array, volume.array, rtol=1e-5, atol=1e-3)
    assert same[volume.array > -1000].all() if padded and series.modality_code == "CT" else same.all() or padded


def check_dcm2niix(series: Series, volume: Volume, work: Path) -> None:
    program = shutil.which("dcm2niix", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        pytest.skip("dcm2niix (pip install dcm2niix) is not installed")
    given, output = work / f"in-{series.uid[-8:]}", work / f"out-{series.uid[-8:]}"
    given.mkdir()
    output.mkdir()
    for file in series.files:
        shutil.copy(file, given / f"{len(list(given.iterdir())):05d}.dcm")
    command = [program, "-m", "o", "-z", "n", "-b", "n", "-o", str(output), str(given)]
    subprocess.run(command, check=True, capture_output=True)
    candidates = [nib.load(file) for file in output.glob("*.nii")]
    assert candidates, "dcm2niix read nothing"
    best = min(candidates, key=lambda image: abs(image.shape[2] - volume.shape[2]))
    theirs = Volume(np.asarray(best.dataobj, np.float32).reshape(1, *best.shape[:3]), TO_LPS @ best.affine).canonical()
    ours = volume.canonical()
    assert theirs.array.shape == ours.array.shape
    assert theirs.same_grid(ours, tolerance_mm=0.02)
    seen = ours.array > -1000 if series.modality_code == "CT" else np.isfinite(ours.array)
    np.testing.assert_allclose(theirs.array[seen], ours.array[seen], rtol=2e-4, atol=2e-2)


def check_dcmdump(series: Series) -> None:
    program = shutil.which("dcmdump")
    if program is None:
        pytest.skip("dcmdump (Debian package dcmtk) is not installed")
    keywords = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
    for index in sorted({0, len(series.files) // 2, len(series.files) - 1}):
        search = [argument for keyword in keywords for argument in ("+P", keyword)]
        done = subprocess.run(
            [program, "-q", "+L", *search, str(series.files[index])], check=True, capture_output=True, text=True
        )
        printed = dict(values(done.stdout))
        if series.objects:
            continue  # dcmdump prints every frame's; the grid is held to dcm2niix above
        for keyword in keywords:
            ours = np.atleast_1d(np.array(series.instances[index].get(keyword), dtype=float))
            assert ours == pytest.approx(printed[keyword]), keyword


def values(dump: str) -> Iterator[tuple[str, list[float]]]:
    for line in dump.splitlines():
        if match := re.match(r"\(\w+,\w+\) (?:DS \[(.*?)\]|US (\d+)).* (\w+)$", line):
            yield match[3], [float(part) for part in (match[1] or match[2]).split("\\")]


def test_every_bundled_image_is_read_or_refused_in_plain_words() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = [file for file in SINGLE if sop_class(read_header(file)) in IMAGE_CLASSES]
        found = [scan([file]) for file in images]
    assert len(images) >= 10
    for one in found:
        assert not one.series
        assert [fault.error.message.endswith("is the only slice of its series.") for fault in one.faults] == [True]
