"""What headers of many makers and languages are recognised as, how surely, and why."""

from pathlib import Path
from typing import Any

import pytest

from miap.imaging.modality import Modality
from miap.imaging.role import DOUBTFUL_BELOW, Recognition, looked_for, recognise
from miap.imaging.series import read_series
from tests.dicom_factory import header
from tests.imaging.headers import DARK, IMAGES, LANGUAGES, MAKERS, SPIN_T1, TURBO_T2, WITHOUT_ROLE, image, mr

pytestmark = pytest.mark.req("REQ-F-007")

DESCRIPTIONS = {
    Modality.T1: [
        "t1_se_tra", "AX T1", "AXT1", "Sag T1 FLAIR", "T1W_3D_TFE", "t1_mprage_sag_p2_iso", "MPRAGE", "AX T1 PRE GD",
        "T1 non contrast", "T1 w/o contrast", "T1 nativ", "3D SPGR", "BRAVO", "SAG T1 posterior fossa", "COR T1 SE",
        "t1 unenhanced", "IBSI_1_STS_001_MR_T1_image", "VIBE dixon", "T1 pre-contrast", "T1-weighted",
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


def of(attributes: dict[str, Any]) -> Recognition:
    """What a header of these attributes is taken for."""
    kind = attributes["Modality"] if attributes["Modality"] in ("CT", "PT") else "MR"
    bare = {"CorrectedImage": None, "DecayCorrection": None, "Units": None} if kind == "PT" else {}
    return recognise(header(kind, **{**bare, **attributes}))


@pytest.mark.parametrize(
    ("description", "role"), [(text, role) for role, texts in DESCRIPTIONS.items() for text in texts]
)
@pytest.mark.parametrize("keyword", ["SeriesDescription", "ProtocolName"])
def test_words_alone_tell_mr_roles(description: str, role: Modality | None, keyword: str) -> None:
    other = "ProtocolName" if keyword == "SeriesDescription" else "SeriesDescription"
    assert recognise(header("MR", **{keyword: description, other: ""})).role is role


@pytest.mark.parametrize(
    ("attributes", "role"),
    [(attributes, role) for _, attributes, role in MAKERS + LANGUAGES + IMAGES],
    ids=[f"{kind}: {attributes['SeriesDescription']}" for kind, attributes, _ in MAKERS + LANGUAGES + IMAGES],
)
def test_headers_of_many_makers_and_languages_tell_the_role_surely(attributes: dict[str, Any], role: Modality) -> None:
    found = of(attributes)
    assert found.role is role, found
    assert not found.doubtful, found
    assert found.kind == role.words
    assert found.reasons


@pytest.mark.parametrize(
    ("kind", "attributes"),
    WITHOUT_ROLE,
    ids=[f"{kind}: {attributes['SeriesDescription']}" for kind, attributes in WITHOUT_ROLE],
)
def test_what_is_no_plain_image_has_no_role_and_says_what_it_is(kind: str, attributes: dict[str, Any]) -> None:
    found = of(attributes)
    assert found.role is None, found
    assert kind.lower() in found.kind.lower(), found
    assert found.reasons


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
    assert recognise(header("MR", SeriesDescription="series 4", **attributes)).role is role


AGENTS = [
    (mr("AX T1", **SPIN_T1, ContrastBolusAgent="Gadovist"), Modality.T1C, "contrast agent given: Gadovist"),
    (mr("AX T1", **SPIN_T1, ContrastBolusAgent="NONE"), Modality.T1, 'the contrast agent is given as "NONE"'),
    (mr("AX T1", **SPIN_T1, ContrastBolusAgent="ohne KM"), Modality.T1, "is given as"),
    (mr("AX T1", **SPIN_T1, ContrastBolusAgent="无"), Modality.T1, "is given as"),
    (mr("AX T1", **SPIN_T1, ContrastBolusAgent=""), Modality.T1, "nothing speaks of a contrast agent"),
    (mr("AX T1 PRE", **SPIN_T1, ContrastBolusAgent="Gadovist"), Modality.T1, "but contrast agent given"),
    (mr("AX T1 POST", **SPIN_T1, ContrastBolusAgent="NONE"), Modality.T1C, "but the contrast agent is given as"),
    (
        mr("AX T1", **SPIN_T1, ContrastBolusAgent="Gd", ContrastBolusStartTime="101500", AcquisitionTime="100000"),
        Modality.T1,
        "taken before Gd was given",
    ),
    (
        mr("AX T1", **SPIN_T1, ContrastBolusAgent="Gd", ContrastBolusStartTime="095500", AcquisitionTime="100000"),
        Modality.T1C,
        "contrast agent given: Gd",
    ),
    (mr("AX T2", **TURBO_T2, ContrastBolusAgent="Gadovist"), Modality.T2, "those of T2"),
    (mr("AX FLAIR", **DARK, ContrastBolusAgent="Gadovist"), Modality.FLAIR, "inversion time 2500 ms"),
]


@pytest.mark.parametrize(("attributes", "role", "reason"), AGENTS)
def test_the_agent_makes_a_t1_one_after_contrast_unless_words_or_clock_deny_it(
    attributes: dict[str, Any], role: Modality, reason: str
) -> None:
    found = of(attributes)
    assert found.role is role
    assert reason in found.because


def test_reasons_are_words_a_radiographer_knows() -> None:
    found = of(mr("AX T2 FLAIR", **DARK))
    assert found.reasons == (
        'the description says "t2" and "flair"',
        "repetition time 9000 ms, echo time 89 ms and inversion time 2500 ms are those of FLAIR",
    )


DOUBTFUL = [
    (mr("AX T1", **TURBO_T2), Modality.T1, "are those of T2"),
    (mr("AX T2", **SPIN_T1), Modality.T2, "are those of T1"),
    (mr("AX FLAIR", **SPIN_T1), Modality.FLAIR, "are those of T1"),
    (mr("AX T2", 4000, 90, 0, ["EP", "SE"]), Modality.T2, "echo-planar"),
    (mr("PD T2"), Modality.T2, "two weightings"),
    (image("PT", "PET NAC", CorrectedImage=("DECY", "ATTN")), Modality.PET, "attenuation is among its corrections"),
]


@pytest.mark.parametrize(("attributes", "role", "reason"), DOUBTFUL)
def test_a_conflict_makes_the_role_doubtful_and_is_said(
    attributes: dict[str, Any], role: Modality, reason: str
) -> None:
    found = of(attributes)
    assert found.role is role
    assert found.doubtful
    assert 0 < found.confidence < DOUBTFUL_BELOW
    assert "but" in found.because or "two weightings" in found.because
    assert reason in found.because


def test_the_more_speaks_for_a_role_the_surer_it_is() -> None:
    agreed, words, protocol, times, conflict = (
        of(attributes).confidence
        for attributes in (
            mr("AX T2", **TURBO_T2), mr("AX T2"), mr("", ProtocolName="AX T2"), mr("series 4", **TURBO_T2),
            mr("AX T2", **SPIN_T1),
        )
    )  # fmt: skip
    assert 1 > agreed > words > protocol > times > DOUBTFUL_BELOW > conflict > 0


def test_every_role_can_be_looked_for() -> None:
    assert all(looked_for(role) for role in Modality)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("place", "role"),
    [
        ("sts_dicom/STS_001/CT", Modality.CT),
        ("sts_dicom/STS_001/PET", Modality.PET),
        ("sts_dicom/STS_001/MR_T1", Modality.T1),
        ("sts_dicom/STS_007/MR_T1", Modality.T1),
        ("sts_raw_STS_001/FDG_PET/image", Modality.PET),
        ("sts_raw_STS_001/MR_T2/image", Modality.T2),
        ("dicom_cases/pseudo_phi_mr", Modality.T2),
        ("dicom_cases/dcmqi/segmentations/ct-3slice", Modality.CT),
        ("dicom_cases/rt_utils/oriented_data", Modality.CT),
    ],
)
def test_real_series_are_what_they_are(place: str, role: Modality, shared_data: Path) -> None:
    for series in read_series([shared_data / place]):
        found = recognise(series.instances[0])
        assert found.role is role, found
        assert not found.doubtful, found
