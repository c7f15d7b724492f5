"""The thigh phantom: tissues and tumours as PET/CT shows them, where the truth says."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from miap.imaging.modality import Modality
from miap.imaging.phantom import Ellipsoid, Phantom, thigh_petct
from miap.imaging.phantom.thigh import random_tumour
from miap.imaging.volume import Volume

TUMOUR = Ellipsoid((60.0, 5.0, 10.0), (18.0, 15.0, 24.0), (10.0, 5.0, 30.0))


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return thigh_petct(7, [TUMOUR], suv=6.0, margin_mm=30)


def at(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
    """Voxels at LPS positions, shape (n, 3), linearly interpolated."""
    return np.asarray(ndimage.map_coordinates(volume.array[0], volume.to_index(points_mm).T, order=1, mode="nearest"))


def inner_points(shape: Ellipsoid, reach: float, count: int = 400) -> np.ndarray:
    """Points inside a shape, out to ``reach`` of its semi-axes."""
    rng = np.random.default_rng(0)
    unit = rng.standard_normal((count, 3))
    unit *= reach * rng.uniform(0, 1, (count, 1)) ** (1 / 3) / np.linalg.norm(unit, axis=1, keepdims=True)
    return np.asarray(shape.centre_mm) + (unit * shape.semi_axes_mm) @ shape.axes.T


def test_truth_has_the_volume_and_centre_of_the_closed_form(phantom: Phantom) -> None:
    truth = phantom.truth
    voxels = np.argwhere(truth.array[0] == 1)
    assert truth.array.dtype == np.uint8
    assert len(voxels) * truth.voxel_volume_ml == pytest.approx(TUMOUR.volume_ml, rel=0.02)
    assert truth.to_patient(voxels.mean(axis=0)) == pytest.approx(TUMOUR.centre_mm, abs=0.3)
    assert truth.same_grid(phantom.images[Modality.CT])


def test_ct_has_the_spacing_and_margin_asked_for(phantom: Phantom) -> None:
    ct = phantom.images[Modality.CT]
    assert ct.spacing == pytest.approx([0.976562, 0.976562, 3.27])
    size = np.array(ct.shape) * ct.spacing
    assert (size >= np.array(TUMOUR.extent_mm) + 60 - 1e-6).all()
    assert (size <= np.array(TUMOUR.extent_mm) + 60 + ct.spacing).all()


def test_ct_shows_air_fat_muscle_bone_and_a_tumour_darker_than_muscle() -> None:
    phantom = thigh_petct(7, [TUMOUR], margin_mm=110)
    hu = ndimage.uniform_filter(phantom.images[Modality.CT].array[0], (5, 5, 3))
    for tissue, low, high in (("air", -1010, -960), ("fat", -125, -85), ("muscle", 45, 68), ("cortex", 900, 1300)):
        assert ((hu > low) & (hu < high)).mean() > 0.0003, tissue
    muscle = np.median(hu[(hu > 45) & (hu < 68)])
    tumour = at(phantom.images[Modality.CT], inner_points(TUMOUR, 0.8)).mean()
    assert 55 <= muscle <= 60
    assert 33 <= tumour <= 45


def test_ct_noise_has_the_strength_asked_for_and_does_not_move_the_tissue() -> None:
    kwargs = {"lesions": [TUMOUR], "margin_mm": 20.0}
    clean = thigh_petct(7, noise_hu=0, **kwargs).images[Modality.CT].array
    noisy = thigh_petct(7, noise_hu=20, **kwargs).images[Modality.CT].array
    body = clean > -500
    assert (noisy - clean)[body].std() == pytest.approx(20, rel=0.05)
    assert (noisy - clean)[body].mean() == pytest.approx(0, abs=0.5)


def test_pet_shares_the_ct_s_place_and_shows_the_uptake_asked_for(phantom: Phantom) -> None:
    ct, pet = phantom.images[Modality.CT], phantom.images[Modality.PET]
    assert pet.spacing == pytest.approx([4.6875, 4.6875, 3.27])
    middles = [v.to_patient((np.array(v.shape) - 1) / 2) for v in (ct, pet)]
    assert middles[0] == pytest.approx(middles[1])
    assert (np.array(pet.shape) * pet.spacing >= np.array(ct.shape) * ct.spacing - 1e-6).all()
    assert at(pet, inner_points(TUMOUR, 0.6)).mean() == pytest.approx(6.0, rel=0.15)
    hot = pet.array[0] > 3
    assert pet.to_patient(ndimage.center_of_mass(hot)) == pytest.approx(TUMOUR.centre_mm, abs=1.5)
    assert pet.array.min() >= 0


def test_background_uptake_is_that_of_resting_tissue() -> None:
    phantom = thigh_petct(3, [])
    ct, pet = phantom.images[Modality.CT], phantom.images[Modality.PET]
    hu = ndimage.uniform_filter(ct.array[0], (9, 9, 3))
    muscle = ndimage.binary_erosion((hu > 45) & (hu < 68), iterations=6)
    air = ndimage.binary_erosion(hu < -900, iterations=10)
    assert 0.5 <= at(pet, ct.to_patient(np.argwhere(muscle))).mean() <= 0.7
    assert at(pet, ct.to_patient(np.argwhere(air))).mean() < 0.05
    assert not phantom.truth.array.any()
    assert phantom.lesions == ()


def test_a_core_takes_up_less_but_stays_tumour() -> None:
    phantom = thigh_petct(7, [Ellipsoid.sphere((60, 5, 0), 30)], suv=8.0, core=0.6, margin_mm=20)
    pet = phantom.images[Modality.PET]
    core = at(pet, inner_points(Ellipsoid.sphere((60, 5, 0), 30), 0.25)).mean()
    directions = inner_points(Ellipsoid.sphere((0, 0, 0), 1), 1)
    rim = at(pet, np.array([60, 5, 0]) + 24 * directions / np.linalg.norm(directions, axis=1, keepdims=True)).mean()
    assert core < 3.5
    assert rim > 5
    assert set(np.unique(phantom.truth.array)) == {0, 1}


def test_several_tumours_have_an_uptake_each() -> None:
    pair = [Ellipsoid.sphere((70, 20, 0), 12), Ellipsoid.sphere((-70, 20, 0), 12)]
    phantom = thigh_petct(1, pair, suv=[4.0, 9.0], margin_mm=15)
    means = [at(phantom.images[Modality.PET], inner_points(shape, 0.4)).mean() for shape in pair]
    assert means[0] == pytest.approx(4, rel=0.2)
    assert means[1] == pytest.approx(9, rel=0.2)
    assert ndimage.label(phantom.truth.array[0])[1] == 2
    assert phantom.suv == (4.0, 9.0)
    with pytest.raises(ValueError, match="shape"):
        thigh_petct(1, pair, suv=[4.0, 9.0, 1.0])


def test_skin_is_drawn_around_a_tumour_that_bulges() -> None:
    bulging = Ellipsoid.sphere((98 + 80, 0, 0), 30)
    ct = thigh_petct(1, [bulging], margin_mm=25, noise_hu=0).images[Modality.CT]
    outward = np.array([[98 + 80 + 30 + step, 0, 0] for step in (2.0, 5.0, 18.0)])
    fat, still_fat, air = at(ct, outward)
    assert -140 < fat < 60
    assert -140 < still_fat < 60
    assert air < -900


def test_a_tilted_grid_shows_the_same_tumour_in_the_same_place() -> None:
    tilted = thigh_petct(7, [TUMOUR], suv=6.0, margin_mm=20, tilt_deg=(12.0, -8.0, 15.0))
    voxels = np.argwhere(tilted.truth.array[0])
    assert tilted.truth.to_patient(voxels.mean(axis=0)) == pytest.approx(TUMOUR.centre_mm, abs=0.3)
    assert len(voxels) * tilted.truth.voxel_volume_ml == pytest.approx(TUMOUR.volume_ml, rel=0.02)
    pet = tilted.images[Modality.PET]
    assert pet.to_patient(ndimage.center_of_mass(pet.array[0] > 3)) == pytest.approx(TUMOUR.centre_mm, abs=1.5)


def test_the_seed_decides_everything() -> None:
    first, again, other = (thigh_petct(seed, margin_mm=10, noise_hu=5) for seed in (2, 2, 3))
    assert first.lesions == again.lesions != other.lesions
    for modality in first.images:
        assert np.array_equal(first.images[modality].array, again.images[modality].array)


def test_random_tumours_are_2_to_10_cm_long_and_beside_the_femur() -> None:
    for seed in range(50):
        tumour = random_tumour(np.random.default_rng(seed))
        assert 20 <= 2 * max(tumour.semi_axes_mm) <= 100
        femur = np.array([np.sign(tumour.centre_mm[0]) * 108, -14])
        assert np.hypot(*(np.array(tumour.centre_mm[:2]) - femur)) > max(tumour.semi_axes_mm[:2]) + 15


@pytest.mark.shared_data
def test_tissue_looks_like_that_of_patients(shared_data: Path) -> None:
    def peaks(hu: np.ndarray) -> tuple[float, float, float]:
        """Most frequent HU of fat and of muscle, and the noise in muscle."""
        smooth = ndimage.uniform_filter(hu, (7, 7, 3))
        muscle = ndimage.binary_erosion((smooth > 45) & (smooth < 70), iterations=3)
        fat = smooth[(smooth > -130) & (smooth < -80)]
        return float(np.median(fat)), float(np.median(smooth[muscle])), float(hu[muscle].std())

    made = peaks(thigh_petct(0, []).images[Modality.CT].array[0])
    real = np.array(
        [
            peaks(np.asarray(nib.load(shared_data / "sts" / f"STS_{n:03d}" / "CT_image.nii.gz").dataobj, dtype=float))
            for n in (4, 24, 25)
        ]
    )
    assert np.abs(made - real.mean(axis=0))[:2].max() < 12
    assert real[:, 2].min() * 0.7 < made[2] < real[:, 2].max() * 1.3
