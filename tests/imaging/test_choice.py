"""Of several series for one role the best is taken, by criteria that are stated."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from miap.imaging.choice import CRITERIA, RULE, Candidate, lost, ranked
from miap.imaging.modality import Modality
from miap.imaging.role import recognise
from miap.imaging.series import read_series
from tests.dicom_factory import affine, voxels, write_series

pytestmark = pytest.mark.req("REQ-F-007")


def candidate(
    folder: Path, modality: str, number: int, slices: int = 8, step: float = 3.0, **attributes: Any
) -> Candidate:
    """A series of ``slices`` slices ``step`` mm apart."""
    grid = affine((attributes.pop("pixel", 1.0), 1.0, step))
    place = folder / str(number)
    write_series(
        place, modality, array=voxels((6, 5, slices)), grid=grid, SeriesNumber=number, RescaleSlope="1",
        RescaleIntercept="0", **attributes,
    )  # fmt: skip
    (series,) = read_series([place])
    return Candidate(series, recognise(series.instances[0]))


FINE: dict[str, Any] = {"slices": 24, "step": 1.0}
PAIRS: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    ("thin over thick", "MR", FINE, {"step": 3.0}, "voxels are 3 mm long, the chosen ones 1 mm"),
    ("complete over thin", "MR", {"slices": 8, "step": 3.0}, {"slices": 12, "step": 1.0}, "it covers 12 mm"),
    ("small pixels", "MR", {"pixel": 0.5}, {"pixel": 1.0}, "its pixels are larger"),
    (
        "as acquired over reformatted", "MR", {"step": 3.0},
        {**FINE, "ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "reformatted",
    ),
    ("not described as MPR", "MR", {"step": 3.0}, {**FINE, "SeriesDescription": "T1 MPR sag"}, "reformatted"),
    ("soft over bone", "CT", {"ConvolutionKernel": "Br38f"}, {**FINE, "ConvolutionKernel": "Br64f"}, "bone or lung"),
    ("soft over lung", "CT", {"ConvolutionKernel": "FC08"}, {"ConvolutionKernel": "FC52"}, "bone or lung"),
    ("GE's soft", "CT", {"ConvolutionKernel": "STANDARD"}, {"ConvolutionKernel": "BONEPLUS"}, "bone or lung"),
    ("by the description", "CT", {}, {"SeriesDescription": "Thorax Lunge 1.0"}, "bone or lung"),
    ("corrected", "PT", {}, {"CorrectedImage": None, "slices": 9}, "corrected for attenuation"),
    ("not gated", "PT", {}, {"SeriesType": ["GATED", "IMAGE"], "slices": 9}, "gated"),
    ("sure over doubtful", "MR", {}, {"RepetitionTime": "4500", "EchoTime": "95", "slices": 9}, "doubtful (34%)"),
    ("surer", "MR", {"SeriesDescription": "T1 PRE"}, {"SeriesDescription": "T1"}, "less sure (77%)"),
    ("the lower number", "MR", {}, {}, "equally good"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("modality", "better", "worse", "reason"), [pair[1:] for pair in PAIRS], ids=[p[0] for p in PAIRS]
)
def test_the_better_series_is_taken_and_the_other_says_why_not(
    modality: str, better: dict[str, Any], worse: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    described = {"SeriesDescription": {"MR": "T1", "CT": "Thorax", "PT": "PET"}[modality]}
    best = candidate(tmp_path, modality, 4, **{**described, **better})
    other = candidate(tmp_path, modality, 1 if reason != "equally good" else 9, **{**described, **worse})
    for order in ([best, other], [other, best]):
        assert ranked(order) == [best, other]
    assert reason in lost(other, best)


def test_lengths_that_hardly_differ_count_as_equal(tmp_path: Path) -> None:
    longer = candidate(tmp_path, "MR", 1, slices=10, step=3.0, SeriesDescription="T1")
    thinner = candidate(tmp_path, "MR", 2, slices=28, step=1.0, SeriesDescription="T1")
    assert ranked([longer, thinner]) == [thinner, longer]


def test_equal_series_are_told_apart_by_uid_alone(tmp_path: Path) -> None:
    one = candidate(tmp_path, "MR", 1, SeriesDescription="T1")
    instances = []
    for instance in one.series.instances:
        instances.append(deepcopy(instance))
        instances[-1].SeriesInstanceUID = "2.25.1"
    twin = Candidate(replace(one.series, instances=tuple(instances)), one.recognition)
    assert ranked([one, twin]) == ranked([twin, one]) == [twin, one]
    assert lost(one, twin) == "the same in every respect, with a higher UID"


def test_the_order_of_many_does_not_depend_on_how_they_come(tmp_path: Path) -> None:
    made = [
        candidate(tmp_path, "MR", n, slices=4 + 5 * (n % 3), step=1.0 + n % 2, SeriesDescription="T1")
        for n in range(1, 8)
    ]
    expected = ranked(made)
    assert len(expected) == 7
    for seed in range(5):
        shuffled = [made[i] for i in np.random.default_rng(seed).permutation(7)]
        assert ranked(shuffled) == expected


def test_the_rule_states_every_criterion() -> None:
    assert all(criterion.better in RULE for criterion in CRITERIA)
    assert RULE.endswith("then the lowest series UID")


def test_what_a_series_is_can_be_told_in_a_line(tmp_path: Path) -> None:
    assert candidate(tmp_path, "MR", 3, SeriesDescription="AX DWI").seen == 'series 3 "AX DWI" (8 slices): diffusion'
    assert candidate(tmp_path, "CT", 4).recognition.role is Modality.CT
