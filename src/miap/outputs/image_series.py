"""A volume as a new classic DICOM series: CT, MR or PET, one file a slice (PS3.3 A.3, A.4, A.21)."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)
from pydicom.valuerep import DSfloat, validate_value

from miap import __version__
from miap.errors import InputError
from miap.imaging.image_plane import decimals, plane_attributes
from miap.imaging.modality import Modality
from miap.imaging.series import Series
from miap.imaging.volume import Array, Volume
from miap.outputs.equipment import MANUFACTURER, PRODUCT, character_set, long_string, stamp
from miap.outputs.source import headers
from miap.outputs.uid import derived_uid

SERIES_NUMBER = 9100
"""Of the first series made so; others follow."""

_OF_THE_STUDY = (
    "SpecificCharacterSet", "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription",
    "AccessionNumber", "ReferringPhysicianName", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate",
    "PatientSex", "PatientAge", "BodyPartExamined", "Laterality", "PatientPosition",
    "FrameOfReferenceUID", "PositionReferenceIndicator",
)  # fmt: skip
"""Patient, study and space, which the new series shares with the one it belongs to."""
_OF_THE_PET = (
    "PatientSize", "PatientWeight", "SeriesType", "CountsSource", "CorrectedImage", "DecayCorrection",
    "CollimatorType", "RandomsCorrectionMethod",
    "AttenuationCorrectionMethod", "ScatterCorrectionMethod", "ReconstructionMethod", "FrameReferenceTime",
    "ActualFrameDuration", "DecayFactor", "RadiopharmaceuticalInformationSequence", "PatientOrientationCodeSequence",
    "PatientGantryRelationshipCodeSequence", "AcquisitionDate", "AcquisitionTime",
)  # fmt: skip
_FROM_SIDECAR = (
    "MagneticFieldStrength", "MRAcquisitionType", "ScanningSequence", "SequenceVariant", "ScanOptions", "FlipAngle",
    "EchoTrainLength", "SequenceName", "ProtocolName", "ContrastBolusAgent", "KVP", "XRayTubeCurrent",
    "ConvolutionKernel",
)  # fmt: skip
_ENUMERATED = {
    "MRAcquisitionType": ("2D", "3D"),
    "ScanningSequence": ("SE", "IR", "GR", "EP", "RM"),
    "SequenceVariant": ("SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE"),
}
_EMPTY = {
    "": ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
         "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator", "PatientPosition"),
    "MR": ("ScanOptions", "RepetitionTime", "EchoTime", "EchoTrainLength", "MRAcquisitionType"),
    "CT": ("KVP", "AcquisitionNumber"),
    "PT": ("ActualFrameDuration", "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence",
           "CollimatorType", "CorrectedImage", "RadiopharmaceuticalInformationSequence"),
}  # fmt: skip
"""Attributes that must be there but may be empty (type 2), by DICOM Modality; "" is all."""
_IMAGE_TYPE = {
    "CT": ["DERIVED", "SECONDARY", "AXIAL"], "MR": ["DERIVED", "SECONDARY", "OTHER"], "PT": ["DERIVED", "PRIMARY"],
}  # fmt: skip
_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}


def write_image_series(
    folder: Path,
    volume: Volume,
    *,
    role: Modality,
    like: Series | None,
    description: str,
    when: datetime,
    number: int = SERIES_NUMBER,
    sidecar: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write one series; the same arguments give the same bytes.

    Array axes x, y and z become columns, rows and slices. CT is rounded to whole HU. MR that is not whole is scaled to
    16 bits with one rescale slope; PET has a slope a slice. Every image says that it is derived and from what.

    Args:
        folder: Made where missing; files are named ``0001.dcm`` and so on.
        volume: Shape (1, x, y, z).
        role: What it is; T1, T1C, T2 and FLAIR become MR.
        like: A series of the study that the new one is to belong to; patient, study and frame of reference are its.
            Without, the image stands by itself, in a study of nobody. A PET needs a PET.
        description: Series Description.
        when: Time written into the files.
        number: Series Number.
        sidecar: What is known of the acquisition, under BIDS' names (`miap.outputs.sidecar`).

    Returns:
        The files, in the order of the slices.

    Raises:
        InputError: The slices are sheared in plane, or a PET is to stand without a PET's tracer, dose and times.
    """
    code = {Modality.CT: "CT", Modality.PET: "PT"}.get(role, "MR")
    known = dict(sidecar or {})
    direction = volume.direction
    if abs(direction[:, 0] @ direction[:, 1]) > 1e-4:
        raise InputError(
            "DICOM has rows at right angles to columns; this image's are sheared.", remedy="Resample it first."
        )
    if code == "PT" and (like is None or like.modality_code != "PT"):
        raise InputError(
            "A PET in DICOM needs tracer, dose and times, which NIfTI does not hold.",
            remedy="Give the PET it was made from: --like STUDY.",
        )
    digest = hashlib.sha256(np.ascontiguousarray(volume.array).tobytes() + volume.affine.tobytes()).hexdigest()
    identity = [digest, like.uid if like else "", description, str(number)]
    shared = _shared(code, like, digest)
    _put(shared, "SeriesInstanceUID", derived_uid("image series", *identity))
    _put(shared, "SeriesNumber", number)
    _put(shared, "SeriesDescription", long_string(description))
    for keyword, value in _modality_attributes(code, role, known, like).items():
        _put(shared, keyword, value)
    for keyword in (*_EMPTY[""], *_EMPTY[code]):
        if keyword not in shared and not (code == "PT" and keyword == "PatientPosition"):
            _put(shared, keyword, None)
    stamp(shared, when)
    if text := character_set(shared, description, str(known.get("ProtocolName", ""))):
        _put(shared, "SpecificCharacterSet", text)
    folder.mkdir(parents=True, exist_ok=True)
    scale = _scale(volume.array[0], code)
    files = []
    for index in range(volume.shape[2]):
        dataset = Dataset()
        dataset.update(shared)
        dataset.SOPInstanceUID = derived_uid("image", str(shared.SeriesInstanceUID), str(index))
        dataset.InstanceNumber = index + 1
        for keyword, value in plane_attributes(volume, index).items():
            setattr(dataset, keyword, value)
        if code == "PT":
            dataset.ImageIndex, dataset.NumberOfSlices = index + 1, volume.shape[2]
        _add_pixels(dataset, volume.array[0, :, :, index], code, scale)
        dataset.file_meta = _meta(dataset)
        files.append(folder / f"{index + 1:04d}.dcm")
        dataset.save_as(files[-1], enforce_file_format=True)
    return files


