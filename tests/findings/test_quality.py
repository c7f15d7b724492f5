"""Quality flags: each one is raised when it should be, and only then."""

import numpy as np
import pytest

from miap.findings.confidence import LesionFeatures
from miap.findings.lesion import Diameter, Lesion
from miap.findings.profile import input_profile, merge_profiles
from miap.findings.quality import Limits, check_quality, lesion_flags
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from tests.findings.shapes import grid

CERTAIN = LesionFeatures(0.95, 1.0, 2.0, 0.1)


def lesion(number=1, **changes) -> Lesion:
    line = Diameter(10.0, (0.0, 0.0, 0.0), (10.0, 0.0, 0.0), 3)
    values = {
        "id": number, "label": "tumour", "label_value": 1, "volume_ml": 4.0, "centroid_mm": (1.0, 2.0, 3.0),
        "longest": line, "perpendicular": line, "extent_mm": (10.0, 10.0, 10.0), "confidence": 0.9,
    }  # fmt: skip
    return Lesion(**(values | changes))


def ct(values=40.0, spacing=(1.0, 1.0, 3.0)) -> Volume:
    return Volume(np.full((1, 20, 20, 10), values, np.float32), grid((20, 20, 10), spacing).affine, Modality.CT)


class TestLesion:
    """What is said of a lesion."""

    def test_a_plain_lesion_has_no_flag(self):
        whole = grid((10, 10, 10))
        assert lesion_flags(whole.crop((1, 1, 1), (9, 9, 9)), 4.0, 0.9, CERTAIN, whole, Limits()) == ()

    @pytest.mark.parametrize("axis", [0, 1, 2])
    @pytest.mark.parametrize(("start", "stop"), [(0, 5), (5, 10)])
    def test_each_border_is_noticed(self, axis, start, stop):
        whole = grid((10, 10, 10), (0.7, 0.7, 5.0))
        low, high = [3, 3, 3], [6, 6, 6]
        low[axis], high[axis] = start, stop
        flags = lesion_flags(whole.crop(low, high), 4.0, 0.9, CERTAIN, whole, Limits())
        assert flags == ("touches the border of the image, so a part of it may be missing",)

    @pytest.mark.parametrize("volume_ml", [0.2, 900.0])
    def test_an_implausible_volume_is_noticed(self, volume_ml):
        whole = grid((10, 10, 10))
        crop = whole.crop((3, 3, 3), (6, 6, 6))
        flags = lesion_flags(crop, volume_ml, 0.9, CERTAIN, whole, Limits(volume_ml=(1.0, 800.0)))
        assert flags == (f"has an implausible volume of {volume_ml:.3g} ml (expected 1 to 800 ml)",)

    def test_doubt_is_noticed(self):
        whole = grid((10, 10, 10))
        crop = whole.crop((3, 3, 3), (6, 6, 6))
        flags = lesion_flags(crop, 4.0, 0.31, LesionFeatures(0.6, 0.7, 1.0, 0.62), whole, Limits())
        assert flags == ("has a low detection confidence of 31 %", "is uncertain in 62 % of its volume")


class TestCase:
    """What is said of a case."""

    def test_a_plain_case_is_good(self):
        quality = check_quality([lesion()], {Modality.CT: ct()})
        assert quality.status == "good"
        assert quality.flags == ()
        assert quality.measures["lesions"] == 1
        assert quality.measures["volume_ml"] == 4
        assert quality.measures["lowest_confidence"] == 0.9
        assert quality.measures["ct_slice_mm"] == pytest.approx(3)
        assert quality.measures["ct_p50"] == 40

    def test_flags_of_lesions_are_repeated_by_name(self):
        quality = check_quality([lesion(), lesion(2, flags=("touches the border of the image",))], {})
        assert quality.status == "review"
        assert quality.flags == ("Lesion 2 touches the border of the image.",)

    def test_nothing_found_is_said(self):
        assert check_quality([], {}).flags == ("No lesion was found.",)

    def test_nothing_found_says_how_near_it_came(self):
        probability = Volume(np.full((1, 2, 2, 2), 0.46, np.float32), np.eye(4))
        quality = check_quality([], {}, probability=probability)
        assert quality.flags == ("No lesion was found; the highest probability of one anywhere is 46 %.",)
        assert quality.measures["highest_probability"] == pytest.approx(0.46)

    def test_many_lesions_are_said(self):
        lesions = [lesion(n) for n in range(1, 5)]
        assert check_quality(lesions, {}, limits=Limits(max_lesions=4)).status == "good"
        quality = check_quality(lesions, {}, limits=Limits(max_lesions=3))
        assert quality.flags == ("4 lesions were found, more than 3: normal structures may be among them.",)

    def test_coarse_slices_are_said(self):
        quality = check_quality([lesion()], {Modality.CT: ct(spacing=(1.0, 1.0, 8.0))})
        assert quality.flags == (
            "The slices of the CT are 8.0 mm apart, more than 6.0 mm: "
            "small lesions may be missed and volumes are rough.",
        )

    def test_an_image_unlike_the_training_images_is_said(self):
        profile = {"ct": merge_profiles([input_profile(ct(v)) for v in (35, 40, 45)])}
        assert check_quality([lesion()], {Modality.CT: ct(47)}, profile=profile).status == "good"
        quality = check_quality([lesion()], {Modality.CT: ct(-80)}, profile=profile)
        assert quality.status == "review"
        assert any("brightness (median) -80 HU, in training 35 to 45 HU" in flag for flag in quality.flags)

    def test_a_field_of_view_unlike_the_training_images_is_said(self):
        profile = {"ct": merge_profiles([input_profile(ct())])}
        wide = Volume(np.full((1, 20, 20, 60), 40.0, np.float32), ct().affine, Modality.CT)
        flags = check_quality([lesion()], {Modality.CT: wide}, profile=profile).flags
        assert flags == (
            "The CT is unlike the training images: field of view across the slices 180 mm, in training 30 to 30 mm.",
        )

    def test_a_modality_without_profile_is_not_compared(self):
        profile = {"pet": merge_profiles([{"p50": 1.0}])}
        assert check_quality([lesion()], {Modality.CT: ct()}, profile=profile).status == "good"
