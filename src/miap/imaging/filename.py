"""What a NIfTI file's name says: the format itself cannot say what it shows."""

import re
from pathlib import Path

from miap.imaging.modality import Modality

_TOKENS = {
    Modality.T1: {"t1", "t1w", "t1n"},
    Modality.T1C: {"t1c", "t1ce", "t1gd", "t1cw", "t1post", "t1km"},
    Modality.T2: {"t2", "t2w"},
    Modality.FLAIR: {"flair", "t2f", "t2flair"},
    Modality.CT: {"ct"},
    Modality.PET: {"pet", "pt", "suv"},
}
_MASK_TOKENS = {"mask", "masks", "seg", "segmentation", "label", "labels", "labelmap", "gtv", "roi"}


def role_from_name(path: Path) -> Modality | None:
    """Role of a NIfTI file from a token of its name, as ``t1ce`` in ``case7_t1ce.nii.gz``; ``None`` for none or two."""
    tokens = _tokens(path)
    roles = {role for role, names in _TOKENS.items() if names & tokens}
    if {Modality.FLAIR, Modality.T2} == roles:
        return Modality.FLAIR
    if Modality.PET in roles and len(roles) > 1 and not tokens & {"pet", "suv"}:
        roles.discard(Modality.PET)  # "pt" as in patient
    if roles == {Modality.T1} and (tokens & {"gd", "gad", "gadolinium", "ce"} or _follows_t1(path)):
        return Modality.T1C
    return roles.pop() if len(roles) == 1 else None


def is_mask_name(path: Path) -> bool:
    """Whether a file's name says that it is a mask."""
    return bool(_tokens(path) & _MASK_TOKENS)


def _tokens(path: Path) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", path.name.lower().split(".nii")[0]))


def _follows_t1(path: Path) -> bool:
    return re.search(r"t1w?[^a-z0-9](c|post|contrast|km)([^a-z0-9]|$)", path.name.lower()) is not None
