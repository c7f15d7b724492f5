"""A segmentation and its probabilities become measured lesions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from miap.findings.confidence import Calibration, LesionFeatures
from miap.findings.find import find_lesions, tracking_uid
from miap.findings.quality import Limits
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from tests.findings.shapes import OEDEMA, TUMOUR, Ellipsoid, centres, grid, sphere

CENTRE = np.array([7.3, -31.9, 112.4])
LABELS = (TUMOUR, OEDEMA)
BODIES = (
    Ellipsoid(
        CENTRE + np.array([-14, 2, 3]), np.array([12.0, 16.0, 14.0]), Rotation.from_rotvec([0.2, 0.4, 0.1]).as_matrix()
    ),
    sphere(CENTRE + np.array([16, -6, -8]), 9.5),
)


def case(shape=(64, 50, 22), spacing=(1.0, 1.0, 2.5), rotation=None) -> tuple[Volume, Volume]:
    """A tumour, an oedema and a speck, with probabilities."""
    empty = grid(shape, spacing, rotation)
    segmentation = np.zeros(shape, np.uint8)
    for body, label in zip(BODIES, LABELS, strict=True):
        segmentation[body.on(empty).array[0]] = label.value
    segmentation[0, 0, 0] = 1
    probability = np.stack([np.where(segmentation == label.value, 0.9, 0.05) for label in LABELS])
    return empty.with_array(segmentation[None]), empty.with_array(probability.astype(np.float32))


def petlike():
    empty = grid((24, 22, 24), (4.0, 4.0, 3.0))
    values = 1 + sum(8 * np.exp(-((centres(empty) - b.centre) ** 2).sum(-1) / 200) for b in BODIES)
    return Volume(values[None].astype(np.float32), empty.affine, Modality.PET)


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize(
    "rotation", [None, Rotation.from_rotvec([0.5, -0.3, 0.8]).as_matrix()], ids=["axial", "oblique"]
)
def test_lesions_are_found_where_they_are_as_large_as_they_are(rotation):
    segmentation, probability = case((80, 80, 34), rotation=rotation)
    lesions, lesion_map = find_lesions(segmentation, probability, LABELS, slice_axis=2)
    assert [lesion.id for lesion in lesions] == [1, 2]
    assert [lesion.label for lesion in lesions] == ["tumour", "oedema"]
    assert [lesion.label_value for lesion in lesions] == [1, 2]
    for lesion, body in zip(lesions, BODIES, strict=True):
        longest, across = body.section(segmentation.direction[:, 2])
        assert lesion.volume_ml == pytest.approx(body.volume_ml, rel=0.02)
        assert np.abs(segmentation.to_index(lesion.centroid_mm) - segmentation.to_index(body.centre)).max() < 0.5
        assert abs(lesion.longest.length_mm - longest) < 1
        assert abs(lesion.perpendicular.length_mm - across) < 1
        assert lesion.confidence == pytest.approx(0.9)
        assert lesion.flags == ()
        np.testing.assert_array_equal(lesion_map == lesion.id, body.on(segmentation).array[0])
        middle = segmentation.to_index(lesion.longest.start_mm)[2]
        assert lesion.longest.slice_index == pytest.approx(middle)


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize("orientation", list(Volume.orientations()), ids=str)
def test_every_number_is_the_same_in_every_orientation(orientation):
    segmentation, probability = case()
    expected, expected_map = find_lesions(segmentation, probability, LABELS, pet=petlike(), namespace="case")
    lesions, lesion_map = find_lesions(
        segmentation.reoriented(*orientation),
        probability.reoriented(*orientation),
        LABELS,
        pet=petlike().reoriented(*orientation),
        namespace="case",
    )
    moved = segmentation.with_array(expected_map[None]).reoriented(*orientation)
    np.testing.assert_array_equal(lesion_map, moved.array[0])
    for ours, theirs in zip(lesions, expected, strict=True):
        assert (ours.id, ours.label, ours.tracking_uid) == (theirs.id, theirs.label, theirs.tracking_uid)
        for name in ("volume_ml", "centroid_mm", "extent_mm", "confidence"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-9)
        for name in ("longest", "perpendicular"):
            mine, other = getattr(ours, name), getattr(theirs, name)
            assert mine.length_mm == pytest.approx(other.length_mm, abs=1e-9)
            assert (*mine.start_mm, *mine.stop_mm) == pytest.approx((*other.start_mm, *other.stop_mm), abs=1e-6)
        assert vars(ours.uptake) == pytest.approx(vars(theirs.uptake), rel=1e-9)


def test_small_components_are_no_lesions():
    segmentation, probability = case()
    assert len(find_lesions(segmentation, probability, LABELS, min_volume_ml=0)[0]) == 3
    assert len(find_lesions(segmentation, probability, LABELS, min_volume_ml=5)[0]) == 1
    lesions, lesion_map = find_lesions(segmentation, probability, LABELS, min_volume_ml=1000)
    assert lesions == ()
    assert not lesion_map.any()


def test_the_calibration_gives_the_confidence():
    segmentation, probability = case()
    good, bad = LesionFeatures(0.95, 1, 3, 0.0), LesionFeatures(0.6, 0.7, -1, 0.9)
    calibration = Calibration.fit([good, bad] * 20, [True, False] * 20)
    lesions, _ = find_lesions(segmentation, probability, LABELS, calibration=calibration)
    expected = calibration.confidence(LesionFeatures(np.float32(0.9), np.float32(0.9), np.log(lesions[0].volume_ml), 0))
    assert lesions[0].confidence == pytest.approx(expected)


def test_limits_become_flags():
    segmentation, probability = case()
    lesions, _ = find_lesions(
        segmentation, probability, LABELS, limits=Limits(volume_ml=(0, 5), min_confidence=0.95), min_volume_ml=0
    )
    assert any("implausible" in flag for flag in lesions[0].flags)
    assert all(any("low detection confidence" in flag for flag in lesion.flags) for lesion in lesions)
    assert any("border" in flag for flag in lesions[2].flags)


def test_a_pet_that_shows_only_a_part_is_said():
    segmentation, probability = case()
    whole = petlike()
    half = whole.crop((0, 0, 0), (int(np.ceil(whole.to_index(BODIES[1].centre)[0])), 22, 24))
    lesions, _ = find_lesions(segmentation, probability, LABELS, pet=half)
    assert lesions[0].flags == ()
    assert lesions[0].uptake.suv_max == pytest.approx(9, rel=0.1)
    assert lesions[1].uptake is not None
    assert "lies outside the PET in" in lesions[1].flags[0]


def test_a_lesion_the_pet_does_not_show_has_no_uptake():
    segmentation, probability = case()
    far = Volume(np.ones((1, 4, 4, 4), np.float32), grid((4, 4, 4)).affine @ np.diag([1, 1, 1, 1.0]), Modality.PET)
    far.affine[:3, 3] += 500
    lesions, _ = find_lesions(segmentation, probability, LABELS, pet=far)
    assert all(lesion.uptake is None for lesion in lesions)
    assert lesions[0].flags == ("lies outside the PET in 100 % of its volume",)


class TestTracking:
    """Identifiers that stay."""

    def test_the_same_result_has_the_same_uids(self):
        segmentation, probability = case()
        first, again = (find_lesions(segmentation, probability, LABELS, namespace="a")[0] for _ in range(2))
        other = find_lesions(segmentation, probability, LABELS, namespace="b")[0]
        assert [lesion.tracking_uid for lesion in first] == [lesion.tracking_uid for lesion in again]
        assert len({lesion.tracking_uid for lesion in (*first, *other)}) == 4

    def test_they_are_valid_uids(self):
        uid = tracking_uid("input and model", 7)
        assert uid.startswith("2.25.")
        assert len(uid) <= 64
        assert uid == f"2.25.{int(uid[5:])}"
        assert uid != tracking_uid("input and model", 8)

    def test_without_a_namespace_there_are_none(self):
        assert find_lesions(*case(), LABELS)[0][0].tracking_uid == ""


class TestDegenerate:
    """Masks at the edge of what a mask can be."""

    def test_an_empty_mask(self):
        segmentation, probability = case()
        nothing = segmentation.with_array(np.zeros_like(segmentation.array))
        lesions, lesion_map = find_lesions(nothing, probability, LABELS)
        assert lesions == ()
        assert lesion_map.shape == segmentation.shape
        assert lesion_map.dtype == np.uint16

    def test_one_voxel(self):
        empty = grid((1, 1, 1), (2.0, 2.0, 5.0))
        lesions, _ = find_lesions(
            empty.with_array(np.ones((1, 1, 1, 1), np.uint8)),
            empty.with_array(np.full((1, 1, 1, 1), 0.8, np.float32)),
            [TUMOUR],
            min_volume_ml=0,
        )
        assert lesions[0].volume_ml == pytest.approx(0.02)
        assert lesions[0].extent_mm == pytest.approx((2, 2, 5))
        assert lesions[0].centroid_mm == pytest.approx(tuple(CENTRE))
        assert lesions[0].confidence == pytest.approx(0.8)

    def test_a_whole_volume(self):
        empty = grid((12, 10, 8), (2.0, 2.0, 5.0))
        lesions, lesion_map = find_lesions(
            empty.with_array(np.full((1, 12, 10, 8), 2, np.uint8)),
            empty.with_array(np.full((2, 12, 10, 8), 0.7)),
            LABELS,
        )
        assert len(lesions) == 1
        assert lesions[0].volume_ml == pytest.approx(12 * 10 * 8 * 0.02)
        assert lesions[0].extent_mm == pytest.approx((24, 20, 40))
        assert (lesion_map == 1).all()
        assert "border" in lesions[0].flags[0]


class TestRefusals:
    """What does not fit together is refused."""

    def test_different_grids(self):
        segmentation, probability = case()
        with pytest.raises(ValueError, match="different grids"):
            find_lesions(segmentation, probability.crop((0, 0, 0), (9, 9, 9)), LABELS)

    def test_a_probability_too_few(self):
        segmentation, probability = case()
        with pytest.raises(ValueError, match="2 probabilities do not fit 1 labels"):
            find_lesions(segmentation, probability, [TUMOUR])

    def test_a_value_without_a_name(self):
        segmentation, probability = case()
        with pytest.raises(ValueError, match="value 5"):
            find_lesions(segmentation.with_array(np.minimum(segmentation.array, 1) * 5), probability, LABELS)
