"""DICOM objects that lie beside images: segmentations, structure sets, reports, documents, and what they refer to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID, RTStructureSetStorage

from miap.errors import InputError
from miap.imaging.coding import first_item
from miap.imaging.header import read_header, sop_class
from miap.imaging.segmentation import LABEL_MAP_STORAGE, SEGMENTATION_CLASSES

_TO_SERIES = (
    ("ReferencedSeriesSequence",),
    ("CurrentRequestedProcedureEvidenceSequence", "ReferencedSeriesSequence"),
    ("ReferencedFrameOfReferenceSequence", "RTReferencedStudySequence", "RTReferencedSeriesSequence"),
)
"""Where objects name the series they were made from: PS3.3 C.12.4, C.17.2, C.8.8.5."""


@dataclass(frozen=True)
class Companion:
    """An object that is no image of a series.

    Args:
        file: Where it is.
        sop_class: What it is; empty where that is not known.
        kind: The same in words.
        description: Series Description, document or report title.
        series_uid: Its own series.
        contains: Names of its segments or structures.
        refers_to: UIDs of the series it was made from.
        problem: Why it cannot be read; ``None`` if it can, or if MIAP has no use for it.
    """

    file: Path
    sop_class: UID
    kind: str
    description: str
    series_uid: str
    contains: tuple[str, ...]
    refers_to: tuple[str, ...]
    problem: InputError | None = None

    @property
    def title(self) -> str:
        """How messages name it."""
        return f'{self.kind} "{self.description}"' if self.description else self.kind

    @classmethod
    def of(cls, file: Path) -> "Companion":
        """Describe a file from its header."""
        try:
            header = read_header(file)
        except InputError as error:
            return cls(file, UID(""), "unreadable object", "", "", (), (), error)
        kind = _name(sop_class(header))
        contains, problem = _contents(header), None
        if sop_class(header) in SEGMENTATION_CLASSES and not contains:
            problem = InputError(f"{file} describes no segment.", remedy="Export it again.")
        return cls(
            file, sop_class(header), kind, _title(header), str(header.get("SeriesInstanceUID") or ""), contains,
            tuple(dict.fromkeys(_references(header))), problem,
        )  # fmt: skip


def _name(kind: UID) -> str:
    if kind == LABEL_MAP_STORAGE:
        return "Label Map Segmentation"
    return kind.name.removesuffix(" Storage")


def _title(header: Dataset) -> str:
    concept = first_item(header, "ConceptNameCodeSequence")
    titles = (header.get("SeriesDescription"), header.get("DocumentTitle"), header.get("StructureSetLabel"))
    return next((str(title) for title in (*titles, concept.get("CodeMeaning")) if title), "")


def _contents(header: Dataset) -> tuple[str, ...]:
    if sop_class(header) == RTStructureSetStorage:
        return tuple(str(item.get("ROIName") or "") for item in header.get("StructureSetROISequence") or ())
    return tuple(str(item.get("SegmentLabel") or "") for item in header.get("SegmentSequence") or ())


def _references(header: Dataset) -> Iterator[str]:
    for path in _TO_SERIES:
        items = [header]
        for keyword in path:
            items = [below for item in items for below in item.get(keyword) or ()]
        yield from (str(item.SeriesInstanceUID) for item in items if item.get("SeriesInstanceUID"))
