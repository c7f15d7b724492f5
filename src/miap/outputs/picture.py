"""The overview picture: where the largest lesion is, in three views and one look."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from miap.findings.lesion import Findings, Lesion
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from miap.outputs.outline import Outlines
from miap.outputs.panel import DIM, DPI, Panel, canvas, draw, rendered, write
from miap.outputs.plane import Plane, View
from miap.outputs.shade import SUV_WINDOW, Look, best_look, window

Corner: TypeAlias = npt.NDArray[np.float64]

DISCLAIMER = "Not a medical device. Research use only."
_WIDTH, _GAP, _HEADER, _FOOTER, _TITLE = 1600, 14, 120, 38, 24
_AMBER, _GREEN = "#ffb454", "#7ee787"
_TALLEST_PX = 900
_MARGIN_MM = 12.0
_TALLEST = 1.25
"""Coronal and sagittal views are at most this many times as high as the body is wide."""


def overview(images: Mapping[Modality, Volume], segmentation: Volume, findings: Findings) -> Image.Image:
    """Axial, coronal and sagittal view through the largest lesion, all at one scale.

    Where a PET reaches further than these views, its projection from the front shows all of it.

    The views run along the patient's axes whatever the orientation of the slices, with the patient's right on the left.
    Without a lesion the views pass through the middle of the body.

    Args:
        images: The case's images by role, at least one; each on its own grid.
        segmentation: The grid of ``findings.lesion_map``.
        findings: The lesions; the first is the one shown.

    Returns:
        An RGB picture 1600 pixels wide. It holds no patient identity.
    """
    outlines = Outlines(segmentation, findings)
    look = best_look(images)
    low, high = _body(images[look.base], findings)
    largest = findings.lesions[0] if findings.lesions else None
    focus = outlines.focus(largest) if largest else tuple((low + high) / 2)
    planes = _planes(low, high, focus)
    panels = [Panel(plane, look, plane.view.title, largest) for plane in planes]
    if Modality.PET in images and high[2] - low[2] > planes[1].size_mm[1] + _MARGIN_MM:
        middle, size = (low + high) / 2, high - low
        whole = Plane(View.CORONAL, (middle[0], middle[1], middle[2]), (size[0], size[2]), depth_mm=size[1])
        panels.append(Panel(whole, Look(Modality.PET), "PET, projection"))
    boxes, height = _arranged([panel.plane.size_mm for panel in panels])
    figure = canvas(_WIDTH, height)
    for number, (panel, box) in enumerate(zip(panels, boxes, strict=True)):
        draw(figure, box, panel, images, outlines, scale_bar=number == 0)
    _caption(figure, look, findings)
    return rendered(figure)


def headline(findings: Findings) -> str:
    """The result in a line, for example ``2 lesions, 45.3 ml``."""
    count = len(findings.lesions)
    if not count:
        return "No lesion found"
    return f"{count} lesion{'s' if count > 1 else ''}, {sum(lesion.volume_ml for lesion in findings.lesions):.1f} ml"


def summary(lesion: Lesion) -> str:
    """A lesion in a line, for example ``tumour 1, 365.3 ml, 97 × 92 mm, SUVmax 12.3, confidence 91 %``."""
    said = [
        f"{lesion.label} {lesion.id}",
        f"{lesion.volume_ml:.1f} ml",
        f"{lesion.longest.length_mm:.0f} × {lesion.perpendicular.length_mm:.0f} mm",
    ]
    if lesion.uptake:
        said.append(f"SUVmax {lesion.uptake.suv_max:.1f}")
    return ", ".join([*said, f"confidence {100 * lesion.confidence:.0f} %"])


def _arranged(sizes: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float, float, float]], int]:
    """Where panels of these sizes in mm go (left, top, width, height in pixels), and the picture's height.

    The first three have one scale. They stand side by side, or the third under the second where that lets all be
    larger; a fourth is as high as the highest of them.
    """
    tallest = max(height for _, height in sizes[:3])
    shown = [*sizes[:3], *((width * tallest / height, tallest) for width, height in sizes[3:])]
    gaps = _GAP * (len(shown) + 1)
    row = min((_WIDTH - gaps) / sum(width for width, _ in shown), _TALLEST_PX / tallest)
    (w0, h0), (w1, h1), (w2, h2) = shown[:3]
    column = min((_WIDTH - 3 * _GAP) / (w0 + max(w1, w2)), (_TALLEST_PX - _TITLE - _GAP) / (h1 + h2), _TALLEST_PX / h0)
    top = float(_HEADER)
    if row >= column or len(shown) > 3:
        scale, height = row, row * tallest
        starts = np.cumsum([0.0, *(scale * width + _GAP for width, _ in shown)])
        left = (_WIDTH - starts[-1] + _GAP) / 2
        places = [(float(left + start), top) for start in starts[:-1]]
    else:
        scale, height = column, max(column * h0, column * (h1 + h2) + _GAP + _TITLE)
        left = (_WIDTH - scale * (w0 + max(w1, w2)) - _GAP) / 2
        right = left + scale * w0 + _GAP
        places = [(left, top), (right, top), (right, top + scale * h1 + _GAP + _TITLE)]
    boxes = [(x, y, scale * w, scale * h) for (x, y), (w, h) in zip(places, shown, strict=True)]
    return boxes, round(height) + _HEADER + _FOOTER


def _caption(figure: Figure, look: Look, findings: Findings) -> None:
    height = float(figure.get_size_inches()[1] * DPI)
    write(figure, _GAP, 42, headline(findings), size=22, weight="bold")
    if findings.lesions:
        write(figure, _GAP, 76, f"Largest: {summary(findings.lesions[0])}", size=14)
    write(figure, _WIDTH - _GAP, 38, look.title, size=14, ha="right")
    if Modality.PET is look.base or look.fused:
        _suv_scale(figure, look, height)
    review = findings.quality.status != "good"
    write(
        figure, _WIDTH / 2, 40, "Quality: please review" if review else "Quality: good", size=14, ha="center",
        color=_AMBER if review else _GREEN,
    )  # fmt: skip
    name = f"{findings.model.get('name', '')} {findings.model.get('version', '')}".strip()
    write(figure, _GAP, height - 12, DISCLAIMER, size=11.5, color=DIM)
    write(figure, _WIDTH - _GAP, height - 12, name, size=11.5, color=DIM, ha="right")


def _suv_scale(figure: Figure, look: Look, height: float) -> None:
    """The colours of SUV 0 to 10, under the picture's title."""
    axes = figure.add_axes(((_WIDTH - 192) / _WIDTH, 1 - 75 / height, 150 / _WIDTH, 11 / height))
    axes.set_axis_off()
    axes.imshow(np.linspace(0, 1, 150)[None], cmap="hot" if look.fused else "gray_r", aspect="auto", vmin=0, vmax=1)
    low, high = SUV_WINDOW
    write(figure, _WIDTH - 198, 75, f"SUV {low:.0f}", size=11.5, color=DIM, ha="right")
    write(figure, _WIDTH - _GAP, 75, f"{high:.0f}", size=11.5, color=DIM, ha="right")


