"""Tilted and uneven series come out straight, with everything where it was."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from miap.imaging.case import assemble
from miap.imaging.modality import Modality
from miap.imaging.series import read_series
from miap.imaging.straighten import even, straight, tilt_degrees
from miap.imaging.volume import Volume
from tests.dicom_factory import write_series

SLOPES = np.array([0.7, -1.3, 0.4])


def places(volume: Volume) -> np.ndarray:
    return volume.to_patient(np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1))


def sheared(shape: tuple[int, int, int], spacing: tuple[float, ...], tilt: float, angles: tuple[float, ...]) -> Volume:
    """Slices shifted along their columns as a gantry tilted by so many degrees shifts them, at any orientation."""
    affine = np.diag([*spacing, 1.0])
    affine[1, 2] = spacing[2] * np.tan(np.radians(tilt))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    turn[:3, 3] = (5, -7, 11)
    return Volume(np.zeros((1, *shape), np.float32), turn @ affine)


@settings(max_examples=40)
@given(
    tilt=st.floats(-30, 30),
    spacing=st.tuples(st.floats(0.5, 2), st.floats(0.5, 2), st.floats(1, 6)),
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
)
def test_a_straightened_stack_keeps_every_value_in_place(
    tilt: float, spacing: tuple[float, ...], angles: tuple[float, ...]
) -> None:
    volume = sheared((24, 24, 6), spacing, tilt, angles)
    volume = volume.with_array((places(volume) @ SLOPES + 5)[None].astype(np.float32))
    result = straight(volume, fill=-1000.0)
    assert tilt_degrees(volume) == pytest.approx(abs(tilt), abs=1e-4)
    assert result.direction.T @ result.direction == pytest.approx(np.eye(3), abs=1e-6)
    assert result.spacing[:2] == pytest.approx(volume.spacing[:2])
    assert result.spacing[2] * (result.shape[2] - 1) == pytest.approx(spacing[2] * 5)
    corners = np.array([(x, y, z) for x in (0, 23) for y in (0, 23) for z in (0, 5)])
    inside = result.to_index(volume.to_patient(corners))
    assert (inside > -1e-3).all()
    assert (inside < np.array(result.shape) - 1 + 1e-3).all()
    source = volume.to_index(places(result))
    within = ((source > 1e-3) & (source < np.array(volume.shape) - 1 - 1e-3)).all(axis=-1)
    assert within.sum() > 1000
    assert result.array[0][within] == pytest.approx((places(result) @ SLOPES + 5)[within], abs=2e-3)


def test_uneven_slices_are_interpolated_between_their_neighbours() -> None:
    heights = np.array([0.0, 3.0, 6.5, 9.0, 12.0])
    volume = sheared((4, 4, 5), (1, 1, 3), 0, (0, 0, 0))
    stored = np.broadcast_to(10 * heights, (1, 4, 4, 5)).astype(np.float32)
    assert even(volume.with_array(stored), heights).array[0, 0, 0] == pytest.approx([0, 30, 60, 90, 120])


@pytest.mark.req("REQ-I-002")
def test_a_tilted_series_is_read_straight_and_says_so(tmp_path: Path) -> None:
    array = np.zeros((20, 20, 8), np.uint16)
    array[8:12, 8:12, 2:6] = 100

    def tilt(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient = [0, index, 3 * index]

    write_series(tmp_path, "CT", array=array, edit=tilt, RescaleSlope="1", RescaleIntercept="-1000")
    (series,) = read_series([tmp_path])
    assert "a tilt of 18.4° was straightened" in series.resampled
    volume = series.volume()
    assert volume.direction.T @ volume.direction == pytest.approx(np.eye(3), abs=1e-6)
    assert volume.array.min() == -1000
    # The box leans with the slices: its centre is that of its voxels in the tilted stack.
    weights = volume.array[0] + 1000
    centre = (places(volume) * weights[..., None]).sum((0, 1, 2)) / weights.sum()
    assert centre == pytest.approx([9.5 * 2, 9.5 * 1.5 + 3.5, 3.5 * 3], abs=0.05)
    case = assemble([tmp_path], workdir=tmp_path)
    assert any(note.startswith("CT was resampled: a tilt of 18.4°") for note in case.notes)
    assert case.images[Modality.CT].volume.same_grid(volume)


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("heights", [(0, 3, 6, 9.8), tuple(3 * i + 0.02 * i * i for i in range(14))])
def test_a_series_of_uneven_gaps_is_read_evenly_and_says_so(heights: tuple[float, ...], tmp_path: Path) -> None:
    array = np.broadcast_to((100 * np.array(heights)).astype(np.uint16), (6, 5, len(heights))).copy()

    def place(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient = [0, 0, heights[index]]

    write_series(tmp_path, "MR", array=array, edit=place)
    (series,) = read_series([tmp_path])
    assert "were interpolated to even gaps" in series.resampled
    volume = series.volume()
    assert volume.array[0] == pytest.approx(100 * places(volume)[..., 2], abs=1)


def test_an_even_and_upright_series_is_left_alone(tmp_path: Path) -> None:
    write_series(tmp_path, "MR")
    (series,) = read_series([tmp_path])
    assert series.resampled == ""
