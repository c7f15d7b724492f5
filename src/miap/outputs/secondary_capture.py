"""Key images as DICOM Secondary Captures (PS3.3 A.8.1) in the source's study."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from PIL import Image

from miap.imaging.series import Series
from miap.outputs.equipment import character_set, equipment, long_string, stamp
from miap.outputs.source import headers, reference
from miap.outputs.uid import derived_uid

SERIES_NUMBER = 9006


def write_secondary_capture(
    path: Path,
    picture: Image.Image,
    series: Series,
    *,
    number: int,
    title: str,
    slices: Sequence[int] = (),
    model: Mapping[str, Any],
    when: datetime,
) -> hd.sc.SCImage:
    """Write one picture; all of one case make one series.

    Args:
        path: The file to write.
        picture: Any mode; it is stored as RGB, uncompressed, so that every archive shows it. It should hold no patient
            identity, and the object says that it does not.
        series: The series the case is about.
        number: Instance Number, from 1.
        title: Image Comments.
        slices: Slices of the series' grid that the picture shows, to refer to.
        model: What made it: at least ``name`` and ``version``; ``sha256`` of its files where known.
        when: When it was made, the same when the step is repeated.

    Returns:
        The object as written.
    """
    sources = headers(series)
    first = sources[0]
    pixels = np.asarray(picture.convert("RGB"))
    names = [*(str(source.SOPInstanceUID) for source in sources), *(str(model.get(k, "")) for k in ("name", "version"))]
    made = hd.sc.SCImage(
        pixel_array=pixels,
        photometric_interpretation=hd.PhotometricInterpretationValues.RGB,
        bits_allocated=8,
        coordinate_system=hd.CoordinateSystemNames.PATIENT,
        patient_orientation=("L", "P"),
        study_instance_uid=first.StudyInstanceUID,
        series_instance_uid=derived_uid("key image series", *names),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("key image", *names, str(number), hashlib.sha256(pixels.tobytes()).hexdigest()),
        instance_number=number,
        patient_id=first.PatientID,
        patient_name=first.PatientName,
        patient_birth_date=first.PatientBirthDate,
        patient_sex=first.PatientSex,
        accession_number=first.AccessionNumber,
        study_id=first.StudyID,
        study_date=first.StudyDate,
        study_time=first.StudyTime,
        referring_physician_name=first.ReferringPhysicianName,
        series_description=long_string(f"MIAP {model['name']}: key images"),
        specific_character_set=character_set(first, str(model["name"]), title),
        **equipment(model),
    )
    made.copy_patient_and_study_information(first)
    made.PatientOrientation, made.Laterality = None, ""  # several views in one picture
    made.ConversionType = "WSD"
    made.BurnedInAnnotation = "NO"
    made.ImageComments = long_string(title, 1024)
    if shown := [image for k in slices if (image := reference(series, k)) is not None]:
        made.SourceImageSequence = shown
    stamp(made, when)
    made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = made.ContentDate, made.ContentTime
    made.save_as(path)
    return made
