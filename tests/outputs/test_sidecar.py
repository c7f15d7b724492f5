"""The JSON beside an image tells how it was acquired, and not who the patient is."""

import json
from pathlib import Path

import pytest

from miap.imaging.role import recognise
from miap.imaging.series import read_series
from miap.outputs.sidecar import sidecar
from tests.dicom_factory import write_series

pytestmark = pytest.mark.req("REQ-NF-S-001")
MR = {
    "PatientName": "Doe^Jane", "PatientID": "P-0042", "PatientBirthDate": "19610203",
    "InstitutionName": "St. Elsewhere", "SeriesDescription": "T1 Doe Jane", "ProtocolName": "P-0042 brain",
    "RepetitionTime": "600", "EchoTime": "10", "FlipAngle": "90", "ScanningSequence": ["SE"],
    "MagneticFieldStrength": "3", "AccessionNumber": "A-9",
}  # fmt: skip


def told(folder: Path, modality: str, *, identity: bool = False, unit: str = "", **attributes: object) -> dict:
    write_series(folder, modality, **attributes)
    (series,) = read_series([folder])
    return sidecar(series, recognise(series.instances[0]), unit=unit, identity=identity)


def test_times_are_in_seconds_and_nobody_is_named(tmp_path: Path) -> None:
    said = told(tmp_path, "MR", **MR)
    assert (said["RepetitionTime"], said["EchoTime"], said["FlipAngle"]) == (0.6, 0.01, 90)
    assert said["ScanningSequence"] == "SE"
    assert (said["Role"], said["RoleConfidence"]) == ("t1", pytest.approx(0.82))
    assert said["SeriesDescription"] == "T1 [patient] [patient]"
    text = json.dumps(said)
    for identity in ("Doe", "Jane", "P-0042", "1961", "Elsewhere", "A-9", "2024", "2.25"):
        assert identity not in text, identity


def test_identity_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    said = told(tmp_path, "MR", identity=True, **MR)
    assert (said["PatientName"], said["PatientID"], said["AcquisitionDate"]) == ("Doe^Jane", "P-0042", "20240115")
    assert said["SeriesDescription"] == "T1 Doe Jane"


def test_a_pet_tells_tracer_and_activity_in_the_units_of_bids(tmp_path: Path) -> None:
    said = told(tmp_path, "PT", unit="BQML", RescaleSlope="1", RescaleIntercept="0")
    assert said["InjectedRadioactivity"] == 370
    assert said["InjectedRadioactivityUnits"] == "MBq"
    assert said["RadionuclideHalfLife"] == pytest.approx(6586.2)
    assert (said["Units"], said["DecayCorrection"]) == ("BQML", "START")
    assert "PatientWeight" not in said
