"""Segments as a DICOM Segmentation or Label Map Segmentation (PS3.3 A.51, A.52) in the source's study."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from miap.errors import InputError
from miap.findings.lesion import Findings, Label
from miap.imaging.segment import Segment
from miap.imaging.series import Series
from miap.imaging.volume import Array, Volume
from miap.outputs.coding import concept
from miap.outputs.equipment import FAMILY, MANUFACTURER, character_set, equipment, long_string, stamp
from miap.outputs.lesions import Colours, lesion_colours, lesion_segments, nothing_found
from miap.outputs.palette import rgb
from miap.outputs.save import save
from miap.outputs.segments import binary, fractional, placed, segments_digest
from miap.outputs.source import grid, headers, placement
from miap.outputs.sparse import SparseSegmentation
from miap.outputs.uid import derived_uid, findings_digest

SERIES_NUMBER = 9001


class SegKind(StrEnum):
    """Segmentation Type (PS3.3 C.8.20.2.3)."""

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"
    LABELMAP = "LABELMAP"


def write_seg(
    path: Path,
    series: Series,
    segmentation: Volume,
    findings: Findings,
    labels: Sequence[Label],
    *,
    model: Mapping[str, Any],
    when: datetime,
) -> hd.seg.Segmentation:
    """Write all lesions of a case as one binary DICOM SEG in the source's study.

    Segment *n* is lesion *n* of ``findings.lesions``; it carries the lesion's tracking identifiers, its label's codes
    and the model as its algorithm. Only slices that hold a lesion are stored. A case without a lesion gives an object
    that says so: one segment a label, named ``<label>: none found``, without tracking identifiers, on a single empty
    slice (the standard asks for at least one segment and one frame).

    Args:
        path: The file to write.
        series: The series the segmentation lies on.
        segmentation: Its grid is that of ``findings.lesion_map``. Where it is not the series' own, the lesion map is
            brought onto the series by the nearest voxel.
        findings: Lesions and lesion map.
        labels: The model's labels, which hold the codes.
        model: At least ``name`` and ``version``; ``sha256`` of its files where known.
        when: Time of the analysis, the same when the step is repeated.

    Returns:
        The object as written, for the report that refers to it.

    Raises:
        ValueError: A lesion's label value is not among ``labels``, or the lesion map is not on ``segmentation``'s grid.
    """
    onto = grid(series)
    segments = lesion_segments(onto, segmentation, findings, labels, model)
    colours = lesion_colours(findings)
    if not segments:
        segments = nothing_found(onto, labels, model)
        colours = {number: rgb(label.value) for number, label in enumerate(labels, 1)}
    return write_segments(
        path,
        series,
        segments,
        colours=colours,
        model=model,
        when=when,
        description=f"{len(findings.lesions)} lesion(s) found by {model['name']}",
        identity=findings_digest(findings, model),
    )


def write_segments(
    path: Path,
    series: Series,
    segments: Sequence[Segment],
    *,
    kind: SegKind = SegKind.BINARY,
    colours: Colours | None = None,
    model: Mapping[str, Any],
    when: datetime,
    description: str = "",
    identity: str = "",
) -> hd.seg.Segmentation:
    """Write segments as one object in the source's study, on the grid of the source.

    Frames without a voxel are left out. Binary and fractional segments may overlap and are numbered from 1 in the
    order given; a label map keeps the numbers.

    Args:
        path: The file to write.
        series: The series the segments lie on. A segment on another grid is brought onto it.
        segments: At least one. A fractional one is cut at 0.5 where ``kind`` is not fractional.
        kind: How pixels are stored: a bit a segment, a fraction of 255, or the segment's number.
        colours: By segment number as written; a palette by default.
        model: What made it: at least ``name`` and ``version``; ``sha256`` of its files where known.
        when: When it was made, the same when the step is repeated.
        description: Content Description.
        identity: What the UIDs are derived from beside the source; the segments themselves by default.

    Returns:
        The object as written.

    Raises:
        InputError: There is no segment, or segments overlap in a label map.
    """
    onto = grid(series)
    of_kind = fractional if kind is SegKind.FRACTIONAL else binary
    parts = [of_kind(one) for one in placed(segments, onto, path)]
    if kind is not SegKind.LABELMAP:
        parts = [replace(one, number=number) for number, one in enumerate(parts, 1)]
    sources = headers(series)
    used = sorted({k for one in parts if not one.is_empty for k in range(*one.where[2].indices(onto.shape[2]))})
    planes = used if used else [onto.shape[2] // 2]
    names = [*(str(source.SOPInstanceUID) for source in sources), identity or segments_digest(parts, model), str(kind)]
    given: dict[str, Any] = {
        **placement(series, planes),
        "segmentation_type": str(kind),
        "segment_descriptions": [_description(one, colours) for one in parts],
        "series_instance_uid": derived_uid("seg series", *names),
        "series_number": SERIES_NUMBER,
        "sop_instance_uid": derived_uid("seg", *names),
        "instance_number": 1,
        "omit_empty_frames": bool(used),
        "series_description": long_string(f"MIAP {model['name']}: segmentation"),
        "content_label": "MIAP_LESIONS" if description else "MIAP",
        "content_description": long_string(description or f"{len(parts)} segment(s)"),
        "specific_character_set": character_set(sources[0], str(model["name"]), *(one.label for one in parts)),
        **equipment(model),
    }
    if kind is SegKind.LABELMAP:
        made = hd.seg.Segmentation(pixel_array=_label_map(parts, planes, path), **given)
    else:
        made = SparseSegmentation(parts, planes, **given)
    fix_dimension_organization(made, derived_uid("seg dimensions", *names))
    stamp(made, when)
    save(made, path)
    return made


def _label_map(segments: Sequence[Segment], planes: Sequence[int], path: Path) -> Array:
    """Segment numbers on some slices of the grid, shape (slices, rows, columns)."""
    columns, rows, _ = segments[0].grid.shape
    numbers = np.zeros((len(planes), rows, columns), dtype=np.uint16)
    row_of = {k: n for n, k in enumerate(planes)}
    for segment in segments:
        x, y, z = segment.where
        for k in range(z.start, z.stop):
            inside = segment.box.array[0, :, :, k - z.start].T > 0
            if not inside.any():
                continue
            part = numbers[row_of[k], y, x]
            if part[inside].any():
                raise InputError(
                    f"{path} cannot be a label map: {segment.label} overlaps another segment.",
                    remedy="Write a binary segmentation.",
                )
            part[inside] = segment.number
    return numbers


def _description(segment: Segment, colours: Colours | None) -> hd.seg.SegmentDescription:
    name, _, version = segment.algorithm.rpartition(" ")
    kinds = hd.seg.SegmentAlgorithmTypeValues
    identified = hd.AlgorithmIdentificationSequence(
        name=long_string(name or version), family=FAMILY, version=long_string(version if name else "unknown"),
        source=MANUFACTURER,
    ) if segment.algorithm else None  # fmt: skip
    return hd.seg.SegmentDescription(
        segment_number=segment.number,
        segment_label=long_string(segment.label),
        segmented_property_category=concept(segment.category or codes.SCT.Tissue),
        segmented_property_type=concept(segment.type or codes.SCT.Tissue),
        algorithm_type=kinds.AUTOMATIC if identified else kinds.MANUAL,
        algorithm_identification=identified,
        tracking_uid=segment.tracking_uid or None,
        tracking_id=long_string(segment.label) if segment.tracking_uid else None,
        anatomic_regions=[concept(segment.anatomy)] if segment.anatomy else None,
        display_color=hd.color.CIELabColor.from_rgb(*(colours or {}).get(segment.number, rgb(segment.number))),
    )


def fix_dimension_organization(dataset: Dataset, uid: str) -> None:
    """Set the UID that highdicom draws at random: a repeated step must give the same object."""
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
