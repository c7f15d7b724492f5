"""What a segment promises: its mask, small in memory, on any grid."""

import numpy as np
import pytest

from miap.imaging.segment import Segment, empty, tight
from miap.imaging.volume import Volume

GRID = Volume(np.zeros((1, 12, 10, 8), np.uint8), np.diag([2.0, 1.5, 3.0, 1.0]))


def some(dtype=bool):
    array = np.zeros((1, 12, 10, 8), dtype)
    array[0, 3:7, 2:9, 4] = 1
    array[0, 5, 5, 6] = 1
    return GRID.with_array(array)


def test_only_the_box_is_held_and_the_mask_is_whole():
    one = Segment.of(some(), 3, "part")
    assert one.box.shape == (4, 7, 3)
    assert one.where == (slice(3, 7), slice(2, 9), slice(4, 7))
    np.testing.assert_array_equal(one.mask.array, some().array)
    assert one.mask.same_grid(GRID)
    assert one.volume_ml == pytest.approx(29 * 9e-3)


def test_whole_numbers_are_in_or_out_and_fractions_stay_fractions():
    assert Segment.of(GRID.with_array(some(np.int16).array * 7), 1, "x").box.array.max() == 1
    half = Segment.of(GRID.with_array(some(np.float64).array / 2), 1, "x")
    assert half.fractional and half.box.array.dtype == np.float32
    assert half.volume_ml == pytest.approx(29 * 9e-3 / 2)


def test_nothing_is_a_segment_too():
    nothing = Segment.of(GRID, 1, "x")
    assert nothing.is_empty and nothing.volume_ml == 0
    assert not nothing.mask.array.any() and nothing.mask.shape == GRID.shape
    assert nothing.onto(empty(GRID).crop((1, 1, 1), (5, 5, 5))).is_empty


@pytest.mark.parametrize(("axes", "flips"), list(Volume.orientations())[::5])
def test_on_the_same_grid_otherwise_ordered_it_has_the_same_voxels(axes, flips):
    turned = some().reoriented(axes, flips)
    moved = Segment.of(some(), 1, "x").onto(turned)
    np.testing.assert_array_equal(moved.mask.array, turned.array)
    assert moved.notes == ()


def test_a_part_outside_is_said_and_cut_off():
    moved = Segment.of(some(), 1, "rim").onto(GRID.crop((0, 0, 0), (5, 10, 8)))
    assert moved.box.array.sum() == 14
    assert moved.notes == ('52 % of "rim" lie outside the image.',)


def test_a_finer_grid_keeps_the_volume():
    fine = Volume(np.zeros((1, 24, 20, 16), np.uint8), np.diag([1.0, 0.75, 1.5, 1.0]))
    fine.affine[:3, 3] = (-0.5, -0.375, -0.75)
    moved = Segment.of(some(), 1, "x").onto(fine)
    assert moved.volume_ml == pytest.approx(Segment.of(some(), 1, "x").volume_ml)
    assert moved.box.array.sum() == 29 * 8


def test_the_smallest_box_of_nothing_is_one_voxel():
    assert tight(GRID).shape == (1, 1, 1)
