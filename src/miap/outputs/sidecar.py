"""The JSON beside a NIfTI image: how it was acquired, under the names and in the units of BIDS.

BIDS 1.9, "Magnetic Resonance Imaging" and "Positron Emission Tomography": times in seconds, activity in MBq.
"""

import math
from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from miap import __version__
from miap.imaging.coding import first_item
from miap.imaging.header import READ_ERRORS, number
from miap.imaging.role import Recognition
from miap.imaging.series import Series
from miap.outputs.manifest import Striker, identity_words

_PLAIN = {
    "Modality": "Modality",
    "Manufacturer": "Manufacturer",
    "ManufacturersModelName": "ManufacturerModelName",
    "SoftwareVersions": "SoftwareVersions",
    "BodyPartExamined": "BodyPartExamined",
    "PatientPosition": "PatientPosition",
    "SeriesNumber": "SeriesNumber",
    "SeriesDescription": "SeriesDescription",
    "ProtocolName": "ProtocolName",
    "ImageType": "ImageType",
    "MagneticFieldStrength": "MagneticFieldStrength",
    "MRAcquisitionType": "MRAcquisitionType",
    "ScanningSequence": "ScanningSequence",
    "SequenceVariant": "SequenceVariant",
    "ScanOptions": "ScanOptions",
    "SequenceName": "SequenceName",
    "PulseSequenceName": "PulseSequenceName",
    "FlipAngle": "FlipAngle",
    "EchoTrainLength": "EchoTrainLength",
    "PixelBandwidth": "PixelBandwidth",
    "SliceThickness": "SliceThickness",
    "ContrastBolusIngredient": "ContrastBolusIngredient",
    "ContrastBolusAgent": "ContrastBolusAgent",
    "KVP": "KVP",
    "XRayTubeCurrent": "XRayTubeCurrent",
    "ConvolutionKernel": "ConvolutionKernel",
    "DecayCorrection": "DecayCorrection",
    "AttenuationCorrection": "AttenuationCorrectionMethod",
    "ReconMethodName": "ReconstructionMethod",
    "CorrectedImage": "CorrectedImage",
}
_SECONDS = {"RepetitionTime": "RepetitionTime", "EchoTime": "EchoTime", "InversionTime": "InversionTime"}
_IDENTITY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "PatientWeight", "PatientSize",
    "AccessionNumber", "InstitutionName", "StudyDate", "StudyDescription", "StudyInstanceUID", "SeriesInstanceUID",
    "AcquisitionDate", "AcquisitionTime",
)  # fmt: skip


def sidecar(series: Series, recognition: Recognition, *, unit: str = "", identity: bool = False) -> dict[str, Any]:
    """What the headers say of the acquisition, as JSON values.

    Args:
        series: The series; its first slice speaks.
        recognition: What it is; ``Role`` and ``RoleConfidence`` say so.
        unit: Of the voxels as written: ``HU``, ``SUV``, ``BQML``; empty where arbitrary.
        identity: Whether patient, dates and UIDs are told too. Without, the patient's name and identifiers are also
            struck from descriptions.
    """
    header = series.instances[0]
    told: dict[str, Any] = {}
    for key, keyword in _PLAIN.items():
        if (value := _value(header, keyword)) is not None:
            told[key] = value
    for key, keyword in _SECONDS.items():
        if (milliseconds := _number(header, keyword)) is not None:
            told[key] = milliseconds / 1000
    told |= _tracer(header)
    if unit:
        told["Units"] = unit
    if recognition.role:
        told |= {"Role": recognition.role.value, "RoleConfidence": round(recognition.confidence, 2)}
    told |= {"ConversionSoftware": "MIAP", "ConversionSoftwareVersion": __version__}
    if identity:
        return told | {key: value for key in _IDENTITY if (value := _value(header, key)) is not None}
    strike = struck(header)
    return {key: _cleaned(value, strike) for key, value in told.items()}


def struck(header: Dataset) -> Striker:
    """What strikes the patient's name and identifiers from a text."""
    names = (str(header.get(keyword) or "") for keyword in ("PatientName", "PatientID", "OtherPatientIDs"))
    return Striker(identity_words(*names))


def _tracer(header: Dataset) -> dict[str, Any]:
    item = first_item(header, "RadiopharmaceuticalInformationSequence")
    told: dict[str, Any] = {}
    name = item.get("Radiopharmaceutical") or first_item(item, "RadiopharmaceuticalCodeSequence").get("CodeMeaning")
    if name:
        told["TracerName"] = str(name)
    if nuclide := first_item(item, "RadionuclideCodeSequence").get("CodeMeaning"):
        told["TracerRadionuclide"] = str(nuclide)
    if (dose := _number(item, "RadionuclideTotalDose")) is not None:
        told |= {"InjectedRadioactivity": dose / 1e6, "InjectedRadioactivityUnits": "MBq"}
    if (half_life := _number(item, "RadionuclideHalfLife")) is not None:
        told["RadionuclideHalfLife"] = half_life
    return told


def _number(dataset: Dataset, keyword: str) -> float | None:
    try:
        return number(dataset, keyword)
    except READ_ERRORS:
        return None


def _value(header: Dataset, keyword: str) -> Any:
    """An attribute as a JSON value; ``None`` where it is absent or empty."""
    value = header.get(keyword)
    if value is None or value == "":
        return None
    if isinstance(value, MultiValue | list | tuple):
        return [_plain(one) for one in value]
    return _plain(value)


def _plain(value: object) -> str | int | float:
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) and math.isfinite(value) else str(value)


def _cleaned(value: Any, strike: Striker) -> Any:
    if isinstance(value, str):
        return strike(value)
    if isinstance(value, list):
        return [_cleaned(one, strike) for one in value]
    return {key: _cleaned(one, strike) for key, one in value.items()} if isinstance(value, Mapping) else value
