"""What an image is like in numbers, and when it is unlike the training images."""

import json

import numpy as np
import pytest

from miap.findings.profile import input_profile, merge_profiles, unlike
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from tests.findings.shapes import grid

LIMITS = {"max_deviations": 3.0, "max_ratio": 1.5}


def image(modality, values, spacing=(1.0, 1.0, 1.0)):
    return Volume(np.asarray(values, np.float32)[None], grid(values.shape, spacing).affine, modality)


def body(shape=(40, 40, 20), *, air, low, high):
    """Half air, half body whose values run evenly from ``low`` to ``high``."""
    values = np.full(shape, air, dtype=np.float32)
    values[: shape[0] // 2] = np.linspace(low, high, shape[0] // 2 * shape[1] * shape[2]).reshape(-1, *shape[1:])
    return values


@pytest.mark.parametrize(
    ("modality", "air", "low", "high"), [(Modality.CT, -1000, -200, 300), (Modality.PET, 0, 0.2, 12)]
)
def test_percentiles_are_those_of_the_body(modality, air, low, high):
    profile = input_profile(image(modality, body(air=air, low=low, high=high)))
    for percent in (1, 50, 99):
        assert profile[f"p{percent}"] == pytest.approx(low + percent / 100 * (high - low), abs=1e-3 * (high - low))


def test_in_mr_the_scanner_s_scale_does_not_matter():
    values = body(air=0, low=100, high=1000)
    profile = input_profile(image(Modality.T1C, values))
    assert profile["p50"] == pytest.approx(550 / 991, rel=1e-2)
    assert "p99" not in profile
    assert input_profile(image(Modality.T1C, 37 * values)) == pytest.approx(profile, rel=1e-5)


def test_an_image_without_foreground_has_no_intensities_in_mr():
    profile = input_profile(image(Modality.T2, np.zeros((4, 4, 4))))
    assert set(profile) == {"pixel_mm", "slice_mm", "width_mm", "length_mm"}


def test_an_image_of_air_is_described_as_air():
    assert input_profile(image(Modality.CT, np.full((4, 4, 4), -1000.0)))["p50"] == -1000


@pytest.mark.parametrize("shape", [(31, 24, 9), (201, 180, 70)], ids=["small", "thinned"])
def test_the_numbers_are_the_same_in_every_orientation(shape):
    values = body(shape, air=-1000, low=-200, high=300)
    ct = image(Modality.CT, values, (0.8, 0.9, 5.0))
    expected = input_profile(ct)
    assert expected["pixel_mm"] == pytest.approx(np.sqrt(0.72))
    assert expected["slice_mm"] == pytest.approx(5)
    assert expected["width_mm"] == pytest.approx(max(0.8 * shape[0], 0.9 * shape[1]))
    assert expected["length_mm"] == pytest.approx(5 * shape[2])
    for orientation in list(Volume.orientations())[::7]:
        assert input_profile(ct.reoriented(*orientation)) == pytest.approx(expected)


def test_thinning_keeps_the_percentiles():
    values = np.random.default_rng(0).normal(40, 100, (200, 200, 80)).astype(np.float32)
    profile = input_profile(image(Modality.CT, values))
    assert profile["p50"] == pytest.approx(np.percentile(values, 50), abs=1)
    assert profile["p99"] == pytest.approx(np.percentile(values, 99), abs=2)


def test_a_stated_slice_axis_wins():
    ct = image(Modality.CT, np.zeros((4, 5, 6)), (3.0, 1.0, 1.0))
    assert input_profile(ct)["slice_mm"] == 3
    assert input_profile(ct, slice_axis=2)["slice_mm"] == 1


def test_profiles_merge_into_spreads():
    merged = merge_profiles([{"p50": 10.0, "slice_mm": 1.0}, {"p50": 14.0, "slice_mm": 3.0}], leave_out=["slice_mm"])
    assert merged == {"p50": {"mean": 12.0, "sd": pytest.approx(np.sqrt(8), abs=1e-4), "low": 10.0, "high": 14.0}}
    json.dumps(merged)


def test_one_training_image_has_no_spread():
    assert merge_profiles([{"p50": 10.0}])["p50"]["sd"] == 0


class TestUnlike:
    """When an image is unlike the training images."""

    training = merge_profiles([{"p50": v, "slice_mm": s} for v, s in [(30, 2), (40, 3), (50, 5)]])

    @pytest.mark.parametrize("value", [30, 50, 65, 15])
    def test_what_training_saw_and_three_deviations_around_it_are_alike(self, value):
        assert unlike({"p50": value, "slice_mm": 3}, self.training, Modality.CT, **LIMITS) == []

    @pytest.mark.parametrize("value", [9, 71])
    def test_beyond_that_it_is_said_in_a_sentence(self, value):
        flags = unlike({"p50": value, "slice_mm": 3}, self.training, Modality.CT, **LIMITS)
        assert flags == [
            f"The CT is unlike the training images: brightness (median) {value} HU, in training 30 to 50 HU."
        ]

    def test_a_unit_that_means_nothing_is_not_named(self):
        flags = unlike({"p50": 90, "slice_mm": 3}, self.training, Modality.T1C, **LIMITS)
        assert flags == [
            "The T1 after contrast is unlike the training images: brightness (median) 90, in training 30 to 50."
        ]

    @pytest.mark.parametrize(("value", "count"), [(1.4, 0), (7.4, 0), (1.3, 1), (7.6, 1)])
    def test_sizes_may_leave_the_range_by_a_factor(self, value, count):
        flags = unlike({"p50": 40, "slice_mm": value}, self.training, Modality.CT, **LIMITS)
        assert len(flags) == count
        assert all(f"slice spacing {value} mm, in training 2 to 5 mm" in flag for flag in flags)

    def test_training_images_that_were_all_the_same_leave_some_room(self):
        training = merge_profiles([{"p50": 100.0}] * 3)
        assert unlike({"p50": 114, "slice_mm": 3}, training, Modality.CT, **LIMITS) == []
        assert len(unlike({"p50": 116, "slice_mm": 3}, training, Modality.CT, **LIMITS)) == 1
