"""Every DICOM folder that makes no series, refused by name and with a remedy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    EnhancedMRImageStorage,
    JPEGLSLossless,
    RLELossless,
)

from miap.errors import InputError
from miap.imaging.series import read_series
from tests.dicom_factory import voxels, write_series


def edited(**attributes: object) -> Callable[[Path], None]:
    """A series whose third slice has other attributes."""

    def edit(dataset: Dataset, index: int) -> None:
        if index == 2:
            for keyword, value in attributes.items():
                if value is None:
                    delattr(dataset, keyword)
                else:
                    setattr(dataset, keyword, value)

    return lambda folder: write_series(folder, "MR", edit=edit) and None


def positions(*places: tuple[float, float, float]) -> Callable[[Path], None]:
    """A series of slices at these positions."""

    def place(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient = list(places[index])

    return lambda folder: write_series(folder, "MR", array=voxels((6, 5, len(places))), edit=place) and None


def truncated(keep: float) -> Callable[[Path], None]:
    """A series one file of which ends early: after so many bytes, or that part of it."""

    def cut(folder: Path) -> None:
        file = write_series(folder, "CT", RescaleSlope="1", RescaleIntercept="0")[1]
        content = file.read_bytes()
        file.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])

    return cut


def truncated_jpeg(folder: Path) -> None:
    file = write_series(folder, "MR", array=voxels((40, 36, 3)), transfer_syntax=JPEGLSLossless)[1]
    file.write_bytes(file.read_bytes()[:-40])


def broken_jpeg(folder: Path) -> None:
    file = write_series(folder, "MR", array=voxels((40, 36, 3)), transfer_syntax=JPEGLSLossless)[1]
    file.write_bytes(file.read_bytes().replace(b"\xff\xd8", b"\0\0"))


def deflated_bomb(folder: Path) -> None:
    file = write_series(folder, "MR", transfer_syntax="1.2.840.10008.1.2.1.99")[1]
    file.write_bytes(file.read_bytes() + b"\0" * 3 * 2**20)


def bad_item(folder: Path) -> None:
    file = write_series(folder, "MR", array=voxels((40, 36, 3)), transfer_syntax=RLELossless)[1]
    content = file.read_bytes()
    start = content.index(b"\xfe\xff\x00\xe0")
    file.write_bytes(content[:start] + b"\0" * 8 + content[start + 8 :])


def text_for_position(folder: Path) -> None:
    for file in write_series(folder, "MR"):
        file.write_bytes(file.read_bytes().replace(b"-10.0\\20.0", b"-1xxx\\20.0"))


def two_patients(folder: Path) -> None:
    write_series(folder / "a", "MR")
    write_series(folder / "b", "MR", PatientID="P-2", SeriesNumber=2)


def text_file(folder: Path) -> None:
    write_series(folder, "MR")
    (folder / "notes.dcm").write_text("not an image " * 50)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "not there": (lambda folder: None, "no file or folder"),
    "a text file named .dcm": (text_file, "notes.dcm is no DICOM"),
    "an empty file named .dcm": (lambda f: (f.mkdir(), (f / "a.dcm").touch()), "a.dcm is no DICOM"),
    "truncated in the preamble": (truncated(140), "cut short"),
    "truncated in the header": (truncated(420), "cut short"),
    "truncated before the pixels": (truncated(0.90), "cut short"),
    "truncated in the pixels": (truncated(0.99), "cut short"),
    "truncated JPEG": (truncated_jpeg, "cut short"),
    "broken JPEG": (broken_jpeg, "pixels of .* cannot be read"),
    "pixels shorter than rows and columns say": (edited(Rows=50), "cut short"),
    "a bad pixel item": (bad_item, "cut short"),
    "deflated beyond a slice": (deflated_bomb, "deflated and too large"),
    "a text for a position": (text_for_position, "ImagePositionPatient is"),
    "one slice": (lambda folder: write_series(folder, "MR", array=voxels((6, 5, 1))), "only slice"),
    "a slice missing": (lambda f: write_series(f, "CT")[2].unlink(), "missing between .* -27.00 and -21.00 mm"),
    "two patients": (two_patients, "different patients"),
    "two images of one place": (
        positions((0, 0, 0), (0, 0, 3), (0, 0, 3), (0, 0, 6)), "different images of one place"
    ),
    "gaps too uneven": (positions((0, 0, 0), (0, 0, 3), (0, 0, 6), (0, 0, 7.4)), "1.40 to 3.00 mm apart"),
    "slices beside each other": (positions((0, 0, 0), (0, 4, 3), (0, 8, 6), (0, 12, 9)), "tilted by 53.1°"),
    "a slice beside the others": (positions((0, 0, 0), (0, 0, 3), (0, 9, 6), (0, 0, 9)), "above each other"),
    "another size": (edited(Rows=3), "slice is missing"),
    "another spacing": (edited(PixelSpacing=[1.5, 2.5]), "slice is missing"),
    "another orientation": (edited(ImageOrientationPatient=[0, 1, 0, 0, 0, 1]), "slice is missing"),
    "no position": (edited(ImagePositionPatient=None), "ImagePositionPatient is None"),
    "no spacing": (edited(PixelSpacing=None), "PixelSpacing is None"),
    "an orientation of no length": (edited(ImageOrientationPatient=[0, 0, 0, 0, 1, 0]), "impossible directions"),
    "skewed axes": (edited(ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0]), "impossible directions"),
    "pixels of no size": (edited(PixelSpacing=[0, 1.5]), "pixels of no size"),
    "two numbers for a position": (edited(ImagePositionPatient=[1, 2]), "ImagePositionPatient"),
    "several frames": (edited(NumberOfFrames=2), "several frames"),
    "two numbers of frames": (edited(NumberOfFrames=[1, 2]), "several frames"),
    "enhanced multi-frame": (
        lambda folder: write_series(folder, "MR", SOPClassUID=EnhancedMRImageStorage), "0 functional groups"
    ),
    "all zero": (lambda folder: write_series(folder, "MR", array=np.zeros((6, 5, 4), np.uint16)), "every voxel is 0"),
    "CT without rescale": (lambda folder: write_series(folder, "CT", RescaleSlope=None), "RescaleSlope is missing"),
    "a scale that is no number": (
        lambda folder: write_series(folder, "MR", RescaleSlope="nan"), "RescaleSlope is nan"
    ),
    "a modality LUT": (
        lambda folder: write_series(folder, "MR", ModalityLUTSequence=[Dataset()]), "Modality LUT"
    ),
    "a scale beyond numbers": (lambda folder: write_series(folder, "MR", RescaleSlope="1e300"), "not numbers"),
}  # fmt: skip


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_series_are_refused_by_name_with_a_remedy(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    make(folder)
    with pytest.raises(InputError, match=message) as caught:
        [series.volume() for series in read_series([folder])]
    assert str(folder) in caught.value.message
    assert caught.value.remedy
    assert caught.value.exit_code == 3
