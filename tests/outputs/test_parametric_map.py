"""What a parametric map promises: every probability, in its place, in a unit that readers can compute."""

import numpy as np
import pydicom
import pytest
from scipy.ndimage import gaussian_filter

from miap.errors import InputError
from miap.imaging.segment import Segment
from miap.outputs.parametric_map import LEAST, write_parametric_map

pytestmark = pytest.mark.req("REQ-I-002")


def probabilities(case):
    grid = case.segmentation
    return [
        Segment.of(
            grid.with_array(gaussian_filter((case.findings.lesion_map == k).astype(np.float32), 1.5)[None]), k, name
        )
        for k, name in ((1, "tumour"), (2, "oedema"))
    ]


def write(path, case, synthetic, given=None):
    given = probabilities(case) if given is None else given
    return write_parametric_map(path, case.series, given, model=synthetic.model, when=synthetic.when)


@pytest.mark.parametrize("count", [1, 2])
def test_real_world_values_are_the_probabilities_at_their_places(tmp_path, synthetic, count):
    case = synthetic.case()
    given = probabilities(case)[:count]
    write(tmp_path / "map.dcm", case, synthetic, given)
    made = pydicom.dcmread(tmp_path / "map.dcm")
    found = {one.label: np.zeros(synthetic.shape) for one in given}
    heights = [float(one.ImagePositionPatient[2]) for one in case.series.instances]
    for frame, group in zip(made.pixel_array, made.PerFrameFunctionalGroupsSequence, strict=True):
        mapped = group if "RealWorldValueMappingSequence" in group else made.SharedFunctionalGroupsSequence[0]
        mapping = mapped.RealWorldValueMappingSequence[0]
        k = int(np.argmin(np.abs(np.array(heights) - group.PlanePositionSequence[0].ImagePositionPatient[2])))
        found[mapping.LUTLabel][:, :, k] = frame.T * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    for one in given:
        truth = one.mask.array[0]
        kept = (truth >= LEAST).any(axis=(0, 1))
        np.testing.assert_allclose(found[one.label][:, :, kept], truth[:, :, kept], atol=1e-5)


@pytest.mark.parametrize("empty", [False, True])
def test_dciodvfy_has_no_error(tmp_path, synthetic, verify, empty):
    case = synthetic.case()
    nothing = Segment.of(case.segmentation.with_array(np.zeros((1, *synthetic.shape), np.float32)), 1, "tumour")
    write(tmp_path / "map.dcm", case, synthetic, [nothing] if empty else None)
    assert verify(tmp_path / "map.dcm") == []


def test_it_belongs_to_the_source_study(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "map.dcm", case, synthetic)
    made, source = pydicom.dcmread(tmp_path / "map.dcm"), case.series.instances[0]
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "AccessionNumber"):
        assert made[keyword].value == source[keyword].value
    assert made.SeriesDescription == "MIAP sarcoma-petct: probability"


def test_a_repeated_step_gives_the_same_bytes(tmp_path, synthetic):
    for name in ("a.dcm", "b.dcm"):
        write(tmp_path / name, synthetic.case(), synthetic)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_nothing_to_write_is_refused(tmp_path, synthetic):
    with pytest.raises(InputError, match="no segment"):
        write(tmp_path / "map.dcm", synthetic.case(), synthetic, [])
