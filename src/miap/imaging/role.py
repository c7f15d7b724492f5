"""Which role a DICOM series plays in a case, how sure that is, and why, in words a radiographer knows.

The words, times and weights are data: ``roles.toml``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from miap.imaging.contrast import agent_name, contrast
from miap.imaging.header import words
from miap.imaging.modality import Modality
from miap.imaging.vocabulary import among, normal, said, said_by_sequence, table
from miap.imaging.weighting import first_number, weighting

DOUBTFUL_BELOW: float = table()["confidence"]["doubtful_below"]
"""A series of less confidence is used only where there is nothing better, and the result says so."""

_UNITS = ("BQML", "CNTS", "GML", "CM2ML")


@dataclass(frozen=True)
class Recognition:
    """What a series was taken for.

    Args:
        role: ``None`` if it has none that MIAP knows.
        kind: What it is in words, also where it has no role: ``T1 after contrast``, ``diffusion``.
        confidence: 0 to 1.
        reasons: Phrases, the strongest first.
    """

    role: Modality | None
    kind: str
    confidence: float
    reasons: tuple[str, ...]

    @property
    def doubtful(self) -> bool:
        """Whether the role needs a look by a human."""
        return self.role is not None and self.confidence < DOUBTFUL_BELOW

    @property
    def because(self) -> str:
        """The reasons as one phrase."""
        return "; ".join(self.reasons)


def recognise(header: Dataset) -> Recognition:
    """What a DICOM series is, from the header of any of its slices.

    CT and PET go by Modality, unit and corrections. MR goes by Series Description first, where it says nothing by
    Protocol Name and the sequence's name, always weighed against repetition, echo and inversion time; contrast by
    words, agent and times. Image Type and words tell what has no role: localizers, diffusion, subtractions and so on.
    """
    modality = "".join(words(header, "Modality"))
    description = normal(str(header.get("SeriesDescription") or ""))
    if modality not in ("MR", "CT", "PT"):
        return Recognition(None, "no CT, MR or PET", 1.0, (f"its modality is {modality or 'not said'}",))
    other = _other(header, modality, description)
    if other is not None:
        return other
    if modality == "MR":
        return _mr(header, description)
    return _ct(header) if modality == "CT" else _pet(header, description)


def looked_for(role: Modality) -> str:
    """What a series must be like to play a role, as it is told to who misses it."""
    return str(table()["looked_for"][role])


def is_reformat(header: Dataset) -> bool:
    """Whether an image was computed from another of the same scan: Image Type or description says so."""
    section, values = table()["reformat"], words(header, "ImageType")
    text = normal(str(header.get("SeriesDescription") or ""))
    return bool(among(values, section, "image_type") or said(text, section)) or values[:2] == ("DERIVED", "SECONDARY")


def _other(header: Dataset, modality: str, description: str) -> Recognition | None:
    """What an image of this modality is that has no role."""
    values = words(header, "ImageType")[2:]
    sections = [section for section in table()["other"].values() if modality in section["modalities"]]
    for section in sections:
        if value := among(values, section, "image_type"):
            return Recognition(None, section["name"], 0.98, (f"its image type is {value}",))
    for section in sections:
        if phrase := said(description, section):
            return Recognition(None, section["name"], 0.95, (f'the description says "{phrase}"',))
    if modality == "MR":
        return _other_mr(header)
    return None


def _other_mr(header: Dataset) -> Recognition | None:
    other = table()["other"]
    contrast_kind = words(header, "AcquisitionContrast")
    for section in other.values():
        if value := among(contrast_kind, section, "acquisition_contrast"):
            return Recognition(None, section["name"], 0.95, (f"the scanner calls its contrast {value.lower()}",))
    if first_number(header, "DiffusionBValue"):
        return Recognition(None, other["diffusion"]["name"], 0.95, ("it has a diffusion b-value",))
    return None


def _mr(header: Dataset, description: str) -> Recognition:
    protocol = normal(str(header.get("ProtocolName") or ""))
    sequence = normal(" ".join(str(header.get(k) or "") for k in ("SequenceName", "PulseSequenceName")))
    others = [("protocol", protocol), ("sequence's name", sequence)]
    found = weighting(header, description, others)
    silent = not any(reason.startswith("the description") for reason in found.reasons)
    confidence, reasons = found.confidence, list(found.reasons)
    if silent:
        if aside := _other_by_protocol(protocol, sequence) or _other_by_sequence(header):
            return aside
    elif "EP" in words(header, "ScanningSequence"):
        confidence *= table()["confidence"]["conflict"]
        reasons.append("but it was taken as an echo-planar sequence, as diffusion is")
    if found.kind not in ("t1", "t2", "flair"):
        return Recognition(None, found.name or "MR of unknown weighting", confidence, tuple(reasons))
    if found.kind != "t1":
        role = Modality(found.kind)
        return Recognition(role, role.words, round(confidence, 2), tuple(reasons))
    text = f"{description} {protocol}" if silent else description
    after = contrast(header, text)
    role = Modality.T1C if after.given else Modality.T1
    return Recognition(role, role.words, round(confidence * after.confidence, 2), (*reasons, *after.reasons))


def _other_by_protocol(protocol: str, sequence: str) -> Recognition | None:
    """What the protocol or the sequence's name says of an image whose description says nothing."""
    for section in table()["other"].values():
        if "MR" in section["modalities"]:
            if phrase := said(protocol, section):
                return Recognition(None, section["name"], 0.8, (f'the protocol says "{phrase}"',))
            if phrase := said_by_sequence(sequence, section):
                return Recognition(None, section["name"], 0.8, (f'the sequence\'s name is "{phrase}"',))
    return None