def _planes(low: Corner, high: Corner, focus: tuple[float, float, float]) -> list[Plane]:
    """The three views through ``focus``; a tall body is cut to a window around it."""
    size, middle = high - low, (low + high) / 2
    tall = float(min(size[2], _TALLEST * max(size[:2])))
    z = float(np.clip(focus[2], low[2] + tall / 2, high[2] - tall / 2))
    return [
        Plane(View.AXIAL, (middle[0], middle[1], focus[2]), (size[0], size[1])),
        Plane(View.CORONAL, (middle[0], focus[1], z), (size[0], tall)),
        Plane(View.SAGITTAL, (focus[0], middle[1], z), (size[1], tall)),
    ]


def _body(volume: Volume, findings: Findings) -> tuple[Corner, Corner]:
    """Lowest and highest LPS corner of the body and all lesions, with a margin, within the image."""
    step = [max(1, n // 96) for n in volume.shape]
    seen = volume.array[0][tuple(slice(None, None, s) for s in step)]
    corners = volume.to_patient(list(product(*((-0.5, n - 0.5) for n in volume.shape))))
    voxels = np.argwhere(seen > _air(volume)) * step
    points = [np.percentile(volume.to_patient(voxels), (0.1, 99.9), axis=0)] if len(voxels) else [corners]
    points += [np.array([lesion.longest.start_mm, lesion.longest.stop_mm]) for lesion in findings.lesions]
    inside = np.concatenate(points)
    low = np.maximum(inside.min(axis=0) - _MARGIN_MM, corners.min(axis=0))
    high = np.minimum(inside.max(axis=0) + _MARGIN_MM, corners.max(axis=0))
    return low, high


def _air(volume: Volume) -> float:
    """The value above which a voxel belongs to the body."""
    if volume.modality is Modality.CT:
        return -300.0
    if volume.modality is Modality.PET:
        return 0.2
    low, high = window(volume)
    return low + 0.15 * (high - low)
