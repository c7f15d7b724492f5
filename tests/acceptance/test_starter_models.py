"""The starter models find what is there: in studies whose truth is known because they were made up, and in scans.

Accuracy on real patients never falls silently: every left-out case is scored again against its card.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from miap.imaging.nifti import read_mask
from miap.imaging.phantom import Phantom, brain_mr, thigh_petct
from miap.imaging.resample import resample
from miap.inference.backend import choose_backend
from miap.inference.bundle import find_bundles
from miap.inference.segmenter import Segmenter
from miap.jobs.analyze import Request, analyze
from miap.settings import Settings
from miap.training.datalist import Datalist
from miap.training.evaluation import dice, evaluate, summary

pytestmark = [pytest.mark.slow, pytest.mark.req("REQ-F-002")]

LEAST_DICE = {"sarcoma-petct": 0.70, "glioblastoma-t1c": 0.50}
"""What the mean over left-out patients must reach."""


@pytest.mark.parametrize(
    ("make", "model"), [(thigh_petct, "sarcoma-petct"), (brain_mr, "glioblastoma-t1c")], ids=["thigh", "brain"]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_made_up_tumour_is_found_where_it_is(
    make: Callable[[int], Phantom], model: str, seed: int, shipped: Settings, tmp_path: Path
) -> None:
    phantom = make(seed)
    phantom.write_dicom(tmp_path / "study")
    result = analyze(Request((tmp_path / "study",), tmp_path / "out"), shipped)
    assert result.bundle.name == model
    mask = read_mask(tmp_path / "out" / "segmentation.nii.gz")
    tumour = phantom.truth.with_array((phantom.truth.array > 0).astype(np.uint8))
    truth = resample(tumour, mask, interpolation="nearest")
    assert dice(mask.array > 0, truth.array > 0) >= 0.6
    largest = result.findings.lesions[0]
    off_mm = [np.linalg.norm(np.subtract(largest.centroid_mm, lesion.centre_mm)) for lesion in phantom.lesions]
    assert min(off_mm) < 10


@pytest.mark.shared_data
@pytest.mark.parametrize("name", LEAST_DICE)
def test_accuracy_on_left_out_patients_is_what_the_card_says(name: str, shipped: Settings, scans: Path) -> None:
    bundle = find_bundles(())[name]
    cases = Datalist.load(bundle.folder / "configs" / "datalist.json")
    scores = evaluate(bundle, cases, Segmenter(bundle, choose_backend(shipped)))
    assert summary(scores)["dice_mean"] >= LEAST_DICE[name]
    assert summary(scores)["dice_mean"] == pytest.approx(bundle.card.metrics["dice_mean"], abs=0.005)
    told = {case["id"]: case["dice"] for case in bundle.card.metrics["cases_table"]}
    assert told.keys() == {score.id for score in scores}
    fallen = {score.id: (told[score.id], score.dice) for score in scores if score.dice < told[score.id] - 0.02}
    assert not fallen, "Dice on the card and now"
