"""Uptake against closed forms and a slow second implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import erf

from miap.findings.uptake import MTV_FRACTION, PEAK_RADIUS_MM, measure_uptake, outside_fraction, sphere_means
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from tests.findings.shapes import centres, cropped, grid, rotations, sphere

CENTRE = np.array([7.3, -31.9, 112.4])


def pet_like(empty: Volume, values) -> Volume:
    return Volume(np.asarray(values, dtype=np.float32)[None], empty.affine, Modality.PET)


def peak_by_hand(pet: Volume, mask: Volume) -> float:
    """Highest mean in a sphere of 1 ml around the mask's voxels, each voxel cut into 11³ pieces."""
    pieces = np.stack(np.meshgrid(*[(np.arange(11) + 0.5) / 11 - 0.5] * 3), -1).reshape(-1, 3)
    pieces = pieces @ pet.affine[:3, :3].T
    best = -np.inf
    every = centres(pet).reshape(-1, 3)
    for voxel in np.argwhere(mask.array[0]):
        offset = every - pet.to_patient(voxel)
        near = np.linalg.norm(offset, axis=1) < PEAK_RADIUS_MM + 10
        weight = (np.linalg.norm(offset[near, None] + pieces, axis=2) <= PEAK_RADIUS_MM).mean(axis=1)
        best = max(best, float(weight @ pet.array[0].ravel()[near] / weight.sum()))
    return best


@pytest.mark.req("REQ-F-002")
def test_even_uptake_gives_itself_everywhere():
    pet_grid = grid((20, 20, 20), (4.0, 4.0, 3.0))
    mask = sphere(CENTRE, 15).on(pet_grid)
    measured = measure_uptake(mask, pet_like(pet_grid, np.full((20, 20, 20), 5.0)))
    volume = mask.array.sum() * 0.048
    assert (measured.suv_max, measured.suv_mean, measured.suv_peak) == pytest.approx((5, 5, 5))
    assert measured.mtv_ml == pytest.approx(volume)
    assert measured.tlg_g == pytest.approx(5 * volume)


@pytest.mark.req("REQ-F-002")
def test_a_lesion_of_three_levels_is_measured_in_closed_form():
    pet_grid = grid((12, 8, 8), (5.0, 5.0, 4.0))
    values = np.zeros(pet_grid.shape)
    values[2], values[3], values[4] = 2.0, 4.1, 10.0
    mask = grid((12, 8, 8), (5.0, 5.0, 4.0))
    mask.array[0, 2:5, 3:5, 3:5] = True
    measured = measure_uptake(mask, pet_like(pet_grid, values))
    assert measured.suv_max == pytest.approx(10)
    assert measured.suv_mean == pytest.approx((2 + 4.1 + 10) / 3)
    assert measured.mtv_ml == pytest.approx(8 * 0.1)  # 41 % of 10 is 4.1 and counts
    assert measured.tlg_g == pytest.approx(0.8 * (4.1 + 10) / 2)


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize("width", [6.0, 12.0])
def test_the_peak_of_a_gaussian_is_its_closed_form(width):
    pet_grid = grid((41, 41, 41), (1.5, 1.5, 1.5))
    distance = np.linalg.norm(centres(pet_grid) - CENTRE, axis=-1)
    pet = pet_like(pet_grid, 9 * np.exp(-(distance**2) / (2 * width**2)))
    measured = measure_uptake(sphere(CENTRE, 10).on(pet_grid), pet)
    a, s = PEAK_RADIUS_MM, width
    mean = 9 * 3 / a**3 * (s**3 * np.sqrt(np.pi / 2) * erf(a / s / np.sqrt(2)) - s**2 * a * np.exp(-((a / s) ** 2) / 2))
    assert measured.suv_peak == pytest.approx(mean, rel=0.01)
    assert measured.suv_max == pytest.approx(9, rel=1e-4)


@pytest.mark.req("REQ-F-002")
@settings(deadline=None, max_examples=8)
@given(rotations(), st.sampled_from([(4.0, 4.0, 3.0), (5.47, 5.47, 3.27), (2.0, 3.0, 7.0)]), st.integers(0, 99))
def test_the_peak_agrees_with_brute_force_at_any_place(turn, spacing, seed):
    rng = np.random.default_rng(seed)
    pet_grid = grid((8, 7, 9), spacing, turn)
    pet = pet_like(pet_grid, rng.gamma(2, 2, pet_grid.shape))
    mask = pet_grid.with_array(rng.random((1, 8, 7, 9)) > 0.97)
    mask.array[0, 0, 3, 4] = mask.array[0, 4, 3, 4] = True
    assert measure_uptake(mask, pet).suv_peak == pytest.approx(peak_by_hand(pet, mask), rel=0.01)


