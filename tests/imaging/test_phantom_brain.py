"""The brain phantom: contrasts of the four sequences, tumours where the truth says."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from miap.imaging.modality import Modality
from miap.imaging.phantom import Ellipsoid, Phantom, Plane, brain_mr
from miap.imaging.phantom.brain import CORE, ENHANCING, SEQUENCES, random_tumour

TUMOUR = Ellipsoid((30.0, -10.0, 20.0), (16.0, 20.0, 18.0), (0.0, 15.0, 30.0))
COARSE = (2.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return brain_mr(5, [TUMOUR], spacing_mm=COARSE)


def median(phantom: Phantom, modality: Modality, where: np.ndarray) -> float:
    return float(np.median(phantom.images[modality].array[0][where]))


def shell(phantom: Phantom, low: float, high: float) -> np.ndarray:
    """Voxels whose distance to the tumour's surface is between two bounds, mm."""
    grid = phantom.truth
    points = grid.to_patient(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1))
    distance = TUMOUR.distance_mm((points[..., 0], points[..., 1], points[..., 2]))
    return np.asarray((distance > low) & (distance < high))


def far_white(phantom: Phantom) -> np.ndarray:
    """Deep white matter of the other hemisphere."""
    grid = phantom.truth
    points = grid.to_patient(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1))
    return np.asarray(np.linalg.norm(points - [-28, 5, 38], axis=-1) < 7)


def test_rim_and_core_have_the_volumes_of_the_closed_form(phantom: Phantom) -> None:
    truth = phantom.truth
    core_ml = TUMOUR.volume_ml * 0.6**3
    counts = {label: int((truth.array == label).sum()) * truth.voxel_volume_ml for label in (ENHANCING, CORE)}
    assert counts[CORE] == pytest.approx(core_ml, rel=0.02)
    assert counts[ENHANCING] == pytest.approx(TUMOUR.volume_ml - core_ml, rel=0.02)
    voxels = np.argwhere(truth.array[0] > 0)
    assert truth.to_patient(voxels.mean(axis=0)) == pytest.approx(TUMOUR.centre_mm, abs=0.3)
    assert phantom.record()["lesions"][0]["core_volume_ml"] == pytest.approx(core_ml)


def test_the_four_sequences_share_a_grid_of_whole_numbers(phantom: Phantom) -> None:
    assert tuple(phantom.images) == SEQUENCES
    for modality, image in phantom.images.items():
        assert image.modality is modality
        assert image.same_grid(phantom.truth)
        assert np.array_equal(image.array, np.rint(image.array))
        assert image.array.min() >= 0


def test_contrasts_are_those_of_a_glioblastoma(phantom: Phantom) -> None:
    rim, core = (phantom.truth.array[0] == label for label in (ENHANCING, CORE))
    white = far_white(phantom)
    oedema = shell(phantom, 2, 5)
    t1, t1c, t2, flair = (
        {name: median(phantom, m, where) / median(phantom, m, white) for name, where in regions.items()}
        for m, regions in ((m, {"rim": rim, "core": core, "oedema": oedema}) for m in SEQUENCES)
    )
    assert 1.3 < t1c["rim"] < 2.2
    assert t1c["core"] < 0.85
    assert t1c["oedema"] < 1 and t1["oedema"] < 1
    assert t1["rim"] < 1 and t1["core"] < t1["rim"]
    assert min(t2["oedema"], flair["oedema"]) > 1.5
    assert t2["core"] > t2["rim"] > 1.5
    assert flair["rim"] > 1.5


def test_a_stripped_head_shows_the_brain_only(phantom: Phantom) -> None:
    stripped = brain_mr(5, [TUMOUR], spacing_mm=COARSE, stripped=True)
    shown = stripped.images[Modality.T1].array[0] > 0
    assert 1100 < shown.sum() * stripped.truth.voxel_volume_ml < 1900
    same = [v.images[Modality.T1].array[0][ndimage.binary_erosion(shown)] for v in (stripped, phantom)]
    assert np.array_equal(*same)
    assert stripped.images[Modality.T1].array.max() < 0.7 * phantom.images[Modality.T1].array.max()


