"""Small classic DICOM series for tests, with every attribute open to being set or spoiled."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)
from pydicom.valuerep import DSfloat

CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}


def uid(*parts: object) -> UID:
    """The same UID for the same parts."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(map(str, parts))).int}")


def affine(
    spacing: tuple[float, float, float] = (2.0, 1.5, 3.0), origin: tuple[float, float, float] = (-10.0, 20.0, -30.0)
) -> np.ndarray:
    """Voxel to LPS of an axial series: x to the left, y to the back, z to the head."""
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = origin
    return matrix


def voxels(shape: tuple[int, int, int] = (6, 5, 4), seed: int = 0) -> np.ndarray:
    """Stored values, shape (x, y, z), no two slices alike."""
    return np.random.default_rng(seed).integers(0, 2000, shape).astype(np.uint16)


def tracer(**attributes: Any) -> Dataset:
    """An item of Radiopharmaceutical Information Sequence: 370 MBq of fluorine-18 at nine o'clock."""
    item = Dataset()
    item.RadiopharmaceuticalStartTime = "090000"
    item.RadionuclideTotalDose = "370000000"
    item.RadionuclideHalfLife = "6586.2"
    for keyword, value in attributes.items():
        _set(item, keyword, value)
    return item


def header(modality: str = "CT", **attributes: Any) -> Dataset:
    """What all slices of a series share; a keyword set to ``None`` is left out."""
    dataset = Dataset()
    dataset.SOPClassUID = CLASSES[modality]
    dataset.PatientID = "P-1"
    dataset.PatientName = "Test^Case"
    dataset.PatientWeight = "70"
    dataset.Modality = modality
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = "20240115"
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = "100000"
    dataset.StudyInstanceUID = uid("study")
    dataset.FrameOfReferenceUID = uid("frame")
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = modality
    if modality == "PT":
        dataset.Units = "BQML"
        dataset.DecayCorrection = "START"
        dataset.CorrectedImage = ["DECY", "ATTN", "SCAT"]
        dataset.ActualFrameDuration = "120000"
        dataset.RadiopharmaceuticalInformationSequence = Sequence([tracer()])
    for keyword, value in attributes.items():
        _set(dataset, keyword, value)
    return dataset


def write_series(
    folder: Path,
    modality: str = "CT",
    *,
    array: np.ndarray | None = None,
    grid: np.ndarray | None = None,
    transfer_syntax: str = ExplicitVRLittleEndian,
    edit: Callable[[Dataset, int], None] | None = None,
    **attributes: Any,
) -> list[Path]:
    """Write one file per slice and return them in the order of the array's slices; names are shuffled on purpose.

    Args:
        folder: Made where missing.
        modality: ``CT``, ``MR`` or ``PT``.
        array: Stored values, shape (x, y, z), 8 or 16 bits, signed or not.
        grid: Voxel to LPS.
        transfer_syntax: An encapsulated one is encoded by pydicom (JPEG 2000 wants at least 32 × 32 pixels).
        edit: Called with each data set and its index before it is written.
        attributes: DICOM keywords to set in every slice; ``None`` removes one.
    """
    array = voxels() if array is None else array
    grid = affine() if grid is None else grid
    shared = header(modality, **attributes)
    if "SeriesInstanceUID" not in shared:
        shared.SeriesInstanceUID = uid(modality, shared.get("SeriesNumber"), shared.get("SeriesDescription"))
    folder.mkdir(parents=True, exist_ok=True)
    spacing = np.linalg.norm(grid[:3, :3], axis=0)
    files = []
    for index in range(array.shape[2]):
        one = Dataset()
        one.update(shared)
        one.SOPInstanceUID = uid(shared.SeriesInstanceUID, index)
        one.InstanceNumber = index + 1
        one.ImagePositionPatient = _decimals(grid[:3, :3] @ (0, 0, index) + grid[:3, 3])
        one.ImageOrientationPatient = _decimals((grid[:3, :2] / spacing[:2]).T.ravel())
        one.PixelSpacing = _decimals([spacing[1], spacing[0]])
        one.SliceThickness = DSfloat(float(spacing[2]), auto_format=True)
        one.Columns, one.Rows = array.shape[:2]
        one.SamplesPerPixel = 1
        one.PhotometricInterpretation = "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = array.dtype.itemsize * 8
        one.HighBit = one.BitsStored - 1
        one.PixelRepresentation = int(array.dtype.kind == "i")
        order = ">" if transfer_syntax == ExplicitVRBigEndian else "<"
        one.PixelData = np.ascontiguousarray(array[:, :, index].T).astype(array.dtype.newbyteorder(order)).tobytes()
        if len(one.PixelData) % 2:
            one.PixelData += b"\0"
        one["PixelData"].VR = "OW" if one.BitsAllocated > 8 else "OB"
        one.file_meta = FileMetaDataset()
        encapsulated = UID(transfer_syntax).is_encapsulated
        one.file_meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian if encapsulated else transfer_syntax)
        if edit is not None:
            edit(one, index)
        if encapsulated:
            one.compress(transfer_syntax)
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        number = f"{shared.get('SeriesNumber') or 0}-{modality}"
        files.append(folder / f"{number}-{(619 * index + 11) % 1009:04d}.dcm")
        one.save_as(files[-1], enforce_file_format=True)
    return files


def _set(dataset: Dataset, keyword: str, value: Any) -> None:
    if value is None:
        if keyword in dataset:
            delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, value)


def _decimals(values: Any) -> list[DSfloat]:
    return [DSfloat(float(value) + 0.0, auto_format=True) for value in values]
