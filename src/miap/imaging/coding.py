"""Coded concepts as objects carry them (PS3.3 8.8)."""

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """The first item of a sequence; an empty one where there is none."""
    for item in dataset.get(keyword) or ():
        return Dataset(item)
    return Dataset()


def code(dataset: Dataset, keyword: str) -> Code | None:
    """The first code of a code sequence, ``None`` where there is none."""
    item = first_item(dataset, keyword)
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
    if not value:
        return None
    return Code(str(value), str(item.get("CodingSchemeDesignator") or ""), str(item.get("CodeMeaning") or ""))
