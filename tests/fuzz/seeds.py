"""The seed corpus: small valid files of every kind, made by `python -m tests.fuzz.seeds`."""

import gzip
import json
import shutil
import warnings
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import highdicom.legacy
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from miap.imaging.modality import Modality
from miap.imaging.nifti import write_nifti
from miap.imaging.phantom.dicom_writer import write_series
from miap.imaging.phantom.study import Study
from miap.imaging.segment import Segment
from miap.imaging.series import read_series
from miap.imaging.volume import Volume
from miap.outputs.rtstruct import write_rtstruct
from miap.outputs.seg import SegKind, write_segments
from tests.fuzz.target import CORPUS

SHAPE = (6, 5, 3)


def write(folder: Path) -> None:
    """Write all of it into an empty folder."""
    study = Study("FUZZ-1", "SEED^CASE", key="1")
    for name, modality in (("series", Modality.CT), ("pet", Modality.PET), ("mr", Modality.FLAIR)):
        write_series(folder / name, _volume(modality), modality=modality, description=name, study=study)
    _derived(folder)
    _directory(folder / "dicomdir")
    _labels(folder / "labels")
    _nifti(folder / "nifti", "pet.nii", np.float32)
    _nifti(folder / "nifti", "ct.nii", np.int16)
    _nifti(folder / "mask", "mask.nii", np.uint8)
    (folder / "nifti_gz").mkdir()
    for file in (folder / "nifti").iterdir():
        (folder / "nifti_gz" / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    _zip(folder / "zip" / "study.zip", sorted((folder / "series").iterdir()))
    _zip(folder / "zip" / "ct.zip", [folder / "nifti" / "ct.nii"])


def _derived(folder: Path) -> None:
    """A multi-frame object, segmentations of all kinds and a structure set of the CT series."""
    (series,) = read_series([folder / "series"])
    for name in ("enhanced", "seg", "rtstruct"):
        (folder / name).mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        highdicom.legacy.LegacyConvertedEnhancedCTImage(
            [pydicom.dcmread(file) for file in series.files],
            series_instance_uid="2.25.11",
            series_number=11,
            sop_instance_uid="2.25.12",
            instance_number=1,
        ).save_as(folder / "enhanced" / "ct.dcm")
    grid = series.volume()
    masks = np.zeros((2, *grid.shape), np.float32)
    masks[0, 1:4, 1:3, :2], masks[1, 4:, 3:, 1:] = 0.8, 0.6
    segments = [Segment.of(grid.with_array(mask[None]), n, f"part {n}") for n, mask in enumerate(masks, 1)]
    made: dict[str, Any] = {"model": {"name": "seed", "version": "1"}, "when": datetime(2026, 1, 1, tzinfo=UTC)}
    for kind in SegKind:
        write_segments(folder / "seg" / f"{kind.name.lower()}.dcm", series, segments, kind=kind, **made)
    write_rtstruct(folder / "rtstruct" / "rtstruct.dcm", series, segments, **made)


def _directory(folder: Path) -> None:
    """A directory that lists itself, under the name the fuzzer gives it."""
    folder.mkdir()
    record, directory = Dataset(), Dataset()
    record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", "inputDICOMDIR"
    directory.DirectoryRecordSequence = Sequence([record])
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = UID("2.25.13")
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.save_as(folder / "list.dicomdir", enforce_file_format=True)


def _labels(folder: Path) -> None:
    folder.mkdir()
    label = {"value": 1, "name": "part", "type": {"value": "1", "scheme": "99X", "meaning": "part"}}
    (folder / "labels.json").write_text(json.dumps({"schema": "miap.labels/1", "labels": [label]}))


def _volume(modality: Modality | None, kind: type = np.float32) -> Volume:
    voxels = np.random.default_rng(0).integers(0, 9, (1, *SHAPE)).astype(kind)
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    return Volume(voxels, affine, modality)


def _nifti(folder: Path, name: str, kind: type) -> None:
    folder.mkdir(exist_ok=True)
    write_nifti(_volume(None, kind), folder / name)


def _zip(path: Path, files: list[Path]) -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(f"{file.parent.name}/{file.name}"), file.read_bytes())


if __name__ == "__main__":
    shutil.rmtree(CORPUS, ignore_errors=True)
    CORPUS.mkdir()
    write(CORPUS)
