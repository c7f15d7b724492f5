"""Standardised uptake value by body weight (SUVbw) from PET in Bq/ml, counts, or SUV of another kind.

The formula is the QIBA vendor-neutral pseudo-code (QIBA FDG-PET/CT Profile, "SUV vendor-neutral pseudo-code"; the
attributes are those of PS3.3 C.8.9.1, C.8.9.2 and C.8.9.4):

    SUVbw = activity [Bq/ml] · weight [g] / dose left at the time the images are decay-corrected to [Bq]

with the dose left = Radionuclide Total Dose · 2^(−(that time − injection) / half life).
"""

import math
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, DT, TM

from miap.errors import InputError
from miap.imaging.header import READ_ERRORS, number, words

_DAY = timedelta(days=1)
_HALF_LIVES = 5
"""Nobody images later than this after the injection: a longer interval is an error in the dates."""
_REMEDY = "Send the PET with its original header, or as NIfTI in SUV (--image pet=FILE)."


def suv_factor(dataset: Dataset) -> float:
    """Factor from the rescaled voxels of one instance to SUVbw, g/ml. See `suv_factors`."""
    return float(suv_factors([dataset])[0])


def suv_factors(instances: Sequence[Dataset]) -> npt.NDArray[np.float64]:
    """Factors from the rescaled voxels of each slice of a series to SUVbw, g/ml; shape (slices,).

    They differ from slice to slice only where the images are not corrected for decay.

    Args:
        instances: Headers of all slices of one PET series: when decay correction begins depends on all of them.

    Raises:
        InputError: An attribute is missing or implausible (the message names it), the units are none SUV can be had
            from, or the images are not corrected for attenuation.
    """
    first = instances[0]
    try:
        if words(first, "CorrectedImage") and "ATTN" not in words(first, "CorrectedImage"):
            raise ValueError("it is not corrected for attenuation (CorrectedImage lacks ATTN)")
        units = "".join(words(first, "Units"))
        if units in ("GML", "CM2ML"):
            return np.full(len(instances), _to_body_weight(first, units))
        if units == "CNTS":
            return _from_counts(instances)
        if units != "BQML":
            raise ValueError(f"its Units are {units or 'missing'}")
        return _from_activity(instances)
    except READ_ERRORS as error:
        file = Path(getattr(first, "filename", None) or "PET")
        raise InputError(f"SUV cannot be computed from {file}: {error}.", remedy=_REMEDY) from error


def _from_activity(instances: Sequence[Dataset]) -> npt.NDArray[np.float64]:
    first = instances[0]
    weight_g = 1000 * _plausible(first, "PatientWeight", 0.2, 700)
    tracer = _tracer(first)
    dose = _plausible(tracer, "RadionuclideTotalDose", 1e5, 1e11)
    correction = "".join(words(first, "DecayCorrection"))
    if correction == "ADMIN":
        return np.full(len(instances), weight_g / dose)
    half_life = _plausible(tracer, "RadionuclideHalfLife", 30, 1e8)
    if correction == "START":
        scanned = [_start_of_scan(instances)] * len(instances)
    elif correction == "NONE":
        scanned = [_middle_of_frame(instance, half_life) for instance in instances]
    else:
        raise ValueError(f"DecayCorrection is {correction or 'missing'}")
    injected = _injected(tracer, "".join(words(first, "TimezoneOffsetFromUTC")).strip())
    uptake = np.array([_uptake(tracer, injected, when, half_life) for when in scanned])
    return weight_g / (dose * np.exp2(-uptake / half_life))


def _from_counts(instances: Sequence[Dataset]) -> npt.NDArray[np.float64]:
    """Philips' private factors from counts: to SUVbw (7053,xx00), or else to Bq/ml (7053,xx09)."""
    first = instances[0]
    if factor := _private(first, 0x7053, "Philips PET Private Group", 0x00):
        return np.full(len(instances), factor)
    if factor := _private(first, 0x7053, "Philips PET Private Group", 0x09):
        return factor * _from_activity(instances)
    raise ValueError(
        "its Units are CNTS and neither Philips' SUV scale factor (7053,1000) nor its activity concentration scale "
        "factor (7053,1009) is there"
    )


def _private(dataset: Dataset, group: int, creator: str, element: int) -> float:
    """A positive private number; 0 where there is none."""
    try:
        factor = float(dataset.private_block(group, creator)[element].value)
    except (KeyError, TypeError, ValueError):
        return 0.0
    return factor if math.isfinite(factor) and factor > 0 else 0.0


def _to_body_weight(dataset: Dataset, units: str) -> float:
    """Factor from SUV by lean mass, ideal weight or body surface to SUV by body weight (SUV Type, PS3.3 C.8.9.1)."""
    kind = "".join(words(dataset, "SUVType")) or ("BW" if units == "GML" else "BSA")
    if kind == "BW":
        return 1.0
    weight = _plausible(dataset, "PatientWeight", 0.2, 700)
    height = 100 * _plausible(dataset, "PatientSize", 0.3, 2.6)
    if kind == "BSA":
        return 1000 * weight / (1e4 * body_surface_m2(weight, height))
    sex = "".join(words(dataset, "PatientSex"))
    if sex not in ("M", "F"):
        raise ValueError(f"its SUV are normalised by {kind}, and PatientSex is {sex or 'missing'}")
    if kind in ("LBM", "LBMJAMES128"):
        return weight / lean_mass_james_kg(weight, height, sex, 120 if kind == "LBM" else 128)
    if kind == "LBMJANMA":
        return weight / lean_mass_kg(weight, height, sex)
    if kind == "IBW":
        return weight / ideal_weight_kg(height, sex)
    raise ValueError(f"its SUV are normalised by {kind}, which is not known (SUVType)")