def _shared(code: str, like: Series | None, digest: str) -> Dataset:
    """Patient, study, space and equipment."""
    dataset = Dataset()
    if like is not None:
        source = headers(like)[0]
        dataset.update({source[keyword].tag: source[keyword] for keyword in _OF_THE_STUDY if keyword in source})
        if code == "PT":
            _add_pet(dataset, like.instances[0])
    else:
        _put(dataset, "PatientID", f"UNKNOWN-{digest[:8]}")
        _put(dataset, "StudyInstanceUID", derived_uid("study of", digest))
        _put(dataset, "FrameOfReferenceUID", derived_uid("frame of reference of", digest))
    for keyword, value in {
        "SOPClassUID": _CLASSES[code],
        "Modality": code,
        "Manufacturer": MANUFACTURER,
        "ManufacturerModelName": PRODUCT,
        "SoftwareVersions": f"miap {__version__}",
        "ImageType": _IMAGE_TYPE[code],
        "DerivationDescription": "Converted from NIfTI",
    }.items():
        _put(dataset, keyword, value)
    if not dataset.get("BodyPartExamined"):
        _put(dataset, "Laterality", None)
    return dataset


def _add_pet(dataset: Dataset, source: Dataset) -> None:
    """What a PET says of tracer, corrections and times; numbers are written anew, as DICOM allows them."""
    for keyword in _OF_THE_PET:
        if source.get(keyword) is None:
            continue
        element = source[keyword]
        if element.VR in ("DS", "IS"):
            value = float(element.value)
            _put(dataset, keyword, DSfloat(value, auto_format=True) if element.VR == "DS" else round(value))
        else:
            dataset.add(element)
    if dataset.get("PatientOrientationCodeSequence") and "PatientPosition" in dataset:
        del dataset["PatientPosition"]
    _put(dataset, "FrameReferenceTime", dataset.get("FrameReferenceTime", DSfloat(0)))
    _put(dataset, "DecayCorrection", dataset.get("DecayCorrection", "NONE"))
    if dataset.DecayCorrection != "NONE":
        _put(dataset, "DecayFactor", dataset.get("DecayFactor", DSfloat(1)))
    _put(dataset, "SeriesType", dataset.get("SeriesType", ["STATIC", "IMAGE"]))
    _put(dataset, "CountsSource", dataset.get("CountsSource", "EMISSION"))


