"""A disc's directory stands for the files it lists."""

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from miap.errors import InputError
from miap.imaging.case import assemble
from miap.imaging.dicomdir import listed_files
from miap.imaging.modality import Modality
from miap.imaging.series import read_series
from tests.dicom_factory import uid, voxels, write_series


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """The DICOMDIR of a disc with one CT series, as pydicom writes it, and a file that it does not list."""

    def complete(dataset: Dataset, index: int) -> None:
        dataset.StudyID, dataset.PatientName = "1", "A^B"

    files = write_series(
        tmp_path / "series", "CT", array=voxels((6, 5, 4)), edit=complete, RescaleSlope="1", RescaleIntercept="0"
    )
    disc = FileSet()
    for file in files:
        disc.add(file)
    disc.write(tmp_path / "disc")
    write_series(tmp_path / "disc" / "other", "MR", PatientID="P-2")
    return tmp_path / "disc" / "DICOMDIR"


def test_the_listed_files_are_read_and_no_other(disc: Path, tmp_path: Path) -> None:
    (series,) = read_series([disc])
    (expected,) = read_series([tmp_path / "series"])
    assert (series.volume().array == expected.volume().array).all()
    assert set(assemble([disc], workdir=tmp_path).images) == {Modality.CT}


def test_names_may_have_changed_case(disc: Path) -> None:
    for file in sorted(disc.parent.rglob("*"), reverse=True):
        if "other" not in file.parts:
            file.rename(file.with_name(file.name.lower()))
    renamed = disc.parent / "dicomdir"
    assert len(listed_files(renamed)) == 4


def test_a_disc_copied_in_part_is_refused(disc: Path) -> None:
    listed_files(disc)[0].unlink()
    with pytest.raises(InputError, match="1 of the 4 files that .*DICOMDIR lists are missing"):
        read_series([disc])


@pytest.mark.parametrize("parts", [["..", "a"], ["/etc", "passwd"], ["a/../../b"], [".."]])
def test_a_directory_that_leads_elsewhere_is_refused(parts: list[str], tmp_path: Path) -> None:
    record, directory = Dataset(), Dataset()
    record.ReferencedFileID = parts
    directory.DirectoryRecordSequence = Sequence([record])
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = uid("directory")
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    with pytest.raises(InputError, match="outside its folder"):
        listed_files(tmp_path / "DICOMDIR")


def test_a_real_disc_lists_what_pydicom_finds_on_it() -> None:
    name = get_testdata_file("dicomdirtests/DICOMDIR", download=False)
    if name is None:
        pytest.skip("pydicom's test files are not installed")
    expected = {Path(instance.path).resolve() for instance in FileSet(name)}
    assert {file.resolve() for file in listed_files(Path(name))} == expected
