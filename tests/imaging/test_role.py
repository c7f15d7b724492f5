"""Roles by the words and times that scanners and people write."""

from pathlib import Path
from typing import Any

import pytest

from miap.imaging.modality import Modality
from miap.imaging.role import is_mask_name, role_from_name, role_of, says_uncorrected
from tests.dicom_factory import header

DESCRIPTIONS = {
    Modality.T1: [
        "t1_se_tra", "AX T1", "AXT1", "Sag T1 FLAIR", "T1W_3D_TFE", "t1_mprage_sag_p2_iso", "MPRAGE", "AX T1 PRE GD",
        "T1 non contrast", "T1 w/o contrast", "T1 nativ", "3D SPGR", "BRAVO", "SAG T1 posterior fossa", "COR T1 SE",
        "t1 unenhanced", "IBSI_1_STS_001_MR_T1_image", "VIBE dixon", "T1 pre-contrast",
    ],
    Modality.T1C: [
        "T1 AX POST", "AX T1 +C", "T1+C", "t1_se_tra_KM", "AX T1 C+", "T1 post Gd", "t1ce", "T1C", "T1_Gd", "T1-GAD",
        "T1W_3D_TFE postgad", "MPRAGE post contrast", "t1_mprage_sag_gd", "Ax T1 w/c", "AXT1POST", "3D BRAVO +GD",
        "t1 mprage contrast enhanced", "AX T1 WITH C", "t1+",
    ],
    Modality.T2: ["t2_tse_tra", "AX T2 FS", "T2W", "AXIAL SE T2 FAT SAT - RESEARCH", "HASTE_AXIAL", "T2 SPACE sag"],
    Modality.FLAIR: [
        "AX FLAIR", "t2_flair_tra", "T2W FLAIR", "t2_tirm_tra_dark-fluid", "dark fluid", "AX T2 FLAIR POST",
        "CUBE T2 FLAIR",
    ],
    None: [
        "localizer", "3-plane loc", "SURVEY", "ep2d_diff_3scan_trace", "DWI b1000", "ADC", "AX T2*", "T2 star", "SWI",
        "dsc perfusion", "ASL", "TOF MRA", "t1 sub", "MIP t1", "T2 map", "STIR", "BOLD fMRI", "calibration", "DTI",
    ],
}  # fmt: skip


@pytest.mark.req("REQ-F-007")
@pytest.mark.parametrize(
    ("description", "role"), [(text, role) for role, texts in DESCRIPTIONS.items() for text in texts]
)
@pytest.mark.parametrize("keyword", ["SeriesDescription", "ProtocolName"])
def test_words_tell_mr_roles(description: str, role: Modality | None, keyword: str) -> None:
    other = "ProtocolName" if keyword == "SeriesDescription" else "SeriesDescription"
    assert role_of(header("MR", **{keyword: description, other: ""})) is role


