"""Resampling keeps places, values and channels, whatever the orientation of either grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from miap.imaging.modality import Modality
from miap.imaging.resample import regrid, resample
from miap.imaging.volume import Volume

SLOPES = np.array([0.7, -1.3, 0.4])
"""Of a linear function of the place, which linear interpolation reproduces exactly."""


def axial(shape: tuple[int, int, int], spacing: tuple[float, float, float], centre: np.ndarray | None = None) -> Volume:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (np.zeros(3) if centre is None else centre) - np.array(spacing) * (np.array(shape) - 1) / 2
    return Volume(np.zeros((1, *shape), np.float32), affine)


def turned(volume: Volume, angles: tuple[float, float, float]) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    return Volume(volume.array, affine @ volume.affine)


def places(volume: Volume) -> np.ndarray:
    """LPS mm of every voxel centre, shape (x, y, z, 3)."""
    return volume.to_patient(np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1))


def linear(volume: Volume) -> Volume:
    """The grid, filled with a linear function of the place."""
    return volume.with_array((places(volume) @ SLOPES + 5)[None].astype(np.float32))


@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations()))
def test_values_stay_in_place_from_and_onto_every_orientation(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> None:
    source = linear(turned(axial((24, 20, 18), (2.0, 2.5, 3.0)), (5, -8, 12)))
    target = axial((9, 8, 7), (1.5, 1.5, 2.0))
    for moving, onto in ((source.reoriented(axes, flips), target), (source, target.reoriented(axes, flips))):
        result = resample(moving, onto)
        assert result.same_grid(onto)
        assert result.array[0] == pytest.approx(places(onto) @ SLOPES + 5, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(angles=st.tuples(*[st.floats(-180, 180)] * 3), spacing=st.tuples(*[st.floats(0.8, 3.0)] * 3))
def test_values_stay_in_place_under_any_rotation(
    angles: tuple[float, float, float], spacing: tuple[float, float, float]
) -> None:
    source = linear(turned(axial((40, 40, 40), (3.0, 3.0, 3.0)), angles))
    onto = axial((6, 7, 5), spacing)
    assert resample(source, onto).array[0] == pytest.approx(places(onto) @ SLOPES + 5, abs=1e-3)


@pytest.mark.parametrize("interpolation", ["linear", "nearest", "bspline"])
def test_onto_its_own_grid_nothing_changes(interpolation: str) -> None:
    noise = np.random.default_rng(0).normal(size=(1, 9, 8, 7)).astype(np.float32)
    volume = turned(axial((9, 8, 7), (1.5, 2.0, 3.0)), (10, 20, 30)).with_array(noise, modality=Modality.CT)
    result = resample(volume, volume, interpolation=interpolation)
    assert result.array == pytest.approx(noise, abs=1e-4)
    assert result.modality is Modality.CT


def test_every_channel_is_resampled() -> None:
    grid = axial((12, 12, 12), (2.0, 2.0, 2.0))
    one = linear(grid).array
    result = resample(grid.with_array(np.concatenate([one, 2 * one, -one])), axial((5, 5, 5), (1.0, 1.0, 1.0)))
    assert result.array.shape == (3, 5, 5, 5)
    assert result.array[1] == pytest.approx(2 * result.array[0])
    assert result.array[2] == pytest.approx(-result.array[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_nearest_keeps_labels_and_their_type(dtype: type) -> None:
    labels = np.zeros((1, 10, 10, 10), dtype)
    labels[:, 3:7, 3:7, 3:7] = 7
    labels[:, 7:9, 3:7, 3:7] = 200
    result = resample(
        axial((10, 10, 10), (2.0, 2.0, 2.0)).with_array(labels), axial((7, 7, 7), (3.1, 3.1, 3.1)),
        interpolation="nearest",
    )  # fmt: skip
    assert result.array.dtype == dtype
    assert set(np.unique(result.array)) == {0, 7, 200}


def test_outside_the_field_of_view_is_fill() -> None:
    source = axial((10, 10, 10), (2.0, 2.0, 2.0)).with_array(np.full((1, 10, 10, 10), 40.0, np.float32))
    result = resample(source, axial((30, 10, 10), (2.0, 2.0, 2.0)), fill=-1000.0)
    assert (result.array[0, :10] == -1000).all()
    assert (result.array[0, 10:20] == 40).all()


def test_a_sheared_grid_is_resampled_in_place() -> None:
    sheared = axial((30, 30, 20), (2.0, 2.0, 3.0))
    affine = sheared.affine.copy()
    affine[1, 2] += 1.0
    affine[1, 3] -= 10.0
    source = linear(Volume(sheared.array, affine))
    onto = axial((8, 8, 8), (2.0, 2.0, 2.0))
    assert resample(source, onto).array[0] == pytest.approx(places(onto) @ SLOPES + 5, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(6, 20)] * 3),
    spacing=st.tuples(*[st.floats(0.7, 6.0)] * 3),
    wanted=st.tuples(*[st.floats(0.7, 6.0)] * 3),
    angles=st.tuples(*[st.floats(-90, 90)] * 3),
)
def test_regrid_keeps_the_field_of_view_and_its_values(
    shape: tuple[int, int, int], spacing: tuple[float, ...], wanted: tuple[float, ...], angles: tuple[float, ...]
) -> None:
    volume = turned(axial(shape, spacing), angles)
    result = regrid(volume.with_array(np.full((1, *shape), 30.0, np.float32)), wanted, fill=-1000)
    extent, new_extent = volume.spacing * shape, result.spacing * result.shape
    assert result.spacing == pytest.approx(wanted)
    assert (np.abs(new_extent - extent) <= np.maximum(wanted, 1e-6) / 2 + 1e-6).all() or min(result.shape) == 1
    middle = volume.to_patient((np.array(shape) - 1) / 2)
    assert result.to_patient((np.array(result.shape) - 1) / 2) == pytest.approx(middle, abs=1e-6)
    assert result.array == pytest.approx(30.0), "no voxel may be taken from outside"


def test_an_angle_too_small_to_be_a_normal_number_loses_no_voxel() -> None:
    volume = turned(axial((6, 6, 6), (1.0, 1.75, 1.0)), (0.0, 0.0, 2.3e-308))
    result = regrid(volume.with_array(np.full((1, 6, 6, 6), 30.0, np.float32)), (1.0, 1.0, 1.0), fill=-1000)
    assert result.array == pytest.approx(30.0)


@pytest.mark.parametrize("factor", [0.5, 2.0, 3.0])
def test_regrid_shifts_nothing(factor: float) -> None:
    grid = axial((48, 48, 48), (2.0, 2.0, 2.0))
    away = places(grid) - (7.3, -5.1, 3.9)
    result = regrid(grid.with_array(np.exp(-(away**2).sum(-1) / (2 * 9.0**2))[None]), [2.0 * factor] * 3)
    weights = result.array[0][..., None]
    assert (places(result) * weights).sum((0, 1, 2)) / weights.sum() == pytest.approx([7.3, -5.1, 3.9], abs=0.02)


def test_the_edges_of_the_box_stay_where_the_spacing_divides_it() -> None:
    volume = axial((12, 10, 8), (1.0, 2.0, 3.0), np.array([4.0, 5.0, 6.0]))
    result = regrid(volume, (2.0, 4.0, 6.0))
    assert result.shape == (6, 5, 4)
    assert result.to_patient([-0.5] * 3) == pytest.approx(volume.to_patient([-0.5] * 3))


def test_downsampling_averages_instead_of_picking() -> None:
    """Noise of standard deviation 1 over eight voxels a new voxel; a picked or linearly blended voxel stays noisy."""
    noise = np.random.default_rng(0).normal(100.0, 1.0, (1, 48, 48, 48)).astype(np.float32)
    result = regrid(axial((48, 48, 48), (1.0, 1.0, 1.0)).with_array(noise), (4.0, 4.0, 4.0))
    assert result.array.mean() == pytest.approx(100.0, abs=0.02)
    assert result.array.std() < 0.15


def test_downsampling_keeps_the_total_activity() -> None:
    hot = np.zeros((1, 60, 60, 60), np.float32)
    hot[0, 25:34, 26:33, 27:32] = 10.0
    result = regrid(axial((60, 60, 60), (1.0, 1.0, 1.0)).with_array(hot), (3.0, 3.0, 3.0))
    assert result.array.sum() * 27 == pytest.approx(hot.sum(), rel=0.02)


@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations()))
def test_a_part_of_the_same_grid_keeps_every_value(axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> None:
    random = np.random.default_rng(0).normal(size=(2, 9, 8, 7)).astype(np.float32)
    source = turned(Volume(random, axial((9, 8, 7), (1.0, 1.5, 3.0)).affine), (10, 20, 30))
    onto = source.crop((2, 1, 3), (8, 8, 6)).reoriented(axes, flips)
    result = resample(source, onto)
    assert result.same_grid(onto)
    assert (result.array == onto.array).all()


def test_a_grid_that_reaches_outside_is_filled_there() -> None:
    source = axial((4, 4, 4), (1.0, 1.0, 1.0)).with_array(np.ones((1, 4, 4, 4), np.float32))
    affine = source.affine.copy()
    affine[0, 3] -= 2
    result = resample(source, Volume(source.array, affine), fill=-5.0)
    assert (result.array[0, :2] == -5).all()
    assert (result.array[0, 2:] == 1).all()


def test_a_grid_half_a_voxel_off_is_interpolated() -> None:
    source = linear(axial((8, 8, 8), (1.0, 1.0, 1.0)))
    affine = source.affine.copy()
    affine[:3, 3] += 0.5
    onto = Volume(source.array, affine).crop((0, 0, 0), (6, 6, 6))
    assert resample(source, onto).array[0] == pytest.approx(places(onto) @ SLOPES + 5, abs=1e-3)
