"""Volumes become valid DICOM series that read back as they were."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

from miap.errors import InputError
from miap.imaging.modality import Modality
from miap.imaging.role import recognise
from miap.imaging.series import Series, read_series
from miap.imaging.suv import suv_factors
from miap.imaging.volume import Volume
from miap.outputs.image_series import _FROM_SIDECAR, write_image_series
from tests.conftest import Verify
from tests.studies import petct

pytestmark = pytest.mark.req("REQ-I-002")
WHEN = datetime(2026, 11, 23, 12)
CT, PET, T1, T1C, FLAIR = Modality.CT, Modality.PET, Modality.T1, Modality.T1C, Modality.FLAIR
TURNED = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def like(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Series]:
    """A CT and a PET to be like, by DICOM Modality."""
    folder = tmp_path_factory.mktemp("like")
    petct().write_dicom(folder)
    return {series.modality_code: series for series in read_series([folder])}


def volume(array: np.ndarray) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = TURNED * (1.5, 1.25, 3.0)
    affine[:3, 3] = (-20.5, 30.25, -7)
    return Volume(array[None].astype(np.float32), affine)


def noise(low: float, high: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, (8, 7, 5))


VOXELS = {
    "CT": (CT, np.rint(noise(-1024, 3071)), 0.0),
    "CT, beyond 12 bits": (CT, np.rint(noise(-3024, 30000)), 0.0),
    "CT, fractions": (CT, noise(-1000, 1000), 0.5),
    "CT, very wide": (CT, noise(-1e5, 1e5), 2.0),
    "MR, whole": (T1, np.rint(noise(0, 4095)), 0.0),
    "MR, negative": (T1C, np.rint(noise(-500, 4095)), 0.0),
    "MR, fractions": (FLAIR, noise(0, 1), 1e-5),
    "PET in SUV": (PET, noise(0, 30), 1e-3),
    "PET with an empty slice": (PET, noise(0, 30) * (np.arange(5) > 0), 1e-3),
}


@pytest.mark.parametrize(
    ("role", "array", "tolerance", "alone"),
    [(*case, alone) for case in VOXELS.values() for alone in (True, False) if not (alone and case[0] is PET)],
    ids=[f"{n}{w}" for n, case in VOXELS.items() for w in (", alone", "") if not (w and case[0] is PET)],
)
def test_a_series_is_valid_and_reads_back(
    role: Modality,
    array: np.ndarray,
    tolerance: float,
    alone: bool,
    like: dict[str, Series],
    verify: Verify,
    tmp_path: Path,
) -> None:
    given, model = volume(array), like["PT" if role is PET else "CT"]
    files = write_image_series(
        tmp_path / "s", given, role=role, like=None if alone else model, description=role.words, when=WHEN
    )
    assert [error for file in files for error in verify(file)] == []
    (series,) = read_series([tmp_path / "s"])
    back = series.volume()
    assert back.same_grid(given)
    assert np.abs(back.array - given.array).max() <= tolerance + 1e-4
    assert recognise(series.instances[0]).role is role
    if not alone:
        assert (series.patient_id, series.study_uid) == (model.patient_id, model.study_uid)
        assert series.frame_of_reference_uid == model.frame_of_reference_uid
        assert series.uid != model.uid


def test_a_pet_in_suv_stays_suv_and_one_in_becquerel_is_like_its_model(like: dict[str, Series], tmp_path: Path) -> None:
    for unit, factor in (("SUV", 1.0), ("BQML", suv_factors(like["PT"].instances)[0])):
        write_image_series(
            tmp_path / unit, volume(noise(0, 30)), role=PET, like=like["PT"], description="PET", when=WHEN,
            sidecar={"Units": unit},
        )  # fmt: skip
        (series,) = read_series([tmp_path / unit])
        assert suv_factors(series.instances) == pytest.approx(factor)


def test_what_is_known_of_the_acquisition_is_written(tmp_path: Path, verify: Verify) -> None:
    known = {
        "RepetitionTime": 9.0, "EchoTime": 0.09, "InversionTime": 2.5, "ScanningSequence": ["SE", "IR"],
        "FlipAngle": 150.0, "MagneticFieldStrength": 3.0, "ProtocolName": "t2_dark-fluid",
    }  # fmt: skip
    files = write_image_series(
        tmp_path, volume(np.rint(noise(0, 99))), role=FLAIR, like=None, description="x", when=WHEN, sidecar=known
    )
    header = pydicom.dcmread(files[0])
    assert (header.RepetitionTime, header.EchoTime, header.InversionTime) == (9000, 90, 2500)
    assert verify(files[0]) == []
    assert recognise(header).confidence > 0.9
    assert header.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert header.DerivationDescription == "Converted from NIfTI"


ODD = [
    None,
    True,
    "x" * 500,
    "lower case",
    "a\\b",
    1e300,
    float("inf"),
    float("nan"),
    -1,
    [],
    [[]],
    {},
    ["SE", 5],
    {"a": 1},
]


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize("value", ODD, ids=[str(value)[:12] for value in ODD])
def test_whatever_a_json_says_the_series_is_valid(value: object, tmp_path: Path, verify: Verify) -> None:
    known = dict.fromkeys([*_FROM_SIDECAR, "RepetitionTime", "EchoTime", "InversionTime", "Units"], value)
    files = write_image_series(
        tmp_path, volume(np.rint(noise(0, 9))), role=T1, like=None, description="T1", when=WHEN, sidecar=known
    )
    assert verify(files[0]) == []


def test_the_same_volume_gives_the_same_bytes(like: dict[str, Series], tmp_path: Path) -> None:
    first, second = (
        write_image_series(
            tmp_path / name, volume(np.rint(noise(0, 99))), role=CT, like=like["CT"], description="CT", when=WHEN
        )
        for name in "ab"
    )
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


@pytest.mark.req("REQ-NF-R-002")
def test_what_dicom_cannot_say_is_refused(like: dict[str, Series], tmp_path: Path) -> None:
    sheared = volume(noise(0, 1))
    affine = sheared.affine.copy()
    affine[:3, 1] += 0.3 * affine[:3, 0]
    with pytest.raises(InputError, match="sheared"):
        write_image_series(tmp_path / "s", Volume(sheared.array, affine), role=T1, like=None, description="", when=WHEN)
    for model in (None, like["CT"]):
        with pytest.raises(InputError, match="tracer, dose and times") as caught:
            write_image_series(tmp_path / "s", volume(noise(0, 1)), role=PET, like=model, description="", when=WHEN)
        assert "--like" in caught.value.remedy
    assert not (tmp_path / "s").exists()
