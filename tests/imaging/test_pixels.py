"""Pixels come out as the scanner meant them, however they were stored."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from miap.errors import InputError
from miap.imaging.series import read_series
from tests.dicom_factory import voxels, write_series


def smooth(most: int, kind: type = np.uint16) -> np.ndarray:
    """Three slices of 40 × 36, ramps from 0 to ``most`` in different directions: kind to lossy codecs."""
    x, y = np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 1, 36), indexing="ij")
    return (np.stack([x, y, (x + y) / 2], axis=-1) * most).astype(kind)


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize(
    ("option", "bits", "error"),
    [("+e1", 12, 0), ("+el", 12, 0), ("+e1", 16, 0), ("+eb +q 100", 8, 3), ("+ee +q 100", 12, 40)],
    ids=["lossless, first order", "lossless", "lossless, 16 bits", "baseline", "extended"],
)
def test_jpeg_written_by_dcmtk_is_read(option: str, bits: int, error: int, tmp_path: Path) -> None:
    program = shutil.which("dcmcjpeg")
    if program is None:
        pytest.skip("dcmcjpeg (Debian package dcmtk) is not installed")

    def edit(dataset: Dataset, index: int) -> None:
        dataset.BitsStored, dataset.HighBit = bits, bits - 1

    array = smooth(2**bits - 1, np.uint8 if bits == 8 else np.uint16)
    for file in write_series(tmp_path / "plain", "MR", array=array, edit=edit):
        (tmp_path / "jpeg").mkdir(exist_ok=True)
        done = subprocess.run(
            [program, *option.split(), str(file), str(tmp_path / "jpeg" / file.name)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    (series,) = read_series([tmp_path / "jpeg"])
    assert np.abs(series.volume().array[0] - array).max() <= error


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    ("bits", "signed", "low", "high"),
    [(8, False, 0, 255), (8, True, -128, 127), (10, False, 0, 1023), (12, False, 0, 4095), (12, True, -2048, 2047),
     (16, False, 0, 65535), (16, True, -32768, 32767)],
)  # fmt: skip
def test_odd_bit_depths_and_whatever_stands_above_them(
    bits: int, signed: bool, low: int, high: int, syntax: str, tmp_path: Path
) -> None:
    allocated = 8 if bits == 8 else 16
    true = np.random.default_rng(bits).integers(low, high + 1, (6, 4, 3))
    true[0, 0] = [low, high, 0]
    overlay = 0b1010 << bits if bits < allocated else 0
    stored = (true & (2**bits - 1) | overlay) & (2**allocated - 1)

    def edit(dataset: Dataset, index: int) -> None:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, int(signed)

    kind = np.uint8 if allocated == 8 else np.uint16
    write_series(tmp_path, "MR", array=stored.astype(kind), transfer_syntax=syntax, edit=edit)
    (series,) = read_series([tmp_path])
    np.testing.assert_array_equal(series.volume().array[0], true)


@pytest.mark.parametrize(
    ("modality", "edit", "padded", "expected"),
    [
        ("CT", lambda one: one.add_new("PixelPaddingValue", "SS", -2000), -2000, -1000),
        ("CT", lambda one: one.add_new("PixelPaddingValue", "US", 63536), -2000, -1000),
        ("MR", lambda one: one.add_new("PixelPaddingValue", "SS", -1), -1, 0),
        ("PT", lambda one: one.add_new("PixelPaddingValue", "SS", -1), -1, 0),
    ],
)
def test_padding_is_air(
    modality: str, edit: Callable[[Dataset], None], padded: int, expected: float, tmp_path: Path
) -> None:
    array = voxels().astype(np.int16)
    array[0, 0] = padded
    write_series(tmp_path, modality, array=array, edit=lambda one, _: edit(one), RescaleSlope="1", RescaleIntercept="0")
    (series,) = read_series([tmp_path])
    volume = series.volume().array[0]
    assert (volume[0, 0] == expected).all()
    np.testing.assert_array_equal(volume[1:], array[1:])


def test_a_range_of_padding_is_air(tmp_path: Path) -> None:
    array = voxels().astype(np.int16)
    array[0, 0], array[1, 1] = -2000, -1500

    def edit(one: Dataset, index: int) -> None:
        one.add_new("PixelPaddingValue", "SS", -2000)
        one.add_new("PixelPaddingRangeLimit", "SS", -1500)

    write_series(tmp_path, "CT", array=array, edit=edit, RescaleSlope="1", RescaleIntercept="0")
    volume = read_series([tmp_path])[0].volume().array[0]
    assert (volume[0, 0] == -1000).all()
    assert (volume[1, 1] == -1000).all()
    assert volume.min() == -1000


def test_monochrome1_says_how_to_show_values_not_what_they_are(tmp_path: Path) -> None:
    write_series(tmp_path, "MR", edit=lambda one, _: setattr(one, "PhotometricInterpretation", "MONOCHROME1"))
    np.testing.assert_array_equal(read_series([tmp_path])[0].volume().array[0], voxels())


def test_a_syntax_nobody_decodes_is_named(tmp_path: Path) -> None:
    files = write_series(tmp_path, "MR", array=voxels((40, 36, 3)), transfer_syntax="1.2.840.10008.1.2.4.80")
    for file in files:
        file.write_bytes(file.read_bytes().replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.55"))
    with pytest.raises(InputError, match="pixels of .* cannot be read") as caught:
        read_series([tmp_path])[0].volume()
    assert "uncompressed (it is in" in caught.value.remedy
