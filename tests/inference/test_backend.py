"""Backends: the fast path gives what the plain one gives."""

from pathlib import Path

import numpy as np
import pytest

from miap.imaging.volume import Volume
from miap.inference.backend import OpenVinoBackend, TorchBackend, choose_backend
from miap.inference.segmenter import Segmenter, threshold
from miap.settings import Settings
from tests.bundles import tiny_bundle

IMAGE = np.random.default_rng(0).normal(size=(1, 2, 16, 20, 12)).astype(np.float32)


@pytest.mark.req("REQ-F-002")
def test_openvino_and_torch_agree_in_single_precision(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", members=1)
    plain = TorchBackend("cpu", "fp32").load(bundle, 0)(IMAGE)
    fast = OpenVinoBackend(tmp_path / "cache", "fp32").load(bundle, 0)(IMAGE)
    np.testing.assert_allclose(fast, plain, atol=1e-4)


def test_a_converted_network_is_kept_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", members=1)
    first = OpenVinoBackend(tmp_path / "cache", "fp32").load(bundle, 0)(IMAGE)

    def no_conversion(*_: object) -> None:
        raise AssertionError("converted twice")

    monkeypatch.setattr(OpenVinoBackend, "_convert", no_conversion)
    again = OpenVinoBackend(tmp_path / "cache", "fp32").load(bundle, 0)(IMAGE)
    np.testing.assert_array_equal(again, first)


def test_one_loaded_network_takes_images_of_any_size(tmp_path: Path) -> None:
    forward = OpenVinoBackend(tmp_path / "cache", "fp32").load(tiny_bundle(tmp_path / "tiny", members=1), 0)
    assert forward(IMAGE).shape == (1, 1, 16, 20, 12)
    assert forward(IMAGE[..., :8]).shape == (1, 1, 16, 20, 8)


def test_an_ensemble_averages_the_probabilities_of_the_members_asked(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", members=3)
    segmenter = Segmenter(bundle, TorchBackend("cpu", "fp32"))
    image = Volume(IMAGE[0], np.eye(4))
    alone = [segmenter(image, members=[member]).array for member in range(3)]
    done: list[float] = []
    np.testing.assert_allclose(segmenter(image, report=done.append).array, np.mean(alone, axis=0), atol=1e-6)
    assert done == pytest.approx([1 / 3, 2 / 3, 1])
    assert not np.allclose(alone[0], alone[1])


def test_voxels_under_the_threshold_belong_to_nothing(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", members=1, threshold=0.6)
    probability = Volume(np.array([0.59, 0.6, 0.9, 0.0], dtype=np.float64).reshape(1, 4, 1, 1), np.eye(4))
    assert threshold(probability, bundle).array.ravel().tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("chosen", "name", "precision"),
    [
        ({"backend": "torch", "precision": "fp32"}, "torch", "fp32"),
        ({"backend": "openvino", "precision": "bf16"}, "openvino", "bf16"),
        ({"backend": "auto", "precision": "fp32"}, "openvino", "fp32"),
        ({"device": "cuda"}, "torch", "bf16"),
    ],
)
def test_settings_choose_the_backend(chosen: dict[str, str], name: str, precision: str) -> None:
    backend = choose_backend(Settings.model_validate({"device": "cpu", **chosen}))
    assert (backend.name, backend.precision) == (name, precision)
