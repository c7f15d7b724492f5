"""The PDF report inside the source study: DICOM Encapsulated PDF (PS3.3 A.45.1)."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from miap.errors import InputError
from miap.findings.lesion import Findings
from miap.imaging.series import Series
from miap.outputs.equipment import character_set, equipment, long_string, stamp
from miap.outputs.source import headers, image_reference
from miap.outputs.uid import derived_uid, findings_digest

SERIES_NUMBER = 9003


def write_encapsulated_pdf(
    path: Path,
    pdf: Path,
    series: Series,
    findings: Findings,
    *,
    model: Mapping[str, Any],
    when: datetime,
) -> Dataset:
    """Wrap a PDF report as a DICOM object of the source's patient and study.

    Args:
        path: The file to write.
        pdf: The report.
        series: The series the findings lie on.
        findings: What the report says; the UIDs are derived from it.
        model: At least ``name`` and ``version``; ``sha256`` of its files where known.
        when: Time of the analysis, the same when the step is repeated.

    Returns:
        The object as written.

    Raises:
        InputError: ``pdf`` is not a PDF.
    """
    document = pdf.read_bytes()
    if not document.startswith(b"%PDF-"):
        raise InputError(f"{pdf} is not a PDF.", remedy="Give the report that `miap analyze` wrote.")
    sources = headers(series)
    identity = [*(str(source.SOPInstanceUID) for source in sources), findings_digest(findings, model)]
    first = sources[0]
    wrapped: Dataset = SOPClass(
        study_instance_uid=first.StudyInstanceUID,
        series_instance_uid=derived_uid("pdf series", *identity),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("pdf", *identity),
        sop_class_uid=EncapsulatedPDFStorage,
        instance_number=1,
        modality="DOC",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        patient_id=first.PatientID,
        patient_name=first.PatientName,
        patient_birth_date=first.PatientBirthDate,
        patient_sex=first.PatientSex,
        study_id=first.StudyID,
        accession_number=first.AccessionNumber,
        study_date=first.StudyDate,
        study_time=first.StudyTime,
        referring_physician_name=first.ReferringPhysicianName,
        series_description=long_string(f"MIAP {model['name']}: report"),
        specific_character_set=character_set(first, str(model["name"])),
        **equipment(model),
    )
    wrapped.copy_patient_and_study_information(first)
    wrapped.ConversionType = "WSD"
    wrapped.AcquisitionDateTime = ""
    wrapped.BurnedInAnnotation = "YES"
    wrapped.SourceInstanceSequence = [image_reference(source) for source in sources]
    wrapped.DocumentTitle = long_string(f"MIAP lesion analysis by {model['name']}")
    wrapped.ConceptNameCodeSequence = [hd.sr.CodedConcept.from_code(codes.DCM.ImagingMeasurementReport)]
    wrapped.MIMETypeOfEncapsulatedDocument = "application/pdf"
    wrapped.EncapsulatedDocumentLength = len(document)
    wrapped.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    stamp(wrapped, when)
    wrapped.save_as(path)
    return wrapped
