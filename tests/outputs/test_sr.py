"""What a structured report promises: every number, coded, tied to its segment."""

import pydicom
import pytest

from miap.outputs.seg import write_seg
from miap.outputs.sr import write_sr
from tests.readers import children
from tests.readers import measurement_groups as groups
from tests.readers import measurements as numbers

pytestmark = [pytest.mark.req("REQ-I-002"), pytest.mark.req("REQ-F-002")]


def write(folder, case, synthetic, series=None):
    seg = write_seg(
        folder / "seg.dcm", case.series, case.segmentation, case.findings, case.labels,
        model=synthetic.model, when=synthetic.when,
    )  # fmt: skip
    write_sr(
        folder / "sr.dcm", series or [case.series], seg, case.findings, case.labels,
        model=synthetic.model, when=synthetic.when,
    )  # fmt: skip
    return seg, pydicom.dcmread(folder / "sr.dcm")


@pytest.mark.parametrize("empty", [False, True])
def test_dciodvfy_has_no_error(tmp_path, synthetic, petct, verify, empty):
    write(tmp_path, synthetic.without_lesions(petct) if empty else petct, synthetic)
    assert verify(tmp_path / "sr.dcm") == []


def test_a_lesion_group_holds_every_measurement_with_its_unit(tmp_path, synthetic, petct):
    _, report = write(tmp_path, petct, synthetic)
    lesion = petct.findings.lesions[0]
    assert numbers(groups(report)[0]) == {
        ("Volume", ""): (pytest.approx(lesion.volume_ml, abs=1e-4), "mL"),
        ("Long axis", ""): (pytest.approx(lesion.longest.length_mm, abs=1e-4), "mm"),
        ("Short axis", ""): (pytest.approx(lesion.perpendicular.length_mm, abs=1e-4), "mm"),
        ("SUVbw", "Maximum"): (9.1, "g/ml{SUVbw}"),
        ("SUVbw", "Mean"): (8.8, "g/ml{SUVbw}"),
        ("SUVbw", "Peak Value Within ROI"): (8.9, "g/ml{SUVbw}"),
        ("Metabolic Volume", ""): (7.4, "mL"),
        ("Total Lesion Glycolysis", ""): (65.1, "g"),
        ("Certainty of Finding", ""): (91.3, "%"),
    }


def test_without_pet_there_is_no_uptake(tmp_path, synthetic):
    _, report = write(tmp_path, synthetic.case(), synthetic)
    assert {name for name, _ in numbers(groups(report)[0])} == {
        "Volume", "Long axis", "Short axis", "Certainty of Finding"
    }  # fmt: skip


def test_a_lesion_group_is_tied_to_its_segment_finding_and_algorithm(tmp_path, synthetic, petct):
    seg, report = write(tmp_path, petct, synthetic)
    for number, group in enumerate(groups(report)[:2], 1):
        reference = children(group, "Referenced Segment")[0].ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == seg.SOPInstanceUID
        assert reference.ReferencedSegmentNumber == number
        segment = seg.SegmentSequence[number - 1]
        assert children(group, "Tracking Unique Identifier")[0].UID == segment.TrackingUID
        assert children(group, "Tracking Identifier")[0].TextValue == segment.TrackingID
        finding = children(group, "Finding")[0].ConceptCodeSequence[0]
        assert finding.CodeValue == petct.labels[number - 1].type.value
        assert children(group, "Algorithm Name")[0].TextValue == "sarcoma-petct"
        assert children(group, "Algorithm Version")[0].TextValue == "1.2.0"
    assert children(groups(report)[0], "Finding Site")[0].ConceptCodeSequence[0].CodeMeaning == "Thigh"
    assert children(groups(report)[1], "Finding Site") == []


def test_each_label_has_the_number_and_volume_of_its_lesions(tmp_path, synthetic, petct):
    _, report = write(tmp_path, petct, synthetic)
    totals = groups(report)[2:]
    for total, lesion in zip(totals, petct.findings.lesions, strict=True):
        assert numbers(total) == {
            ("Number of lesions", ""): (1, "1"),
            ("Volume", ""): (pytest.approx(lesion.volume_ml, abs=1e-4), "mL"),
        }


def test_a_study_without_lesions_says_zero_and_not_nothing(tmp_path, synthetic, petct):
    _, report = write(tmp_path, synthetic.without_lesions(petct), synthetic)
    assert [numbers(group)["Number of lesions", ""] for group in groups(report)] == [(0, "1"), (0, "1")]


def test_all_series_and_the_segmentation_are_evidence(tmp_path, synthetic, petct):
    pet = synthetic.slices(petct.segmentation.affine, modality="PT")
    seg, report = write(tmp_path, petct, synthetic, series=[petct.series, pet])
    listed = {
        reference.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for reference in series.ReferencedSOPSequence
    }
    expected = {one.SOPInstanceUID for series in (petct.series, pet) for one in series.instances}
    assert listed == expected | {seg.SOPInstanceUID}
    procedures = [one.ConceptCodeSequence[0].CodeMeaning for one in children(report, "Procedure reported")]
    assert procedures == ["CT unspecified body region", "PET unspecified body region"]


def test_a_repeated_step_gives_the_same_bytes(tmp_path, synthetic, petct):
    written = []
    for _ in range(2):
        write(tmp_path, petct, synthetic)
        written.append((tmp_path / "sr.dcm").read_bytes())
    assert written[0] == written[1]


def test_it_is_complete_but_unverified_and_in_the_source_study(tmp_path, synthetic, petct):
    _, report = write(tmp_path, petct, synthetic)
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert report.StudyInstanceUID == petct.series.instances[0].StudyInstanceUID
    assert report.PatientName == petct.series.instances[0].PatientName
    assert children(report, "Observer Type")[0].ConceptCodeSequence[0].CodeMeaning == "Device"
