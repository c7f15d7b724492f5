"""What a structure set promises: contours that enclose each segment exactly, named, coded, valid, repeatable."""

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from miap.errors import InputError
from miap.imaging.segment import Segment
from miap.imaging.structure import read_structures
from miap.outputs.rtstruct import write_rtstruct
from tests.readers import rtstruct_outlines

pytestmark = [pytest.mark.req("REQ-I-002")]


def segments(case):
    """A lesion with a hole that holds an island, and one that is nowhere."""
    mask = case.findings.lesion_map == 1
    mask[15:19, 18:23, 10:15] = False
    mask[17, 20, 12] = True
    grid = case.segmentation
    return [
        Segment.of(
            grid.with_array(mask[None]), 3, "tumour 1", type=codes.SCT.Neoplasm, algorithm="sarcoma-petct 1.2.0"
        ),
        Segment.of(grid.with_array(np.zeros_like(mask)[None]), 4, "tumour 2"),
    ]


def write(path, case, synthetic, given=None, **options):
    given = segments(case) if given is None else given
    return write_rtstruct(path, case.series, given, model=synthetic.model, when=synthetic.when, **options)


def test_an_independent_reader_finds_volume_and_centroid(tmp_path, synthetic):
    case = synthetic.case()
    (lesion, _) = segments(case)
    write(tmp_path / "rt.dcm", case, synthetic)
    (outline,) = rtstruct_outlines(tmp_path / "rt.dcm", float(synthetic.spacing[2])).values()
    assert outline.name == "tumour 1"
    assert outline.volume_ml == pytest.approx(lesion.volume_ml, rel=1e-3)
    centre = case.segmentation.to_patient(np.argwhere(lesion.mask.array[0])).mean(axis=0)
    np.testing.assert_allclose(outline.centroid_mm, centre, atol=0.01)


def test_the_mask_is_read_back_voxel_for_voxel(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "rt.dcm", case, synthetic)
    (back,) = read_structures(tmp_path / "rt.dcm", case.segmentation)
    np.testing.assert_array_equal(back.mask.array, segments(case)[0].mask.array)
    assert (back.label, back.type, back.algorithm) == ("tumour 1", codes.SCT.Neoplasm, "sarcoma-petct 1.2.0")
    assert back.notes == ()


def test_dciodvfy_has_no_error(tmp_path, synthetic, verify):
    write(tmp_path / "rt.dcm", synthetic.case(), synthetic)
    assert verify(tmp_path / "rt.dcm") == []


def test_structures_are_named_coloured_coded_and_say_what_made_them(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "rt.dcm", case, synthetic, colours={1: (1, 2, 3)})
    made = pydicom.dcmread(tmp_path / "rt.dcm")
    by_model, by_hand = made.StructureSetROISequence
    assert (by_model.ROINumber, by_model.ROIName, by_model.ROIGenerationAlgorithm) == (1, "tumour 1", "AUTOMATIC")
    assert by_model.ROIGenerationDescription == "sarcoma-petct 1.2.0"
    assert by_hand.ROIGenerationAlgorithm == "MANUAL"
    assert list(made.ROIContourSequence[0].ROIDisplayColor) == [1, 2, 3]
    assert "ContourSequence" not in made.ROIContourSequence[1]
    assert made.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence[0].CodeValue == codes.SCT.Neoplasm.value
    assert made.ApprovalStatus == "UNAPPROVED"


def test_it_belongs_to_the_source_study_and_every_contour_to_its_slice(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "rt.dcm", case, synthetic)
    made, source = pydicom.dcmread(tmp_path / "rt.dcm"), case.series.instances[0]
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "AccessionNumber"):
        assert made[keyword].value == source[keyword].value
    study = made.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    listed = [image.ReferencedSOPInstanceUID for image in study.RTReferencedSeriesSequence[0].ContourImageSequence]
    assert listed == [one.SOPInstanceUID for one in case.series.instances]
    places = {one.SOPInstanceUID: float(one.ImagePositionPatient[2]) for one in case.series.instances}
    for contour in made.ROIContourSequence[0].ContourSequence:
        heights = np.array(contour.ContourData, float)[2::3]
        place = places[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        np.testing.assert_allclose(heights, place, atol=1e-3)
        assert contour.NumberOfContourPoints == len(heights)


def test_a_repeated_step_gives_the_same_bytes(tmp_path, synthetic):
    for name in ("a.dcm", "b.dcm"):
        write(tmp_path / name, synthetic.case(), synthetic)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_nothing_to_write_is_refused(tmp_path, synthetic):
    with pytest.raises(InputError, match="no segment"):
        write(tmp_path / "rt.dcm", synthetic.case(), synthetic, [])