def body_surface_m2(weight_kg: float, height_cm: float) -> float:
    """Body surface, m²: 0.007184 · weight^0.425 · height^0.725 (DuBois and DuBois, Arch Intern Med 1916)."""
    return float(0.007184 * weight_kg**0.425 * height_cm**0.725)


def lean_mass_kg(weight_kg: float, height_cm: float, sex: str) -> float:
    """Lean body mass, kg, of ``M`` or ``F`` (Janmahasatian et al., Clin Pharmacokinet 2005)."""
    index = weight_kg / (height_cm / 100) ** 2
    base, slope = (6680, 216) if sex == "M" else (8780, 244)
    return 9270 * weight_kg / (base + slope * index)


def lean_mass_james_kg(weight_kg: float, height_cm: float, sex: str, square_m: float = 128) -> float:
    """Lean body mass, kg, of ``M`` or ``F`` (James, Research on Obesity, 1976).

    ``square_m`` is the men's coefficient of (weight / height)²: 128, or the 120 of PET's older literature.
    """
    factor, square = (1.10, square_m) if sex == "M" else (1.07, 148)
    return factor * weight_kg - square * (weight_kg / height_cm) ** 2


def ideal_weight_kg(height_cm: float, sex: str) -> float:
    """Ideal body weight, kg, of ``M`` or ``F`` (Sugawara et al., Radiology 1999)."""
    return (48.0 if sex == "M" else 45.5) + (1.06 if sex == "M" else 0.91) * (height_cm - 152)


def _tracer(dataset: Dataset) -> Dataset:
    items = dataset.get("RadiopharmaceuticalInformationSequence")
    if not items:
        raise ValueError("RadiopharmaceuticalInformationSequence is missing")
    item: Dataset = items[0]
    return item


def _plausible(dataset: Dataset, keyword: str, low: float, high: float) -> float:
    value = number(dataset, keyword)
    if not low <= value <= high:
        raise ValueError(f"{keyword} is {value:g}, which is not between {low:g} and {high:g}")
    return value


def _start_of_scan(instances: Sequence[Dataset]) -> datetime:
    """What START means: GE's own scan start; or the series' date and time, unless it was made after its images."""
    if (stated := _ge_scan_start(instances[0])) is not None:
        return stated
    taken = [when for one in instances if (when := _when(one, "Acquisition")) is not None]
    series = _when(instances[0], "Series")
    if series is not None and (not taken or series <= min(taken)):
        return series
    if not taken:
        raise ValueError("SeriesDate, SeriesTime, AcquisitionDate and AcquisitionTime are missing")
    return min(taken)


def _ge_scan_start(dataset: Dataset) -> datetime | None:
    """GE's private scan date and time (0009,xx0d), which GE corrects to even if the series was made later."""
    try:
        return DT(str(dataset.private_block(0x0009, "GEMS_PETD_01")[0x0D].value)).replace(tzinfo=None)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _middle_of_frame(instance: Dataset, half_life: float) -> datetime:
    """When the activity was what the frame shows on average (QIBA: average count rate time)."""
    begin = _when(instance, "Acquisition")
    if begin is None:
        raise ValueError("AcquisitionDate or AcquisitionTime is missing, and DecayCorrection is NONE")
    duration = number(instance, "ActualFrameDuration") / 1000
    decay = math.log(2) / half_life * duration
    average = duration / decay * math.log(decay / -math.expm1(-decay)) if decay > 0 else 0.0
    return begin + timedelta(seconds=average)


def _injected(tracer: Dataset, zone: str) -> datetime | None:
    """Start date and time of the injection in the series' time zone, if both say theirs; else as it is written."""
    stamp = tracer.get("RadiopharmaceuticalStartDateTime")
    if not stamp:
        return None
    injected = DT(str(stamp))
    if injected.tzinfo is not None and zone:
        injected = injected.astimezone(datetime.strptime(zone, "%z").tzinfo)
    return injected.replace(tzinfo=None)


def _uptake(tracer: Dataset, injected: datetime | None, scanned: datetime, half_life: float) -> float:
    """Seconds from injection to ``scanned``.

    A start date and time is believed if it makes sense: dates shifted for privacy need not be shifted together. The
    time of day alone is that of the last such time before the scan.
    """
    if injected is not None:
        uptake = (scanned - injected).total_seconds()
        if 0 <= uptake <= _HALF_LIVES * half_life:
            return uptake
    if half_life > _DAY.total_seconds() / 2:
        raise ValueError("RadiopharmaceuticalStartDateTime is missing or makes no sense, and the tracer outlives a day")
    stated = tracer.get("RadiopharmaceuticalStartTime")
    clock: time
    if stated:
        clock = TM(str(stated))
    elif injected is not None:
        clock = injected.time()
    else:
        raise ValueError("RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing")
    uptake = ((scanned - datetime.combine(scanned.date(), clock)) % _DAY).total_seconds()
    if uptake > _HALF_LIVES * half_life:
        raise ValueError(f"the injection would be {uptake / 3600:.1f} h before the scan (RadiopharmaceuticalStartTime)")
    return uptake


def _when(dataset: Dataset, kind: str) -> datetime | None:
    """``SeriesDate`` and ``SeriesTime``, or ``AcquisitionDate`` and ``AcquisitionTime``."""
    date: Any = dataset.get(f"{kind}Date") or dataset.get("StudyDate")
    clock: Any = dataset.get(f"{kind}Time")
    return datetime.combine(DA(str(date)), TM(str(clock))) if date and clock else None
