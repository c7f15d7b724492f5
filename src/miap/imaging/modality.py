"""The image roles MIAP knows: what a series is to a model."""

from enum import StrEnum


class Modality(StrEnum):
    """Role of an image in a case. The value is what people type (``--image t1c=FILE``)."""

    T1 = "t1"
    T1C = "t1c"
    T2 = "t2"
    FLAIR = "flair"
    CT = "ct"
    PET = "pet"

    @property
    def unit(self) -> str:
        """Unit of the voxel values in a `Volume` of this modality (``""`` where arbitrary, as in MR)."""
        return {Modality.CT: "HU", Modality.PET: "SUV"}.get(self, "")

    @property
    def words(self) -> str:
        """Name as people read it, for example ``T1 after contrast``."""
        return {
            Modality.T1: "T1",
            Modality.T1C: "T1 after contrast",
            Modality.T2: "T2",
            Modality.FLAIR: "FLAIR",
            Modality.CT: "CT",
            Modality.PET: "PET",
        }[self]
