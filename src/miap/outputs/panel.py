"""One view of a case, drawn: the image, lesion outlines and numbers, diameters, orientation letters, scale bar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from PIL import Image

from miap.findings.lesion import Lesion
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from miap.outputs.outline import Cut, Outlines
from miap.outputs.palette import colour
from miap.outputs.plane import Plane
from miap.outputs.shade import Look, shade

Coordinates: TypeAlias = npt.NDArray[np.float64]

BACKGROUND = "#0d1117"
INK = "#e8edf2"
DIM = "#9aa7b4"
FONT = "DejaVu Sans"
DPI = 100
_PARALLEL = 0.1
"""A diameter is drawn in views it leaves by less than this (sine of the angle, about 6°)."""


@dataclass(frozen=True)
class Panel:
    """One view.

    Args:
        plane: Where to cut.
        look: What to show.
        title: Written above the picture.
        measured: The lesion whose diameters are drawn; none if absent.
        outlined: Whether lesions are outlined and numbered.
    """

    plane: Plane
    look: Look
    title: str = ""
    measured: Lesion | None = None
    outlined: bool = True


def canvas(width_px: int, height_px: int) -> Figure:
    """An empty dark picture of this size."""
    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    return figure


def rendered(figure: Figure) -> Image.Image:
    """The figure as an RGB image."""
    agg = figure.canvas
    assert isinstance(agg, FigureCanvasAgg)
    agg.draw()
    return Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3].copy())


def write(figure: Figure, x_px: float, y_px: float, text: str, *, size: float, color: str = INK, **style: Any) -> None:
    """Text at pixels from the figure's top left corner."""
    width, height = figure.get_size_inches() * DPI
    figure.text(
        x_px / width, 1 - y_px / height, text, fontsize=size, color=color, family=FONT, parse_math=False, **style
    )


def draw(
    figure: Figure,
    box_px: tuple[float, float, float, float],
    panel: Panel,
    images: Mapping[Modality, Volume],
    outlines: Outlines,
    *,
    scale_bar: bool = False,
) -> Axes:
    """Draw a panel into a figure.

    Args:
        figure: Where to.
        box_px: Left, top, width and height in pixels; its aspect ratio is the plane's.
        panel: What.
        images: The case's images.
        outlines: The case's lesions.
        scale_bar: Whether to draw a scale bar.
    """
    width, height = figure.get_size_inches() * DPI
    left, top, wide, high = box_px
    axes = figure.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))
    axes.set_axis_off()
    pixel_mm = panel.plane.size_mm[0] / max(wide, 1)
    picture = shade(images, panel.look, panel.plane, pixel_mm=pixel_mm)
    axes.imshow(picture, extent=panel.plane.extent, interpolation="bilinear", aspect="auto")
    light = panel.look.base is Modality.PET
    if panel.outlined:
        _outline(axes, panel.plane, outlines.cut(panel.plane, pixel_mm=pixel_mm), light=light)
    if panel.measured:
        _diameters(axes, panel.plane, panel.measured)
    _edges(axes, panel.plane, light=light)
    if scale_bar:
        _scale_bar(axes, panel.plane, light=light)
    axes.set_xlim(*panel.plane.extent[:2])
    axes.set_ylim(*panel.plane.extent[2:])
    if panel.title:
        write(figure, left + 2, top - 7, panel.title, size=12.5, color=DIM)
    return axes


def _outline(axes: Axes, plane: Plane, cuts: Sequence[Cut], *, light: bool) -> None:
    left, right, bottom, top = plane.extent
    for cut in cuts:
        rows, columns = cut.inside.shape
        x = left + (np.arange(columns) + 0.5) * (right - left) / columns
        y = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
        tint = colour(cut.lesion.label_value)
        line = axes.contour(x, y, cut.inside, levels=[0.5], colors=[tint], linewidths=1.7)
        line.set_path_effects([withStroke(linewidth=2.8, foreground="black", alpha=0.9 if light else 0.5)])
        _number(axes, plane, x, y, cut, tint)


def _number(axes: Axes, plane: Plane, x: Coordinates, y: Coordinates, cut: Cut, tint: str) -> None:
    """The lesion's number beside its upper right edge, kept within the picture."""
    rows, columns = np.nonzero(cut.inside >= 0.5)
    edge = np.argmax(x[columns] - y[rows])
    margin = 0.035 * max(plane.size_mm)
    half_width, half_height = (side / 2 - margin for side in plane.size_mm)
    axes.text(
        float(np.clip(x[columns[edge]] + 0.7 * margin, -half_width, half_width)),
        float(np.clip(y[rows[edge]] - 0.7 * margin, -half_height, half_height)),
        str(cut.lesion.id), color=tint, fontsize=16, weight="bold", family=FONT, path_effects=_halo("black"),
        ha="center", va="center",
    )  # fmt: skip


def _diameters(axes: Axes, plane: Plane, lesion: Lesion) -> None:
    for diameter, width in ((lesion.longest, 1.5), (lesion.perpendicular, 1.0)):
        if plane.slope(diameter.start_mm, diameter.stop_mm) > _PARALLEL:
            continue
        start, stop = plane.project(diameter.start_mm), plane.project(diameter.stop_mm)
        axes.plot(
            (start[0], stop[0]), (start[1], stop[1]), color="white", linewidth=width, marker="|", markersize=5,
            path_effects=_halo("black", 2.2),
        )  # fmt: skip


def _edges(axes: Axes, plane: Plane, *, light: bool) -> None:
    left, right, top, bottom = plane.view.edges
    ink, halo = ("black", "white") if light else (INK, "black")
    for letter, x, y, ha, va in (
        (left, 0.012, 0.5, "left", "center"),
        (right, 0.988, 0.5, "right", "center"),
        (top, 0.5, 0.985, "center", "top"),
        (bottom, 0.5, 0.015, "center", "bottom"),
    ):
        axes.text(
            x, y, letter, transform=axes.transAxes, color=ink, fontsize=13, weight="bold", family=FONT, ha=ha, va=va,
            path_effects=_halo(halo, 2.0),
        )  # fmt: skip


def _scale_bar(axes: Axes, plane: Plane, *, light: bool) -> None:
    """The longest of 1, 2, 5, 10 and 20 cm that fits in a third of the width."""
    length = max((mm for mm in (10, 20, 50, 100, 200) if mm <= plane.size_mm[0] / 3), default=10)
    width, height = plane.size_mm
    ink, halo = ("black", "white") if light else ("white", "black")
    x, y = -width / 2 + 0.04 * max(plane.size_mm), height / 2 - 0.05 * max(plane.size_mm)
    axes.plot((x, x + length), (y, y), color=ink, linewidth=2.5, solid_capstyle="butt", path_effects=_halo(halo, 3.5))
    axes.text(
        x, y - 0.012 * max(plane.size_mm), f"{length // 10} cm", color=ink, fontsize=12, family=FONT, ha="left",
        va="bottom", path_effects=_halo(halo),
    )  # fmt: skip


def _halo(color: str, width: float = 2.5) -> list[AbstractPathEffect]:
    return [withStroke(linewidth=width, foreground=color)]
