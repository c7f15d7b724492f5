"""Input that cannot be used: one clear message with a remedy, the right exit code, and nothing left behind."""

import gzip
import json
import logging
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.dicom_factory import voxels, write_series

MAIN = "from miap.cli.main import main; main()"
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
HOUNSFIELD = {"RescaleSlope": 1, "RescaleIntercept": -1000}
COUNTS = {"RescaleSlope": 5, "RescaleIntercept": 0}
IMAGE = np.random.default_rng(0).normal(100, 20, (6, 5, 4)).astype(np.float32)

Words = list[str | Path]


@dataclass(frozen=True)
class Bad:
    """A way to spoil a PET/CT.

    Args:
        make: Writes into the folder it is given; returns what to say to ``miap analyze``.
        named: What the message must name.
        reason: A word of the message.
        code: Exit code.
    """

    make: Callable[[Path], Words]
    named: str
    reason: str
    code: int = 3


def nowhere(folder: Path) -> Words:
    return [folder / "nowhere"]


def empty_folder(folder: Path) -> Words:
    (folder / "study").mkdir()
    return [folder / "study"]


def text_as_dicom(folder: Path) -> Words:
    (folder / "notes.dcm").write_text("Dear colleague, the images are on the other disc.\n" * 20)
    return [folder / "notes.dcm"]


def folder_of_text_as_dicom(folder: Path) -> Words:
    text_as_dicom(folder)
    return [folder]


def study(folder: Path, ct: dict | None = None, pet: dict | None = None) -> list[Path]:
    """A CT and a PET series; returns the CT's files in order."""
    files = write_series(folder / "ct", "CT", **{**HOUNSFIELD, "SeriesNumber": 2, **(ct or {})})
    write_series(folder / "pet", "PT", **{**COUNTS, "SeriesNumber": 3, **(pet or {})})
    return files


def truncated_dicom(folder: Path) -> Words:
    middle = study(folder)[1]
    middle.rename(folder / "ct" / "cut.dcm").write_bytes((folder / "ct" / "cut.dcm").read_bytes()[:-40])
    return [folder]


def one_slice(folder: Path) -> Words:
    study(folder, ct={"array": voxels((6, 5, 1))})
    return [folder]


def two_patients(folder: Path) -> Words:
    study(folder, pet={"PatientID": "P-2"})
    return [folder]


def missing_slice(folder: Path) -> Words:
    study(folder)[2].unlink()
    return [folder]


def no_weight(folder: Path) -> Words:
    study(folder, pet={"PatientWeight": None})
    return [folder]


def empty_dicom(folder: Path) -> Words:
    study(folder, ct={"array": np.full((6, 5, 4), 1000, np.uint16)})
    return [folder]


def ct_alone(folder: Path) -> Words:
    write_series(folder / "ct", "CT", **HOUNSFIELD)
    return [folder]


def nifti(spoil: Callable[[Path], None]) -> Callable[[Path], Words]:
    """A good PET beside a CT that ``spoil`` writes."""

    def make(folder: Path) -> Words:
        nib.save(nib.Nifti1Image(IMAGE, AFFINE), folder / "pet.nii.gz")
        spoil(folder / "ct.nii.gz")
        return ["--image", f"ct={folder / 'ct.nii.gz'}", "--image", f"pet={folder / 'pet.nii.gz'}"]

    return make


def truncated(path: Path) -> None:
    nib.save(nib.Nifti1Image(IMAGE, AFFINE), path)
    path.write_bytes(path.read_bytes()[:-100])


def four_dimensional(path: Path) -> None:
    nib.save(nib.Nifti1Image(np.stack([IMAGE] * 3, axis=-1), AFFINE), path)


def not_a_number(path: Path) -> None:
    spoiled = IMAGE.copy()
    spoiled[3, 2, 1] = np.nan
    nib.save(nib.Nifti1Image(spoiled, AFFINE), path)


def all_zero(path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros_like(IMAGE), AFFINE), path)


