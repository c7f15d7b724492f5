"""What reading a segmentation promises: every segment in its place, however its frames come; or why not."""

from datetime import datetime

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import JPEG2000Lossless, RLELossless

from miap.errors import InputError
from miap.imaging.segment import Segment
from miap.imaging.segmentation import read_segmentation
from miap.imaging.series import read_series
from miap.outputs.seg import SegKind, write_segments
from tests.dicom_factory import affine, voxels, write_series

pytestmark = pytest.mark.req("REQ-F-002")

SHAPE = (34, 33, 8)
MODEL = {"name": "test", "version": "1"}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    (one,) = read_series([write_folder(tmp_path_factory.mktemp("ct"))])
    return one


def write_folder(folder):
    write_series(folder, "CT", array=voxels(SHAPE), grid=affine(), RescaleSlope="1", RescaleIntercept="0")
    return folder


def masks():
    """Two overlapping boxes, the first leaving slices out."""
    first, second = np.zeros((2, *SHAPE), bool)
    first[3:9, 4:12, [1, 2, 6]] = True
    second[7:20, 2:30, 2:5] = True
    return first, second


@pytest.fixture
def written(series, tmp_path):
    """A binary segmentation, and a function that spoils it: its data set is edited in place."""

    def make(edit=lambda dataset: None, kind=SegKind.BINARY, given=None):
        grid = series.volume()
        given = masks() if given is None else given
        segments = [
            Segment.of(grid.with_array(m[None]), n, f"part {n}", type=codes.SCT.Liver) for n, m in enumerate(given, 1)
        ]
        path = tmp_path / "seg.dcm"
        write_segments(path, series, segments, kind=kind, model=MODEL, when=datetime(2026, 1, 2))
        dataset = pydicom.dcmread(path)
        edit(dataset)
        dataset.save_as(path)
        return path

    return make


def shuffle(dataset):
    """The frames the other way round."""
    size = int(dataset.NumberOfFrames)
    frames = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
    frames = frames[: size * dataset.Rows * dataset.Columns].reshape(size, -1)[::-1]
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    dataset.PerFrameFunctionalGroupsSequence = list(dataset.PerFrameFunctionalGroupsSequence)[::-1]


def forget(dataset):
    """Every reference to a source image."""
    del dataset.ReferencedSeriesSequence
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.DerivationImageSequence


@pytest.mark.parametrize(
    "edit", [shuffle, forget, lambda dataset: None], ids=["shuffled", "unreferenced", "as written"]
)
@pytest.mark.parametrize("alone", [True, False], ids=["own grid", "onto the image"])
def test_segments_are_where_they_were(written, series, edit, alone):
    path, onto = written(edit), series.volume()
    found = read_segmentation(path, None if alone else onto)
    for one, mask in zip(found, masks(), strict=True):
        np.testing.assert_array_equal(one.onto(onto).mask.array[0], mask)
        assert one.type == codes.SCT.Liver
        assert one.notes == ()
    if alone:
        assert found[0].grid.shape == (*SHAPE[:2], 6)
        np.testing.assert_allclose(found[0].grid.origin, onto.to_patient((0, 0, 1)), atol=1e-6)
        assert found[0].volume_ml == pytest.approx(masks()[0].sum() * onto.voxel_volume_ml)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("kind", [SegKind.FRACTIONAL, SegKind.LABELMAP])
def test_compressed_frames_are_read(written, series, kind, syntax):
    first, second = masks()
    apart = (first & ~second, second)
    path = written(lambda dataset: dataset.compress(syntax), kind, apart)
    for one, mask in zip(read_segmentation(path, series.volume()), apart, strict=True):
        np.testing.assert_array_equal(one.mask.array[0], mask)


def test_frames_cropped_to_a_part_of_the_image_are_placed_by_their_position(written, series):
    def crop(dataset):
        frames = dataset.pixel_array[:, 2:, 3:]
        packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
        dataset.PixelData = packed + b"\0" * (len(packed) % 2)
        dataset.Rows, dataset.Columns = frames.shape[1:]
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            position = frame.PlanePositionSequence[0].ImagePositionPatient
            position[0], position[1] = position[0] + 3 * 2.0, position[1] + 2 * 1.5

    for one, mask in zip(read_segmentation(written(crop), series.volume()), masks(), strict=True):
        np.testing.assert_array_equal(one.mask.array[0], mask)


