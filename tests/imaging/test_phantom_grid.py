"""Grids and random fields of the phantoms."""

import numpy as np
import pytest

from miap.imaging.phantom import Plane, empty_grid
from miap.imaging.phantom.fields import SmoothNoise, inside, joined, paint, slabs
from miap.imaging.phantom.grid import coordinates, refined


@pytest.mark.parametrize("plane", Plane)
def test_planes_are_right_handed_like_the_slices_of_a_scanner(plane: Plane) -> None:
    assert np.linalg.det(plane.directions) == pytest.approx(1)
    across = {Plane.AXIAL: 2, Plane.SAGITTAL: 0, Plane.CORONAL: 1}[plane]
    assert np.abs(plane.directions[:, 2]).argmax() == across


def test_rows_and_columns_are_those_radiologists_expect() -> None:
    assert Plane.SAGITTAL.directions[:, :2].T.tolist() == [[0, 1, 0], [0, 0, -1]]
    assert Plane.CORONAL.directions[:, :2].T.tolist() == [[1, 0, 0], [0, 0, -1]]


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("tilt", [(0.0, 0.0, 0.0), (10.0, 0.0, -25.0)])
def test_a_grid_is_centred_and_its_coordinates_are_those_of_the_volume(
    plane: Plane, tilt: tuple[float, float, float]
) -> None:
    grid = empty_grid((10, -20, 30), (6, 5, 4), (1.0, 2.0, 3.0), plane=plane, tilt_deg=tilt)
    assert grid.spacing == pytest.approx([1, 2, 3])
    assert grid.to_patient([2.5, 2, 1.5]) == pytest.approx([10, -20, 30])
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    for axis, values in enumerate(coordinates(grid)):
        assert np.broadcast_to(values, grid.shape) == pytest.approx(grid.to_patient(index)[..., axis], abs=1e-4)


def test_coordinates_stay_flat_on_a_grid_along_the_patients_axes() -> None:
    grid = empty_grid((0, 0, 0), (6, 5, 4), (1.0, 2.0, 3.0), plane=Plane.SAGITTAL)
    assert [values.shape for values in coordinates(grid)] == [(1, 1, 4), (6, 1, 1), (1, 5, 1)]


def test_refined_slices_lie_about_those_they_came_from() -> None:
    grid = empty_grid((0, 0, 0), (3, 3, 4), (1.0, 1.0, 6.0))
    fine = refined(grid, 3)
    assert fine.shape == (3, 3, 12)
    assert fine.spacing == pytest.approx([1, 1, 2])
    assert fine.to_patient([0, 0, 4]) == pytest.approx(grid.to_patient([0, 0, 1]))


def test_noise_is_standard_smooth_and_the_same_in_slabs() -> None:
    grid = empty_grid((0, 0, 0), (60, 50, 40), (1.0, 1.0, 2.0))
    field = SmoothNoise(grid, 5.0, np.random.default_rng(3))
    whole = field[:]
    assert whole.dtype == np.float32
    assert whole.mean() == pytest.approx(0, abs=0.1)
    assert whole.std() == pytest.approx(1, abs=0.1)
    assert np.diff(whole, axis=0).std() < 0.35
    pieces = [field[where] for where, _ in slabs(grid)]
    assert np.concatenate(pieces) == pytest.approx(whole, abs=1e-5)
    assert np.array_equal(SmoothNoise(grid, 5.0, np.random.default_rng(3))[:], whole)


def test_slabs_cover_the_grid_in_place() -> None:
    grid = empty_grid((5, 5, 5), (19, 4, 3), (1.0, 2.0, 3.0))
    pieces = list(slabs(grid))
    assert [index for where, _ in pieces for index in range(where.start, where.stop)] == list(range(19))
    for where, slab in pieces:
        assert slab.origin == pytest.approx(grid.to_patient([where.start, 0, 0]))
        assert slab.shape == (where.stop - where.start, 4, 3)


def test_edges_unions_and_paint() -> None:
    distance = np.array([-3.0, 0.0, 3.0], dtype=np.float32)
    assert inside(distance).tolist() == [1, 0.5, 0]
    assert inside(distance, 12).tolist() == [0.75, 0.5, 0.25]
    far = np.full(3, 50, dtype=np.float32)
    assert joined(distance, far, 2) == pytest.approx(distance)
    assert (joined(distance, distance, 4) < distance).all()
    images = [np.zeros(3, dtype=np.float32), np.full(3, 10, dtype=np.float32)]
    paint(images, (4.0, np.array([0, 20, 30], dtype=np.float32)), inside(distance))
    assert [image.tolist() for image in images] == [[4, 2, 0], [0, 15, 10]]
