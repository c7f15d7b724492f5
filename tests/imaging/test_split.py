"""A series is split where it must be and kept whole where it is one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from miap.imaging.series import Series, read_series, scan
from tests.dicom_factory import affine, voxels, write_series


def doubled(folder: Path, edit: Callable[[Dataset, int], None], **attributes: Any) -> list[Series]:
    """A series with two images at each of four places; ``edit`` gets the slice, 0 to 7."""

    def place(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient = [0, 0, 3 * (index % 4)]
        edit(dataset, index)

    write_series(folder, "MR", array=voxels((6, 5, 8)), edit=place, **attributes)
    return read_series([folder])


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize(
    ("keyword", "values", "titles"),
    [
        ("EchoTime", ("10", "80"), ("echo time 10 ms", "echo time 80 ms")),
        ("EchoNumbers", ("1", "2"), ("echo 1", "echo 2")),
        ("DiffusionBValue", (0.0, 1000.0), ("b = 0.0 s/mm²", "b = 1000.0 s/mm²")),
        ("TemporalPositionIdentifier", ("1", "2"), ("time point 1", "time point 2")),
        ("AcquisitionNumber", ("1", "2"), ("acquisition 1", "acquisition 2")),
        ("AcquisitionTime", ("100000", "100500"), ("acquired at 100000", "acquired at 100500")),
        ("TriggerTime", ("0", "40"), ("trigger time 0 ms", "trigger time 40 ms")),
        (
            "ImageType",
            (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]),
            ("image type ORIGINAL/PRIMARY/M", "image type ORIGINAL/PRIMARY/P"),
        ),
    ],
)
def test_images_of_one_place_are_told_apart_by_what_was_measured(
    keyword: str, values: tuple[Any, Any], titles: tuple[str, str], tmp_path: Path
) -> None:
    series = doubled(tmp_path, lambda dataset, index: setattr(dataset, keyword, values[index // 4]))
    assert tuple(one.part for one in series) == titles
    stored = voxels((6, 5, 8)).astype(np.float32)
    for index, one in enumerate(series):
        assert one.title.endswith(f"({titles[index]}, 4 slices)")
        np.testing.assert_array_equal(one.volume().array[0], stored[:, :, 4 * index : 4 * index + 4])


def test_two_differences_give_a_part_for_each_pair(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient = [0, 0, 3 * (index % 2)]
        dataset.EchoTime = str(10 + index // 4)
        dataset.TemporalPositionIdentifier = str(index // 2 % 2)

    write_series(tmp_path, "MR", array=voxels((6, 5, 8)), edit=edit)
    series = read_series([tmp_path])
    assert len(series) == 4
    assert {one.part for one in series} == {
        f"echo time {echo} ms, time point {time}" for echo in (10, 11) for time in (0, 1)
    }


def test_what_differs_from_slice_to_slice_splits_nothing(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        dataset.AcquisitionNumber, dataset.AcquisitionTime = str(index), f"10{index:02d}00"
        dataset.EchoTime = str(10 + index % 2)

    write_series(tmp_path, "MR", edit=edit)
    (series,) = read_series([tmp_path])
    assert series.part == ""
    assert len(series.files) == 4


def test_a_scout_inside_a_series_is_left_out_and_said(tmp_path: Path) -> None:
    def edit(dataset: Dataset, index: int) -> None:
        if index == 4:
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    write_series(tmp_path, "CT", array=voxels((6, 5, 5)), edit=edit, RescaleSlope="1", RescaleIntercept="0")
    found = scan(tmp_path.iterdir())
    assert [len(one.files) for one in found.series] == [4]
    assert [fault.error.message.count("only slice") for fault in found.faults] == [1]


@pytest.mark.parametrize(
    "attributes",
    [
        {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
        {"PixelSpacing": [3, 3]},
        {"Rows": 5, "Columns": 6, "PixelSpacing": [1, 1]},
    ],
)
def test_stacks_of_other_geometry_are_series_of_their_own(attributes: dict[str, Any], tmp_path: Path) -> None:
    grid = affine()
    first = write_series(tmp_path / "a", "MR", grid=grid, SeriesInstanceUID="2.25.1")

    def other(dataset: Dataset, index: int) -> None:
        dataset.SOPInstanceUID = f"2.25.9{index}"
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        if "ImageOrientationPatient" in attributes:
            dataset.ImagePositionPatient = [5 * index, 0, 0]

    write_series(tmp_path / "b", "MR", grid=grid, SeriesInstanceUID="2.25.1", edit=other)
    series = read_series([tmp_path])
    assert [len(one.files) for one in series] == [4, 4]
    assert len({one.part for one in series}) == 2
    assert {file for one in series for file in one.files} >= set(first)


def test_the_same_images_sent_twice_are_read_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_series(tmp_path / name, "MR", SeriesInstanceUID="2.25.1")
    (series,) = read_series([tmp_path])
    assert len(series.files) == 4
