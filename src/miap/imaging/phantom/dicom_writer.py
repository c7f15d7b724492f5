"""`write_series`: a Volume as classic CT, MR or PET instances, one file a slice."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from miap.imaging.image_plane import plane_attributes
from miap.imaging.modality import Modality
from miap.imaging.phantom.attributes import (
    equipment_attributes,
    modality_attributes,
    patient_attributes,
    sop_class,
    study_attributes,
)
from miap.imaging.phantom.study import Study, uid
from miap.imaging.volume import Array, Volume

_IMPLEMENTATION_UID = uid("implementation")


def write_series(
    folder: Path,
    volume: Volume,
    *,
    modality: Modality,
    description: str,
    study: Study,
    number: int = 1,
) -> list[Path]:
    """Write one series and return its files, in the order of the array's slices.

    Array axes x, y and z become columns, rows and slices, so that the volume's orientation is the series'. The same
    arguments give the same bytes.

    Args:
        folder: Made where missing; files are named ``0001.dcm`` and so on.
        volume: Shape (1, x, y, z). CT in HU and MR in arbitrary units are rounded to whole numbers; PET is in SUV and
            is stored as Bq/ml with one rescale slope a slice.
        modality: Role of the images; T1, T1C, T2 and FLAIR become MR.
        description: Series Description.
        study: Patient and visit.
        number: Series Number, which also tells series of one study apart.

    Raises:
        ValueError: If the volume has several channels, its slices are sheared in plane, or its voxels don't fit the
            16 bits a voxel has.
    """
    if volume.array.shape[0] != 1:
        raise ValueError(f"a series holds one channel, not {volume.array.shape[0]}")
    direction = volume.direction
    if abs(direction[:, 0] @ direction[:, 1]) > 1e-4:
        raise ValueError("DICOM images have rows at right angles to columns; this volume's are sheared")
    folder.mkdir(parents=True, exist_ok=True)
    series_uid = uid(study.uid, str(number), description)
    files = []
    for index in range(volume.shape[2]):
        stored, slope, intercept = _stored(volume.array[0, :, :, index], modality, study)
        instance_uid = uid(series_uid, str(index))
        dataset = _instance(instance_uid, modality)
        for attributes in (
            patient_attributes(study),
            study_attributes(study),
            equipment_attributes(),
            modality_attributes(modality, study, volume.shape[2], index),
            _pixels(stored, slope, intercept, modality),
            plane_attributes(volume, index),
        ):
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value)
        dataset.SeriesInstanceUID = series_uid
        dataset.SeriesNumber = number
        dataset.SeriesDescription = description
        dataset.InstanceNumber = index + 1
        dataset.FrameOfReferenceUID = study.frame_of_reference_uid
        files.append(folder / f"{index + 1:04d}.dcm")
        dataset.save_as(files[-1], enforce_file_format=True)
    return files


def _instance(instance_uid: UID, modality: Modality) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class(modality)
    meta.MediaStorageSOPInstanceUID = instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION_UID
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = sop_class(modality)
    dataset.SOPInstanceUID = instance_uid
    return dataset


def _stored(array: Array, modality: Modality, study: Study) -> tuple[Array, float, float]:
    """Stored values of a slice, shape (x, y), 16 bits, with the rescale slope and intercept that undo them."""
    slope, intercept = 1.0, 0.0
    if modality is Modality.CT:
        intercept = -1024.0
    elif modality is Modality.PET:
        array = array * study.bq_per_ml
        slope = float(DSfloat(max(float(array.max()), 1.0) / 32767, auto_format=True))
    stored = np.rint((array - intercept) / slope)
    if not np.isfinite(stored).all() or stored.min() < 0 or stored.max() > 65535:
        raise ValueError(f"{modality.words} voxels between {array.min()} and {array.max()} don't fit 16 bits")
    return stored.astype("<u2"), slope, intercept


def _pixels(stored: Array, slope: float, intercept: float, modality: Modality) -> dict[str, Any]:
    """Image Pixel and, but for MR, rescale attributes (PS3.3 C.7.6.3, C.8.2.1, C.8.9.4)."""
    attributes: dict[str, Any] = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Columns": stored.shape[0],
        "Rows": stored.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
    }
    if modality in (Modality.CT, Modality.PET):
        attributes["RescaleIntercept"] = DSfloat(intercept, auto_format=True)
        attributes["RescaleSlope"] = DSfloat(slope, auto_format=True)
    if modality is Modality.CT:
        attributes["RescaleType"] = "HU"
    attributes["PixelData"] = np.ascontiguousarray(stored.T).tobytes()
    return attributes
