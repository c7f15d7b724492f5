"""Volume, centroid and extent against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from miap.findings.geometry import measure_geometry
from miap.imaging.volume import Volume
from tests.findings.shapes import Ellipsoid, cropped, grid, rotations, sphere

SPACINGS = st.sampled_from([(1.0, 1.0, 1.0), (0.98, 0.98, 2.0), (0.7, 1.1, 1.6)])
WOBBLE = st.tuples(*[st.floats(-0.5, 0.5)] * 3).map(np.array)


@pytest.mark.req("REQ-F-002")
@settings(deadline=None, max_examples=40)
@given(rotations(), rotations(), SPACINGS, WOBBLE, st.tuples(*[st.floats(11, 15)] * 3))
def test_an_ellipsoid_on_an_oblique_grid_is_measured_right(turn, tilt, spacing, wobble, semi_axes):
    shape = tuple(int(34 / s) for s in spacing)
    empty = grid(shape, spacing, turn)
    body = Ellipsoid(np.array([7.3, -31.9, 112.4]) + wobble, np.array(semi_axes), tilt)
    measured = measure_geometry(cropped(body.on(empty)))
    assert measured.volume_ml == pytest.approx(body.volume_ml, rel=0.02)
    assert np.abs(empty.to_index(measured.centroid_mm) - empty.to_index(body.centre)).max() < 0.5
    reach = np.abs(empty.affine[:3, :3]).sum(axis=1)
    assert (np.abs(np.array(measured.extent_mm) - body.extent) <= 1.2 * reach).all()


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize("orientation", list(Volume.orientations()), ids=str)
def test_a_sphere_is_the_same_in_every_orientation(orientation):
    body = sphere((6.9, -32.0, 113.1), 11.0)
    mask = body.on(grid((30, 28, 12), (1.0, 1.0, 3.0)))
    expected = measure_geometry(mask)
    measured = measure_geometry(cropped(mask.reoriented(*orientation)))
    assert measured.volume_ml == pytest.approx(body.volume_ml, rel=0.02)
    assert measured.volume_ml == pytest.approx(expected.volume_ml, abs=1e-12)
    np.testing.assert_allclose(measured.centroid_mm, expected.centroid_mm, atol=1e-9)
    np.testing.assert_allclose(measured.extent_mm, expected.extent_mm, atol=1e-9)


@settings(deadline=None)
@given(hnp.arrays(bool, st.tuples(*[st.integers(1, 5)] * 3)), rotations())
def test_any_mask_agrees_with_its_voxels_and_their_corners(array, turn):
    array[0, 0, 0] = True
    mask = Volume(array[None], grid(array.shape, (1.0, 2.0, 3.0), turn).affine)
    measured = measure_geometry(mask)
    voxels = np.argwhere(array)
    offsets = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3), -1).reshape(-1, 3)
    corners = mask.to_patient((voxels[:, None] + offsets).reshape(-1, 3))
    assert measured.volume_ml == pytest.approx(len(voxels) * 0.006)
    np.testing.assert_allclose(measured.centroid_mm, mask.to_patient(voxels).mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(measured.extent_mm, np.ptp(corners, axis=0), atol=1e-9)


def test_a_box_is_measured_to_its_faces():
    mask = grid((12, 10, 8), (0.5, 2.0, 3.0))
    mask.array[0, 2:10, 3:7, 1:6] = True
    measured = measure_geometry(mask)
    assert measured.volume_ml == pytest.approx(8 * 4 * 5 * 3 / 1000)
    assert measured.extent_mm == pytest.approx((4.0, 8.0, 15.0))
    assert measured.centroid_mm == pytest.approx(tuple(mask.to_patient([5.5, 4.5, 3.0])))


def test_an_empty_lesion_is_refused():
    with pytest.raises(ValueError, match="empty"):
        measure_geometry(grid((2, 2, 2)))
