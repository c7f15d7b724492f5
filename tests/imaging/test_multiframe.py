"""Enhanced multi-frame objects are read as the classic series they are made of."""

import warnings
from pathlib import Path

import highdicom.legacy
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from miap.errors import InputError
from miap.imaging.multiframe import frame_headers
from miap.imaging.series import read_series
from tests.dicom_factory import uid, voxels, write_series

CONVERTERS = {
    "CT": highdicom.legacy.LegacyConvertedEnhancedCTImage,
    "MR": highdicom.legacy.LegacyConvertedEnhancedMRImage,
    "PT": highdicom.legacy.LegacyConvertedEnhancedPETImage,
}


def convert(classic: list[Path], modality: str, path: Path, syntax: str = ExplicitVRLittleEndian) -> None:
    """The same slices in one legacy converted enhanced object, written by highdicom in the files' order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CONVERTERS[modality](
            [pydicom.dcmread(file) for file in classic],
            series_instance_uid=uid("converted"),
            series_number=2,
            sop_instance_uid=uid("converted", 1),
            instance_number=1,
            transfer_syntax_uid=syntax,
        ).save_as(path)


@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("modality", CONVERTERS)
def test_an_enhanced_object_gives_the_volume_of_its_classic_series(modality: str, syntax: str, tmp_path: Path) -> None:
    def scale(dataset: Dataset, index: int) -> None:
        dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = "A^B", "", ""
        dataset.StudyID = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
        dataset.RescaleIntercept, dataset.RescaleType = "-5", "HU"
        dataset.RescaleSlope = "2" if modality == "CT" else f"{1 + index}"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]

    classic = write_series(tmp_path / "classic", modality, array=voxels((40, 36, 4)), edit=scale)
    convert(classic[::-1], modality, tmp_path / "enhanced.dcm", syntax)
    (expected,) = read_series([tmp_path / "classic"])
    (series,) = read_series([tmp_path / "enhanced.dcm"])
    assert series.frames == (3, 2, 1, 0)
    assert [str(source.SOPInstanceUID) for source in series.sources] == [uid("converted", 1)]
    assert series.title.endswith("(4 slices)")
    volume = series.volume()
    assert volume.same_grid(expected.volume())
    np.testing.assert_array_equal(volume.array, expected.volume().array)


@pytest.fixture
def enhanced() -> Dataset:
    """Three frames at two echo times."""
    dataset = Dataset()
    dataset.SOPClassUID = EnhancedMRImageStorage
    dataset.NumberOfFrames = 3
    measures = Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1, 2], 3
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for frame in range(3):
        echo, kind, content, group = Dataset(), Dataset(), Dataset(), Dataset()
        echo.EffectiveEchoTime = 10.0 + frame // 2
        kind.FrameType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
        content.FrameAcquisitionDateTime = f"20240115{10 + frame}0000.5+0100"
        content.TemporalPositionIndex = frame
        group.MREchoSequence, group.MRImageFrameTypeSequence = Sequence([echo]), Sequence([kind])
        group.FrameContentSequence = Sequence([content])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return dataset


def test_frames_speak_as_classic_instances_do(enhanced: Dataset) -> None:
    headers = frame_headers(enhanced)
    assert [header.EchoTime for header in headers] == [10, 10, 11]
    assert [header.AcquisitionTime for header in headers] == ["100000.5", "110000.5", "120000.5"]
    assert [header.TemporalPositionIdentifier for header in headers] == [0, 1, 2]
    for header in headers:
        assert header.PixelSpacing == [1, 2]
        assert header.ImageType == ["ORIGINAL", "PRIMARY", "M", "NONE"]
        assert header.AcquisitionDate == "20240115"
        assert "PerFrameFunctionalGroupsSequence" not in header


@pytest.mark.parametrize("count", [0, -1, 2, 4, 10**6])
def test_frames_that_are_not_as_many_as_their_groups_are_refused(enhanced: Dataset, count: int) -> None:
    enhanced.NumberOfFrames = count
    with pytest.raises(ValueError, match="functional groups"):
        frame_headers(enhanced)


def test_an_enhanced_object_cut_short_is_refused(tmp_path: Path) -> None:
    def complete(dataset: Dataset, index: int) -> None:
        dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = "A^B", "", ""
        dataset.StudyID = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]

    path = tmp_path / "enhanced.dcm"
    convert(write_series(tmp_path / "classic", "MR", edit=complete), "MR", path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="cut short"):
        read_series([path])
