"""RECIST diameters against closed forms and a slow second implementation."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from miap.findings.diameter import EDGE_VOXELS, measure_diameters, slice_axis_of
from miap.imaging.volume import Volume
from tests.findings.shapes import Ellipsoid, cropped, grid, rotations, sphere
from tests.findings.test_components import flooded

CENTRE = np.array([7.3, -31.9, 112.4])
WOBBLE = st.tuples(*[st.floats(-0.5, 0.5)] * 3).map(np.array)


def brute_force(mask: Volume, axis: int) -> tuple[float, list[float]]:
    """Longest distance over all pairs of outline points, and every perpendicular that a longest one allows."""
    array = np.moveaxis(mask.array[0], axis, 2)
    found = []
    for index in range(array.shape[2]):
        for island in flooded(array[:, :, [index]]):
            voxels = np.array(sorted(island))[:, :2]
            steps = EDGE_VOXELS * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
            flat = np.insert((voxels[:, None] + steps).reshape(-1, 2), axis, index, axis=1)
            points = mask.to_patient(flat)
            found += [(np.linalg.norm(a - b), a, b, points) for a, b in combinations(points, 2)]
    longest = max(length for length, *_ in found)
    across = [widest(points, a, b) for length, a, b, points in found if length > longest - 1e-6]
    return longest, across


def widest(points, a, b) -> float:
    """Longest chord at 90° to a-b inside the hull of coplanar points, by cutting its half planes at many places."""
    u = (b - a) / np.linalg.norm(b - a)
    normal = np.linalg.svd(points - points.mean(axis=0))[2][2]
    v = np.cross(normal, u)
    flat = np.column_stack([(points - a) @ u, (points - a) @ v])
    slope = ConvexHull(flat).equations
    best = 0.0
    for x in np.concatenate([flat[:, 0], np.linspace(flat[:, 0].min(), flat[:, 0].max(), 200)]):
        offset = -(slope[:, 0] * x + slope[:, 2])
        up, down = slope[:, 1] > 1e-12, slope[:, 1] < -1e-12
        best = max(best, (offset[up] / slope[up, 1]).min() - (offset[down] / slope[down, 1]).max())
    return best


@pytest.mark.req("REQ-F-002")
@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(bool, st.tuples(*[st.integers(1, 6)] * 3)),
    rotations(),
    st.integers(0, 2),
    st.sampled_from([(1.0, 1.0, 1.0), (0.9, 1.3, 4.0)]),
)
def test_any_mask_agrees_with_brute_force(array, turn, axis, spacing):
    assume(array.any())
    mask = Volume(array[None], grid(array.shape, spacing, turn).affine)
    measured = measure_diameters(mask, axis)
    longest, across = brute_force(mask, axis)
    assert measured.longest.length_mm == pytest.approx(longest, abs=1e-6)
    assert min(abs(measured.perpendicular.length_mm - a) for a in across) < 1e-6


def test_a_sheared_grid_agrees_with_brute_force():
    array = np.random.default_rng(5).random((7, 8, 3)) > 0.4
    affine = np.array([[1.0, 0.3, 0.1, 4], [0.0, 1.2, -0.2, 5], [0.1, 0.0, 3.0, 6], [0, 0, 0, 1]])
    mask = Volume(array[None], affine)
    measured = measure_diameters(mask, 2)
    longest, across = brute_force(mask, 2)
    assert measured.longest.length_mm == pytest.approx(longest)
    assert measured.perpendicular.length_mm == pytest.approx(max(across))


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(bool, st.tuples(*[st.integers(2, 6)] * 3)), rotations())
def test_ends_lie_in_the_slice_at_a_right_angle(array, turn):
    assume(array.any())
    mask = Volume(array[None], grid(array.shape, (1.0, 1.5, 3.0), turn).affine)
    measured = measure_diameters(mask, 2, first_slice=40)
    lines = []
    for diameter in (measured.longest, measured.perpendicular):
        ends = np.array([diameter.start_mm, diameter.stop_mm])
        assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(diameter.length_mm)
        np.testing.assert_allclose(mask.to_index(ends)[:, 2] + 40, diameter.slice_index, atol=1e-9)
        lines.append((ends[1] - ends[0]) / diameter.length_mm)
    assert abs(lines[0] @ lines[1]) < 1e-9
    assert measured.perpendicular.length_mm <= measured.longest.length_mm + 1e-6


@pytest.mark.req("REQ-F-002")
@settings(deadline=None, max_examples=60)
@given(rotations(), st.floats(6, 20), WOBBLE, st.sampled_from([(1.0, 1.0, 1.0), (0.98, 0.98, 3.27)]))
def test_a_sphere_is_measured_within_a_voxel_on_any_oblique_grid(turn, radius, wobble, spacing):
    body = sphere(CENTRE + wobble, radius)
    mask = cropped(body.on(grid(tuple(int(44 / s) for s in spacing), spacing, turn)))
    measured = measure_diameters(mask, 2)
    assert abs(measured.longest.length_mm - 2 * radius) < spacing[0]
    assert abs(measured.perpendicular.length_mm - 2 * radius) < spacing[0]


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.98, 0.98, 3.27), (0.8, 1.2, 2.0)], ids=str)
def test_ellipsoids_are_measured_within_a_voxel_and_with_little_bias(spacing):
    rng = np.random.default_rng(11)
    errors = []
    for _ in range(60):
        turn, tilt = Rotation.random(2, rng=rng).as_matrix()
        body = Ellipsoid(CENTRE + rng.uniform(-0.5, 0.5, 3), rng.uniform([14, 11, 11], [18, 14, 14]), tilt)
        measured = measure_diameters(cropped(body.on(grid(tuple(int(40 / s) for s in spacing), spacing, turn))), 2)
        lengths = np.array([measured.longest.length_mm, measured.perpendicular.length_mm])
        errors.append((lengths - body.section(turn[:, 2])) / max(spacing[:2]))
    assert np.abs(errors).max() < 1
    assert np.abs(np.mean(errors, axis=0)).max() < 0.6


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize("radius", range(2, 13))
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_a_sphere_in_step_with_the_grid_is_measured_within_a_voxel(radius, offset):
    empty = grid((28, 28, 28))
    body = sphere(empty.to_patient([13 + offset, 13 + offset, 13]), radius)
    measured = measure_diameters(body.on(empty), 2)
    assert abs(measured.longest.length_mm - 2 * radius) < 1
    assert abs(measured.perpendicular.length_mm - 2 * radius) < 1


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize("orientation", list(Volume.orientations()), ids=str)
def test_diameters_are_the_same_in_every_orientation(orientation):
    body = Ellipsoid(CENTRE + 0.2, np.array([14.0, 9.0, 11.0]), Rotation.from_rotvec([0.3, 0.5, 0.7]).as_matrix())
    mask = body.on(grid((36, 34, 13), (1.0, 1.0, 2.5)))
    expected = measure_diameters(mask, slice_axis_of(mask))
    longest, across = body.section(np.array([0.0, 0.0, 1.0]))
    turned = mask.reoriented(*orientation)
    axis = slice_axis_of(turned)
    measured = measure_diameters(turned, axis)
    assert orientation[0][axis] == 2
    assert abs(measured.longest.length_mm - longest) < 1
    assert abs(measured.perpendicular.length_mm - across) < 1
    for ours, theirs in ((measured.longest, expected.longest), (measured.perpendicular, expected.perpendicular)):
        assert ours.length_mm == pytest.approx(theirs.length_mm, abs=1e-9)
        np.testing.assert_allclose([ours.start_mm, ours.stop_mm], [theirs.start_mm, theirs.stop_mm], atol=1e-6)


def test_the_longer_slice_counts_and_is_named():
    mask = grid((20, 12, 5), (1.0, 1.0, 5.0))
    mask.array[0, 3:9, 4:6, 1] = True
    mask.array[0, 3:16, 4, 3] = True
    measured = measure_diameters(mask, 2, first_slice=10)
    assert measured.longest.slice_index == measured.perpendicular.slice_index == 13
    assert measured.longest.length_mm == pytest.approx(12 + 2 * EDGE_VOXELS)
    assert measured.perpendicular.length_mm == pytest.approx(2 * EDGE_VOXELS)


def test_a_gap_within_a_slice_is_not_measured_across():
    mask = grid((30, 5, 2))
    mask.array[0, :8, 2, 0] = mask.array[0, 20:, 2, 0] = True
    mask.array[0, :, 2, 1] = False
    assert measure_diameters(mask, 2).longest.length_mm == pytest.approx(9 + 2 * EDGE_VOXELS)


def test_one_voxel_has_the_size_of_its_outline():
    mask = grid((1, 1, 1), (2.0, 2.0, 5.0))
    mask.array[:] = True
    measured = measure_diameters(mask, 2)
    assert measured.longest.length_mm == pytest.approx(4 * EDGE_VOXELS)
    assert measured.perpendicular.length_mm == pytest.approx(4 * EDGE_VOXELS)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_line_of_voxels_is_as_long_as_it_is(axis):
    mask = grid((9, 9, 3), (2.0, 2.0, 3.0))
    line = [4, 4, 1]
    line[axis] = slice(1, 8)
    mask.array[(0, *line)] = True
    measured = measure_diameters(mask, 2)
    assert measured.longest.length_mm == pytest.approx((6 + 2 * EDGE_VOXELS) * mask.spacing[axis])
    assert measured.perpendicular.length_mm == pytest.approx(2 * EDGE_VOXELS * mask.spacing[1 - axis])


def test_a_box_is_measured_along_its_diagonal_within_a_voxel():
    mask = grid((20, 20, 4))
    mask.array[0, 2:14, 3:19, 1:3] = True
    measured = measure_diameters(mask, 2)
    assert abs(measured.longest.length_mm - 20) < 1  # 12 by 16
    ends = np.array([measured.longest.start_mm, measured.longest.stop_mm])
    assert np.abs(np.ptp(ends, axis=0)[:2] - [11, 15]).max() < 1


def test_a_full_volume_is_measured_within_a_voxel():
    mask = grid((30, 40, 3), (1.0, 1.0, 4.0))
    mask.array[:] = True
    assert abs(measure_diameters(mask, 2).longest.length_mm - 50) < 1


def test_an_empty_lesion_is_refused():
    with pytest.raises(ValueError, match="empty"):
        measure_diameters(grid((3, 3, 3)), 2)


class TestSliceAxis:
    """Which axis the slices were stacked along."""

    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_thick_slices_show_it(self, axis):
        spacing = [1.0, 1.0, 1.0]
        spacing[axis] = 4.0
        assert slice_axis_of(grid((4, 4, 4), tuple(spacing))) == axis

    @settings(deadline=None)
    @given(rotations())
    def test_without_thick_slices_it_is_the_axis_closest_to_the_head(self, turn):
        empty = grid((4, 4, 4), (1.0, 1.0, 1.2), turn)
        toward_head = np.abs(empty.direction[2])
        assume(np.sort(toward_head)[2] - np.sort(toward_head)[1] > 1e-6)
        axis = slice_axis_of(empty)
        assert toward_head[axis] == toward_head.max()
        for axes, flips in Volume.orientations():
            assert axes[slice_axis_of(empty.reoriented(axes, flips))] == axis
