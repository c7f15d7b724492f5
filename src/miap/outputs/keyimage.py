"""Key images: one lesion near by, plain and outlined, in the images and views that show it best."""

from collections.abc import Mapping

from PIL import Image

from miap.findings.lesion import Findings, Lesion
from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from miap.outputs.outline import Outlines
from miap.outputs.panel import Panel, canvas, draw, rendered
from miap.outputs.plane import Plane, View
from miap.outputs.shade import Look, best_look, looks

_SIDE, _GAP, _TITLE, _PANELS = 390, 8, 24, 4
_SMALLEST_MM = 90.0
_ROOM = 1.9
"""The field of view is this many times the lesion's largest extent."""


def key_image(
    images: Mapping[Modality, Volume], segmentation: Volume, findings: Findings, lesion: Lesion
) -> Image.Image:
    """Four pictures of a lesion in a row, at one scale.

    The first is the anatomy alone, so that the eye can judge before it is told. Then come the outline with both
    diameters, and what else there is: PET by itself, other MR sequences, the remaining views.

    Args:
        images: The case's images by role, at least one.
        segmentation: The grid of ``findings.lesion_map``.
        findings: All lesions; neighbours are outlined too.
        lesion: The one to show.

    Returns:
        An RGB picture. It holds no patient identity.
    """
    outlines = Outlines(segmentation, findings)
    panels = _panels(images, lesion, outlines.focus(lesion))
    figure = canvas(_PANELS * _SIDE + (_PANELS - 1) * _GAP, _SIDE + _TITLE)
    for number, panel in enumerate(panels):
        box = (number * (_SIDE + _GAP), _TITLE, _SIDE, _SIDE)
        draw(figure, box, panel, images, outlines, scale_bar=number == 0)
    return rendered(figure)


def _panels(images: Mapping[Modality, Volume], lesion: Lesion, focus: tuple[float, float, float]) -> list[Panel]:
    side = max(_SMALLEST_MM, _ROOM * max(*lesion.extent_mm, lesion.longest.length_mm))
    x, y, z = lesion.centroid_mm
    axial = Plane(View.AXIAL, (x, y, focus[2]), (side, side))
    coronal = Plane(View.CORONAL, (x, focus[1], z), (side, side))
    sagittal = Plane(View.SAGITTAL, (focus[0], y, z), (side, side))
    best = best_look(images)
    anatomy = Look(best.base)
    others = [look for look in looks(images) if look != anatomy]
    wanted = [
        Panel(axial, anatomy, f"{anatomy.title}, axial", outlined=False),
        Panel(axial, best, f"{best.title}, axial", measured=lesion),
        *(Panel(axial, look, f"{look.title}, axial") for look in others[: _PANELS - 2]),
        Panel(coronal, best, f"{best.title}, coronal"),
        Panel(sagittal, best, f"{best.title}, sagittal"),
    ]
    return wanted[:_PANELS]
