"""What is said of one lesion, and of all of a case."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Point = tuple[float, float, float]

SCHEMA = "miap.findings/1"
"""What ``findings.json`` says it is."""


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

    def to_json(self) -> dict[str, Any]:
        """The lesion as an entry of ``findings.json``: lengths to 0.01 mm, volumes to 0.1 µl."""
        return {
            "id": self.id,
            "label": self.label,
            "label_value": self.label_value,
            "volume_ml": round(self.volume_ml, 4),
            "centroid_mm": _rounded(self.centroid_mm),
            "longest_diameter_mm": round(self.longest.length_mm, 2),
            "perpendicular_diameter_mm": round(self.perpendicular.length_mm, 2),
            "longest_diameter_line_mm": [_rounded(self.longest.start_mm), _rounded(self.longest.stop_mm)],
            "perpendicular_diameter_line_mm": [
                _rounded(self.perpendicular.start_mm),
                _rounded(self.perpendicular.stop_mm),
            ],
            "slice_index": self.longest.slice_index,
            "extent_mm": _rounded(self.extent_mm),
            "confidence": round(self.confidence, 4),
            "suv": None if self.uptake is None else {k: round(v, 4) for k, v in asdict(self.uptake).items()},
            "flags": list(self.flags),
            "tracking_uid": self.tracking_uid,
        }


@dataclass(frozen=True)
class Quality:
    """Whether the result can be leaned on: ``status`` is ``good`` or ``review``, each flag says why in a sentence.

    ``measures`` holds the numbers behind the flags, by name.
    """

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

    def to_json(self) -> dict[str, Any]:
        """The content of ``findings.json``, as ``findings.schema.json`` beside this file describes it."""
        return {
            "schema": SCHEMA,
            "model": self.model,
            "lesions": [lesion.to_json() for lesion in self.lesions],
            "quality": {
                "status": self.quality.status,
                "flags": list(self.quality.flags),
                "measures": {key: round(value, 4) for key, value in self.quality.measures.items()},
            },
            "timing_s": {step: round(seconds, 3) for step, seconds in self.timing_s.items()},
        }


def _rounded(point: Point) -> list[float]:
    return [round(value, 2) for value in point]
