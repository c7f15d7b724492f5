"""What the CT, MR and PET information object definitions ask for beside geometry and voxels (PS3.3 A.3, A.4, A.21)."""

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)
from pydicom.valuerep import DSfloat

from miap.imaging.modality import Modality
from miap.imaging.phantom.study import Study

Attributes = dict[str, Any]
"""DICOM keyword to value."""

_MR_TIMING: dict[Modality, Attributes] = {
    Modality.T1: {"ScanningSequence": "SE", "RepetitionTime": "600", "EchoTime": "10"},
    Modality.T1C: {"ScanningSequence": "SE", "RepetitionTime": "600", "EchoTime": "10"},
    Modality.T2: {"ScanningSequence": "SE", "RepetitionTime": "4500", "EchoTime": "95"},
    Modality.FLAIR: {
        "ScanningSequence": ["SE", "IR"],
        "RepetitionTime": "9000",
        "EchoTime": "120",
        "InversionTime": "2500",
    },
}


def sop_class(modality: Modality) -> UID:
    """SOP Class UID of the classic instances of an image role."""
    classes = {Modality.CT: CTImageStorage, Modality.PET: PositronEmissionTomographyImageStorage}
    return classes.get(modality, MRImageStorage)


def patient_attributes(study: Study) -> Attributes:
    """Patient and Patient Study modules."""
    return {
        "PatientName": study.patient_name,
        "PatientID": study.patient_id,
        "PatientBirthDate": "",
        "PatientSex": "O",
        "QualityControlSubject": "YES",
        "PatientAge": "050Y",
        "PatientSize": _decimal(study.size_m),
        "PatientWeight": _decimal(study.weight_kg),
    }


def study_attributes(study: Study) -> Attributes:
    """General Study, General Series and Frame of Reference modules, but for what tells series apart."""
    date, time = study.start.strftime("%Y%m%d"), study.start.strftime("%H%M%S")
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyInstanceUID": study.uid,
        "StudyID": "1",
        "StudyDate": date,
        "StudyTime": time,
        "StudyDescription": study.description,
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "SeriesDate": date,
        "SeriesTime": time,
        "AcquisitionDate": date,
        "AcquisitionTime": time,
        "ContentDate": date,
        "ContentTime": time,
        "BodyPartExamined": study.body_part,
        "PositionReferenceIndicator": "",
        **({"Laterality": study.laterality} if study.laterality else {}),
    }


def equipment_attributes() -> Attributes:
    """General Equipment module."""
    return {
        "Manufacturer": "MIAP",
        "ManufacturerModelName": "Phantom",
        "InstitutionName": "",
        "DeviceSerialNumber": "1",
        "SoftwareVersions": "1",
    }


def modality_attributes(modality: Modality, study: Study, slices: int, index: int) -> Attributes:
    """Modality modules of slice ``index`` of ``slices``."""
    if modality is Modality.CT:
        return _ct_attributes()
    if modality is Modality.PET:
        return _pet_attributes(study, slices, index)
    return _mr_attributes(modality)


def _ct_attributes() -> Attributes:
    """CT Image module (C.8.2.1)."""
    return {
        "Modality": "CT",
        "PatientPosition": "HFS",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "KVP": "120",
        "ExposureTime": "800",
        "XRayTubeCurrent": "90",
        "ConvolutionKernel": "SOFT",
        "AcquisitionNumber": 1,
    }


def _mr_attributes(modality: Modality) -> Attributes:
    """MR Image module (C.8.3.1) and, after contrast, Contrast/Bolus (C.7.6.4)."""
    attributes: Attributes = {
        "Modality": "MR",
        "PatientPosition": "HFS",
        "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "EchoTrainLength": 1,
        "MagneticFieldStrength": "1.5",
        "FlipAngle": "90",
        "AcquisitionNumber": 1,
        **_MR_TIMING[modality],
    }
    if modality is Modality.T1C:
        attributes["ContrastBolusAgent"] = "Gadolinium, simulated"
    return attributes


def _pet_attributes(study: Study, slices: int, index: int) -> Attributes:
    """PET Series, Isotope, Image and Patient Orientation modules (C.8.9.1, C.8.9.2, C.8.9.4, C.8.4.6)."""
    tracer = Dataset()
    tracer.Radiopharmaceutical = "FDG -- fluorodeoxyglucose"
    tracer.RadiopharmaceuticalStartTime = study.injected.strftime("%H%M%S")
    tracer.RadiopharmaceuticalStartDateTime = study.injected.strftime("%Y%m%d%H%M%S")
    tracer.RadionuclideTotalDose = _decimal(study.dose_bq)
    tracer.RadionuclideHalfLife = _decimal(study.half_life_s)
    tracer.RadionuclidePositronFraction = "0.967"
    tracer.RadiopharmaceuticalRoute = "IV"
    tracer.RadionuclideCodeSequence = [_code("77004003", "SCT", "^18^Fluorine")]
    tracer.RadiopharmaceuticalCodeSequence = [_code("35321007", "SCT", "Fluorodeoxyglucose F^18^")]
    recumbent = _code("102538003", "SCT", "recumbent")
    recumbent.PatientOrientationModifierCodeSequence = [_code("40199007", "SCT", "supine")]
    return {
        "Modality": "PT",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "SeriesType": ["STATIC", "IMAGE"],
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
        "DecayCorrection": "START",
        "RandomsCorrectionMethod": "DLYD",
        "AttenuationCorrectionMethod": "measured, CT",
        "ScatterCorrectionMethod": "simulated",
        "ReconstructionMethod": "simulated",
        "CollimatorType": "NONE",
        "NumberOfSlices": slices,
        "FrameReferenceTime": _decimal(0.0),
        "ActualFrameDuration": 240000,
        "ImageIndex": index + 1,
        "DecayFactor": "1",
        "LossyImageCompression": "00",
        "RadiopharmaceuticalInformationSequence": [tracer],
        "PatientOrientationCodeSequence": [recumbent],
        "PatientGantryRelationshipCodeSequence": [_code("102540008", "SCT", "headfirst")],
    }


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _decimal(value: float) -> DSfloat:
    return DSfloat(value, auto_format=True)
