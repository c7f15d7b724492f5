"""What is said of one lesion, and of all of a case."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Code:
    """A coded concept, for example ``Code("128462008", "SCT", "Secondary malignant neoplastic disease")``."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Label:
    """One class a model segments.

    Args:
        value: The voxel value in the segmentation.
        name: As people read it.
        category: DICOM Segmented Property Category (PS3.3 C.8.20.2).
        type: DICOM Segmented Property Type.
        anatomy: Anatomic region, where the model fixes one.
    """

    value: int
    name: str
    category: Code
    type: Code
    anatomy: Code | None = None


@dataclass(frozen=True)
class Diameter:
    """A straight distance inside a lesion: length in mm, both end points in LPS mm, and the slice it lies in."""

    length_mm: float
    start_mm: Point
    stop_mm: Point
    slice_index: int


@dataclass(frozen=True)
class Uptake:
    """Tracer uptake of a lesion in a PET in SUV (body weight).

    ``suv_peak`` is the highest mean of a 1 ml sphere (PERCIST, Wahl 2009); ``mtv_ml`` the metabolic tumour
    volume, the part of the lesion at or above 41 % of its SUVmax (EANM 2015), and ``tlg_g`` that volume times
    its own mean SUV.
    """

    suv_max: float
    suv_mean: float
    suv_peak: float
    mtv_ml: float
    tlg_g: float


@dataclass(frozen=True)
class Lesion:
    """One connected tumour region and its measurements. Positions are LPS mm."""

    id: int
    label: str
    label_value: int
    volume_ml: float
    centroid_mm: Point
    longest: Diameter
    perpendicular: Diameter
    extent_mm: Point
    confidence: float
    uptake: Uptake | None = None
    flags: tuple[str, ...] = ()
    tracking_uid: str = ""


@dataclass(frozen=True)
class Quality:
    """Whether the result can be leaned on: ``status`` is ``good`` or ``review``, each flag says why in a sentence."""

    status: str
    flags: tuple[str, ...] = ()
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Findings:
    """All lesions of a case, largest first, and the quality of the whole."""

    lesions: tuple[Lesion, ...]
    quality: Quality
    model: dict[str, Any]
    timing_s: dict[str, float]
    lesion_map: npt.NDArray[np.uint16] = field(repr=False, compare=False)
    """Shape (x, y, z) on the case's reference grid: 0 or a lesion's ``id``."""
