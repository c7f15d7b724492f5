"""A volume keeps every voxel at its place, however its array is turned, cut or handed to SimpleITK."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from miap.imaging.modality import Modality
from miap.imaging.volume import Volume

OBLIQUE = Rotation.from_euler("xyz", [12, -25, 40], degrees=True).as_matrix()
GRIDS = st.builds(
    lambda angles, spacing, origin, mirrored: grid(
        Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), spacing, origin, mirrored=mirrored
    ),
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(0.2, 9.0)] * 3),
    st.tuples(*[st.floats(-900, 900)] * 3),
    st.booleans(),
)
"""Affines of any orientation, spacing and origin, left-handed ones too."""


def grid(
    rotation: np.ndarray = OBLIQUE,
    spacing: tuple[float, ...] = (1.5, 2.0, 3.5),
    origin: tuple[float, ...] = (-31.0, 17.5, 142.25),
    *,
    mirrored: bool = False,
) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 3] = origin
    if mirrored:
        affine[:3, 2] *= -1
    return affine


def ramp(affine: np.ndarray, shape: tuple[int, int, int] = (4, 5, 6), channels: int = 1) -> Volume:
    """A volume no two voxels of which are alike."""
    return Volume(np.arange(channels * np.prod(shape), dtype=np.float32).reshape(channels, *shape), affine)


def by_value(volume: Volume) -> np.ndarray:
    """LPS mm of each voxel of `ramp`, in the order of their values; shape (voxels, 3)."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1).reshape(-1, 3)
    return volume.to_patient(index)[np.argsort(volume.array[0].ravel())]


@given(affine=GRIDS)
def test_places_come_back_as_indices(affine: np.ndarray) -> None:
    volume = ramp(affine)
    index = np.random.default_rng(0).uniform(-3, 9, (2, 7, 3))
    assert volume.to_index(volume.to_patient(index)) == pytest.approx(index, abs=1e-6)
    assert volume.to_patient([0, 0, 0]) == pytest.approx(volume.origin)


@given(affine=GRIDS)
def test_geometry_adds_up_to_the_affine(affine: np.ndarray) -> None:
    volume = ramp(affine)
    assert volume.direction * volume.spacing == pytest.approx(affine[:3, :3])
    assert volume.direction.T @ volume.direction == pytest.approx(np.eye(3), abs=1e-9)
    assert volume.voxel_volume_ml == pytest.approx(np.prod(volume.spacing) / 1000)


def test_a_sheared_voxel_is_smaller_than_its_edges_say() -> None:
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    affine[1, 2] = 12.0
    volume = ramp(affine)
    assert volume.spacing == pytest.approx([2.0, 2.0, 13.0])
    assert volume.voxel_volume_ml == pytest.approx(2 * 2 * 5 / 1000)


@pytest.mark.parametrize("rotation", [np.eye(3), OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations()))
def test_no_voxel_moves_when_the_array_is_turned(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool], rotation: np.ndarray
) -> None:
    volume = ramp(grid(rotation))
    turned = volume.reoriented(axes, flips)
    assert by_value(turned) == pytest.approx(by_value(volume))
    assert turned.shape == tuple(volume.shape[axis] for axis in axes)
    assert turned.array.flags.c_contiguous
    canonical = turned.canonical()
    assert canonical.same_grid(volume)
    assert np.array_equal(canonical.array, volume.array)


def test_there_are_48_orientations() -> None:
    turned = {
        volume.affine[:3, :3].tobytes()
        for volume in (ramp(grid()).reoriented(*orientation) for orientation in Volume.orientations())
    }
    assert len(turned) == 48


@given(affine=GRIDS)
def test_canonical_axes_run_to_left_back_and_head(affine: np.ndarray) -> None:
    volume = ramp(affine)
    canonical = volume.canonical()
    assert by_value(canonical) == pytest.approx(by_value(volume))
    direction = canonical.direction
    best = max(abs(direction[range(3), axes]).sum() for axes in permutations(range(3)))
    assert np.trace(direction) >= best - 1e-9
    assert canonical.canonical().same_grid(canonical)


@settings(max_examples=40)
@given(affine=GRIDS)
def test_simpleitk_sees_the_same_places_and_gives_them_back(affine: np.ndarray) -> None:
    volume = ramp(affine)
    image = volume.to_sitk()
    for index in product(*((0, n - 1) for n in volume.shape)):
        assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(volume.to_patient(index), abs=1e-6)
        assert image[index] == volume.array[(0, *index)]
    back = Volume.from_sitk(image, modality=Modality.T2)
    assert back.same_grid(volume)
    assert np.array_equal(back.array, volume.array)
    assert back.modality is Modality.T2


def test_any_channel_goes_to_simpleitk() -> None:
    volume = ramp(grid(), channels=3)
    assert Volume.from_sitk(volume.to_sitk(2)).array[0] == pytest.approx(volume.array[2])


def test_a_crop_stays_in_place_and_keeps_channels_and_modality() -> None:
    volume = Volume(ramp(grid(), channels=2).array, grid(), Modality.CT)
    box = volume.crop((1, 0, 2), (3, 4, 6))
    assert box.array.shape == (2, 2, 4, 4)
    assert np.array_equal(box.array, volume.array[:, 1:3, 0:4, 2:6])
    assert box.to_patient([0, 1, 2]) == pytest.approx(volume.to_patient([1, 1, 4]))
    assert box.modality is Modality.CT
    assert volume.affine == pytest.approx(grid()), "the volume it was cut from is left as it was"


def test_other_voxels_keep_the_grid_and_drop_the_modality() -> None:
    volume = Volume(ramp(grid()).array, grid(), Modality.PET)
    mask = volume.with_array(np.zeros((3, 4, 5, 6), np.uint8))
    assert mask.same_grid(volume)
    assert mask.modality is None
    assert volume.with_array(volume.array, modality=Modality.CT).modality is Modality.CT


@pytest.mark.parametrize("shape", [(1, 4, 5, 7), (1, 5, 4, 6)])
def test_voxels_of_another_shape_do_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        ramp(grid()).with_array(np.zeros(shape))


def test_grids_are_told_apart_by_shape_and_by_their_furthest_corner() -> None:
    volume = ramp(grid())
    assert volume.same_grid(ramp(grid(), channels=2))
    assert not volume.same_grid(ramp(grid(), (4, 5, 7)))
    moved = grid()
    moved[:3, 3] += 0.002
    assert not volume.same_grid(ramp(moved))
    assert volume.same_grid(ramp(moved), tolerance_mm=0.003)
    wider = grid(spacing=(1.5, 2.0, 3.501))
    assert not volume.same_grid(ramp(wider)), "0.001 mm a slice are 0.005 mm at the far end"


@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 1, 4, 5, 6)])
def test_an_array_of_other_dimensions_is_no_volume(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(channel, x, y, z\)"):
        Volume(np.zeros(shape), np.eye(4))


@pytest.mark.parametrize(
    "affine",
    [np.eye(3), np.diag([1.0, 0.0, 1.0, 1.0]), np.full((4, 4), np.nan), np.diag([np.inf, 1.0, 1.0, 1.0])],
    ids=["3 × 3", "singular", "not a number", "infinite"],
)
def test_an_affine_that_says_no_place_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(ValueError, match="invertible 4×4"):
        Volume(np.zeros((1, 2, 2, 2)), affine)


def test_modalities_know_their_unit_and_name() -> None:
    assert {role: role.unit for role in Modality if role.unit} == {Modality.CT: "HU", Modality.PET: "SUV"}
    assert Modality("t1c").words == "T1 after contrast"
    assert len({role.words for role in Modality}) == len(Modality)
