"""Components of a segmentation become numbered lesions."""

from collections import deque
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from miap.findings.components import find_components, lesion_boxes
from miap.imaging.volume import Volume
from tests.findings.shapes import grid

MASKS = hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3), elements=st.sampled_from([0, 0, 0, 0, 1, 2]))


def flooded(array):
    """Components by breadth-first search, as sets of voxels: a second implementation."""
    left, found = {tuple(v) for v in np.argwhere(array)}, []
    while left:
        first = left.pop()
        component, queue = {first}, deque([first])
        while queue:
            voxel = queue.popleft()
            for step in product((-1, 0, 1), repeat=3):
                near = tuple(int(a + b) for a, b in zip(voxel, step, strict=True))
                if near in left and array[near] == array[first]:
                    left.remove(near)
                    component.add(near)
                    queue.append(near)
        found.append(component)
    return found


def volume(array, spacing=(1.0, 1.0, 1.0)):
    return Volume(array[None], grid(array.shape, spacing).affine)


@pytest.mark.req("REQ-F-002")
@settings(deadline=None)
@given(MASKS)
def test_components_are_those_of_a_flood_fill(array):
    lesion_map = find_components(volume(array), min_volume_ml=0).array[0]
    ours = {frozenset(map(tuple, np.argwhere(lesion_map == n))) for n in range(1, lesion_map.max() + 1)}
    assert ours == {frozenset(c) for c in flooded(array)}


@settings(deadline=None)
@given(MASKS)
def test_numbers_run_from_the_largest(array):
    sizes = np.bincount(find_components(volume(array), min_volume_ml=0).array.ravel())[1:]
    assert (sizes > 0).all()
    assert (np.diff(sizes.astype(int)) <= 0).all()


@settings(deadline=None, max_examples=30)
@given(MASKS)
def test_numbers_do_not_depend_on_the_axes(array):
    mask = volume(array, (1.0, 1.5, 4.0))
    expected = find_components(mask, min_volume_ml=0)
    for axes, flips in Volume.orientations():
        turned = find_components(mask.reoriented(axes, flips), min_volume_ml=0)
        np.testing.assert_array_equal(turned.array, expected.reoriented(axes, flips).array)


def test_a_corner_joins_and_another_label_separates():
    array = np.zeros((4, 4, 4), dtype=np.uint8)
    array[0, 0, 0] = array[1, 1, 1] = 1
    array[2, 2, 2] = 2
    lesion_map = find_components(volume(array), min_volume_ml=0).array[0]
    assert lesion_map[0, 0, 0] == lesion_map[1, 1, 1] == 1
    assert lesion_map[2, 2, 2] == 2


def test_a_lesion_of_exactly_the_smallest_volume_stays():
    array = np.zeros((9, 3, 3), dtype=np.uint8)
    array[:4, 0, 0] = 1
    array[6:9, 2, 2] = 1
    found = find_components(volume(array, (2.5, 2.0, 5.0)), min_volume_ml=0.1)  # 4 voxels of 25 µl
    assert found.array.dtype == np.uint16
    np.testing.assert_array_equal(np.argwhere(found.array[0]), [[x, 0, 0] for x in range(4)])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int16, np.int32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_integers_in_any_memory_order_will_do(dtype, order):
    array = np.zeros((5, 6, 7), dtype=dtype, order=order)
    array[1:3, 2:4, 5] = 1
    found = find_components(volume(array), min_volume_ml=0).array[0]
    np.testing.assert_array_equal(found, array)
    assert lesion_boxes(found) == ((slice(1, 3), slice(2, 4), slice(5, 6)),)


def test_an_empty_mask_has_no_lesions():
    found = find_components(volume(np.zeros((3, 4, 5), np.uint8)))
    assert not found.array.any()
    assert lesion_boxes(found.array[0]) == ()


def test_a_full_mask_is_one_lesion():
    found = find_components(volume(np.ones((3, 4, 5), np.uint8)), min_volume_ml=0.01)
    assert (found.array == 1).all()
    assert lesion_boxes(found.array[0]) == ((slice(0, 3), slice(0, 4), slice(0, 5)),)


@settings(deadline=None)
@given(MASKS)
def test_boxes_hold_their_lesions_tightly(array):
    lesion_map = find_components(volume(array), min_volume_ml=0).array[0]
    for number, box in enumerate(lesion_boxes(lesion_map), start=1):
        voxels = np.argwhere(lesion_map == number)
        assert [(part.start, part.stop) for part in box] == list(zip(voxels.min(0), voxels.max(0) + 1, strict=True))


def test_a_gap_in_the_numbers_is_refused():
    with pytest.raises(ValueError, match="without gaps"):
        lesion_boxes(np.array([[[0, 1, 3]]]))


@pytest.mark.parametrize("array", [np.zeros((1, 2, 2, 2)), np.zeros((2, 2, 2, 2), np.uint8)])
def test_what_is_no_mask_is_refused(array):
    with pytest.raises(ValueError, match="one channel of integers"):
        find_components(Volume(array, np.eye(4)))


def test_more_lesions_than_can_be_numbered_are_refused():
    array = np.zeros((100, 100, 80), dtype=np.uint8)
    array[::2, ::2, ::2] = 1
    with pytest.raises(ValueError, match="100000 lesions"):
        find_components(volume(array), min_volume_ml=0)