def _modality_attributes(code: str, role: Modality, known: Mapping[str, Any], like: Series | None) -> dict[str, Any]:
    """CT Image, MR Image and PET Series, Isotope and Image modules (PS3.3 C.8.2.1, C.8.3.1, C.8.9)."""
    attributes: dict[str, Any] = {
        keyword: value for keyword in _FROM_SIDECAR if (value := _valid(keyword, known.get(keyword)))
    }
    if code == "MR":
        attributes.setdefault("ScanningSequence", "RM")
        attributes.setdefault("SequenceVariant", "NONE")
        inverted = "IR" in np.atleast_1d(attributes["ScanningSequence"])
        if inverted:
            attributes["InversionTime"] = None
        for keyword in ("RepetitionTime", "EchoTime", "InversionTime"):
            seconds = _valid(keyword, known.get(keyword))
            if seconds and (inverted or keyword != "InversionTime"):
                attributes[keyword] = DSfloat(1000 * seconds[0], auto_format=True)
        if role is Modality.T1C:
            attributes.setdefault("ContrastBolusAgent", "not named")
    if code == "PT":
        in_suv = known.get("Units", "SUV") == "SUV"
        header = headers(like)[0] if like else Dataset()
        attributes["Units"] = "GML" if in_suv else str(header.get("Units") or "BQML")
        attributes |= {"SUVType": "BW"} if in_suv else {}
    return attributes


def _valid(keyword: str, value: Any) -> list[Any]:
    """What a JSON says of an attribute, as DICOM allows it; nothing where it does not."""
    kind, found = dictionary_VR(keyword), []
    for one in value if isinstance(value, list) else [value]:
        if kind in ("DS", "IS"):
            fits = isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < 1e9
            found += [DSfloat(float(one), auto_format=True) if kind == "DS" else round(one)] if fits else []
        elif isinstance(one, str) and one in _ENUMERATED.get(keyword, (one,)) and "\\" not in one and one:
            with suppress(ValueError):
                validate_value(kind, one, config.RAISE)
                found.append(one)
    return found if len(found) == 1 or dictionary_VM(keyword) != "1" else []


def _scale(array: Array, code: str) -> tuple[float, float] | None:
    """Rescale slope and intercept of the whole series; ``None`` where each slice has its own (PET)."""
    if code == "PT":
        return None
    low, high = float(array.min()), float(array.max())
    if code == "CT":
        if high - low <= 65535:
            return 1.0, min(-1024.0, float(np.floor(low))) if high <= 65535 - 1024 else float(np.floor(low))
        return _slope(low, high), low
    whole = bool((np.rint(array) == array).all())
    if whole and low >= 0 and high <= 65535:
        return 1.0, 0.0
    return (1.0, low) if whole and high - low <= 65535 else (_slope(low, high), low)


def _slope(low: float, high: float) -> float:
    return float(DSfloat(max(high - low, 1e-9) / 65535, auto_format=True)) or 1.0


def _add_pixels(dataset: Dataset, plane: Array, code: str, scale: tuple[float, float] | None) -> None:
    """Image Pixel and rescale attributes (PS3.3 C.7.6.3, C.11.1); a plain MR has no rescale."""
    slope, intercept = scale or (_slope(0.0, max(float(plane.max()), 0.0)), 0.0)
    stored = np.clip(np.rint((plane.astype(np.float64) - intercept) / slope), 0, 65535).astype("<u2")
    if code != "MR" or (slope, intercept) != (1.0, 0.0):
        dataset.RescaleIntercept, dataset.RescaleSlope = decimals([intercept, slope])
        if code != "PT":
            dataset.RescaleType = "HU" if code == "CT" else "US"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Columns, dataset.Rows = plane.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = np.ascontiguousarray(stored.T).tobytes()


def _meta(dataset: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(derived_uid("implementation"))
    return meta


def _put(dataset: Dataset, keyword: str, value: Any) -> None:
    """Set an attribute by a new element: the old one may belong to a series."""
    if keyword in dataset:
        del dataset[keyword]
    setattr(dataset, keyword, value)
