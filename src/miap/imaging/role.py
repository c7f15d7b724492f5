"""Which role an image plays in a case, told from what its header or its file name says."""

import re
from pathlib import Path

from pydicom.dataset import Dataset

from miap.imaging.header import number, words
from miap.imaging.modality import Modality

_OTHER_MR = re.compile(
    r"\bloc(ali[sz]er)?\b|scout|survey|\b3 ?pl(ane)?\b|calib|dwi|diff|\badc|\bep2d|\bdti|\btrac(e|ew)\b|\bswi|swan"
    r"|t2 ?(\*|star\b|s\b)|hemo|perf|\bdsc|\bdce|\bpwi|\basl\b|\bcb[fv]\b|\bmtt\b|\bttp\b|bold|fmri|\bmra\b|\btof"
    r"|angio|spectr|\bmrs\b|\bmip\b|\bsub(tr\w*)?\b|phase|\bmap(ping)?\b|stir"
)
_FLAIR = re.compile(r"flair|dark ?fluid|\btirm\b|t2f\b")
_T1 = re.compile(r"t1(?!\d)|mp ?rage|\bmpr\b|bravo|f?spgr|vibe|\btfe\b")
_T2 = re.compile(r"t2(?!\d)|haste|ssfse")
_NO_CONTRAST = re.compile(
    r"\bpre\b|\bnon? ?(contrast|c|gd|gad\w*)\b|w ?/ ?o\b|without|\bnativ\w*|\bohne\b|\bsans\b|\bsin\b|un ?enhanced"
)
_CONTRAST = re.compile(
    r"\+ ?(c|gd|gad\w*|km|iv)\b|\+$|\bc ?\+|post\b|\bpost(gd|gad|con|km|c\b)|gd\b|\bgd|gado|\bgad\b|contrast|\bce\b"
    r"|t1 ?c(e|\b)|\bkm\b|enhanced|with c\b|w ?/ ?c\b|\bkontrast"
)
_UNCORRECTED = re.compile(r"\bnac\b|\bno ?n?[ -]?(ac|att\w*)\b|uncorrected|w ?/ ?o ?ac\b|without a")
_NOT_PLAIN = {
    "ADC",
    "TRACEW",
    "FA",
    "SUBTRACTION",
    "PROJECTION IMAGE",
    "MIP",
    "PERFUSION",
    "DIFFUSION",
    "MPR PROJECTION",
}

_FILE_TOKENS = {
    Modality.T1: {"t1", "t1w", "t1n"},
    Modality.T1C: {"t1c", "t1ce", "t1gd", "t1cw", "t1post", "t1km"},
    Modality.T2: {"t2", "t2w"},
    Modality.FLAIR: {"flair", "t2f", "t2flair"},
    Modality.CT: {"ct"},
    Modality.PET: {"pet", "pt", "suv"},
}
_MASK_TOKENS = {"mask", "masks", "seg", "segmentation", "label", "labels", "labelmap", "gtv", "roi"}


def role_of(header: Dataset) -> Modality | None:
    """Role of a DICOM series, from the header of any of its instances; ``None`` if it has none MIAP knows.

    CT and PET go by Modality. MR goes by the words in Series Description and Protocol Name; contrast also by
    Contrast/Bolus Agent; where the words say nothing, by the times of the sequence.
    """
    modality = "".join(words(header, "Modality"))
    if modality == "CT":
        return Modality.CT if "".join(words(header, "RescaleType")) in ("", "HU", "US") else None
    if modality == "PT":
        return Modality.PET
    if modality != "MR" or _NOT_PLAIN & set(words(header, "ImageType")):
        return None
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = " ".join(re.split(r"[\s_.,:;()\[\]^-]+", " ".join(words(header, keyword)).lower())).strip()
        if _OTHER_MR.search(text):
            return None
        if role := _role_from_words(text):
            return _with_contrast(role, text, header)
    role = _role_from_times(header)
    return role and _with_contrast(role, "", header)


def role_from_name(path: Path) -> Modality | None:
    """Role of a NIfTI file from a token of its name, as ``t1ce`` in ``case7_t1ce.nii.gz``; ``None`` for none or two."""
    tokens = _tokens(path)
    roles = {role for role, names in _FILE_TOKENS.items() if names & tokens}
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


def says_uncorrected(description: str) -> bool:
    """Whether a PET series' description says that it is not corrected for attenuation."""
    return _UNCORRECTED.search(description.lower().replace("_", " ")) is not None


def _tokens(path: Path) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", path.name.lower().split(".nii")[0]))


def _follows_t1(path: Path) -> bool:
    return re.search(r"t1w?[^a-z0-9](c|post|contrast|km)([^a-z0-9]|$)", path.name.lower()) is not None


def _role_from_words(text: str) -> Modality | None:
    t1, t2 = _T1.search(text), _T2.search(text)
    if _FLAIR.search(text):
        return Modality.T1 if t1 and not t2 else Modality.FLAIR
    if t1 and not t2:
        return Modality.T1
    return Modality.T2 if t2 and not t1 else None


def _with_contrast(role: Modality, text: str, header: Dataset) -> Modality:
    """T1 becomes T1 after contrast where the words say so, or the agent does and no word denies it."""
    if role is not Modality.T1 or _NO_CONTRAST.search(text):
        return role
    agent = " ".join(words(header, "ContrastBolusAgent")).strip()
    given = agent not in ("", "NONE", "NO", "N", "N/A", "NA", "WITHOUT", "0")
    return Modality.T1C if given or _CONTRAST.search(text) else role


def _role_from_times(header: Dataset) -> Modality | None:
    """From repetition, echo and inversion time in ms, as spin echo and gradient echo sequences are usually run."""
    try:
        repetition = number(header, "RepetitionTime")
        echo = number(header, "EchoTime")
        inversion = number(header, "InversionTime", 0.0)
    except (TypeError, ValueError):
        return None
    if "EP" in words(header, "ScanningSequence") or "Y" in words(header, "AngioFlag"):
        return None
    if inversion >= 1500:
        return Modality.FLAIR if echo >= 60 else None
    if repetition >= 2000 and echo >= 60:
        return Modality.T2 if inversion == 0 else None
    if 0 < echo <= 30 and (repetition <= 1000 or 600 <= inversion <= 1300):
        return Modality.T1
    return None
