"""Quality control: whether a result can be leaned on, and if not, why, in plain sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from miap.findings.confidence import LesionFeatures
from miap.findings.lesion import Lesion, Quality
from miap.findings.profile import Spread, input_profile, unlike
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume


@dataclass(frozen=True)
class Limits:
    """Beyond what a result is flagged.

    Args:
        volume_ml: Plausible range of a lesion's volume, from the model's metadata.
        min_confidence: A lesion below it is flagged.
        max_uncertain: A lesion of which a larger fraction of voxels is uncertain is flagged.
        max_lesions: More lesions in a case are flagged.
        max_slice_mm: Images with slices further apart are flagged.
        max_deviations: Intensities further than this many standard deviations from the training images' mean are
            flagged.
        max_ratio: Voxel sizes and fields of view beyond the training images' range by more than this factor are
            flagged.
    """

    volume_ml: tuple[float, float] = (0.0, 5000.0)
    min_confidence: float = 0.5
    max_uncertain: float = 0.5
    max_lesions: int = 20
    max_slice_mm: float = 6.0
    max_deviations: float = 3.0
    max_ratio: float = 1.5


DEFAULT_LIMITS = Limits()


def lesion_flags(
    lesion: Volume, volume_ml: float, confidence: float, features: LesionFeatures, within: Volume, limits: Limits
) -> tuple[str, ...]:
    """What is doubtful about a lesion, each a phrase that goes on from its name ("touches the border of the image").

    Args:
        lesion: Shape (1, x, y, z), bool, cropped to the lesion's voxels.
        volume_ml: Its volume.
        confidence: Its detection confidence.
        features: What the confidence was computed from.
        within: The whole grid the lesion was cropped from; its voxels aren't looked at.
        limits: When to speak.
    """
    flags = []
    first = np.round(within.to_index(lesion.origin)).astype(int)
    if (first <= 0).any() or (first + lesion.shape >= within.shape).any():
        flags.append("touches the border of the image, so a part of it may be missing")
    smallest, largest = limits.volume_ml
    if not smallest <= volume_ml <= largest:
        flags.append(f"has an implausible volume of {volume_ml:.3g} ml (expected {smallest:.3g} to {largest:.3g} ml)")
    if confidence < limits.min_confidence:
        flags.append(f"has a low detection confidence of {100 * confidence:.0f} %")
    if features.uncertain_fraction > limits.max_uncertain:
        flags.append(f"is uncertain in {100 * features.uncertain_fraction:.0f} % of its volume")
    return tuple(flags)


def check_quality(
    lesions: Sequence[Lesion],
    images: Mapping[Modality, Volume],
    *,
    profile: Mapping[str, Mapping[str, Spread]] | None = None,
    probability: Volume | None = None,
    slice_axis: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Quality:
    """Judge a case.

    Args:
        lesions: As `miap.findings.find.find_lesions` gave them; their flags are repeated here.
        images: The images the model looked at.
        profile: What its training images were like, by modality (`miap.findings.profile.merge_profiles`).
        probability: Shape (label, x, y, z); says how close a case without lesions came to having one.
        slice_axis: Array axis of the images' slices where it is known, 2 for DICOM series.
        limits: When to speak.

    Returns:
        Status ``review`` where there is any flag, else ``good``. Flags of the whole case come first, then one a lesion.
    """
    flags = []
    measures = {"lesions": float(len(lesions)), "volume_ml": sum(lesion.volume_ml for lesion in lesions)}
    if lesions:
        measures["lowest_confidence"] = min(lesion.confidence for lesion in lesions)
    if probability is not None:
        measures["highest_probability"] = float(probability.array.max())
    if not lesions:
        flags.append(_nothing_found(measures.get("highest_probability")))
    if len(lesions) > limits.max_lesions:
        flags.append(
            f"{len(lesions)} lesions were found, more than {limits.max_lesions}: normal structures may be among them."
        )
    for modality, image in images.items():
        values = input_profile(image, slice_axis=slice_axis)
        measures |= {f"{modality.value}_{name}": value for name, value in values.items()}
        if values["slice_mm"] > limits.max_slice_mm:
            flags.append(
                f"The slices of the {modality.words} are {values['slice_mm']:.1f} mm apart, more than "
                f"{limits.max_slice_mm:.1f} mm: small lesions may be missed and volumes are rough."
            )
        flags += unlike(
            values,
            (profile or {}).get(modality.value, {}),
            modality,
            max_deviations=limits.max_deviations,
            max_ratio=limits.max_ratio,
        )
    flags += [f"Lesion {lesion.id} {', and '.join(lesion.flags)}." for lesion in lesions if lesion.flags]
    return Quality("review" if flags else "good", tuple(flags), measures)


def _nothing_found(highest_probability: float | None) -> str:
    if highest_probability is None:
        return "No lesion was found."
    return f"No lesion was found; the highest probability of one anywhere is {100 * highest_probability:.0f} %."
