"""What `docs/reference/read-back.md` says of every file of the reference collections."""

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from matplotlib.path import Path as Polygon

from miap.errors import InputError
from miap.imaging.resample import resample
from miap.imaging.segment import Segment
from miap.imaging.segmentation import read_segmentation
from miap.imaging.series import read_series
from miap.imaging.structure import read_structures
from miap.imaging.volume import Volume
from miap.outputs.seg import SegKind, write_segments

pytestmark = [pytest.mark.shared_data, pytest.mark.req("REQ-F-002")]

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "read-back.md").read_text(encoding="utf-8")


def table(heading):
    """Rows of the first table below a heading, without the header."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [tuple(cell.strip() for cell in row) for row in rows]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def files(row):
    """The files of a row, all in the folder of the first."""
    first, *others = names(row[0])
    return [first, *(str(Path(first).parent / other) for other in others)]


ROWS = {
    (folder, file): row for folder, heading in (("dcmqi", "dcmqi"), ("rt_utils", "rt_utils")) for row in table(heading)
    for file in files(row)
}  # fmt: skip


def those(folder, verdict):
    return [file for (where, file), row in ROWS.items() if where == folder and row[2].startswith(verdict)]


def nrrd(path):
    return Volume.from_sitk(sitk.ReadImage(str(path)))


@pytest.mark.parametrize("folder", ["dcmqi", "rt_utils"])
def test_every_file_is_in_the_table(shared_data, folder):
    top = shared_data / "dicom_cases" / folder
    assert {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()} == {
        file for where, file in ROWS if where == folder
    }


@pytest.mark.parametrize("file", [f for f in those("dcmqi", "reads") if "sr-example" not in f])
def test_a_segmentation_is_the_mask_its_nrrd_says(shared_data, file):
    top = shared_data / "dicom_cases" / "dcmqi"
    truths = [nrrd(top / name) for name in names(ROWS["dcmqi", file][3])]
    for found in (read_segmentation(top / file), read_segmentation(top / file, truths[0])):
        assert found
        for segment in found:
            assert segment.grid.same_grid(truths[0])
            mask = segment.mask.array
            expected = max((truth.array == segment.number for truth in truths), key=np.count_nonzero)
            assert expected.any()
            np.testing.assert_array_equal(mask > 0, expected)


def test_a_segmentation_without_an_image_has_the_volume_its_report_says(shared_data):
    folder = shared_data / "dicom_cases" / "dcmqi" / "sr-example"
    (segment,) = read_segmentation(folder / "seg.dcm")
    assert segment.volume_ml == pytest.approx(33.5824, abs=1e-4)
    assert "33.5824" in str(pydicom.dcmread(folder / "sr.dcm"))


@pytest.mark.parametrize("file", those("dcmqi", "writes"))
@pytest.mark.parametrize("kind", [SegKind.BINARY, SegKind.LABELMAP])
def test_a_mask_is_written_and_read_back(shared_data, tmp_path, file, kind):
    top = shared_data / "dicom_cases" / "dcmqi"
    truth = nrrd(top / file)
    (series,) = read_series([top / names(ROWS["dcmqi", file][3])[0]])
    labels = [int(value) for value in np.unique(truth.array) if value]
    segments = [Segment.of(truth.with_array(truth.array == value), value, f"label {value}") for value in labels]
    write_segments(
        tmp_path / "seg.dcm",
        series,
        segments,
        kind=kind,
        model={"name": "t", "version": "1"},
        when=datetime(2026, 1, 2),
    )
    found = read_segmentation(tmp_path / "seg.dcm", truth)
    assert [one.label for one in found] == [f"label {value}" for value in labels]
    for one, value in zip(found, labels):
        np.testing.assert_array_equal(one.mask.array > 0, truth.array == value)


@pytest.mark.parametrize(
    ("folder", "file"), [(folder, f) for folder in ("dcmqi", "rt_utils") for f in those(folder, "refuses")]
)
def test_what_is_no_mask_is_refused_with_its_reason(shared_data, folder, file):
    path = shared_data / "dicom_cases" / folder / file
    grid = Volume(np.zeros((1, 4, 4, 4), np.uint8), np.eye(4))
    with pytest.raises(InputError, match=re.escape(ROWS[folder, file][3])):
        if "segmentation" in ROWS[folder, file][2]:
            read_segmentation(path)
        else:
            read_structures(path, grid)


def odd(path, number, grid):
    """Pixels whose centre lies in an odd number of a structure's contours, by another library."""
    mask = np.zeros(grid.shape, bool)
    centres = np.argwhere(mask[:, :, 0] == 0)
    for roi in pydicom.dcmread(path).ROIContourSequence:
        for contour in roi.ContourSequence if roi.ReferencedROINumber == number else ():
            index = grid.to_index(np.array(contour.ContourData, float).reshape(-1, 3))
            k = round(index[:, 2].mean())
            if 0 <= k < grid.shape[2]:
                mask[:, :, k] ^= Polygon(index[:, :2]).contains_points(centres).reshape(grid.shape[:2])
    return mask


@pytest.mark.parametrize("file", those("rt_utils", "reads"))
def test_a_structure_is_what_its_polygons_enclose(shared_data, file):
    top = shared_data / "dicom_cases" / "rt_utils"
    (series,) = read_series([top / "mock_data" / name for name in ("ct_1.dcm", "ct_2.dcm")])
    grid = series.volume()
    found = read_structures(top / file, grid)
    for segment in found:
        np.testing.assert_array_equal(segment.mask.array[0] > 0, odd(top / file, segment.number, grid))
        assert bool(segment.notes) is ("with a note" in ROWS["rt_utils", file][2])
    (elsewhere,) = read_series([top / "oriented_data"])
    with pytest.raises(InputError, match="outside the image"):
        read_structures(top / file, elsewhere.volume())


@pytest.mark.parametrize("row", table("Soft-tissue sarcoma"), ids=lambda row: row[0])
def test_structures_agree_with_the_masks_others_prepared(shared_data, row):
    file = shared_data / names(row[0])[0]
    (series,) = read_series([file.parents[1] / "image"])
    grid = series.volume()
    segment = next(one for one in read_structures(file, grid) if one.label == row[1])
    truth = nrrd(shared_data / names(row[2])[0])
    expected = resample(truth, grid, interpolation="nearest").array > 0
    mask = segment.mask.array > 0
    dice = 2 * (mask & expected).sum() / (mask.sum() + expected.sum())
    assert dice == pytest.approx(float(row[2].split()[0]), abs=5e-5)
    assert dice >= 0.97


def test_contours_oblique_to_the_axes_are_read_to_the_volume_they_enclose(shared_data):
    folder = shared_data / "sts_raw_STS_001" / "MR_T2"
    (series,) = read_series([folder / "image"])
    volumes = [one.volume_ml for one in read_structures(folder / "mask" / "1-1.dcm", series.volume())]
    assert volumes == pytest.approx([364.9, 579.2], abs=0.05)
