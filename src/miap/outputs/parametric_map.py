"""Probabilities as a DICOM Parametric Map (PS3.3 A.75) in the source's study."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.sr.codedict import codes

from miap.imaging.segment import Segment
from miap.imaging.series import Series
from miap.imaging.volume import Array
from miap.outputs.equipment import character_set, equipment, long_string, stamp
from miap.outputs.save import save
from miap.outputs.seg import fix_dimension_organization
from miap.outputs.segments import fractional, placed, segments_digest
from miap.outputs.source import grid, headers, placement
from miap.outputs.uid import derived_uid

SERIES_NUMBER = 9005
LEAST = 0.01
"""Slices where no probability reaches this are left out."""
_MOST = np.iinfo(np.uint16).max


def write_parametric_map(
    path: Path, series: Series, segments: Sequence[Segment], *, model: Mapping[str, Any], when: datetime
) -> hd.pm.ParametricMap:
    """Write the probability of each segment, as 16-bit values that a Real World Value Mapping brings to 0 to 1.

    Args:
        path: The file to write.
        series: The series the segments lie on. A segment on another grid is brought onto it.
        segments: At least one, fractional; each is a channel with its label as LUT Label.
        model: What made it: at least ``name`` and ``version``; ``sha256`` of its files where known.
        when: When it was made, the same when the step is repeated.

    Returns:
        The object as written.

    Raises:
        InputError: There is no segment.
    """
    onto = grid(series)
    parts = [fractional(one) for one in placed(segments, onto, path)]
    sources = headers(series)
    planes = _planes(parts) or [onto.shape[2] // 2]
    names = [*(str(source.SOPInstanceUID) for source in sources), segments_digest(parts, model)]
    made = hd.pm.ParametricMap(
        **placement(series, planes),
        pixel_array=_stored(parts, planes),
        series_instance_uid=derived_uid("map series", *names),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("map", *names),
        instance_number=1,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[[_mapping(one)] for one in parts],
        voi_lut_transformations=[hd.VOILUTTransformation(window_center=0.5 * _MOST, window_width=_MOST)],
        series_description=long_string(f"MIAP {model['name']}: probability"),
        content_label="MIAP_PROBABILITY",
        content_description=long_string(f"Probabilities by {model['name']} {model['version']}"),
        specific_character_set=character_set(sources[0], str(model["name"]), *(one.label for one in parts)),
        **equipment(model),
    )
    made.Laterality = ""
    fix_dimension_organization(made, derived_uid("map dimensions", *names))
    stamp(made, when)
    save(made, path)
    return made


def _planes(segments: Sequence[Segment]) -> list[int]:
    """Slices on which a probability counts."""
    return sorted(
        {
            one.where[2].start + int(k)
            for one in segments
            for k in np.flatnonzero((one.box.array[0] >= LEAST).any(axis=(0, 1)))
        }
    )


def _stored(segments: Sequence[Segment], planes: Sequence[int]) -> Array:
    """Stored values, shape (slices, rows, columns, segments)."""
    columns, rows, _ = segments[0].grid.shape
    stored = np.zeros((len(planes), rows, columns, len(segments)), dtype=np.uint16)
    for channel, segment in enumerate(segments):
        x, y, z = segment.where
        for n, k in enumerate(planes):
            if z.start <= k < z.stop:
                stored[n, y, x, channel] = np.rint(segment.box.array[0, :, :, k - z.start].T * _MOST)
    return stored


def _mapping(segment: Segment) -> hd.pm.RealWorldValueMapping:
    return hd.pm.RealWorldValueMapping(
        lut_label=long_string(segment.label, 16),
        lut_explanation=long_string(f"Probability of {segment.label}"),
        unit=codes.UCUM.NoUnits,
        value_range=(0, int(_MOST)),
        slope=1 / _MOST,
        intercept=0,
        quantity_definition=codes.DCM.Probability,
    )
