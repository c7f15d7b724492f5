"""Segments as a DICOM RT Structure Set (PS3.3 A.19) in the source's study: closed planar contours on its slices."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RTStructureSetStorage

from miap.imaging.segment import Segment
from miap.imaging.series import Series
from miap.imaging.trace import trace
from miap.outputs.coding import concept
from miap.outputs.equipment import character_set, equipment, long_string, stamp
from miap.outputs.lesions import Colours
from miap.outputs.palette import rgb
from miap.outputs.segments import binary, placed, segments_digest
from miap.outputs.source import grid, headers, image_reference, reference
from miap.outputs.uid import derived_uid

SERIES_NUMBER = 9004
_STUDY_COMPONENT = UID("1.2.840.10008.3.1.2.3.1")
"""Detached Study Management: what Referenced SOP Class UID of a study has always been (PS3.3 C.8.8.5)."""


def write_rtstruct(
    path: Path,
    series: Series,
    segments: Sequence[Segment],
    *,
    colours: Colours | None = None,
    model: Mapping[str, Any],
    when: datetime,
) -> Dataset:
    """Write segments as structures, each slice's outline along the edges of its pixels.

    So a contour encloses exactly the area of the mask, and whoever fills it by pixel centres gets the mask back. Holes
    are cut in by keyholes. A segment without a voxel is a structure without a contour.

    Args:
        path: The file to write.
        series: The series the segments lie on. A segment on another grid is brought onto it.
        segments: At least one; numbered from 1 in the order given. Of a fractional one, what is 0.5 or more.
        colours: By structure number; a palette by default.
        model: What made it: at least ``name`` and ``version``; ``sha256`` of its files where known.
        when: When it was made, the same when the step is repeated.

    Returns:
        The object as written.

    Raises:
        InputError: There is no segment.
    """
    onto = grid(series)
    parts = [binary(one) for one in placed(segments, onto, path)]
    sources = headers(series)
    first = sources[0]
    identity = [*(str(source.SOPInstanceUID) for source in sources), segments_digest(parts, model)]
    made: Dataset = SOPClass(
        study_instance_uid=first.StudyInstanceUID,
        series_instance_uid=derived_uid("rtstruct series", *identity),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("rtstruct", *identity),
        sop_class_uid=RTStructureSetStorage,
        instance_number=1,
        modality="RTSTRUCT",
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
        series_description=long_string(f"MIAP {model['name']}: structures"),
        specific_character_set=character_set(first, str(model["name"]), *(one.label for one in parts)),
        **equipment(model),
    )
    made.copy_patient_and_study_information(first)
    made.OperatorsName = ""
    made.FrameOfReferenceUID = first.FrameOfReferenceUID
    made.PositionReferenceIndicator = ""
    made.StructureSetLabel = "MIAP"
    made.StructureSetName = long_string(f"{model['name']} {model['version']}")
    made.StructureSetDescription = f"{len(parts)} structure(s) outlined by {model['name']}"
    made.ReferencedFrameOfReferenceSequence = [_referenced(sources)]
    made.StructureSetROISequence = [_structure(n, one, first) for n, one in enumerate(parts, 1)]
    images = [reference(series, k) for k in range(onto.shape[2])]
    made.ROIContourSequence = [_drawn(n, one, images, (colours or {}).get(n, rgb(n))) for n, one in enumerate(parts, 1)]
    made.RTROIObservationsSequence = [_observed(n, one) for n, one in enumerate(parts, 1)]
    made.ApprovalStatus = "UNAPPROVED"
    stamp(made, when)
    made.StructureSetDate, made.StructureSetTime = made.ContentDate, made.ContentTime
    del made.ContentDate, made.ContentTime
    made.save_as(path)
    return made


def _referenced(sources: Sequence[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = sources[0].SeriesInstanceUID
    series.ContourImageSequence = [image_reference(source) for source in sources]
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_COMPONENT
    study.ReferencedSOPInstanceUID = sources[0].StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = sources[0].FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame


def _structure(number: int, segment: Segment, first: Dataset) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = first.FrameOfReferenceUID
    item.ROIName = long_string(segment.label)
    item.ROIVolume = f"{segment.volume_ml:.6g}"
    item.ROIGenerationAlgorithm = "AUTOMATIC" if segment.algorithm else "MANUAL"
    if segment.algorithm:
        item.ROIGenerationDescription = long_string(segment.algorithm)
    return item


def _observed(number: int, segment: Segment) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.ROIObservationLabel = long_string(segment.label, 16)
    if segment.type:
        item.RTROIIdentificationCodeSequence = [concept(segment.type)]
    item.RTROIInterpretedType = ""
    item.ROIInterpreter = ""
    return item


def _drawn(number: int, segment: Segment, images: Sequence[Dataset | None], colour: tuple[int, int, int]) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = number
    item.ROIDisplayColor = list(colour)
    contours: list[Dataset] = []
    x, y, z = (side.start for side in segment.where)
    for plane in range(segment.box.shape[2]):
        for polygon in trace(segment.box.array[0, :, :, plane]):
            index = np.column_stack([polygon, np.full(len(polygon), plane)]) + np.array([x, y, z])
            contour = _contour(segment.grid.to_patient(index))
            contour.ContourNumber = len(contours) + 1
            if (image := images[z + plane]) is not None:
                contour.ContourImageSequence = [image]
            contours.append(contour)
    if contours:
        item.ContourSequence = contours
    return item


def _contour(points: np.ndarray[Any, np.dtype[np.float64]]) -> Dataset:
    """LPS points, shape (n, 3), to a ten-thousandth of a millimetre."""
    item = Dataset()
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(points)
    item.ContourData = [f"{value:.4f}" for value in (np.round(points, 4) + 0.0).ravel()]
    return item
