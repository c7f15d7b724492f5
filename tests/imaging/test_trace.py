"""What an outline promises: filled again it is the mask, and it encloses exactly the mask's area."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from miap.imaging.polygon import fill_all
from miap.imaging.trace import trace

pytestmark = pytest.mark.req("REQ-I-002")


def enclosed(points):
    x, y = points.T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@settings(max_examples=300)
@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.booleans()))
def test_any_mask_is_traced_and_filled_again(mask):
    polygons = trace(mask)
    np.testing.assert_array_equal(fill_all(polygons, mask.shape), mask)


@settings(max_examples=100)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.booleans()))
def test_it_encloses_the_area_of_the_pixels(mask):
    assert sum(enclosed(points) for points in trace(mask)) == pytest.approx(mask.sum())


def test_outlines_run_along_pixel_edges_from_corner_to_corner():
    mask = np.zeros((6, 5), bool)
    mask[1:4, 2:4] = True
    (points,) = trace(mask)
    assert sorted(map(tuple, points)) == [(0.5, 1.5), (0.5, 3.5), (3.5, 1.5), (3.5, 3.5)]


def test_a_hole_is_joined_by_a_seam_and_an_island_in_it_is_a_polygon_of_its_own():
    mask = np.ones((9, 9), bool)
    mask[2:7, 2:7] = False
    mask[4, 4] = True
    ring, island = trace(mask)
    assert len(ring) == 4 + 4 + 3
    assert len(island) == 4


def test_nothing_has_no_outline():
    assert trace(np.zeros((4, 4), bool)) == []
