"""Detection confidence: the fit, its edge cases, and how lesions are matched to the truth."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miap.findings.components import find_components
from miap.findings.confidence import Calibration, LesionFeatures, lesion_features, match_lesions
from miap.imaging.volume import Volume
from tests.findings.shapes import grid

FEATURES = st.builds(
    LesionFeatures,
    mean_probability=st.floats(0.5, 1),
    max_probability=st.floats(0.5, 1),
    log_volume=st.floats(-3, 7),
    uncertain_fraction=st.floats(0, 1),
)


def simulated(count, seed=0):
    """Lesions whose chance of being real is a known logistic function of two features."""
    rng = np.random.default_rng(seed)
    probability, volume = rng.uniform(0.5, 1, count), rng.normal(1, 2, count)
    uncertain = rng.uniform(0, 1, count)
    chance = 1 / (1 + np.exp(-(8 * (probability - 0.7) + 0.5 * (volume - 1))))
    hits = rng.random(count) < chance
    features = [LesionFeatures(p, 0.9, v, u) for p, v, u in zip(probability, volume, uncertain, strict=True)]
    return features, hits.tolist(), chance


@pytest.mark.req("REQ-F-002")
def test_a_known_chance_is_recovered():
    features, hits, chance = simulated(8000)
    calibration = Calibration.fit(features, hits)
    predicted = np.array([calibration.confidence(f) for f in features])
    assert np.abs(predicted - chance).max() < 0.06
    assert np.abs(predicted - chance).mean() < 0.02


@pytest.mark.req("REQ-F-002")
def test_confidences_are_calibrated_on_lesions_not_fitted_on():
    features, hits, _ = simulated(3000)
    calibration = Calibration.fit(features, hits)
    others, truth, _ = simulated(3000, seed=1)
    predicted = np.array([calibration.confidence(f) for f in others])
    for low in np.arange(0, 1, 0.2):
        group = (predicted >= low) & (predicted < low + 0.2)
        assert abs(np.mean(np.array(truth)[group]) - predicted[group].mean()) < 0.06


def test_the_fit_is_the_minimum_of_the_penalised_loss():
    features, hits, _ = simulated(60)
    calibration = Calibration.fit(features, hits, penalty=2.0)
    x = np.array([[f.mean_probability, f.max_probability, f.log_volume, f.uncertain_fraction] for f in features])
    x = (x - calibration.mean) / np.array(calibration.scale)
    n = sum(hits)
    target = np.where(hits, (n + 1) / (n + 2), 1 / (60 - n + 2))

    def loss(weights):
        log_odds = weights[0] + x @ weights[1:]
        return np.sum(np.log1p(np.exp(log_odds)) - target * log_odds) + (weights[1:] ** 2).sum()

    weights = np.array([calibration.intercept, *calibration.coefficients])
    for axis, sign in [(0, 1), (0, -1), (1, 1), (1, -1), (3, 1), (3, -1), (4, -1)]:
        moved = weights.copy()
        moved[axis] += 1e-3 * sign
        assert loss(moved) > loss(weights)


@settings(deadline=None)
@given(st.lists(FEATURES, min_size=1, max_size=40), FEATURES)
def test_when_all_are_hits_every_lesion_gets_laplace_s_estimate(features, other):
    calibration = Calibration.fit(features, [True] * len(features))
    assert calibration.confidence(other) == pytest.approx((len(features) + 1) / (len(features) + 2), abs=1e-6)


@settings(deadline=None)
@given(st.lists(FEATURES, min_size=1, max_size=40), FEATURES)
def test_when_none_is_a_hit_every_lesion_gets_laplace_s_estimate(features, other):
    calibration = Calibration.fit(features, [False] * len(features))
    assert calibration.confidence(other) == pytest.approx(1 / (len(features) + 2), abs=1e-6)


def test_without_lesions_nothing_is_known():
    assert Calibration.fit([], []).confidence(LesionFeatures(0.99, 1, 5, 0)) == 0.5


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(FEATURES, st.booleans()), max_size=25), FEATURES, st.integers(0, 3), st.floats(0, 3))
def test_more_of_a_good_sign_never_lowers_the_confidence(lesions, features, which, step):
    calibration = Calibration.fit([f for f, _ in lesions], [h for _, h in lesions])
    name = ("mean_probability", "max_probability", "log_volume", "uncertain_fraction")[which]
    worse = -step if which < 3 else step
    other = LesionFeatures(**(vars(features) | {name: getattr(features, name) + worse}))
    assert 0 <= calibration.confidence(other) <= calibration.confidence(features) + 1e-12 <= 1 + 1e-12


def test_few_lesions_shrink_to_the_base_rate():
    good, bad = LesionFeatures(0.95, 1, 4, 0.1), LesionFeatures(0.6, 0.7, -1, 0.9)
    few = Calibration.fit([good, bad], [True, False])
    many = Calibration.fit([good, bad] * 50, [True, False] * 50)
    assert 0.5 < few.confidence(good) < 0.8 < many.confidence(good)
    assert 0.5 > few.confidence(bad) > 0.2 > many.confidence(bad)


def test_it_does_not_extrapolate():
    features, hits, _ = simulated(200)
    calibration = Calibration.fit(features, hits)
    largest = max(f.log_volume for f in features)
    edge, beyond = (LesionFeatures(0.7, 0.9, v, 0.5) for v in (largest, largest + 100))
    assert calibration.confidence(beyond) == calibration.confidence(edge)


def test_it_survives_json():
    features, hits, _ = simulated(50)
    calibration = Calibration.fit(features, hits)
    values = json.loads(json.dumps(calibration.to_dict()))
    assert Calibration.from_dict(values) == calibration
    assert values["lesions"] == 50
    assert values["hits"] == sum(hits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": ["size"]}, "for the features"),
        ({"coefficients": None}, "incomplete"),
        ({"coefficients": [1.0]}, "one number per feature"),
        ({"scale": [1.0, 1.0, 0.0, 1.0]}, "positive scales"),
    ],
)
def test_a_broken_calibration_is_refused(change, message):
    values = Calibration.fit(*simulated(20)[:2]).to_dict() | change
    with pytest.raises(ValueError, match=message):
        Calibration.from_dict(values)


def test_a_missing_number_is_refused():
    values = Calibration.fit(*simulated(20)[:2]).to_dict()
    del values["intercept"]
    with pytest.raises(ValueError, match="incomplete"):
        Calibration.from_dict(values)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="1 lesions do not fit 0 answers"):
        Calibration.fit([LesionFeatures(1, 1, 1, 0)], [])


def test_features_are_those_of_the_lesion_s_voxels():
    mask = grid((8, 4, 4), (2.0, 5.0, 10.0))  # 0.1 ml a voxel
    segmentation = np.zeros((8, 4, 4), np.uint8)
    segmentation[0:3, 0, 0], segmentation[5:7, 2, 2] = 1, 2
    probability = np.full((2, 8, 4, 4), 0.1, np.float32)
    probability[0, 0:3, 0, 0] = [0.6, 0.7, 1.0]
    probability[1, 5:7, 2, 2] = [0.9, 0.8]
    found = find_components(mask.with_array(segmentation[None]), min_volume_ml=0)
    first, second = lesion_features(found, Volume(probability, mask.affine))
    assert vars(first) == pytest.approx(
        {"mean_probability": 2.3 / 3, "max_probability": 1, "log_volume": np.log(0.3), "uncertain_fraction": 2 / 3}
    )
    assert vars(second) == pytest.approx(
        {"mean_probability": 0.85, "max_probability": 0.9, "log_volume": np.log(0.2), "uncertain_fraction": 0}
    )


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        lesion_features(grid((2, 2, 2)), grid((2, 2, 3)))


class TestMatching:
    """Predicted lesions against true ones."""

    def test_overlap_decides(self):
        truth, predicted = np.zeros((30, 4, 4), int), np.zeros((30, 4, 4), int)
        truth[0:10], truth[20:24] = 1, 2
        predicted[5:15], predicted[16:18] = 1, 2
        matches = match_lesions(predicted, truth)
        assert matches.hits == (True, False)
        assert matches.missed == (2,)
        assert matches.iou == pytest.approx((5 / 15, 0))

    @pytest.mark.parametrize(("length", "hit"), [(10, True), (9, False)])
    def test_a_tenth_of_the_union_is_enough(self, length, hit):
        truth, predicted = np.zeros((100, 1, 1), int), np.zeros((100, 1, 1), int)
        truth[:] = 1
        predicted[:length] = 1
        assert match_lesions(predicted, truth).hits == (hit,)
        assert match_lesions(predicted, truth, min_iou=0.05).hits == (True,)

    def test_one_lesion_over_two_true_ones_hits_both(self):
        truth = np.array([1] * 10 + [0] + [2] * 10)[:, None, None]
        matches = match_lesions(np.ones_like(truth), truth)
        assert matches.hits == (True,)
        assert matches.missed == ()

    def test_nothing_found_misses_all(self):
        truth = np.array([1, 0, 2])[:, None, None]
        matches = match_lesions(np.zeros_like(truth), truth)
        assert matches == type(matches)((), (1, 2), ())

    def test_nothing_there_makes_all_false(self):
        predicted = np.array([1, 0, 2])[:, None, None]
        matches = match_lesions(predicted, np.zeros_like(predicted), min_iou=0)
        assert matches == type(matches)((False, False), (), (0.0, 0.0))

    def test_nothing_on_either_side_is_fine(self):
        empty = np.zeros((2, 2, 2), np.uint16)
        assert match_lesions(empty, empty).hits == ()

    def test_maps_of_different_shape_are_refused(self):
        with pytest.raises(ValueError, match="cannot be compared"):
            match_lesions(np.zeros((2, 2, 2), int), np.zeros((2, 2, 3), int))
