"""Windows: the same probabilities however the volume is cut, padded or mirrored."""

import numpy as np
import pytest
from scipy.special import expit

from miap.inference.windows import predict, window_size


def _pointwise(image: np.ndarray) -> np.ndarray:
    """A network that looks at one voxel at a time, so windows cannot change its answer."""
    return (2 * image[:, :1] - image[:, 1:2]).astype(np.float32)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 21, 18, 13)).astype(np.float32)


@pytest.mark.req("REQ-F-002")
def test_whole_volume_is_padded_to_the_divisor_and_cut_back(image: np.ndarray) -> None:
    seen: list[tuple[int, ...]] = []

    def forward(x: np.ndarray) -> np.ndarray:
        seen.append(x.shape)
        return _pointwise(x)

    probability = predict(forward, image, divisor=(8, 8, 4))
    assert seen == [(1, 2, 24, 24, 16)]
    np.testing.assert_allclose(probability, expit(2 * image[:1] - image[1:]), rtol=1e-5)


@pytest.mark.req("REQ-F-002")
@pytest.mark.parametrize("max_voxels", [24 * 24 * 16 - 1, 2000, 700])
def test_windows_give_what_one_pass_gives(image: np.ndarray, max_voxels: int) -> None:
    whole = predict(_pointwise, image, divisor=(8, 8, 4))
    windows = predict(_pointwise, image, divisor=(8, 8, 4), max_voxels=max_voxels)
    np.testing.assert_allclose(windows, whole, atol=1e-5)


@pytest.mark.req("REQ-F-002")
def test_an_axis_is_cut_where_the_model_wants_it(image: np.ndarray) -> None:
    seen: list[tuple[int, ...]] = []

    def forward(x: np.ndarray) -> np.ndarray:
        seen.append(x.shape[2:])
        return _pointwise(x)

    windows = predict(forward, image, divisor=(8, 8, 4), max_window=(0, 0, 8))
    assert seen == [(24, 24, 8)] * 2
    np.testing.assert_allclose(windows, predict(_pointwise, image, divisor=(8, 8, 4)), atol=1e-5)
    assert window_size((21, 18, 5), (8, 8, 4), 10**9, (0, 0, 16)) == (24, 24, 8)


def test_no_window_is_larger_than_allowed_nor_off_the_divisor() -> None:
    for limit in (10**9, 200_000, 30_000, 4096, 1):
        size = window_size((100, 75, 61), (8, 8, 8), limit)
        assert all(n % 8 == 0 for n in size)
        assert np.prod(size) <= max(limit, 512)


def test_mirrored_passes_are_averaged_in_place(image: np.ndarray) -> None:
    def ramp(x: np.ndarray) -> np.ndarray:
        position = np.arange(x.shape[2], dtype=np.float32)[None, None, :, None, None]
        return np.broadcast_to(position, (1, 1, *x.shape[2:])).copy()

    probability = predict(ramp, image[:, :16, :16, :12], divisor=(8, 8, 4), flip_axes=(0,))
    up = np.arange(16, dtype=np.float32)
    np.testing.assert_allclose(probability[0, :, 0, 0], (expit(up) + expit(up[::-1])) / 2, rtol=1e-5)
