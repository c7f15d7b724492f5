"""Codes as highdicom wants them."""

import highdicom as hd
from pydicom.sr.coding import Code as DicomCode

from miap.findings.lesion import Code
from miap.outputs.equipment import long_string


def coded(code: Code) -> hd.sr.CodedConcept:
    """A label's code as a coded concept."""
    return concept(dicom_code(code))


def concept(code: DicomCode) -> hd.sr.CodedConcept:
    """A DICOM code as a coded concept; its meaning is cut to what DICOM allows."""
    return hd.sr.CodedConcept(code.value, code.scheme_designator, long_string(code.meaning))


def dicom_code(code: Code) -> DicomCode:
    """A label's code in pydicom's type."""
    return DicomCode(code.value, code.scheme, code.meaning)
