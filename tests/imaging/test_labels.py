"""A label map and its table hold what segments say, and give it back."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom.sr.coding import Code

from miap.errors import InputError
from miap.imaging.labelmap import label_map, segments_of
from miap.imaging.labels import Label, read_labels, to_json
from miap.imaging.segment import Segment
from miap.imaging.volume import Volume
from tests.dicom_factory import affine

LIVER = Code("10200004", "SCT", "Liver")
ORGAN = Code("123037004", "SCT", "Anatomical Structure")


def segment(number: int, where: tuple[slice, slice, slice], **known: object) -> Segment:
    array = np.zeros((1, 8, 7, 6), np.uint8)
    array[0][where] = 1
    return Segment.of(Volume(array, affine()), number, known.pop("label", f"part {number}"), **known)


LOW, HIGH = (slice(0, 3),) * 3, (slice(4, 6),) * 3


def test_segments_become_a_label_map_and_come_back(tmp_path: Path) -> None:
    given = [
        segment(
            2, LOW, label="Leber", category=ORGAN, type=LIVER, anatomy=LIVER, algorithm="net 1.0", tracking_uid="2.25.7"
        ),
        segment(300, HIGH),
    ]  # fmt: skip
    together = label_map(given)
    assert together is not None
    assert together.array.dtype == np.uint16
    (tmp_path / "labels.json").write_text(json.dumps(to_json(given)), encoding="utf-8")
    back = segments_of(together, read_labels(tmp_path / "labels.json"))
    assert [one.number for one in back] == [2, 300]
    for one, other in zip(given, back, strict=True):
        assert np.array_equal(one.mask.array, other.mask.array)
        assert (one.label, one.category, one.type, one.anatomy, one.algorithm, one.tracking_uid) == (
            other.label, other.category, other.type, other.anatomy, other.algorithm, other.tracking_uid
        )  # fmt: skip


@pytest.mark.parametrize(
    "segments",
    [
        [segment(1, LOW), segment(2, (slice(2, 5),) * 3)],
        [segment(1, LOW), segment(1, HIGH)],
        [segment(70000, LOW)],
        [Segment.of(Volume(np.full((1, 2, 2, 2), 0.5, np.float32), affine()), 1, "half")],
        [],
    ],
    ids=["overlap", "one number twice", "too high a number", "fractional", "none"],
)
def test_what_one_map_cannot_hold_is_none(segments: list[Segment]) -> None:
    assert label_map(segments) is None


def test_values_without_a_label_are_named_by_number_and_labels_without_voxels_are_empty() -> None:
    array = np.zeros((1, 4, 4, 4), np.uint8)
    array[0, 1, 1, 1] = 3
    found = segments_of(Volume(array, affine()), {1: Label(1, "absent")})
    assert [(one.number, one.label, one.is_empty) for one in found] == [(1, "absent", True), (3, "label 3", False)]


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    "content",
    [
        "no json", "[]", "{}", '{"schema": "other", "labels": []}', '{"schema": "miap.labels/1"}',
        '{"schema": "miap.labels/1", "labels": [{"value": 0, "name": "x"}]}',
        '{"schema": "miap.labels/1", "labels": [{"value": 1.5, "name": "x"}]}',
        '{"schema": "miap.labels/1", "labels": [{"value": 1, "name": ""}]}',
        '{"schema": "miap.labels/1", "labels": [{"value": 1, "name": "x", "type": {"value": "1"}}]}',
        '{"schema": "miap.labels/1", "labels": [{"value": 1, "name": "x"}, {"value": 1, "name": "y"}]}',
        '{"schema": "miap.labels/1", "labels": ["x"]}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused_by_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(InputError, match=r"labels\.json") as caught:
        read_labels(tmp_path / "labels.json")
    assert caught.value.remedy


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "labels.json")
