"""The made-up patient and visit that a phantom's DICOM instances name."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.uid import UID

_NAMESPACE = uuid.UUID("6ba7e3c5-0b1f-5d4c-9a51-3d3b6a8f2d10")


def uid(*parts: str) -> UID:
    """A DICOM UID that is the same for the same parts (2.25 and a name-based UUID, PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}")


@dataclass(frozen=True)
class Study:
    """One visit of a patient who doesn't exist.

    Args:
        patient_id: For example ``PHANTOM-7``.
        patient_name: In DICOM's form, ``FAMILY^GIVEN``.
        key: Tells one visit of this patient from another; it decides the study's UIDs.
        description: Study description.
        body_part: DICOM Body Part Examined.
        laterality: ``L`` or ``R`` where the body part is one of a pair.
        start: When the study and its series begin.
        weight_kg: Patient's weight.
        size_m: Patient's height.
        dose_bq: Injected activity, at injection.
        half_life_s: Of the radionuclide; fluorine-18 by default.
        uptake_s: From injection to the start of the series; whole seconds.
    """

    patient_id: str
    patient_name: str
    key: str = ""
    description: str = ""
    body_part: str = "WHOLEBODY"
    laterality: str = ""
    start: datetime = datetime(2024, 1, 15, 10, 30)
    weight_kg: float = 72.0
    size_m: float = 1.75
    dose_bq: float = 350e6
    half_life_s: float = 6586.2
    uptake_s: float = 3600.0

    @property
    def uid(self) -> UID:
        """Study Instance UID."""
        return uid(self.patient_id, self.key, "study")

    @property
    def frame_of_reference_uid(self) -> UID:
        """All series of the study share it."""
        return uid(self.patient_id, self.key, "frame")

    @property
    def injected(self) -> datetime:
        """When the tracer was given."""
        return self.start - timedelta(seconds=self.uptake_s)

    @property
    def bq_per_ml(self) -> float:
        """Activity concentration of SUV 1, Bq/ml: the dose left at the series' start over the weight in g."""
        left = self.dose_bq * 2 ** (-self.uptake_s / self.half_life_s)
        return left / (self.weight_kg * 1000)
