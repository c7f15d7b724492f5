"""``findings.json`` is what its schema says."""

import copy
import json
from importlib.resources import files

import numpy as np
import pytest
from jsonschema import Draft202012Validator, ValidationError

from miap.findings.find import find_lesions
from miap.findings.lesion import Findings, Quality
from miap.findings.quality import check_quality
from tests.findings.test_find import LABELS, case, petlike

MODEL = {"name": "sarcoma-petct", "version": "0.1.0"}


@pytest.fixture(scope="module")
def validator():
    schema = json.loads((files("miap.findings") / "findings.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module", params=["pet", "no pet", "empty"])
def findings(request):
    segmentation, probability = case()
    if request.param == "empty":
        segmentation = segmentation.with_array(np.zeros_like(segmentation.array))
    pet = petlike() if request.param == "pet" else None
    lesions, lesion_map = find_lesions(segmentation, probability, LABELS, pet=pet, namespace="case", min_volume_ml=0)
    return Findings(lesions, check_quality(lesions, {}), MODEL, {"segment": 1.23456}, lesion_map)


@pytest.mark.req("REQ-I-001")
def test_findings_follow_the_schema(findings, validator):
    text = json.dumps(findings.to_json(), allow_nan=False)
    validator.validate(json.loads(text))


def test_numbers_are_rounded_no_further_than_they_are_known(findings):
    values = findings.to_json()
    assert values["schema"] == "miap.findings/1"
    assert values["model"] == MODEL
    assert values["timing_s"] == {"segment": 1.235}
    for entry, lesion in zip(values["lesions"], findings.lesions, strict=True):
        assert entry["id"] == lesion.id
        assert entry["volume_ml"] == pytest.approx(lesion.volume_ml, abs=1e-4)
        assert entry["longest_diameter_mm"] == pytest.approx(lesion.longest.length_mm, abs=0.005)
        assert entry["perpendicular_diameter_mm"] == pytest.approx(lesion.perpendicular.length_mm, abs=0.005)
        assert entry["centroid_mm"] == pytest.approx(lesion.centroid_mm, abs=0.005)
        assert entry["extent_mm"] == pytest.approx(lesion.extent_mm, abs=0.005)
        ends = np.array(entry["longest_diameter_line_mm"])
        assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(lesion.longest.length_mm, abs=0.02)
        assert (entry["suv"] is None) == (lesion.uptake is None)
        if lesion.uptake is not None:
            assert entry["suv"] == pytest.approx(vars(lesion.uptake), abs=1e-4)


def test_quality_is_part_of_it(findings):
    quality = findings.to_json()["quality"]
    assert quality["status"] == findings.quality.status == "review"
    assert quality["flags"] == list(findings.quality.flags)
    assert quality["measures"] == pytest.approx(findings.quality.measures, abs=1e-4)


def broken(values, *path, value):
    values = copy.deepcopy(values)
    place = values
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return values


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "miap.findings/2"),
        (("model",), {"name": "nameless version"}),
        (("extra",), 1),
        (("quality", "status"), "fine"),
        (("quality", "flags"), []),
        (("timing_s", "segment"), -1),
        (("lesions", 0, "id"), 0),
        (("lesions", 0, "confidence"), 1.2),
        (("lesions", 0, "centroid_mm"), [1.0, 2.0]),
        (("lesions", 0, "longest_diameter_mm"), 0),
        (("lesions", 0, "tracking_uid"), "1.2.3"),
        (("lesions", 0, "suv"), {"suv_max": 3}),
        (("lesions", 0, "surprise"), 1),
    ],
    ids=lambda v: "-".join(map(str, v)) if isinstance(v, tuple) else None,
)
def test_the_schema_refuses_what_is_wrong(validator, path, value):
    segmentation, probability = case()
    lesions, lesion_map = find_lesions(segmentation, probability, LABELS, namespace="case")
    values = Findings(lesions, Quality("review", ("Look.",)), MODEL, {"segment": 1.0}, lesion_map).to_json()
    validator.validate(values)
    with pytest.raises(ValidationError):
        validator.validate(broken(values, *path, value=value))
