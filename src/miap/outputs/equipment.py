"""Who made a DICOM result: MIAP as the equipment, the model as the algorithm, and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from highdicom import SpecificCharacterSetValues
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from miap import __version__

MANUFACTURER = "MIAP"
PRODUCT = "Medical Imaging AI Platform"
_CHARACTER_SETS = {one.value for one in SpecificCharacterSetValues}
FAMILY: Code = codes.DCM.ArtificialIntelligence
"""Kind of algorithm, from CID 7162."""


class Equipment(TypedDict):
    """General equipment attributes as highdicom's constructors name them."""

    manufacturer: str
    manufacturer_model_name: str
    software_versions: str
    device_serial_number: str


def equipment(model: Mapping[str, Any]) -> Equipment:
    """Attributes of the General and Enhanced General Equipment modules (PS3.3 C.7.5).

    A program has no serial number; the model's hash, where known, says exactly which one it was.

    Args:
        model: At least ``name`` and ``version``; ``sha256`` of its files where known.
    """
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": PRODUCT,
        "software_versions": long_string(f"miap {__version__}, {model['name']} {model['version']}"),
        "device_serial_number": str(model.get("sha256") or __version__)[:16],
    }


def long_string(text: str, limit: int = 64) -> str:
    """``text`` as DICOM's LO allows it (PS3.5 6.2): no backslash or control character, at most ``limit`` characters."""
    printable = "".join(c if c.isprintable() and c != "\\" else " " for c in str(text))
    return " ".join(printable.split())[:limit].strip()


def stamp(dataset: Dataset, when: datetime) -> None:
    """Set every date and time that says when the object, its series and its content were made, in place.

    DICOM times are local; a ``when`` with a time zone is told in this machine's.
    """
    local = when.astimezone() if when.tzinfo else when
    date, time = local.strftime("%Y%m%d"), local.strftime("%H%M%S")
    for name in ("InstanceCreation", "Content", "Series"):
        setattr(dataset, f"{name}Date", date)
        setattr(dataset, f"{name}Time", time)
    for library in dataset.get("ContributingEquipmentSequence", [])[-1:]:
        library.ContributionDateTime = date + time


def character_set(header: Dataset, *texts: str) -> str | list[str] | None:
    """The source's character set, so that names stay as they were; UTF-8 where our ``texts`` need more than ASCII.

    UTF-8 as well where the source's is none that can be declared for a new object.
    """
    value = header.get("SpecificCharacterSet") or ()
    named = [value] if isinstance(value, str) else [str(one) for one in value]
    if not all(one in _CHARACTER_SETS for one in named) or not all(text.isascii() for text in texts):
        return "ISO_IR 192"
    return named if len(named) > 1 else "".join(named) or None