def test_a_clinical_stack_averages_thick_slices() -> None:
    phantom = brain_mr(
        5, [TUMOUR], sequences=[Modality.T1C], spacing_mm=(0.9375, 0.9375, 6.0), shape=(256, 256, 24), noise=0
    )
    (image,) = phantom.images.values()
    assert image.shape == (256, 256, 24)
    assert image.spacing == pytest.approx([0.9375, 0.9375, 6])
    whole = (phantom.truth.array > 0).sum() * phantom.truth.voxel_volume_ml
    assert whole == pytest.approx(TUMOUR.volume_ml, rel=0.02)
    voxels = np.argwhere(phantom.truth.array[0])
    away = phantom.truth.to_index(TUMOUR.centre_mm) - voxels.mean(axis=0)
    assert np.abs(away).max() < 0.5


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("tilt", [(0.0, 0.0, 0.0), (8.0, -5.0, 12.0)])
def test_every_plane_shows_the_head_and_the_tumour_in_place(plane: Plane, tilt: tuple[float, float, float]) -> None:
    kwargs = {"sequences": [Modality.T1C], "spacing_mm": (3.0, 3.0, 4.0), "oedema_mm": 0.0, "core": 0.0}
    phantom = brain_mr(5, [TUMOUR], plane=plane, tilt_deg=tilt, **kwargs)
    truth, image = phantom.truth, phantom.images[Modality.T1C]
    assert truth.to_patient(np.argwhere(truth.array[0]).mean(axis=0)) == pytest.approx(TUMOUR.centre_mm, abs=1)
    assert set(np.unique(truth.array)) == {0, 1}
    head = ndimage.binary_opening(image.array[0] > 300)
    assert truth.to_patient(ndimage.center_of_mass(head)) == pytest.approx((0, 0, 0), abs=15)
    white = median(phantom, Modality.T1C, far_white(phantom))
    assert median(phantom, Modality.T1C, truth.array[0] == 1) > 1.3 * white


def test_a_solid_tumour_and_a_healthy_head() -> None:
    solid = brain_mr(1, [TUMOUR], sequences=[Modality.T1C], spacing_mm=COARSE, core=0.0)
    assert (solid.truth.array == 1).sum() * solid.truth.voxel_volume_ml == pytest.approx(TUMOUR.volume_ml, rel=0.02)
    healthy = brain_mr(1, [], sequences=[Modality.T1C], spacing_mm=(4.0, 4.0, 4.0))
    assert not healthy.truth.array.any()
    assert healthy.record()["lesions"] == []


def test_the_seed_decides_everything() -> None:
    kwargs = {"sequences": [Modality.FLAIR], "spacing_mm": (4.0, 4.0, 4.0)}
    first, again, other = (brain_mr(seed, **kwargs).images[Modality.FLAIR].array for seed in (2, 2, 3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_sequence_it_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="ct"):
        brain_mr(0, sequences=[Modality.T1, Modality.CT])


def test_random_tumours_lie_in_one_hemisphere() -> None:
    for seed in range(50):
        tumour = random_tumour(np.random.default_rng(seed))
        assert 19 < 2 * max(tumour.semi_axes_mm) <= 50
        assert np.abs(tumour.centre_mm[0]) - tumour.extent_mm[0] / 2 > 0


@pytest.mark.shared_data
def test_intensities_spread_like_those_of_patients(shared_data: Path) -> None:
    def spread(array: np.ndarray) -> np.ndarray:
        """Percentiles of the head over the median of the brain's middle slices."""
        head = array > 0.1 * np.percentile(array, 99)
        middle = array[..., 8:16][head[..., 8:16]]
        return np.asarray(np.percentile(array[head], [25, 50, 75, 90, 95, 99]) / np.median(middle))

    folder = shared_data / "brain_tumor_progression"
    real = np.array(
        [
            spread(np.asarray(nib.load(folder / f"{n:02d}" / "Pre_Scan_T1.nii.gz").dataobj, dtype=float))
            for n in range(1, 8)
        ]
    )
    phantom = brain_mr(0, sequences=[Modality.T1C], spacing_mm=(0.9375, 0.9375, 6.0), shape=(256, 256, 24))
    made = spread(phantom.images[Modality.T1C].array[0])
    assert (made > real.min(axis=0) * 0.85).all(), (made, real)
    assert (made < real.max(axis=0) * 1.15).all(), (made, real)
