"""What a DICOM SEG promises: the mask where it was, identified, valid, and the same each time."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from miap.imaging.volume import Volume
from miap.outputs.seg import write_seg
from tests.readers import seg_regions

pytestmark = [pytest.mark.req("REQ-I-002"), pytest.mark.req("REQ-F-002")]

ORIENTATIONS = {
    "axial": np.eye(3),
    "coronal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]).astype(float),
    "sagittal": np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]).astype(float),
    "upside down": np.diag([-1.0, -1.0, 1.0]),
    "oblique": Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix(),
    "slices from above": np.diag([1.0, 1.0, -1.0]),
}


def write(path, case, synthetic, **changes):
    given = {"series": case.series, "segmentation": case.segmentation, "findings": case.findings} | changes
    return write_seg(
        path, given["series"], given["segmentation"], given["findings"], case.labels,
        model=changes.get("model", synthetic.model), when=synthetic.when,
    )  # fmt: skip


def read_masks(path, affine, shape):
    """What an independent reader finds, as masks on the grid of the source."""
    masks = {}
    for number, region in seg_regions(path).items():
        index = (region.points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        assert np.abs(index - np.round(index)).max(initial=0) < 1e-3
        masks[number] = np.zeros(shape, bool)
        masks[number][tuple(np.round(index).astype(int).T)] = True
    return masks


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_independent_reader_finds_every_lesion_voxel_for_voxel(tmp_path, synthetic, orientation):
    affine = synthetic.affine_of(ORIENTATIONS[orientation])
    case = synthetic.case(affine)
    write(tmp_path / "seg.dcm", case, synthetic)
    masks = read_masks(tmp_path / "seg.dcm", affine, synthetic.shape)
    assert set(masks) == {1, 2}
    for number, mask in masks.items():
        np.testing.assert_array_equal(mask, case.findings.lesion_map == number)


@pytest.mark.parametrize("orientation", ["axial", "oblique"])
def test_dcmqi_reads_the_mask_at_the_same_place(tmp_path, synthetic, orientation):
    program = shutil.which("segimage2itkimage", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("dcmqi is not installed")

    affine = synthetic.affine_of(ORIENTATIONS[orientation])
    case = synthetic.case(affine)
    write(tmp_path / "seg.dcm", case, synthetic)
    subprocess.run(
        [program, "--inputDICOM", tmp_path / "seg.dcm", "--outputDirectory", tmp_path,
         "--outputType", "nrrd"],
        check=True, capture_output=True,
    )  # fmt: skip
    for number in (1, 2):
        theirs = Volume.from_sitk(sitk.ReadImage(tmp_path / f"{number}.nrrd"))
        inside = theirs.to_patient(np.argwhere(theirs.array[0]))
        ours = case.segmentation.to_patient(np.argwhere(case.findings.lesion_map == number))
        nearest = np.linalg.norm(inside[:, None] - ours[None], axis=-1).min(axis=1)
        assert len(inside) == len(ours)
        assert nearest.max() < 0.01


def test_a_segmentation_on_a_reversed_grid_is_brought_onto_the_series(tmp_path, synthetic):
    case = synthetic.case()
    turned = case.segmentation.reoriented((1, 0, 2), (True, False, True))
    lesion_map = case.segmentation.with_array(case.findings.lesion_map[None]).reoriented((1, 0, 2), (True, False, True))
    write(
        tmp_path / "seg.dcm", case, synthetic, segmentation=turned,
        findings=replace(case.findings, lesion_map=lesion_map.array[0]),
    )  # fmt: skip
    masks = read_masks(tmp_path / "seg.dcm", case.segmentation.affine, synthetic.shape)
    np.testing.assert_array_equal(masks[1], case.findings.lesion_map == 1)


@pytest.mark.parametrize("empty", [False, True])
def test_dciodvfy_has_no_error(tmp_path, synthetic, verify, empty):
    case = synthetic.without_lesions(synthetic.case()) if empty else synthetic.case()
    write(tmp_path / "seg.dcm", case, synthetic)
    assert verify(tmp_path / "seg.dcm") == []


def test_segments_carry_tracking_codes_and_algorithm(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "seg.dcm", case, synthetic)
    first, second = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    assert (first.SegmentLabel, second.SegmentLabel) == ("tumour 1", "oedema 2")
    assert first.TrackingUID == case.findings.lesions[0].tracking_uid
    assert second.TrackingUID.startswith("2.25.")
    assert first.TrackingID == "tumour 1"
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == synthetic.tumour.type.value
    assert first.SegmentedPropertyCategoryCodeSequence[0].CodeValue == synthetic.tumour.category.value
    assert first.AnatomicRegionSequence[0].CodeMeaning == "Thigh"
    assert "AnatomicRegionSequence" not in second
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    algorithm = first.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("sarcoma-petct", "1.2.0")
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning == "Artificial Intelligence"
    assert first.RecommendedDisplayCIELabValue != second.RecommendedDisplayCIELabValue


def test_it_belongs_to_the_source_study_and_refers_to_its_slices(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "seg.dcm", case, synthetic)
    seg, source = pydicom.dcmread(tmp_path / "seg.dcm"), case.series.instances[0]
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyDate", "AccessionNumber",
                    "FrameOfReferenceUID", "StudyDescription"):  # fmt: skip
        assert seg[keyword].value == source[keyword].value
    assert seg.SeriesInstanceUID != source.SeriesInstanceUID
    assert seg.SeriesDescription == "MIAP sarcoma-petct: segmentation"
    assert (seg.ContentDate, seg.ContentTime) == ("20261123", "140509")
    assert "InstitutionName" not in seg
    held = {k for k in range(synthetic.shape[2]) if (case.findings.lesion_map[:, :, k] == 1).any()}
    referred = {
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for group in seg.PerFrameFunctionalGroupsSequence
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 1
    }
    assert referred == {case.series.instances[k].SOPInstanceUID for k in held}


def test_only_slices_with_a_lesion_are_stored(tmp_path, synthetic):
    case = synthetic.case()
    seg = write(tmp_path / "seg.dcm", case, synthetic)
    expected = sum(int((case.findings.lesion_map == n).any(axis=(0, 1)).sum()) for n in (1, 2))
    assert seg.NumberOfFrames == expected


def test_a_case_without_lesions_says_so_in_one_empty_frame_a_label(tmp_path, synthetic):
    case = synthetic.without_lesions(synthetic.case())
    write(tmp_path / "seg.dcm", case, synthetic)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["tumour: none found", "oedema: none found"]
    assert all("TrackingUID" not in item for item in seg.SegmentSequence)
    assert seg.NumberOfFrames == 2
    assert not any(seg.PixelData)


def test_a_repeated_step_gives_the_same_bytes(tmp_path, synthetic):
    for name in ("a.dcm", "b.dcm"):
        write(tmp_path / name, synthetic.case(), synthetic)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_another_model_or_result_gets_another_uid(tmp_path, synthetic):
    case = synthetic.case()
    path = tmp_path / "seg.dcm"
    uids = {
        write(path, case, synthetic).SOPInstanceUID,
        write(path, case, synthetic, model={"name": "other", "version": "1.2.0"}).SOPInstanceUID,
        write(path, synthetic.without_lesions(case), synthetic).SOPInstanceUID,
        write(path, case, synthetic, findings=replace(case.findings, lesions=case.findings.lesions[:1])).SOPInstanceUID,
    }
    assert len(uids) == 4


def test_the_uid_does_not_depend_on_how_long_it_took(tmp_path, synthetic):
    case = synthetic.case()
    slower = replace(case.findings, timing_s={"segment": 99.0})
    first = write(tmp_path / "a.dcm", case, synthetic)
    assert write(tmp_path / "b.dcm", case, synthetic, findings=slower).SOPInstanceUID == first.SOPInstanceUID


def test_a_lesion_whose_voxels_are_lost_keeps_its_segment_number_and_the_others_theirs(tmp_path, synthetic):
    case = synthetic.case()
    second = np.where(case.findings.lesion_map == 2, 2, 0).astype(np.uint16)
    for lesion_map, kept in ((second, {2}), (np.where(case.findings.lesion_map == 1, 1, 0).astype(np.uint16), {1})):
        write(tmp_path / "seg.dcm", case, synthetic, findings=replace(case.findings, lesion_map=lesion_map))
        masks = read_masks(tmp_path / "seg.dcm", case.segmentation.affine, synthetic.shape)
        assert {number for number, mask in masks.items() if mask.any()} == kept
        np.testing.assert_array_equal(sum(n * masks[n] for n in (1, 2)), lesion_map)


def test_a_label_the_model_does_not_name_is_refused(tmp_path, synthetic):
    case = synthetic.case()
    odd = replace(case.findings, lesions=(replace(case.findings.lesions[0], label_value=9),))
    with pytest.raises(ValueError, match="label value 9"):
        write(tmp_path / "seg.dcm", case, synthetic, findings=odd)


def spoil(case):
    """Leave attributes out, and fill others with what DICOM does not allow."""
    for one in case.series.instances:
        for keyword in ("PatientBirthDate", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID"):
            delattr(one, keyword)
        with pydicom.config.disable_value_validation():
            one.PatientSex = "X"
            one.StudyDate = "yesterday"
            one.PatientAge = "old"
            one.StudyID = "IBSI_1_STS_001_CT"
            one.StudyDescription = "d" * 90
            one.OtherPatientNames = ["a", "b"]
            one.MedicalAlerts = ["m" * 70, "none"]
        one.add_new((0x0009, 0x0010), "LO", "PRIVATE")


def test_a_scanner_that_left_attributes_out_or_wrong_still_gets_a_valid_object(tmp_path, synthetic, verify):
    case = synthetic.case()
    spoil(case)
    write(tmp_path / "seg.dcm", case, synthetic)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert (seg.PatientSex, seg.StudyDate, seg.PatientBirthDate) == ("", "", "")
    assert seg.StudyID == "IBSI_1_STS_001_C"
    assert seg.StudyDescription == "d" * 64
    assert "PatientAge" not in seg
    assert list(seg.MedicalAlerts) == ["m" * 64, "none"]
    assert seg.FrameOfReferenceUID.startswith("2.25.")
    assert verify(tmp_path / "seg.dcm") == []


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 144", "Люксембург^Роза"),
        ("", "Doe^Jane"),
    ],
)
def test_a_name_in_any_character_set_stays_what_it_was(tmp_path, synthetic, verify, character_set, name):
    case = synthetic.case()
    for one in case.series.instances:
        one.SpecificCharacterSet, one.PatientName = character_set, name
    write(tmp_path / "seg.dcm", case, synthetic)
    assert pydicom.dcmread(tmp_path / "seg.dcm").PatientName == name
    assert verify(tmp_path / "seg.dcm") == []


def test_the_source_headers_are_not_changed(tmp_path, synthetic):
    case = synthetic.case()
    spoil(case)
    before = [one.to_json() for one in case.series.instances]
    write(tmp_path / "seg.dcm", case, synthetic)
    assert [one.to_json() for one in case.series.instances] == before


def test_a_time_with_a_zone_is_stored_as_local_time(tmp_path, synthetic):
    case = synthetic.case()
    seg = write_seg(
        tmp_path / "seg.dcm", case.series, case.segmentation, case.findings, case.labels, model=synthetic.model,
        when=synthetic.when.astimezone(UTC),
    )  # fmt: skip
    assert (seg.ContentDate, seg.ContentTime) == ("20261123", "140509")


def test_long_and_foreign_label_names_fit_the_standard(tmp_path, synthetic, verify):
    case = synthetic.case()
    named = replace(synthetic.tumour, name="Tumör\\mit\nsehr " + "langem " * 12)
    del case.series.instances[0].SpecificCharacterSet
    for one in case.series.instances:
        one.PatientName = "Doe^Jane"
    write_seg(
        tmp_path / "seg.dcm", case.series, case.segmentation, case.findings, (named, synthetic.oedema),
        model=synthetic.model, when=synthetic.when,
    )  # fmt: skip
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert seg.SpecificCharacterSet == "ISO_IR 192"
    assert seg.SegmentSequence[0].SegmentLabel.startswith("Tumör mit sehr langem")
    assert len(seg.SegmentSequence[0].SegmentLabel) <= 64
    assert verify(tmp_path / "seg.dcm") == []
