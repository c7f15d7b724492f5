"""Segments made ready to be written into a series' study."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from miap.errors import InputError
from miap.imaging.segment import Segment
from miap.imaging.volume import Volume


def placed(segments: Sequence[Segment], onto: Volume, path: Path) -> list[Segment]:
    """The segments on a grid; those that are there already stay as they are.

    Raises:
        InputError: There is none to write to ``path``.
    """
    if not segments:
        raise InputError(f"There is no segment to write to {path}.", remedy="Give at least one.")
    return [one if one.grid.same_grid(onto) else one.onto(onto) for one in segments]


def binary(segment: Segment) -> Segment:
    """The segment with voxels that are inside or not: a fraction of a half or more is inside."""
    if not segment.fractional:
        return segment
    return replace(segment, box=segment.box.with_array((segment.box.array >= 0.5).astype(np.uint8)))


def fractional(segment: Segment) -> Segment:
    """The segment with fractions from 0 to 1."""
    return replace(segment, box=segment.box.with_array(segment.box.array.astype(np.float32)))


def segments_digest(segments: Sequence[Segment], model: Mapping[str, Any]) -> str:
    """SHA-256 over what segments say and who says it, for UIDs that follow from it.

    Args:
        segments: On their grid.
        model: At least ``name`` and ``version``; ``sha256`` of its files where known.
    """
    digest = hashlib.sha256(repr([str(model.get(key, "")) for key in ("name", "version", "sha256")]).encode())
    for one in segments:
        said = (one.number, one.label, one.category, one.type, one.anatomy, one.algorithm, one.tracking_uid)
        digest.update(repr((said, one.start.tolist(), one.box.shape)).encode())
        digest.update(np.ascontiguousarray(one.box.array).tobytes())
    return digest.hexdigest()
