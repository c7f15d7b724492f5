"""From a segmentation to measured lesions."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

from miap.findings.components import find_components, lesion_boxes
from miap.findings.confidence import Calibration, features_of
from miap.findings.diameter import measure_diameters, slice_axis_of
from miap.findings.geometry import measure_geometry
from miap.findings.lesion import Label, Lesion, Uptake
from miap.findings.quality import DEFAULT_LIMITS, Limits, lesion_flags
from miap.findings.uptake import measure_uptake, outside_fraction
from miap.imaging.volume import Volume

_MOST_OUTSIDE = 0.01
_TRACKING = UUID("2f9b2d5c-0f43-5c3e-8f0d-6b1f3c4f7e21")


def find_lesions(
    segmentation: Volume,
    probability: Volume,
    labels: Sequence[Label],
    *,
    pet: Volume | None = None,
    calibration: Calibration | None = None,
    min_volume_ml: float = 0.1,
    slice_axis: int | None = None,
    namespace: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[tuple[Lesion, ...], npt.NDArray[np.uint16]]:
    """Find and measure the lesions of a segmentation, the largest first.

    Args:
        segmentation: Shape (1, x, y, z), integer: 0 or a label's value, on the reference image's grid.
        probability: Shape (label, x, y, z) on the same grid, in the order of ``labels``.
        labels: What the values mean.
        pet: PET in SUV on any grid; without it lesions have no uptake.
        calibration: Of the model; without it the confidence is the mean probability inside the lesion.
        min_volume_ml: Smaller components aren't lesions.
        slice_axis: Array axis of the reference's slices, in which diameters are measured: 2 for DICOM series; by
            default what the grid shows (`miap.findings.diameter.slice_axis_of`).
        namespace: Names this result, for example by hashes of its inputs and model. The same namespace always gives
            the same tracking UIDs; without one they are left empty.
        limits: When a lesion is flagged.

    Returns:
        The lesions with ids 1…n, and the lesion map, shape (x, y, z).

    Raises:
        ValueError: The grids differ, the probabilities aren't one per label, or a voxel has a value that no label
            names.
    """
    if not segmentation.same_grid(probability):
        raise ValueError("the segmentation and its probabilities lie on different grids")
    if probability.array.shape[0] != len(labels):
        raise ValueError(f"{probability.array.shape[0]} probabilities do not fit {len(labels)} labels")
    names = {label.value: label.name for label in labels}
    axis = slice_axis_of(segmentation) if slice_axis is None else slice_axis
    found = find_components(segmentation, min_volume_ml=min_volume_ml)
    lesion_map = found.array[0]
    lesions = []
    for number, box in enumerate(lesion_boxes(lesion_map), start=1):
        crop = found.crop([part.start for part in box], [part.stop for part in box])
        mask = crop.with_array(crop.array == number)
        value = int(segmentation.array[0][box][mask.array[0]][0])
        if value not in names:
            raise ValueError(f"the segmentation holds the value {value}, which no label names")
        features = features_of(probability.array[(slice(None), *box)][:, mask.array[0]], found.voxel_volume_ml)
        geometry = measure_geometry(mask)
        diameters = measure_diameters(mask, axis, first_slice=box[axis].start)
        confidence = calibration.confidence(features) if calibration else features.mean_probability
        uptake, pet_flags = (None, ()) if pet is None else _uptake(mask, pet)
        flags = lesion_flags(mask, geometry.volume_ml, confidence, features, found, limits)
        lesions.append(
            Lesion(
                id=number,
                label=names[value],
                label_value=value,
                volume_ml=geometry.volume_ml,
                centroid_mm=geometry.centroid_mm,
                longest=diameters.longest,
                perpendicular=diameters.perpendicular,
                extent_mm=geometry.extent_mm,
                confidence=confidence,
                uptake=uptake,
                flags=flags + pet_flags,
                tracking_uid=tracking_uid(namespace, number) if namespace else "",
            )
        )
    return tuple(lesions), lesion_map


def tracking_uid(namespace: str, lesion_id: int) -> str:
    """A DICOM UID under ``2.25`` (PS3.5 B.2) that depends on its two arguments only."""
    return f"2.25.{uuid5(_TRACKING, f'{namespace}/{lesion_id}').int}"


def _uptake(mask: Volume, pet: Volume) -> tuple[Uptake | None, tuple[str, ...]]:
    """Uptake of a lesion, and a flag where the PET doesn't show all of it."""
    outside = outside_fraction(mask, pet)
    flags = (f"lies outside the PET in {100 * outside:.0f} % of its volume",) if outside > _MOST_OUTSIDE else ()
    return measure_uptake(mask, pet), flags