def singular(path: Path) -> None:
    image = nib.Nifti1Image(IMAGE, None)
    image.header.set_sform(np.diag([2.0, 0.0, 3.0, 1.0]), code=1)
    nib.save(image, path)


def petabyte(path: Path) -> None:
    header = nib.Nifti2Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((50_000, 50_000, 50_000))
    header.set_sform(AFFINE, code=1)
    header["vox_offset"] = 544
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * 4096))


def zip_that_leads_outside(folder: Path) -> Words:
    with zipfile.ZipFile(folder / "study.zip", "w") as archive:
        archive.writestr("ct/../../../escaped.dcm", b"x" * 200)
    return [folder / "study.zip"]


TABLE = {
    "a path that isn't there": Bad(nowhere, "nowhere", "nothing at"),
    "an empty folder": Bad(empty_folder, "study", "no DICOM or NIfTI"),
    "a text file named .dcm": Bad(text_as_dicom, "notes.dcm", "DICOM"),
    "a folder with a text file named .dcm": Bad(folder_of_text_as_dicom, "notes.dcm", "DICOM"),
    "truncated DICOM": Bad(truncated_dicom, "cut.dcm", "cut short"),
    "truncated .nii.gz": Bad(nifti(truncated), "ct.nii.gz", "cut short"),
    "a one-slice series": Bad(one_slice, "ct", "only slice"),
    "two patients in one folder": Bad(two_patients, "pet", "different patients"),
    "a series with a slice missing": Bad(missing_slice, "ct", "missing"),
    "PET without what SUV needs": Bad(no_weight, "pet", "PatientWeight"),
    "CT alone for a PET/CT model": Bad(ct_alone, "given", "No model fits", code=4),
    "a 4-D NIfTI": Bad(nifti(four_dimensional), "ct.nii.gz", "3-D"),
    "NaN": Bad(nifti(not_a_number), "ct.nii.gz", "not numbers"),
    "all-zero voxels": Bad(nifti(all_zero), "ct.nii.gz", "every voxel is 0"),
    "all-zero voxels in DICOM": Bad(empty_dicom, "ct", "every voxel is 0"),
    "a singular affine": Bad(nifti(singular), "ct.nii.gz", "affine"),
    "a header that claims a petabyte": Bad(nifti(petabyte), "ct.nii.gz", "claims"),
    "a zip with ../ in it": Bad(zip_that_leads_outside, "study.zip", "outside"),
}


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize("bad", TABLE.values(), ids=TABLE.keys())
def test_it_is_refused_in_one_clear_message_and_nothing_is_left(
    bad: Bad, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given, scratch = tmp_path / "given", tmp_path / "scratch"
    given.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    words = bad.make(given)
    before = sorted(tmp_path.rglob("*"))

    outcome = run("analyze", *words, "--output", tmp_path / "results" / "out")
    assert outcome.code == bad.code, outcome.err
    assert outcome.out == ""
    error, remedy = outcome.err.splitlines()
    assert error.startswith("Error: ")
    assert bad.reason in error
    assert bad.named in error
    assert remedy.startswith("→ ")
    assert len(remedy) > 10

    outcome = run("analyze", *words, "--output", tmp_path / "results" / "out", "--json")
    assert outcome.out == ""
    told = json.loads(outcome.err)
    assert told == {"error": error[len("Error: ") :], "remedy": remedy[len("→ ") :], "exit_code": bad.code}

    assert sorted(tmp_path.rglob("*")) == before
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING], "one message, not two"


@pytest.mark.req("REQ-NF-R-002")
def test_the_installed_command_refuses_it_too(tmp_path: Path) -> None:
    """In a process of its own, where libraries may print what they like."""
    given = tmp_path / "given"
    given.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "analyze", *truncated_dicom(given), "--output", tmp_path / "out"],
        capture_output=True,
        text=True,
        cwd=given,
    )
    assert done.returncode == 3, done.stderr
    error, remedy = done.stderr.splitlines()
    assert error.startswith("Error: ")
    assert "cut.dcm" in error
    assert remedy.startswith("→ ")
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["given"]
