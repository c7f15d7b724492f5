"""Classic DICOM series against SimpleITK, in every orientation and encoding."""

import contextlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    RTStructureSetStorage,
    SecondaryCaptureImageStorage,
)
from scipy.spatial.transform import Rotation

from miap.errors import InputError
from miap.imaging import stack
from miap.imaging.files import files_below
from miap.imaging.series import read_series, scan
from miap.imaging.volume import Volume
from tests.dicom_factory import uid, voxels, write_series

OBLIQUE = Rotation.from_euler("xyz", [12, -25, 40], degrees=True).as_matrix()


def one(folder: Path) -> Volume:
    """The volume of the folder's only series."""
    (series,) = read_series([folder])
    return series.volume()


def simpleitk(folder: Path) -> Volume:
    """The same, as SimpleITK sees it."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return Volume.from_sitk(reader.Execute())


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("rotation", [np.eye(3), OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations()))
def test_every_orientation_is_read_where_it_was_written_and_where_simpleitk_reads_it(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool], rotation: np.ndarray, tmp_path: Path
) -> None:
    grid = np.eye(4)
    grid[:3, :3] = rotation * (1.5, 2.0, 3.5)
    grid[:3, 3] = (-31.0, 17.5, 142.25)
    written = Volume(voxels((4, 5, 6))[None], grid).reoriented(axes, flips)
    write_series(tmp_path, "MR", array=written.array[0], grid=written.affine)
    read, other = one(tmp_path), simpleitk(tmp_path)
    assert read.same_grid(other)
    assert np.array_equal(read.array, other.array)
    assert read.canonical().same_grid(written.canonical())
    assert np.array_equal(read.canonical().array, written.canonical().array)
    assert read.array.dtype == np.float32


@settings(max_examples=25, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 9.0)] * 3),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
    shape=st.tuples(*[st.integers(2, 7)] * 3),
    mirrored=st.booleans(),
)
def test_any_grid_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    angles: tuple[float, ...], spacing: tuple[float, ...], origin: tuple[float, ...], shape: tuple[int, int, int],
    mirrored: bool,
) -> None:  # fmt: skip
    grid = np.eye(4)
    grid[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * spacing
    grid[:3, 3] = origin
    if mirrored:
        grid[:3, 2] *= -1
    folder = tmp_path_factory.mktemp("series")
    written = Volume(voxels(shape)[None], grid)
    write_series(folder, array=written.array[0], grid=grid, RescaleSlope="1", RescaleIntercept="0")
    read = one(folder)
    if mirrored:
        read = read.reoriented((0, 1, 2), (False, False, True))
    assert read.same_grid(written, tolerance_mm=0.01)
    assert np.array_equal(read.array, written.array)


def test_each_slice_has_its_own_scale(tmp_path: Path) -> None:
    def scaled(dataset: Dataset, index: int) -> None:
        dataset.RescaleSlope = str(0.5 + index)
        dataset.RescaleIntercept = str(-10 * index)

    write_series(tmp_path, "PT", edit=scaled)
    index = np.arange(4)
    assert one(tmp_path).array[0] == pytest.approx(voxels() * (0.5 + index) - 10 * index)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16])
def test_signed_and_unsigned_voxels_of_8_and_16_bits_are_read(dtype: type, tmp_path: Path) -> None:
    stored = (voxels().astype(np.int32) - (1000 if np.dtype(dtype).kind == "i" else 0)).astype(dtype)
    write_series(tmp_path, "MR", array=stored)
    assert np.array_equal(one(tmp_path).array[0], stored)


def test_bits_beyond_those_stored_are_ignored(tmp_path: Path) -> None:
    """12 signed bits with an overlay in the top nibble, as old scanners wrote them."""
    values = voxels().astype(np.int16) - 1000

    def overlaid(dataset: Dataset, index: int) -> None:
        dataset.BitsStored, dataset.HighBit = 12, 11
        stored = (values[:, :, index].astype(np.uint16) & 0x0FFF) | 0x5000
        dataset.PixelData = np.ascontiguousarray(stored.T).tobytes()

    write_series(tmp_path, "CT", array=values, edit=overlaid, RescaleSlope="1", RescaleIntercept="0")
    assert np.array_equal(one(tmp_path).array[0], values)


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2.1.99",
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
)
def test_transfer_syntaxes_are_decoded(syntax: str, tmp_path: Path) -> None:
    array = voxels((40, 36, 3))
    write_series(tmp_path, "MR", array=array, transfer_syntax=syntax)
    assert np.array_equal(one(tmp_path).array[0], array)


def test_monochrome1_keeps_its_values(tmp_path: Path) -> None:
    write_series(tmp_path, "MR", PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(one(tmp_path).array[0], voxels())


@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble_are_read(implicit: bool, tmp_path: Path) -> None:
    for file in write_series(tmp_path, "MR", transfer_syntax=f"1.2.840.10008.1.2{'' if implicit else '.1'}"):
        dataset = pydicom.dcmread(file)
        del dataset.file_meta
        del dataset.preamble
        dataset.save_as(file.with_suffix(""), implicit_vr=implicit, little_endian=True, enforce_file_format=False)
        file.unlink()
    bare = next(tmp_path.iterdir())
    assert bare.read_bytes().startswith(b"\x08\x00")
    (tmp_path / "copy").write_bytes(bare.read_bytes())
    assert np.array_equal(one(tmp_path).array[0], voxels())


@pytest.mark.req("REQ-NF-S-002")
def test_more_voxels_than_the_limit_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path, "MR")
    monkeypatch.setattr(stack, "MAX_VOXELS", 6 * 5 * 4 - 1)
    with pytest.raises(InputError, match="more than 119 voxels"):
        read_series([tmp_path])


def test_headers_say_what_the_series_is(tmp_path: Path) -> None:
    files = write_series(tmp_path, "PT", SeriesNumber=7, SeriesDescription=" PET  AC ")
    (series,) = read_series([tmp_path])
    assert series.files == tuple(files)
    assert [header.InstanceNumber for header in series.instances] == [1, 2, 3, 4]
    assert "PixelData" not in series.instances[0]
    assert (series.modality_code, series.patient_id, series.number) == ("PT", "P-1", 7)
    assert series.title == 'series 7 "PET AC" (4 slices)'
    assert (series.study_uid, series.frame_of_reference_uid) == (uid("study"), uid("frame"))
    assert series.uid == str(pydicom.dcmread(files[0]).SeriesInstanceUID)


def test_a_series_may_lack_number_and_frame(tmp_path: Path) -> None:
    write_series(tmp_path, "MR", SeriesNumber=None, FrameOfReferenceUID=None, SeriesDescription=None)
    (series,) = read_series([tmp_path])
    assert (series.number, series.frame_of_reference_uid, series.description) == (None, "", "")


def test_series_are_told_apart_and_sorted_by_number(tmp_path: Path) -> None:
    write_series(tmp_path, "MR", SeriesNumber=12)
    write_series(tmp_path / "deeper", "MR", SeriesNumber=3)
    assert [series.number for series in read_series([tmp_path])] == [3, 12]


def test_a_file_sent_twice_counts_once(tmp_path: Path) -> None:
    files = write_series(tmp_path / "a", "MR")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "copy.dcm").write_bytes(files[1].read_bytes())
    (series,) = read_series([tmp_path])
    assert len(series.files) == 4
    assert np.array_equal(series.volume().array[0], voxels())


def test_gaps_as_real_pet_beds_have_them_are_taken(tmp_path: Path) -> None:
    def shifted(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient[2] = -30.0 + 3.0 * index - (0.08 if index > 1 else 0)

    write_series(tmp_path, "MR", edit=shifted)
    volume = one(tmp_path)
    assert volume.to_patient([0, 0, 3])[2] == pytest.approx(-30.0 + 9.0 - 0.08)


def other_object(folder: Path, sop_class: str, **attributes: object) -> None:
    """A DICOM file that is no slice of an image."""
    (file,) = write_series(folder / "other", "MR", array=voxels((4, 4, 1)), SOPClassUID=sop_class, SeriesNumber=99)
    dataset = pydicom.dcmread(file)
    del dataset.PixelData
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(file)


def test_what_is_no_image_is_set_aside_with_a_note(tmp_path: Path) -> None:
    write_series(tmp_path, "MR")
    other_object(tmp_path / "1", RTStructureSetStorage, PatientID="P-1")
    other_object(tmp_path / "2", SecondaryCaptureImageStorage)
    write_series(tmp_path / "3", "MR", SeriesNumber=5, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (tmp_path / "README").write_text("hello")
    (tmp_path / ".hidden.dcm").write_text("hello")
    found = scan(files_below(tmp_path))
    assert [series.number for series in found.series] == [1]
    assert found.notes == (
        "Set aside: 1 × RT Structure Set.",
        "Set aside: 1 × Secondary Capture Image.",
        "Set aside: 4 × localizer.",
        "Set aside: 1 × other file.",
    )


def test_the_directory_of_a_disc_is_no_image_and_no_news(tmp_path: Path) -> None:
    write_series(tmp_path, "MR")
    other_object(tmp_path, "1.2.840.10008.1.3.10")
    found = scan(files_below(tmp_path))
    assert len(found.series) == 1
    assert found.notes == found.faults == ()


def test_a_faulty_series_does_not_hide_a_good_one(tmp_path: Path) -> None:
    write_series(tmp_path / "a", "MR")
    write_series(tmp_path / "b", "MR", SeriesNumber=2)[1].unlink()
    found = scan(files_below(tmp_path))
    assert [series.number for series in found.series] == [1]
    (fault,) = found.faults
    assert fault.header.SeriesNumber == 2
    assert "missing" in fault.error.message


def test_a_value_that_makes_no_sense_counts_as_absent(tmp_path: Path) -> None:
    for file in write_series(tmp_path, "MR", FrameOfReferenceUID=uid("frame")):
        content = file.read_bytes()
        file.write_bytes(content.replace(b"\x20\x00\x52\x00UI", b"\x20\x00\x52\x00ZZ"))
    (series,) = read_series([tmp_path])
    assert series.frame_of_reference_uid == ""
    assert np.array_equal(series.volume().array[0], voxels())


@pytest.mark.req("REQ-NF-S-002")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    modality=st.sampled_from(["CT", "MR", "PT"]),
    syntax=st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"]),
    places=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5),
    value=st.sampled_from([0, 255, 48, 65, 92]),
    length=st.floats(0.5, 1.0),
)
def test_damage_anywhere_is_survived_or_refused(
    modality: str, syntax: str, places: list[float], value: int, length: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    """No damage to a file makes anything but a volume or an `InputError`."""
    folder = tmp_path_factory.mktemp("fuzz")
    file = write_series(
        folder, modality, array=voxels((4, 4, 3)), transfer_syntax=syntax, RescaleSlope="1", RescaleIntercept="0"
    )[1]
    content = bytearray(file.read_bytes())
    for place in places:
        content[128 + int(place * (len(content) - 128))] = value
    file.write_bytes(content[: int(length * len(content))] if length < 0.6 else content)
    with contextlib.suppress(InputError):
        for series in read_series([folder]):
            assert np.isfinite(series.volume().array).all()
            assert series.title
