"""What contours become: the voxels whose centre they enclose, on their own slices and no others."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from miap.imaging.contour import Contour, draw, smallest_gap
from miap.imaging.polygon import fill, fill_all
from miap.imaging.volume import Volume

pytestmark = pytest.mark.req("REQ-F-002")


def square(low, high):
    return np.array([[low, low], [high, low], [high, high], [low, high]], dtype=float)


def volume(shape=(20, 18, 9), spacing=(1.0, 1.0, 3.0), rotation=None):
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if rotation is None else rotation) * spacing
    affine[:3, 3] = (5.0, -7.0, 11.0)
    return Volume(np.zeros((1, *shape), np.uint8), affine)


def contour(grid, polygon, k, **options):
    """A polygon in index units on (fractional) slice ``k``."""
    return Contour(grid.to_patient(np.column_stack([polygon, np.full(len(polygon), k)])), **options)


def drawn(grid, contours, gap_mm=None):
    box = draw(contours, grid, smallest_gap(contours) if gap_mm is None else gap_mm)
    start = np.rint(grid.to_index(box.origin)).astype(int)
    mask = np.zeros(grid.shape, bool)
    mask[tuple(slice(a, a + n) for a, n in zip(start, box.shape))] = box.array[0]
    return mask


def circle(centre, radius, points=180):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)]) * radius + centre


def test_a_pixel_is_inside_when_its_centre_is():
    filled = fill(square(1.5, 4.5), (8, 8))
    np.testing.assert_array_equal(np.argwhere(filled), [[i, j] for i in (2, 3, 4) for j in (2, 3, 4)])


def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none_between():
    left = np.array([[0.2, 0.4], [4.0, 0.4], [4.0, 6.0], [0.2, 6.0]])
    right = np.array([[4.0, 0.4], [7.3, 0.4], [7.3, 6.0], [4.0, 6.0]])
    one, other = fill(left, (9, 9)), fill(right, (9, 9))
    assert not (one & other).any()
    np.testing.assert_array_equal(one | other, fill(np.array([[0.2, 0.4], [7.3, 0.4], [7.3, 6.0], [0.2, 6.0]]), (9, 9)))


def test_filling_agrees_with_another_library_on_random_polygons():
    measure = pytest.importorskip("skimage.measure")
    random = np.random.default_rng(3)
    for _ in range(20):
        points = random.uniform(-3, 22, (9, 2))
        np.testing.assert_array_equal(fill(points, (20, 17)), measure.grid_points_in_poly((20, 17), points))


def test_a_keyhole_leaves_its_hole_out():
    outer, inner = square(0.5, 9.5), square(3.5, 6.5)
    keyhole = np.concatenate([outer, outer[:1], inner[::-1][-1:], inner[::-1], outer[:1]])
    expected = fill(outer, (11, 11)) & ~fill(inner, (11, 11))
    np.testing.assert_array_equal(fill(keyhole, (11, 11)), expected)


def test_a_contour_inside_another_is_a_hole_and_one_inside_that_an_island():
    filled = fill_all([square(0.5, 13.5), square(5.5, 8.5), square(3.5, 10.5)], (15, 15))
    assert filled[1, 1] and not filled[4, 4] and filled[7, 7]


def test_overlapping_contours_are_joined_but_exclusive_ones_cancel():
    pair = [square(0.5, 5.5), square(3.5, 9.5)]
    assert fill_all(pair, (11, 11))[4, 4]
    assert not fill_all(pair, (11, 11), exclusive=True)[4, 4]


def test_a_contour_given_twice_counts_once():
    assert fill_all([square(0.5, 5.5), square(0.5, 5.5)], (8, 8)).sum() == 25


def test_a_contour_is_drawn_on_its_slice_and_none_between_is_invented():
    grid = volume()
    mask = drawn(grid, [contour(grid, square(3.5, 8.5), k) for k in (2, 4)])
    assert mask.any(axis=(0, 1)).nonzero()[0].tolist() == [2, 4]
    assert mask[4:9, 4:9, 2].all() and mask.sum() == 50


def test_contours_of_a_thicker_series_stand_for_their_whole_slab():
    grid = volume(spacing=(1.0, 1.0, 1.0), shape=(20, 18, 20))
    mask = drawn(grid, [contour(grid, square(3.5, 8.5), k) for k in (4.5, 7.5, 10.5)])
    assert mask.any(axis=(0, 1)).nonzero()[0].tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]


def test_of_contours_denser_than_the_slices_the_nearest_counts():
    grid = volume(spacing=(1.0, 1.0, 5.0))
    mask = drawn(grid, [contour(grid, square(3.5, 3.5 + n), 3.85 + 0.2 * n) for n in range(1, 4)])
    assert mask[:, :, 4].sum() == 1
    assert mask.any(axis=(0, 1)).nonzero()[0].tolist() == [4]


@pytest.mark.parametrize("axis", [0, 1])
def test_contours_on_sagittal_and_coronal_planes_are_drawn_on_them(axis):
    grid = volume(spacing=(2.0, 1.5, 3.0))
    points = np.insert(square(2.5, 6.5), axis, 5.0, axis=1)
    mask = drawn(grid, [Contour(grid.to_patient(points))])
    expected = np.zeros(grid.shape, bool)
    expected[tuple(5 if a == axis else slice(3, 7) for a in range(3))] = True
    np.testing.assert_array_equal(mask, expected)


def test_contours_oblique_to_the_image_fill_the_same_space():
    turned = volume((60, 60, 40), (1.0, 1.0, 1.5), Rotation.from_euler("xyz", (25, -15, 40), degrees=True).as_matrix())
    ball = [contour(turned, circle((30, 30), np.sqrt(15**2 - (1.5 * (k - 20)) ** 2)), k) for k in range(11, 30)]
    grid = Volume(np.zeros((1, 80, 80, 80), np.uint8), np.eye(4))
    grid.affine[:3, 3] = turned.to_patient((30, 30, 20)) - 40
    mask = drawn(grid, ball)
    centre = grid.to_patient(np.argwhere(mask)).mean(axis=0)
    assert np.linalg.norm(centre - turned.to_patient((30, 30, 20))) < 0.1
    assert mask.sum() == pytest.approx(
        sum(np.pi * (225 - (1.5 * (k - 20)) ** 2) * 1.5 for k in range(11, 30)), rel=0.01
    )


def test_what_lies_outside_the_image_is_cut_off():
    grid = volume()
    mask = drawn(grid, [contour(grid, square(-5, 2.5), k) for k in (-2, 0, 30)])
    assert mask.sum() == 9 and mask[:3, :3, 0].all()
    assert not drawn(grid, [contour(grid, square(40, 50), 2)]).any()


def test_a_bent_contour_is_refused():
    grid = volume()
    bent = Contour(grid.to_patient([(1, 1, 1), (9, 1, 2), (9, 9, 1), (1, 9, 2.5)]))
    with pytest.raises(ValueError, match="not flat"):
        draw([bent], grid, 3.0)