def test_a_frame_that_is_there_twice_counts_once(written, series):
    def double(dataset):
        frames = np.concatenate([dataset.pixel_array, dataset.pixel_array[:1]])
        packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
        dataset.PixelData = packed + b"\0" * (len(packed) % 2)
        dataset.NumberOfFrames = len(frames)
        groups = dataset.PerFrameFunctionalGroupsSequence
        groups.append(groups[0])

    for one, mask in zip(read_segmentation(written(double), series.volume()), masks(), strict=True):
        np.testing.assert_array_equal(one.mask.array[0], mask)


def test_without_a_stated_distance_the_image_s_is_taken(written, series):
    def forget_distance(dataset):
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        del measures.SpacingBetweenSlices, measures.SliceThickness

    only = np.zeros(SHAPE, bool)
    only[3:9, 4:12, [1, 5]] = True
    (one,) = read_segmentation(written(forget_distance, given=[only]), series.volume())
    np.testing.assert_array_equal(one.mask.array[0], only)


def test_what_lies_outside_the_image_is_said(written, series):
    onto = series.volume().crop((0, 0, 0), (34, 33, 2))
    first, second = read_segmentation(written(), onto)
    assert first.notes == ('67 % of "part 1" lie outside the image.',)
    assert second.is_empty and second.notes == ('100 % of "part 2" lie outside the image.',)


def test_slices_sheared_by_a_tilted_gantry_keep_their_place(written, series):
    def tilt(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            position = frame.PlanePositionSequence[0].ImagePositionPatient
            position[1] = position[1] + 0.4 * (position[2] + 30)

    found = read_segmentation(written(tilt))
    onto = series.volume()
    for one, mask in zip(found, masks(), strict=True):
        index = np.argwhere(mask)
        places = onto.to_patient(index)
        places[:, 1] += 0.4 * (places[:, 2] + 30)
        np.testing.assert_allclose(
            np.sort(one.grid.to_patient(np.argwhere(one.mask.array[0])), axis=0), np.sort(places, axis=0), atol=1e-3
        )


def drop(keyword):
    def edit(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            del frame[keyword]

    return edit


def shift(dataset):
    position = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient
    position[2] = position[2] + 1.2


def change_one(dataset):
    """Segment 2 becomes a second, other frame of segment 1."""
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 1


def number_nine(dataset):
    dataset.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


def claim(dataset):
    dataset.Rows = dataset.Columns = 60000


REFUSALS = {
    "no position": (drop("PlanePositionSequence"), "does not say where frame 1 lies"),
    "no orientation": (lambda d: d.SharedFunctionalGroupsSequence[0].__delitem__("PlaneOrientationSequence"), "lies"),
    "uneven slices": (shift, "no regular grid"),
    "one segment in two ways": (change_one, "in two ways at one place"),
    "a segment not described": (number_nine, "segment 9 in frame 1"),
    "no segment described": (lambda d: d.__delitem__("SegmentSequence"), "describes no segment"),
    "fewer frames than it says": (lambda d: setattr(d, "NumberOfFrames", 99), "says it has 99 frames"),
    "fewer pixels than it says": (lambda d: setattr(d, "PixelData", d.PixelData[:100]), "cannot be read"),
    "more pixels than any image": (claim, "claims"),
    "another class": (lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"), "CT Image"),
    "no pixels": (lambda d: d.__delitem__("PixelData"), "cannot be read"),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_cannot_be_used_is_refused_with_its_reason(written, reason):
    edit, words = REFUSALS[reason]
    with pytest.raises(InputError, match=words):
        read_segmentation(written(edit))


def test_another_patient_s_corner_of_space_is_refused(written, series):
    far = series.volume()
    far.affine[:3, 3] += 5000
    with pytest.raises(InputError, match="outside the image"):
        read_segmentation(written(), far)


def test_a_segment_that_is_described_and_never_shown_is_empty(written, series):
    first, _ = masks()
    one, other = read_segmentation(written(given=(first, np.zeros(SHAPE, bool))), series.volume())
    assert not one.is_empty
    assert other.is_empty and other.mask.array.shape == (1, *SHAPE)
