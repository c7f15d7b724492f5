"""Pixels to polygons: the outline of a mask along its pixels' edges, the inverse of `polygon.fill`."""

import numpy as np
from scipy.ndimage import find_objects, label

from miap.imaging.polygon import Points, area, signed_area
from miap.imaging.volume import Array


def trace(mask: Array) -> list[Points]:
    """One polygon for each region of touching pixels.

    The outline runs along the edges of pixels, half a pixel beside their centres: it encloses exactly the mask's area,
    and whoever fills it by pixel centres gets the mask back. A hole is joined to its region's outline by a seam, a
    keyhole, as PS3.3 C.8.8.6.3 has it for ``CLOSED_PLANAR``.

    Args:
        mask: Shape (x, y); what is not 0 is inside.

    Returns:
        Vertices in index units, shape (n, 2) each, as `polygon.fill` takes them.
    """
    regions, _ = label(mask)
    polygons = []
    for number, where in enumerate(find_objects(regions), 1):
        loops = sorted(_loops(regions[where] == number), key=area, reverse=True)
        corner = np.array([side.start for side in where])
        polygons.append(_with_holes(_turned(loops[0]), [_turned(hole)[::-1] for hole in loops[1:]]) + corner)
    return polygons


def _loops(inside: Array) -> list[Points]:
    """Closed lines between inside and outside, straight from corner to corner.

    Along each line of a grid, corners in order are the ends of edges, two by two; so following edges along x and along
    y in turn closes every loop. Where two pixels meet only at a corner, four edges do, and the corner counts twice.
    """
    padded = np.pad(inside, 1)
    a, b, c, d = padded[:-1, :-1], padded[1:, :-1], padded[:-1, 1:], padded[1:, 1:]
    once = (a ^ b ^ c ^ d).astype(bool)
    twice = (a == d) & (b == c) & (a != b)
    corners = np.concatenate([np.argwhere(once), np.repeat(np.argwhere(twice), 2, axis=0)])
    partners = []
    for order in (np.lexsort((corners[:, 0], corners[:, 1])), np.lexsort((corners[:, 1], corners[:, 0]))):
        partner = np.empty(len(corners), dtype=np.int64)
        partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
        partners.append(partner.tolist())
    loops, seen = [], [False] * len(corners)
    for start in range(len(corners)):
        loop, at, turn = [], start, 0
        while not seen[at]:
            seen[at] = True
            loop.append(at)
            at, turn = partners[turn][at], 1 - turn
        if loop:
            loops.append(corners[loop] - 0.5)
    return loops


def _turned(loop: Points) -> Points:
    """The loop in the direction in which it encloses a positive area."""
    return loop if signed_area(loop) > 0 else loop[::-1]


def _with_holes(outline: Points, holes: list[Points]) -> Points:
    """A region's outline with its holes, which run the other way, cut in from the left, each from the nearest edge."""
    for hole in sorted(holes, key=lambda points: float(points[:, 0].min())):
        first = int(np.argmin(hole[:, 0]))
        x, y = hole[first]
        behind = np.roll(outline, -1, axis=0)
        upright = outline[:, 0] == behind[:, 0]
        spans = (np.minimum(outline[:, 1], behind[:, 1]) <= y) & (np.maximum(outline[:, 1], behind[:, 1]) >= y)
        edge = int(np.argmax(np.where(upright & spans & (outline[:, 0] <= x), outline[:, 0], -np.inf)))
        bridge = np.array([[outline[edge, 0], y]])
        cut = np.concatenate([bridge, np.roll(hole, -first, axis=0), hole[first : first + 1], bridge])
        outline = np.concatenate([outline[: edge + 1], cut, outline[edge + 1 :]])
    return outline
