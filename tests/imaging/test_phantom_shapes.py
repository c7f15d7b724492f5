"""Ellipsoids: what is voxelised has the volume, centre and diameters of the closed form."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from miap.imaging.phantom import Ellipsoid, Plane, empty_grid

SHAPES = [
    Ellipsoid.sphere((3.2, -4.7, 1.1), 11.0),
    Ellipsoid((3.2, -4.7, 1.1), (9.0, 14.0, 21.0)),
    Ellipsoid((-2.3, 0.4, 5.0), (8.0, 12.0, 20.0), (25.0, -40.0, 70.0)),
]
GRIDS = {
    "isotropic": empty_grid((0, 0, 0), (60, 60, 60), (1.0, 1.0, 1.0)),
    "thick slices": empty_grid((1, 2, 3), (64, 64, 20), (0.9, 0.9, 3.27)),
    "sagittal": empty_grid((0, 0, 0), (60, 60, 40), (1.0, 1.0, 1.5), plane=Plane.SAGITTAL),
    "oblique": empty_grid((0, 0, 0), (64, 64, 40), (1.0, 1.0, 1.6), tilt_deg=(20.0, -15.0, 30.0)),
}


def points_on(shape: Ellipsoid, count: int = 200_000) -> np.ndarray:
    """Points on the surface, relative to the centre, shape (count, 3)."""
    unit = np.random.default_rng(0).standard_normal((count, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    turn = Rotation.from_euler("xyz", shape.rotation_deg, degrees=True)
    return np.asarray(turn.apply(unit * shape.semi_axes_mm))


def test_volume_is_the_closed_form() -> None:
    assert Ellipsoid.sphere((0, 0, 0), 10).volume_ml == pytest.approx(4.18879, abs=1e-5)
    assert Ellipsoid((1, 2, 3), (10, 20, 30), (5, 6, 7)).volume_ml == pytest.approx(8 * np.pi)


@pytest.mark.parametrize("shape", SHAPES, ids=["sphere", "upright", "turned"])
@pytest.mark.parametrize("grid", GRIDS)
def test_occupancy_sums_to_the_volume_about_the_centre(shape: Ellipsoid, grid: str) -> None:
    volume = GRIDS[grid]
    occupancy = shape.occupancy(volume)
    assert occupancy.dtype == np.float32
    assert 0 <= occupancy.min() and occupancy.max() == 1
    assert occupancy.sum(dtype=float) * volume.voxel_volume_ml == pytest.approx(shape.volume_ml, rel=5e-4)
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1)
    centroid = (volume.to_patient(index) * occupancy[..., None]).sum((0, 1, 2)) / occupancy.sum(dtype=float)
    assert centroid == pytest.approx(shape.centre_mm, abs=0.01)


@pytest.mark.parametrize("shape", SHAPES, ids=["sphere", "upright", "turned"])
@pytest.mark.parametrize("grid", GRIDS)
def test_mask_has_the_volume_within_two_percent_and_the_centre_within_half_a_voxel(shape: Ellipsoid, grid: str) -> None:
    volume = GRIDS[grid]
    mask = shape.mask(volume)
    assert mask.sum() * volume.voxel_volume_ml == pytest.approx(shape.volume_ml, rel=0.02)
    away = volume.to_index(shape.centre_mm) - np.argwhere(mask).mean(axis=0)
    assert np.abs(away).max() < 0.5


def test_occupancy_agrees_with_brute_force_sampling() -> None:
    shape, grid = SHAPES[2], empty_grid((-2, 0, 5), (12, 12, 12), (4.0, 4.0, 4.0))
    fine = empty_grid((-2, 0, 5), (96, 96, 96), (0.5, 0.5, 0.5))
    index = np.stack(np.meshgrid(*map(np.arange, fine.shape), indexing="ij"), -1)
    points = fine.to_patient(index)
    hits = shape.radius((points[..., 0], points[..., 1], points[..., 2])) < 1
    expected = hits.reshape(12, 8, 12, 8, 12, 8).mean(axis=(1, 3, 5))
    assert np.abs(shape.occupancy(grid) - expected).max() < 0.03


def test_a_shape_outside_the_grid_leaves_it_empty() -> None:
    assert not Ellipsoid.sphere((500, 0, 0), 10).occupancy(GRIDS["isotropic"]).any()


def test_a_shape_smaller_than_a_voxel_keeps_its_volume() -> None:
    shape, grid = Ellipsoid.sphere((0.2, 0.1, 0), 0.9), empty_grid((0, 0, 0), (9, 9, 9), (3.0, 3.0, 3.0))
    assert shape.occupancy(grid).sum() * grid.voxel_volume_ml == pytest.approx(shape.volume_ml, rel=0.02)


@pytest.mark.parametrize(
    ("normal", "expected"),
    [((0, 0, 1), (40, 20)), ((1, 0, 0), (60, 40)), ((0, 1, 0), (60, 20)), ((0, 0, -2), (40, 20))],
)
def test_diameters_of_an_upright_shape_are_its_axes(normal: tuple[int, int, int], expected: tuple[int, int]) -> None:
    assert Ellipsoid((5, 6, 7), (10, 20, 30)).section_diameters(normal) == pytest.approx(expected)


def test_turning_about_s_keeps_axial_diameters_and_a_quarter_turn_about_l_swaps_p_and_s() -> None:
    assert Ellipsoid((0, 0, 0), (10, 20, 30), (0, 0, 33)).section_diameters() == pytest.approx((40, 20))
    quarter = Ellipsoid((0, 0, 0), (10, 20, 30), (90, 0, 0))
    assert quarter.section_diameters() == pytest.approx((60, 20))
    assert quarter.extent_mm == pytest.approx((20, 60, 40))


def test_diameters_of_a_turned_shape_agree_with_its_surface() -> None:
    shape, normal = SHAPES[2], np.array([0.2, -0.3, 0.9])
    surface = points_on(shape)
    near = surface[np.abs(surface @ (normal / np.linalg.norm(normal))) < 0.02]
    longest, perpendicular = shape.section_diameters(normal)
    lengths = 2 * np.linalg.norm(near, axis=1)
    assert longest == pytest.approx(lengths.max(), rel=2e-3)
    assert perpendicular == pytest.approx(lengths.min(), rel=2e-3)
    assert shape.extent_mm == pytest.approx(tuple(np.ptp(surface, axis=0)), rel=2e-3)


def test_distance_is_exact_for_a_sphere_and_signed() -> None:
    sphere = Ellipsoid.sphere((1, 2, 3), 10)
    points = (np.array([1.0, 1.0, 16.0]), np.array([2.0, 10.0, 2.0]), np.array([3.0, 3.0, 3.0]))
    assert sphere.distance_mm(points) == pytest.approx([-10, -2, 5])
    assert sphere.radius(points) == pytest.approx([0, 0.8, 1.5])


def test_scaled_keeps_the_shape() -> None:
    half = SHAPES[2].scaled(0.5)
    assert half.volume_ml == pytest.approx(SHAPES[2].volume_ml / 8)
    assert (half.centre_mm, half.rotation_deg) == (SHAPES[2].centre_mm, SHAPES[2].rotation_deg)


@pytest.mark.parametrize("axes", [(0, 1, 1), (1, -2, 1), (1, 1, float("nan"))])
def test_a_shape_without_size_is_refused(axes: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="semi-axes"):
        Ellipsoid((0, 0, 0), axes)
