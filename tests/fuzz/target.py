"""What is fuzzed: each reader as a function of one file, or of a study with one spoiled object in it."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from miap.errors import InputError
from miap.imaging.case import assemble
from miap.imaging.dicomdir import listed_files
from miap.imaging.header import read_header
from miap.imaging.inventory import take_inventory
from miap.imaging.labels import read_labels
from miap.imaging.nifti import read_mask, read_nifti
from miap.imaging.segmentation import read_segmentation
from miap.imaging.series import read_series, scan
from miap.imaging.structure import read_structures
from miap.imaging.volume import Volume
from miap.jobs.inspection import to_json
from tests.fuzz.spoil import spoil

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(__file__).parent / "found"
"""Inputs that once broke a reader, in a folder named for it."""
GOOD_SLICES = CORPUS / "series"


@dataclass(frozen=True)
class Target:
    """A reader under test.

    Args:
        suffix: Of the file the input is written to.
        read: Called with that file; it may raise `InputError` and nothing else.
        seeds: Folders of the corpus it starts from.
        share: Its part of all runs, relative to the others'.
    """

    suffix: str
    read: Callable[[Path], object]
    seeds: tuple[str, ...]
    share: int = 1

    @property
    def seed_files(self) -> list[Path]:
        """The files of its corpus."""
        return [file for folder in self.seeds for file in sorted((CORPUS / folder).iterdir())]

    def survive(self, data: bytes, folder: Path) -> bool:
        """Read ``data`` as a file in ``folder``; whether it was accepted.

        Raises:
            Exception: Whatever the reader raised beside an `InputError`: a bug.
        """
        file = folder / f"input{self.suffix}"
        file.write_bytes(data)
        with suppress(InputError):
            self.read(file)
            return True
        return False


def _read_series(file: Path) -> None:
    """The spoiled object among good slices of a series."""
    for series in scan([*sorted(GOOD_SLICES.glob("*.dcm"))[1:], file]).series:
        series.volume()


def _read_spoiled(file: Path) -> None:
    """A whole series, segmentation or structure set that had some attributes spoiled."""
    folder = _fresh(file.parent / "spoiled")
    spoil(file.read_bytes(), _good_files(), folder)
    for one in folder.iterdir():
        for read in (_read_segmentation, _read_structures):
            with suppress(InputError):
                read(one)
    assemble([folder], workdir=_fresh(file.parent / "work"))


def _take_inventory(file: Path) -> None:
    """The same, as it is looked at and described."""
    folder = _fresh(file.parent / "spoiled")
    spoil(file.read_bytes(), _good_files(), folder)
    to_json(take_inventory([folder], workdir=_fresh(file.parent / "work")), [])


def _read_whole_header(file: Path) -> None:
    """A header and every value in it."""
    for _ in read_header(file).iterall():
        pass


def _read_enhanced(file: Path) -> None:
    for series in scan([file]).series:
        series.volume()


def _read_segmentation(file: Path) -> None:
    for segment in read_segmentation(file):
        _ = segment.mask


def _read_structures(file: Path) -> None:
    for segment in read_structures(file, _good_volume()):
        _ = segment.mask


@cache
def _good_volume() -> Volume:
    return read_series([GOOD_SLICES])[0].volume()


@cache
def _good_files() -> list[Path]:
    return sorted(CORPUS.glob("*/*.dcm"))


def _read_case(file: Path) -> None:
    assemble([file], workdir=_fresh(file.parent / "work"))


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


DICOM = ("series", "pet", "mr")
TARGETS: dict[str, Target] = {
    "nifti": Target(".nii", read_nifti, ("nifti",), 8),
    "nifti-gz": Target(".nii.gz", read_nifti, ("nifti_gz",), 8),
    "mask": Target(".nii", read_mask, ("mask",), 6),
    "header": Target(".dcm", _read_whole_header, (*DICOM, "enhanced", "seg", "rtstruct"), 8),
    "series": Target(".dcm", _read_series, DICOM, 5),
    "enhanced": Target(".dcm", _read_enhanced, ("enhanced",), 6),
    "segmentation": Target(".dcm", _read_segmentation, ("seg",), 6),
    "structures": Target(".dcm", _read_structures, ("rtstruct",), 4),
    "dicomdir": Target("DICOMDIR", listed_files, ("dicomdir",), 4),
    "attributes": Target(".bin", _read_spoiled, (), 2),
    "inventory": Target(".bin", _take_inventory, (), 2),
    "labels": Target(".json", read_labels, ("labels",), 4),
    "zip": Target(".zip", _read_case, ("zip",), 6),
}
