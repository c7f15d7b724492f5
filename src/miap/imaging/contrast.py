"""Whether an image was taken after a contrast agent was given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from pydicom.dataset import Dataset
from pydicom.valuerep import TM

from miap.imaging.header import READ_ERRORS, words
from miap.imaging.vocabulary import normal, said, table, without


@dataclass(frozen=True)
class Contrast:
    """Whether an agent was in the patient, how sure that is, and why."""

    given: bool
    confidence: float
    reasons: tuple[str, ...]


def contrast(header: Dataset, text: str) -> Contrast:
    """Weigh the words, the agent's name and the time it was given; the numbers are in ``roles.toml``.

    Args:
        header: Of any slice.
        text: What says the weighting, normalised; words of the description and agent speak, others don't.
    """
    sure, sections = table()["confidence"], table()["contrast"]
    heard = without(text, sections["ignored"])
    before = said(heard, sections["before"])
    after = "" if before else said(heard, sections["after"])
    agent, named = _agent(header, sections)
    if before:
        reason = f'"{before}" says before contrast'
        if named:
            return Contrast(False, sure["before_agent"], (reason, f"but {agent}"))
        return Contrast(False, sure["before_words"], (reason,))
    if after:
        reason = f'"{after}" says after contrast'
        if named is False:
            return Contrast(True, sure["after_denied"], (reason, f"but {agent}"))
        return Contrast(True, sure["after_both" if named else "after_words"], (reason, agent) if named else (reason,))
    if named:
        return Contrast(True, sure["after_agent"], (agent,))
    if named is False:
        return Contrast(False, sure["before_denied"], (agent,))
    return Contrast(False, sure["before_silent"], ("nothing speaks of a contrast agent",))


def agent_name(header: Dataset) -> str:
    """The contrast agent that the header names, as it is written; empty where none is."""
    value = str(header.get("ContrastBolusAgent") or "").strip()
    for item in () if value else header.get("ContrastBolusAgentSequence") or ():
        value = value or str(item.get("CodeMeaning") or "").strip()
    return value


def _agent(header: Dataset, sections: Mapping[str, Any]) -> tuple[str, bool | None]:
    """What the attributes of the Contrast/Bolus module (PS3.3 C.7.6.4) say, and whether that is yes, no or nothing."""
    name = agent_name(header)
    heard = normal(name)
    if name and (heard in sections["no_agent"]["any"] or said(heard, sections["before"]) or not heard):
        return f'the contrast agent is given as "{name}"', False
    if name and _time(header, "AcquisitionTime") < _time(header, "ContrastBolusStartTime"):
        return f"it was taken before {name} was given", False
    return (f"contrast agent given: {name}", True) if name else ("", None)


def _time(header: Dataset, keyword: str) -> time:
    """A time of day; midnight where it says none."""
    try:
        text = "".join(words(header, keyword)).strip()
        return TM(text) if text else time(0)
    except READ_ERRORS:
        return time(0)
