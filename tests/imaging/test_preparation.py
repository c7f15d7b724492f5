"""What a network sees: every modality on one grid, in values that mean the same for every scanner."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from miap.imaging.modality import Modality
from miap.imaging.preparation import Channel, Preparation, foreground_mask, prepare
from miap.imaging.volume import Volume

CT, PET, T1C, FLAIR = Modality.CT, Modality.PET, Modality.T1C, Modality.FLAIR
WINDOW = Channel(CT, "window", -160.0, 240.0)
LOG = Channel(PET, "log", 0.0, 20.0)
ZSCORE = Channel(T1C, "zscore", 1.0, 99.0)
TISSUE = Channel(T1C, "tissue", -2.0, 4.0)


def box(
    shape: tuple[int, int, int] = (24, 20, 16), spacing: tuple[float, float, float] = (2.0, 2.0, 3.0), **options: Any
) -> Volume:
    """An axial volume around the origin: ``outside`` everywhere, ``inside`` but for ``margin`` voxels at each side."""
    margin, outside, inside = options.get("margin", 5), options.get("outside", 0.0), options.get("inside", 100.0)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -np.array(spacing) * (np.array(shape) - 1) / 2
    array = np.full((1, *shape), outside, np.float32)
    array[:, margin:-margin, margin:-margin, margin:-margin] = inside
    return Volume(array, affine)


def head(seed: int = 0) -> Volume:
    """An MR of a head: air around 0, tissue around 300, and a brighter tenth."""
    random = np.random.default_rng(seed)
    volume = box()
    inside = volume.array > 0
    array = np.abs(random.normal(0, 2, volume.array.shape)) + inside * random.normal(300, 20, volume.array.shape)
    return volume.with_array((array + 400 * (inside & (random.random(inside.shape) < 0.1))).astype(np.float32))


# Values


def test_a_window_runs_from_minus_one_to_one_and_clips() -> None:
    hounsfield = np.array([-3000.0, -160.0, 40.0, 240.0, 3000.0])
    assert WINDOW.normalise(hounsfield, hounsfield) == pytest.approx([-1, -1, 0, 1, 1])


def test_uptake_is_logarithmic_and_clipped() -> None:
    suv = np.array([-0.5, 0.0, 1.0, 20.0, 90.0])
    assert LOG.normalise(suv, suv) == pytest.approx(np.log([1.0, 1.0, 2.0, 21.0, 21.0]))


def test_zscore_is_of_the_foreground_and_ignores_its_extremes() -> None:
    values = np.random.default_rng(0).normal(500.0, 50.0, 20_000)
    array = np.concatenate([np.zeros(20_000), values, [1e6]])
    scaled = ZSCORE.normalise(array, array > 0)
    inside = scaled[20_000:]
    assert (inside.mean(), inside.std()) == pytest.approx((0.0, 1.0), abs=0.01)
    assert scaled.max() < 3, "a single hot voxel may not decide the scale, nor keep its value"
    assert scaled.min() == pytest.approx(inside.min()), "the background is clipped with the foreground"


def test_tissue_is_relative_to_the_commonest_intensity() -> None:
    random = np.random.default_rng(0)
    array = np.concatenate([np.zeros(5_000), random.normal(300, 5, 8_000), random.normal(450, 5, 4_000), [9e4]])
    scaled = TISSUE.normalise(array, array > 0)
    assert np.median(scaled[5_000:13_000]) == pytest.approx(0.0, abs=0.05)
    assert np.median(scaled[13_000:17_000]) == pytest.approx(1.0, abs=0.1), "half as bright again is one"
    assert (scaled[0], scaled[-1]) == (-2.0, 4.0)


@pytest.mark.parametrize("channel", [ZSCORE, TISSUE], ids=["zscore", "tissue"])
@settings(max_examples=25, deadline=None)
@given(gain=st.floats(0.01, 1000.0))
def test_the_scanners_gain_does_not_matter_to_mr(channel: Channel, gain: float) -> None:
    preparation = Preparation((channel,), (None, None, None))
    volume = head()
    louder = volume.with_array(volume.array * np.float32(gain))
    assert prepare({T1C: louder}, preparation).array == pytest.approx(
        prepare({T1C: volume}, preparation).array, abs=0.05
    )


@pytest.mark.parametrize("channel", [ZSCORE, TISSUE, WINDOW, LOG], ids=lambda channel: channel.scale)
@pytest.mark.parametrize("value", [-1000.0, 0.0, 7.0])
def test_a_uniform_image_gives_numbers(channel: Channel, value: float) -> None:
    array = np.full((4, 4, 4), value, np.float32)
    scaled = channel.normalise(array, foreground_mask(array))
    assert np.isfinite(scaled).all()
    assert scaled.dtype == np.float32


# Foreground


def test_the_foreground_is_the_body_without_noise_and_specks() -> None:
    volume = head()
    volume.array[0, 1, 1, 1] = 900.0
    mask, body = foreground_mask(volume.array[0]), box().array[0] > 0
    assert not (mask & ~body).any()
    assert (mask & body).sum() > 0.85 * body.sum(), "only its edges may be rounded"


def test_where_nothing_stands_out_everything_is_foreground() -> None:
    assert foreground_mask(np.zeros((5, 5, 5))).all()


# The grid


@pytest.mark.req("REQ-F-007")
def test_all_modalities_lie_on_the_grid_of_the_first() -> None:
    ct = box((40, 40, 24), (1.0, 1.0, 2.0), outside=-1000.0, inside=40.0, margin=8)
    pet = box((16, 16, 14), (4.0, 4.0, 4.0), inside=5.0, margin=4)
    seen = prepare({CT: ct, PET: pet}, Preparation((WINDOW, LOG), (2.0, 2.0, 2.0)))
    assert seen.array.shape == (2, 20, 20, 24)
    assert seen.array.dtype == np.float32
    assert seen.spacing == pytest.approx([2.0, 2.0, 2.0])
    middle, corner = tuple(n // 2 for n in seen.shape), (0, 0, 0)
    assert seen.array[(slice(None), *middle)] == pytest.approx([0.0, np.log(6.0)], abs=1e-4)
    assert seen.array[(slice(None), *corner)] == pytest.approx([-1.0, 0.0], abs=1e-4)


@pytest.mark.req("REQ-F-007")
def test_outside_an_images_field_of_view_is_air() -> None:
    small = box((10, 10, 8), outside=40.0, inside=40.0, margin=2)
    seen = prepare({PET: box(), CT: small}, Preparation((LOG, WINDOW), (None, None, None)))
    assert seen.array[1, 0, 0, 0] == -1.0
    assert seen.array[1, 12, 10, 8] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("orientation", list(Volume.orientations()))
def test_however_an_image_is_stored_the_network_sees_the_same(
    orientation: tuple[tuple[int, int, int], tuple[bool, bool, bool]],
) -> None:
    preparation = Preparation((ZSCORE, Channel(FLAIR, "zscore", 1.0, 99.0)), (2.5, 2.5, 3.0), crop=True)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [4, -6, 9], degrees=True).as_matrix()
    turned = [Volume(volume.array, affine @ volume.affine) for volume in (head(0), head(1))]
    expected = prepare(dict(zip((T1C, FLAIR), turned, strict=True)), preparation)
    stored = [volume.reoriented(*orientation) for volume in turned]
    seen = prepare(dict(zip((T1C, FLAIR), stored, strict=True)), preparation)
    assert seen.same_grid(expected)
    assert seen.array == pytest.approx(expected.array, abs=1e-3)


def test_spacing_may_be_the_references_own() -> None:
    reference = box(spacing=(0.9, 1.1, 5.0))
    assert Preparation((ZSCORE,), (1.0, None, None)).target_spacing(reference) == pytest.approx((1.0, 1.1, 5.0))


@pytest.mark.parametrize(("slices", "expected"), [(16, 16), (24, 24), (48, 24), (155, 24)])
def test_many_slices_are_brought_down_to_the_most_wanted(slices: int, expected: int) -> None:
    volume = box((12, 12, slices), (2.0, 2.0, 144.0 / slices), margin=3)
    seen = prepare({T1C: volume}, Preparation((ZSCORE,), (None, None, None), max_slices=24))
    assert seen.shape == (12, 12, expected)
    assert seen.shape[2] * seen.spacing[2] == pytest.approx(144.0)


def test_a_crop_holds_the_foreground_with_a_margin_and_stays_in_place() -> None:
    whole = prepare({T1C: head()}, Preparation((ZSCORE,), (None, None, None)))
    cropped = prepare({T1C: head()}, Preparation((ZSCORE,), (None, None, None), crop=True))
    assert cropped.shape == (24 - 2 * 3, 20 - 2 * 3, 16 - 2 * 3), "five voxels of air a side, two are kept"
    assert cropped.same_grid(whole.crop((3, 3, 3), (21, 17, 13)))


def test_a_crop_ends_at_the_image() -> None:
    full = box(margin=1, outside=100.0)
    assert prepare({T1C: full}, Preparation((ZSCORE,), (None, None, None), crop=True)).same_grid(full)


# From a bundle's metadata


def test_a_preparation_reads_what_a_bundle_says() -> None:
    read = Preparation.from_dict(
        {
            "channels": [
                {"modality": "ct", "scale": "window", "low": -160.0, "high": 240.0},
                {"modality": "pet", "scale": "log", "low": 0.0, "high": 20.0},
            ],
            "spacing": [2.0, 2.0, None],
            "max_slices": 24,
        }
    )
    assert read == Preparation((WINDOW, LOG), (2.0, 2.0, None), max_slices=24, crop=False)
    assert read.modalities == (CT, PET)
    assert read.reference is CT


@pytest.mark.parametrize(("channel", "air"), [(WINDOW, -1000.0), (LOG, 0.0), (ZSCORE, 0.0)])
def test_air_is_what_the_unit_says(channel: Channel, air: float) -> None:
    assert channel.air == air
