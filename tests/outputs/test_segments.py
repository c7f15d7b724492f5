"""What a segmentation object of any kind promises: every segment as it was, also where segments overlap."""

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from scipy.ndimage import gaussian_filter

from miap.errors import InputError
from miap.imaging.segment import Segment
from miap.imaging.segmentation import read_segmentation
from miap.outputs.seg import SegKind, write_segments

pytestmark = [pytest.mark.req("REQ-I-002"), pytest.mark.req("REQ-F-002")]

OLDER_THAN_LABEL_MAPS = ("Information Object Not found", "SegmentNumber not monotonically increasing")
"""What dciodvfy of Debian 12 says of a class that the standard got after it (Supplement 243)."""


def pair(case, *, overlapping, fractional=False):
    """Two segments of a case: a lesion, and its copy moved four voxels, whole or without what they share."""
    first = case.findings.lesion_map == 1
    second = np.roll(first, 4, axis=0)
    if not overlapping:
        second &= ~first
    masks = [gaussian_filter(m.astype(np.float32), 1) if fractional else m for m in (first, second)]
    grid = case.segmentation
    return [
        Segment.of(
            grid.with_array(masks[0][None]), 1, "core", category=codes.SCT.MorphologicallyAbnormalStructure,
            type=codes.SCT.Neoplasm, anatomy=codes.SCT.Thigh, algorithm="sarcoma-petct 1.2.0", tracking_uid="1.2.3",
        ),
        Segment.of(grid.with_array(masks[1][None]), 4, "rim"),
    ]  # fmt: skip


def write(path, case, synthetic, segments, kind):
    return write_segments(path, case.series, segments, kind=kind, model=synthetic.model, when=synthetic.when)


CASES = {
    "binary": (SegKind.BINARY, False),
    "binary, overlapping": (SegKind.BINARY, True),
    "fractional": (SegKind.FRACTIONAL, True),
    "label map": (SegKind.LABELMAP, False),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_is_read_back(tmp_path, synthetic, name):
    kind, overlapping = CASES[name]
    case = synthetic.case()
    segments = pair(case, overlapping=overlapping, fractional=kind is SegKind.FRACTIONAL)
    write(tmp_path / "seg.dcm", case, synthetic, segments, kind)
    for back in (
        read_segmentation(tmp_path / "seg.dcm", case.segmentation),
        [one.onto(case.segmentation) for one in read_segmentation(tmp_path / "seg.dcm")],
    ):
        assert [one.number for one in back] == ([1, 4] if kind is SegKind.LABELMAP else [1, 2])
        for given, got in zip(segments, back):
            assert (
                np.abs(got.mask.array - given.mask.array.astype(float)).max() <= (0.5 / 255 + 1e-6) * given.fractional
            )
            assert (got.label, got.algorithm, got.tracking_uid) == (given.label, given.algorithm, given.tracking_uid)
        assert (back[0].type, back[0].anatomy) == (codes.SCT.Neoplasm, codes.SCT.Thigh)
        assert back[0].fractional is (kind is SegKind.FRACTIONAL)


@pytest.mark.parametrize("name", CASES)
def test_dciodvfy_has_no_error(tmp_path, synthetic, verify, name):
    kind, overlapping = CASES[name]
    case = synthetic.case()
    write(tmp_path / "seg.dcm", case, synthetic, pair(case, overlapping=overlapping), kind)
    errors = verify(tmp_path / "seg.dcm")
    if kind is SegKind.LABELMAP:
        errors = [error for error in errors if not any(known in error for known in OLDER_THAN_LABEL_MAPS)]
    assert errors == []


def test_it_says_whether_segments_overlap(tmp_path, synthetic):
    case = synthetic.case()
    for overlapping, word in ((True, "YES"), (False, "NO")):
        segments = pair(case, overlapping=overlapping)
        assert write(tmp_path / "seg.dcm", case, synthetic, segments, SegKind.BINARY).SegmentsOverlap == word


def test_overlapping_segments_make_no_label_map(tmp_path, synthetic):
    case = synthetic.case()
    with pytest.raises(InputError, match="rim overlaps"):
        write(tmp_path / "seg.dcm", case, synthetic, pair(case, overlapping=True), SegKind.LABELMAP)
    assert not (tmp_path / "seg.dcm").exists()


def test_a_segment_on_another_grid_is_brought_onto_the_series(tmp_path, synthetic):
    case = synthetic.case()
    turned = case.segmentation.with_array((case.findings.lesion_map == 1)[None]).reoriented(
        (2, 0, 1), (True, False, True)
    )
    write(tmp_path / "seg.dcm", case, synthetic, [Segment.of(turned, 1, "turned")], SegKind.BINARY)
    (back,) = read_segmentation(tmp_path / "seg.dcm", case.segmentation)
    np.testing.assert_array_equal(back.mask.array[0], case.findings.lesion_map == 1)


def test_a_drawn_segment_is_no_algorithm_s(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "seg.dcm", case, synthetic, pair(case, overlapping=True), SegKind.BINARY)
    by_model, by_hand = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    assert by_model.SegmentAlgorithmType == "AUTOMATIC" and by_hand.SegmentAlgorithmType == "MANUAL"
    assert by_model.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == "1.2.0"


def test_the_same_segments_get_the_same_bytes_and_others_another_uid(tmp_path, synthetic):
    case = synthetic.case()
    segments = pair(case, overlapping=False)
    first = write(tmp_path / "a.dcm", case, synthetic, segments, SegKind.BINARY)
    write(tmp_path / "b.dcm", case, synthetic, segments, SegKind.BINARY)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    other = write(tmp_path / "c.dcm", case, synthetic, segments[::-1], SegKind.BINARY)
    assert other.SOPInstanceUID != first.SOPInstanceUID


def test_nothing_to_write_is_refused(tmp_path, synthetic):
    with pytest.raises(InputError, match="no segment"):
        write(tmp_path / "seg.dcm", synthetic.case(), synthetic, [], SegKind.BINARY)
