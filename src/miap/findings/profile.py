"""What an image is like in a few numbers, to tell whether a case resembles the images a model was trained on."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

import numpy as np

from miap.findings.diameter import slice_axis_of
from miap.imaging.modality import Modality
from miap.imaging.volume import Array, Volume

Profile: TypeAlias = dict[str, float]
Spread: TypeAlias = Mapping[str, float]

INTENSITIES = {"p1": "dark end", "p50": "median", "p99": "bright end"}
"""Percentiles of the foreground, and what they are called in a sentence."""

SIZES = {
    "pixel_mm": "pixel size",
    "slice_mm": "slice spacing",
    "width_mm": "field of view in the slice",
    "length_mm": "field of view across the slices",
}
"""Sizes of the grid, and what they are called in a sentence."""

_MOST_VOXELS = 2_000_000
_AIR = {Modality.CT: -500.0, Modality.PET: 0.1}
_LEAST_SPREAD = 0.05


def input_profile(image: Volume, *, slice_axis: int | None = None) -> Profile:
    """An image in numbers.

    - ``p1``, ``p50``, ``p99``: percentiles of the foreground. In CT that is what lies above -500 HU, in PET above
      0.1 SUV. In MR, whose unit is arbitrary, it is what is brighter than a tenth of the image's 99th percentile, and
      the percentiles are given as fractions of the foreground's own 99th (so ``p99`` is left out).
    - ``pixel_mm``, ``slice_mm``: distance of voxels within a slice (geometric mean) and of slices.
    - ``width_mm``, ``length_mm``: field of view in the slice (the longer side) and across the slices.

    Of a large image, evenly spread voxels are looked at.

    Args:
        image: Shape (1, x, y, z).
        slice_axis: Array axis of the slices where it is known, 2 for DICOM series; else as the grid shows it.
    """
    axis = slice_axis_of(image) if slice_axis is None else slice_axis
    spacing, size = image.spacing, image.spacing * image.shape
    in_slice = [a for a in range(3) if a != axis]
    return {
        **_percentiles(_thinned(image.array[0]), image.modality),
        "pixel_mm": float(np.sqrt(np.prod(spacing[in_slice]))),
        "slice_mm": float(spacing[axis]),
        "width_mm": float(size[in_slice].max()),
        "length_mm": float(size[axis]),
    }


def merge_profiles(profiles: Iterable[Profile], *, leave_out: Collection[str] = ()) -> dict[str, dict[str, float]]:
    """Mean, standard deviation, lowest and highest of each number over the training images of one modality.

    Args:
        profiles: One entry an image, from `input_profile`.
        leave_out: Numbers that mean nothing in these images, for example sizes where the files' spacing is wrong.
    """
    columns: dict[str, list[float]] = {}
    for profile in profiles:
        for name, value in profile.items():
            if name not in leave_out:
                columns.setdefault(name, []).append(value)
    return {
        name: {
            "mean": round(float(np.mean(values)), 4),
            "sd": round(float(np.std(values, ddof=1)) if len(values) > 1 else 0.0, 4),
            "low": round(min(values), 4),
            "high": round(max(values), 4),
        }
        for name, values in columns.items()
    }


def unlike(
    profile: Profile,
    training: Mapping[str, Spread],
    modality: Modality,
    *,
    max_deviations: float,
    max_ratio: float,
) -> list[str]:
    """In what an image differs from the training images, in sentences.

    Intensities differ when they lie outside the range seen in training and further than ``max_deviations`` standard
    deviations from its mean (with at least 5 % of the mean, or of the range, taken as one); sizes when they lie
    outside the range by more than the factor ``max_ratio``.

    Args:
        profile: Of the image.
        training: Of the training images of its modality; numbers that are missing there aren't compared.
        modality: What the image is.
        max_deviations: See above.
        max_ratio: See above.
    """
    found = []
    for name, title in INTENSITIES.items():
        if name in profile and name in training:
            seen, value = training[name], profile[name]
            deviation = max(seen["sd"], _LEAST_SPREAD * abs(seen["mean"]), _LEAST_SPREAD * (seen["high"] - seen["low"]))
            beyond = not seen["low"] <= value <= seen["high"]
            if beyond and abs(value - seen["mean"]) > max_deviations * deviation:
                found.append(_sentence(modality, f"brightness ({title})", value, seen, modality.unit))
    for name, title in SIZES.items():
        if name in training:
            seen, value = training[name], profile[name]
            if not seen["low"] / max_ratio <= value <= seen["high"] * max_ratio:
                found.append(_sentence(modality, title, value, seen, "mm"))
    return found


def _sentence(modality: Modality, title: str, value: float, seen: Spread, unit: str) -> str:
    return (
        f"The {modality.words} is unlike the training images: {title} {value:.3g} {unit}".rstrip()
        + f", in training {seen['low']:.3g} to {seen['high']:.3g} {unit}".rstrip()
        + "."
    )


def _percentiles(array: Array, modality: Modality | None) -> Profile:
    threshold = _AIR[modality] if modality in _AIR else 0.1 * float(np.percentile(array, 99))
    foreground = array[array > threshold]
    p1, p50, p99 = np.percentile(foreground if foreground.size else array, [1, 50, 99]).tolist()
    if modality in _AIR:
        return {"p1": p1, "p50": p50, "p99": p99}
    return {"p1": p1 / p99, "p50": p50 / p99} if p99 > 0 else {}


def _thinned(array: Array) -> Array:
    """Evenly spread voxels, at most about two million, the same ones whichever way the axes run."""
    step = int(np.ceil((array.size / _MOST_VOXELS) ** (1 / 3)))
    if step == 1:
        return array
    chosen = []
    for n in array.shape:
        half = np.arange(0, (n + 1) // 2, min(step, n))
        chosen.append(np.union1d(half, n - 1 - half))
    return np.asarray(array[np.ix_(*chosen)])