def test_the_sphere_has_one_millilitre_on_any_grid():
    for spacing in [(1.0, 1.0, 1.0), (4.07, 4.07, 3.0), (2.0, 3.0, 7.0), (5.47, 5.47, 3.27)]:
        empty = grid((25, 25, 25), spacing, Rotation.from_rotvec([0.4, 0.2, 0.9]).as_matrix())
        point = np.zeros(empty.shape)
        point[12, 12, 12] = 1
        middle = sphere_means(pet_like(empty, point), PEAK_RADIUS_MM)[12, 12, 12]
        part = sphere_means(pet_like(empty, np.ones(empty.shape)), PEAK_RADIUS_MM)
        np.testing.assert_allclose(part, 1)
        covered = middle and empty.voxel_volume_ml / middle
        if min(spacing) * np.sqrt(3) / 2 * (max(spacing) / min(spacing)) < PEAK_RADIUS_MM:
            assert covered == pytest.approx(1, rel=0.02)


def test_on_a_finer_mask_each_voxel_of_the_pet_counts_once():
    pet_grid = grid((12, 12, 12), (4.0, 4.0, 4.0))
    values = np.random.default_rng(3).gamma(2, 2, pet_grid.shape)
    fine = Volume(np.zeros((1, 48, 48, 48), bool), pet_grid.affine @ np.diag([0.25, 0.25, 0.25, 1]))
    fine.affine[:3, 3] = pet_grid.to_patient(np.full(3, -0.375))
    fine.array[0, 16:32, 12:28, 20:32] = True  # PET voxels 4-7, 3-6, 5-7
    measured = measure_uptake(cropped(fine), pet_like(pet_grid, values))
    inside = values[4:8, 3:7, 5:8].astype(np.float32)
    assert measured.suv_max == pytest.approx(inside.max())
    assert measured.suv_mean == pytest.approx(inside.mean())
    avid = inside >= MTV_FRACTION * inside.max()
    assert measured.mtv_ml == pytest.approx(avid.sum() * 0.064)
    assert measured.tlg_g == pytest.approx(inside[avid].sum() * 0.064, rel=1e-6)


@pytest.mark.parametrize("spacing", [2.0, 1.0], ids=["ties", "no ties"])
def test_uptake_is_the_same_in_every_orientation_of_mask_and_pet(spacing):
    pet_grid = grid((10, 9, 8), (4.0, 4.0, 4.0))
    pet = pet_like(pet_grid, np.random.default_rng(3).gamma(2, 2, pet_grid.shape))
    mask = sphere(CENTRE + 1, 9).on(grid(tuple(int(36 / spacing) for _ in range(3)), (spacing,) * 3))
    expected = measure_uptake(cropped(mask), pet)
    for orientation, other in zip(Volume.orientations(), reversed(list(Volume.orientations())), strict=True):
        measured = measure_uptake(cropped(mask.reoriented(*orientation)), pet.reoriented(*other))
        assert vars(measured) == pytest.approx(vars(expected), rel=1e-9)


def test_a_lesion_between_the_pet_s_voxels_is_interpolated():
    pet_grid = grid((6, 6, 6), (8.0, 8.0, 8.0))
    pet = pet_like(pet_grid, 1 + np.arange(6)[:, None, None] * np.ones((6, 6, 6)))
    affine = np.eye(4)
    affine[:3, 3] = pet_grid.to_patient([2.25, 2.5, 2.5])
    measured = measure_uptake(Volume(np.ones((1, 2, 1, 1), bool), affine), pet)
    assert measured.suv_max == pytest.approx(3.25 + 1 / 8)
    assert measured.suv_mean == pytest.approx(3.25 + 1 / 16)
    assert measured.mtv_ml == pytest.approx(0.002)
    assert measured.tlg_g == pytest.approx(0.002 * (3.25 + 1 / 16))


def test_without_uptake_there_is_no_metabolic_volume():
    pet_grid = grid((5, 5, 5), (4.0, 4.0, 4.0))
    mask = grid((5, 5, 5), (4.0, 4.0, 4.0))
    mask.array[0, 2, 2, 2] = True
    measured = measure_uptake(mask, pet_like(pet_grid, np.zeros((5, 5, 5))))
    assert vars(measured) == pytest.approx(dict.fromkeys(vars(measured), 0.0))


@pytest.mark.parametrize("gap", [0.6, 30.0])
def test_a_lesion_outside_the_pet_has_no_uptake(gap):
    pet_grid = grid((5, 5, 5), (4.0, 4.0, 4.0))
    pet = pet_like(pet_grid, np.ones((5, 5, 5)))
    affine = np.eye(4)
    affine[:3, 3] = pet.to_patient([4.5, 2, 2]) + np.array([gap, 0, 0])
    mask = Volume(np.ones((1, 3, 3, 3), bool), affine)
    assert measure_uptake(mask, pet) is None
    assert outside_fraction(mask, pet) == 1


def test_a_lesion_that_leaves_the_pet_is_measured_where_it_is_inside():
    pet_grid = grid((5, 5, 5), (4.0, 4.0, 4.0))
    pet = pet_like(pet_grid, np.arange(5)[:, None, None] * np.ones((5, 5, 5)))
    wide = Volume(np.zeros((1, 9, 5, 5), bool), pet_grid.affine)
    wide.array[0, 3:7] = True
    measured = measure_uptake(cropped(wide), pet)
    assert measured.suv_mean == pytest.approx(3.5)
    assert outside_fraction(cropped(wide), pet) == pytest.approx(0.5)
    assert outside_fraction(cropped(wide.with_array(wide.array & (np.arange(9) < 5)[:, None, None])), pet) == 0