TIMES: list[tuple[dict[str, Any], Modality | None]] = [
    ({"RepetitionTime": "500", "EchoTime": "12"}, Modality.T1),
    ({"RepetitionTime": "7", "EchoTime": "3"}, Modality.T1),
    ({"RepetitionTime": "2300", "EchoTime": "3", "InversionTime": "900"}, Modality.T1),
    ({"RepetitionTime": "4500", "EchoTime": "95"}, Modality.T2),
    ({"RepetitionTime": "9000", "EchoTime": "120", "InversionTime": "2500"}, Modality.FLAIR),
    ({"RepetitionTime": "5000", "EchoTime": "390", "InversionTime": "1800"}, Modality.FLAIR),
    ({"RepetitionTime": "500", "EchoTime": "12", "ContrastBolusAgent": "Gadovist"}, Modality.T1C),
    ({"RepetitionTime": "4000", "EchoTime": "70", "InversionTime": "160"}, None),
    ({"RepetitionTime": "9000", "EchoTime": "20", "InversionTime": "2500"}, None),
    ({"RepetitionTime": "3000", "EchoTime": "15"}, None),
    ({"RepetitionTime": "4000", "EchoTime": "90", "ScanningSequence": "EP"}, None),
    ({"RepetitionTime": "25", "EchoTime": "4", "AngioFlag": "Y"}, None),
    ({"RepetitionTime": "500"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("attributes", "role"), TIMES)
def test_times_tell_mr_roles_where_words_are_silent(attributes: dict[str, Any], role: Modality | None) -> None:
    assert role_of(header("MR", SeriesDescription="series 4", **attributes)) is role


@pytest.mark.parametrize(
    ("description", "agent", "role"),
    [
        ("AX T1", "Gadovist", Modality.T1C),
        ("AX T1", "NONE", Modality.T1),
        ("AX T1", "", Modality.T1),
        ("AX T1 PRE", "Gadovist", Modality.T1),
        ("AX T2", "Gadovist", Modality.T2),
        ("AX FLAIR", "Gadovist", Modality.FLAIR),
    ],
)
def test_the_agent_makes_a_t1_one_after_contrast(description: str, agent: str, role: Modality) -> None:
    assert role_of(header("MR", SeriesDescription=description, ContrastBolusAgent=agent)) is role


@pytest.mark.parametrize(
    ("modality", "attributes", "role"),
    [
        ("CT", {}, Modality.CT),
        ("CT", {"RescaleType": "HU"}, Modality.CT),
        ("CT", {"RescaleType": "Z_EFF"}, None),
        ("PT", {}, Modality.PET),
        ("MR", {"SeriesDescription": "AX T1", "ImageType": ["DERIVED", "SECONDARY", "SUBTRACTION"]}, None),
        ("CT", {"Modality": "NM"}, None),
        ("CT", {"Modality": None}, None),
    ],
)
def test_modality_and_image_type_come_first(modality: str, attributes: dict[str, Any], role: Modality | None) -> None:
    assert role_of(header(modality, **attributes)) is role


FILES = {
    Modality.T1: [
        "t1.nii", "Pre_Scan_T1.nii.gz", "Post_Scan_T1.nii.gz", "MR_T1_image.nii.gz", "x-t1n.nii.gz", "s_T1w.nii",
    ],
    Modality.T1C: [
        "BraTS2021_00006_t1ce.nii.gz", "t1c.nii", "case-t1gd.nii", "t1_gd.nii", "T1-post.nii", "t1_c.nii.gz",
        "sub-1_ce-gad_T1w.nii.gz",
    ],
    Modality.T2: ["BraTS2021_00006_t2.nii.gz", "a_t2w.nii"],
    Modality.FLAIR: ["flair.nii.gz", "x_t2_flair.nii", "BraTS-GLI-1-t2f.nii.gz"],
    Modality.CT: ["CT_image.nii.gz", "ct.nii"],
    Modality.PET: ["PET_image.nii.gz", "pt.nii", "suv.nii.gz"],
    None: ["image.nii.gz", "act.nii", "t1_t2.nii", "pet_ct.nii", "t10.nii", "patient.nii.gz"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "role"), [(name, role) for role, names in FILES.items() for name in names])
def test_a_token_of_the_file_name_tells_the_role(name: str, role: Modality | None) -> None:
    assert role_from_name(Path("t2_flair_ct") / name) is role, "folders do not count"


def test_pt_may_mean_patient() -> None:
    assert role_from_name(Path("pt_004_t1.nii.gz")) is Modality.T1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("CT_mask.nii.gz", True), ("x_seg.nii", True), ("gtv.nii", True), ("ct.nii", False), ("masked_t1.nii", False)],
)
def test_masks_are_told_by_name(name: str, expected: bool) -> None:
    assert is_mask_name(Path(name)) is expected


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("PET NAC", True), ("WB_NAC_2D", True), ("No AC", True), ("non-attenuation corrected", True),
        ("uncorrected", True), ("PET w/o AC", True), ("PET AC", False), ("CTAC", False), ("PET WB 3D MAC", False),
    ],
)  # fmt: skip
def test_descriptions_say_when_attenuation_is_not_corrected(description: str, expected: bool) -> None:
    assert says_uncorrected(description) is expected