def _other_by_sequence(header: Dataset) -> Recognition | None:
    if "EP" in words(header, "ScanningSequence"):
        return Recognition(None, "echo-planar image", 0.75, ("it was taken as an echo-planar sequence",))
    if "Y" in words(header, "AngioFlag") or "YES" in words(header, "AngioFlag"):
        return Recognition(None, str(table()["other"]["angiography"]["name"]), 0.75, ("it is flagged as angiography",))
    return None


def _ct(header: Dataset) -> Recognition:
    unit = "".join(words(header, "RescaleType")).strip()
    if unit not in ("", "HU", "US"):
        return Recognition(None, "CT map, not in Hounsfield units", 0.98, (f"its values are {unit}, not HU",))
    reasons = ["it is a CT in Hounsfield units" if unit == "HU" else "it is a CT"]
    if name := agent_name(header):
        reasons.append(f"contrast agent: {name}")
    return _image(header, Modality.CT, reasons)


def _pet(header: Dataset, description: str) -> Recognition:
    sure, section = table()["confidence"], table()["uncorrected"]
    corrections = words(header, "CorrectedImage")
    phrase = said(description, section)
    reasons = [f'the description says "{phrase}"'] if phrase else []
    if corrections and "ATTN" not in corrections:
        reasons.append("attenuation is not among its corrections")
        return Recognition(None, str(section["name"]), 0.98, tuple(reasons))
    if phrase and not corrections:
        return Recognition(None, str(section["name"]), 0.95, tuple(reasons))
    if phrase:
        reasons.append("but attenuation is among its corrections")
        return Recognition(Modality.PET, Modality.PET.words, sure["conflict"], tuple(reasons))
    units = "".join(words(header, "Units"))
    if units and units not in _UNITS:
        return Recognition(None, "PET map, not of activity", 0.95, (f"its unit is {units}",))
    if kind := next((kind for kind in ("GATED", "DYNAMIC") if kind in words(header, "SeriesType")), ""):
        reason = f"it is a {kind.lower()} PET"
        return Recognition(Modality.PET, Modality.PET.words, sure["gated"], (reason,))
    if corrections:
        return _image(header, Modality.PET, ["it is a PET corrected for attenuation"])
    return Recognition(Modality.PET, Modality.PET.words, sure["unsaid"], ("it is a PET that names no corrections",))


def _image(header: Dataset, role: Modality, reasons: Sequence[str]) -> Recognition:
    sure = table()["confidence"]
    if is_reformat(header):
        return Recognition(role, role.words, sure["derived"], (*reasons, "computed from other images"))
    return Recognition(role, role.words, sure["image"], tuple(reasons))
