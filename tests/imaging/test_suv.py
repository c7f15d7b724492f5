"""SUV by hand-computed cases, and every header from which it cannot be had."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from miap.errors import InputError
from miap.imaging.header import read_header
from miap.imaging.suv import suv_factor, suv_factors
from tests.dicom_factory import header, tracer, write_series

HALF_LIFE = 6586.2
UNDECAYED = 70_000 / 370e6
"""70 kg and 370 MBq, with no time for decay."""


def pet(item: dict[str, Any] | None = None, **attributes: Any) -> Dataset:
    """A PET header: 70 kg, 370 MBq at nine, scan at ten. ``item`` changes the radiopharmaceutical."""
    tracers = Sequence([tracer(**(item or {}))])
    return header("PT", **{"RadiopharmaceuticalInformationSequence": tracers, **attributes})


def decayed(seconds: float, half_life: float = HALF_LIFE) -> float:
    """The factor when so much time has passed since injection."""
    return UNDECAYED * 2 ** (seconds / half_life)


@pytest.mark.req("REQ-F-007")
@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (pet(), decayed(3600)),
        (pet(DecayCorrection="ADMIN"), UNDECAYED),
        (pet(Units="GML"), 1.0),
        (pet(Units="GML", SUVType="BW", PatientWeight=None), 1.0),
        (pet(PatientWeight="35"), decayed(3600) / 2),
        (pet({"RadionuclideTotalDose": "185000000"}), decayed(3600) * 2),
        (pet({"RadionuclideHalfLife": "4062.6"}), decayed(3600, 4062.6)),
        (pet({"RadiopharmaceuticalStartDateTime": "20240115083000"}), decayed(5400)),
        (pet({"RadiopharmaceuticalStartDateTime": "20240115083000.000000+0200"}), decayed(5400)),
        (pet({"RadiopharmaceuticalStartDateTime": "20240115063000+0000"}, TimezoneOffsetFromUTC="+0200"),
         decayed(5400)),
        (pet({"RadiopharmaceuticalStartDateTime": "20240115083000"}, TimezoneOffsetFromUTC="+0200"), decayed(5400)),
        (pet({"RadiopharmaceuticalStartDateTime": "20240115083000", "RadiopharmaceuticalStartTime": None}),
         decayed(5400)),
        (pet(SeriesTime="100000.500"), decayed(3600)),
        (pet(CorrectedImage=None), decayed(3600)),
    ],
    ids=[
        "start", "at administration", "already SUV", "already SUV, no weight", "weight", "dose", "half life",
        "injection date and time", "with a time zone", "in UTC", "only the series with a time zone",
        "only date and time", "series made after the images",
        "corrections not listed",
    ],
)  # fmt: skip
def test_factor_is_weight_over_the_dose_left(dataset: Dataset, expected: float) -> None:
    assert suv_factor(dataset) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("injected", "scanned", "seconds"),
    [("233000", "003000", 3600), ("235959", "000001", 2), ("090000", "100000", 3600), ("080000", "080000", 0)],
)
def test_injection_before_midnight_and_scan_after_it(injected: str, scanned: str, seconds: float) -> None:
    dataset = pet({"RadiopharmaceuticalStartTime": injected}, SeriesTime=scanned, AcquisitionTime=scanned)
    assert suv_factor(dataset) == pytest.approx(decayed(seconds))


def test_injection_date_and_time_may_be_on_the_day_before() -> None:
    item = {"RadiopharmaceuticalStartDateTime": "20240114233000", "RadiopharmaceuticalStartTime": None}
    assert suv_factor(pet(item, SeriesTime="003000", AcquisitionTime="003000")) == pytest.approx(decayed(3600))


def test_a_date_shifted_for_privacy_leaves_the_time_of_day() -> None:
    item = {"RadiopharmaceuticalStartDateTime": "19990101090000", "RadiopharmaceuticalStartTime": None}
    assert suv_factor(pet(item)) == pytest.approx(decayed(3600))


def test_a_series_made_later_counts_from_its_first_image() -> None:
    later = [pet(SeriesTime="150000", AcquisitionTime=time) for time in ("101000", "100000", "102000")]
    assert suv_factors(later) == pytest.approx([decayed(3600)] * 3)


def test_beds_scanned_one_after_the_other_share_the_series_start() -> None:
    beds = [pet(AcquisitionTime=time) for time in ("100000", "100400", "100800")]
    assert suv_factors(beds) == pytest.approx([decayed(3600)] * 3)


def test_without_decay_correction_each_slice_counts_from_the_middle_of_its_own_frame() -> None:
    beds = [
        pet(DecayCorrection="NONE", AcquisitionTime=time, ActualFrameDuration=duration)
        for time, duration in (("100000", "240000"), ("100400", "240000"), ("100800", "1"))
    ]
    factors = suv_factors(beds)
    # The mean of the decaying activity over the frame, computed the other way round: SUV of 1 must come out as 1.
    rate = math.log(2) / HALF_LIFE
    for factor, begin, duration in zip(factors, (3600, 3840, 4080), (240, 240, 0.001), strict=True):
        time = np.linspace(begin, begin + duration, 10_001)
        measured = (1 / UNDECAYED) * np.trapezoid(np.exp(-rate * time), time) / duration
        assert measured * factor == pytest.approx(1.0, rel=1e-6)


def test_long_lived_tracers_are_counted_in_days() -> None:
    zirconium = 282_240.0
    item = {"RadionuclideHalfLife": str(zirconium), "RadiopharmaceuticalStartDateTime": "20240111100000"}
    assert suv_factor(pet(item)) == pytest.approx(decayed(4 * 86400, zirconium))


@given(
    weight=st.floats(1, 300), dose=st.floats(1e6, 5e9), uptake=st.integers(0, 30_000), half_life=st.floats(6100, 40_000)
)
def test_undoing_the_scanner_gives_back_the_suv(weight: float, dose: float, uptake: int, half_life: float) -> None:
    clock = f"{uptake // 3600:02d}{uptake % 3600 // 60:02d}{uptake % 60:02d}"
    item = {"RadiopharmaceuticalStartTime": "000000", "RadionuclideTotalDose": dose, "RadionuclideHalfLife": half_life}
    dataset = pet(item, PatientWeight=weight, SeriesTime=clock, AcquisitionTime=clock)
    activity_of_suv_3 = 3 * dose * 2 ** (-uptake / half_life) / (1000 * weight)
    assert activity_of_suv_3 * suv_factor(dataset) == pytest.approx(3.0)


def philips(value: object) -> Dataset:
    dataset = pet(Units="CNTS")
    if value is not None:
        dataset.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", value)
    return dataset


def test_philips_counts_use_their_own_factor() -> None:
    assert suv_factors([philips("0.000381"), pet()]) == pytest.approx([0.000381] * 2)


def test_philips_counts_become_activity_first_where_no_suv_factor_is_given() -> None:
    dataset = philips("0")
    dataset.private_block(0x7053, "Philips PET Private Group").add_new(0x09, "DS", "2.5")
    assert suv_factor(dataset) == pytest.approx(2.5 * decayed(3600))


def test_ge_counts_from_its_own_scan_start() -> None:
    dataset = pet(SeriesTime="150000", AcquisitionTime="140000")
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20240115100000.00")
    assert suv_factor(dataset) == pytest.approx(decayed(3600))


@pytest.mark.parametrize(
    ("units", "kind", "sex", "expected"),
    [
        ("GML", "", "M", 1.0),
        ("GML", "BW", "O", 1.0),
        # A woman of 70 kg and 1.60 m, a man of 80 kg and 1.80 m: masses worked out by hand from the papers.
        ("GML", "LBMJANMA", "F", 70 / 41.9949),
        ("GML", "LBMJANMA", "M", 80 / 61.7314),
        ("GML", "LBMJAMES128", "F", 70 / 46.5719),
        ("GML", "LBMJAMES128", "M", 80 / 62.7160),
        ("GML", "LBM", "M", 80 / 64.2963),
        ("GML", "IBW", "F", 70 / 52.78),
        ("GML", "IBW", "M", 80 / 77.68),
        ("CM2ML", "BSA", "F", 70_000 / 17_318.6),
        ("CM2ML", "", "O", 70_000 / 17_318.6),
    ],
)
def test_suv_of_another_kind_is_turned_into_suv_by_body_weight(
    units: str, kind: str, sex: str, expected: float
) -> None:
    weight, size = ("80", "1.80") if sex == "M" else ("70", "1.60")
    dataset = pet(Units=units, SUVType=kind or None, PatientSex=sex, PatientWeight=weight, PatientSize=size)
    assert suv_factor(dataset) == pytest.approx(expected, rel=1e-4)


NO_SUV: dict[str, tuple[Dataset, str]] = {
    "no weight": (pet(PatientWeight=None), "PatientWeight is missing"),
    "empty weight": (pet(PatientWeight=""), "PatientWeight is missing"),
    "weight of nothing": (pet(PatientWeight="0"), "PatientWeight is 0"),
    "weight in grams": (pet(PatientWeight="70000"), "PatientWeight is 70000"),
    "no tracer": (pet(RadiopharmaceuticalInformationSequence=None), "RadiopharmaceuticalInformationSequence"),
    "no dose": (pet({"RadionuclideTotalDose": None}), "RadionuclideTotalDose is missing"),
    "dose in MBq": (pet({"RadionuclideTotalDose": "370"}), "RadionuclideTotalDose is 370"),
    "no half life": (pet({"RadionuclideHalfLife": None}), "RadionuclideHalfLife is missing"),
    "half life in minutes": (pet({"RadionuclideHalfLife": "1.8"}), "RadionuclideHalfLife is 1.8"),
    "no injection": (pet({"RadiopharmaceuticalStartTime": None}), "StartDateTime and RadiopharmaceuticalStartTime"),
    "nonsense for a time zone": (
        pet({"RadiopharmaceuticalStartDateTime": "20240115083000+0000"}, TimezoneOffsetFromUTC="CET"),
        "CET",
    ),
    "nonsense for a time": (pet({"RadiopharmaceuticalStartTime": "noon"}), "noon"),
    "injection after the scan": (pet({"RadiopharmaceuticalStartTime": "110000"}), "23.0 h before the scan"),
    "a long-lived tracer without a date": (pet({"RadionuclideHalfLife": "282240"}), "outlives a day"),
    "no units": (pet(Units=None), "Units are missing"),
    "other units": (pet(Units="PROPCPS"), "Units are PROPCPS"),
    "counts without a factor": (philips(None), "7053,1000"),
    "counts with factor zero": (philips("0"), "7053,1000"),
    "SUV by lean body mass of nobody": (pet(Units="GML", SUVType="LBM", PatientSize="1.8"), "PatientSex is missing"),
    "SUV by body surface without height": (pet(Units="CM2ML", SUVType="BSA"), "PatientSize is missing"),
    "SUV by who knows what": (pet(Units="GML", SUVType="XYZ", PatientSize="1.8", PatientSex="F"), "normalised by XYZ"),
    "no attenuation correction": (pet(CorrectedImage=["DECY"]), "not corrected for attenuation"),
    "SUV without attenuation correction": (pet(Units="GML", CorrectedImage=["DECY"]), "attenuation"),
    "no decay correction": (pet(DecayCorrection=None), "DecayCorrection is missing"),
    "unknown decay correction": (pet(DecayCorrection="LATER"), "DecayCorrection is LATER"),
    "no times": (pet(SeriesTime=None, AcquisitionTime=None), "SeriesTime"),
    "uncorrected without frame times": (pet(DecayCorrection="NONE", AcquisitionTime=None), "AcquisitionTime"),
    "uncorrected without duration": (pet(DecayCorrection="NONE", ActualFrameDuration=None), "ActualFrameDuration"),
}


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(("dataset", "message"), NO_SUV.values(), ids=NO_SUV)
def test_a_header_without_what_suv_needs_is_refused_by_attribute(dataset: Dataset, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        suv_factor(dataset)
    assert "--image pet=FILE" in caught.value.remedy


def test_the_message_names_the_file(tmp_path: Path) -> None:
    file = write_series(tmp_path, "PT", PatientWeight=None)[0]
    with pytest.raises(InputError, match=file.name):
        suv_factor(read_header(file))
