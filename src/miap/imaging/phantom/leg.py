"""Two thighs on a table, and what lies in them, in HU and in FDG uptake."""

from collections.abc import Sequence

import numpy as np

from miap.imaging.phantom.fields import SmoothNoise, inside, joined, length, paint, slabs
from miap.imaging.phantom.grid import Coordinates, coordinates
from miap.imaging.phantom.shapes import Ellipsoid
from miap.imaging.phantom.tissue import LEG
from miap.imaging.volume import Array, Volume

LEG_CENTRE_MM = 98.0
"""How far each leg's middle lies from the body's midline."""

FEMUR_MM = (10.0, -14.0)
"""Femur from the leg's middle: outward, and along P."""

_LEG_RADII_MM = (86.0, 92.0)
_BUNDLE_MM = (-28.0, -14.0)
"""Femoral artery and vein in the leg."""

_NERVE_MM = (10.0, 34.0)
"""Sciatic nerve in the leg."""

_MUSCLES_MM = (
    (6, -64),  # rectus femoris
    (52, -30),  # vastus lateralis
    (20, -40),  # vastus intermedius
    (-30, -42),  # vastus medialis
    (-58, -22),  # sartorius
    (-66, 12),  # gracilis
    (-34, 8),  # adductor longus
    (-22, 34),  # adductor magnus
    (-36, 60),  # semimembranosus
    (0, 66),  # semitendinosus
    (34, 52),  # biceps femoris, long head
    (34, 16),  # biceps femoris, short head
)
"""Where the muscles' bellies lie in the leg: outward, and along P."""

_SCALES_MM: dict[str, tuple[float, float, float]] = {
    "wobble": (60, 60, 120),
    "fat": (30, 30, 60),
    "strands": (16, 16, 40),
    "texture": (14, 14, 30),
    "fine": (2.5, 2.5, 8),
    "bend_u": (28, 28, 90),
    "bend_v": (28, 28, 90),
    "width": (22, 22, 50),
    "patchy": (11, 11, 11),
}
"""Random fields, with the step of their lattice along x, y and z; tissue runs along the leg."""

Images = tuple[Array, Array]
"""HU and SUV, each of shape (x, y, z)."""


def paint_legs(
    grid: Volume,
    images: Images,
    tumours: Sequence[tuple[Ellipsoid, Array, float]],
    core: float,
    rng: np.random.Generator,
) -> None:
    """Fill images with two thighs, which mirror each other but for the random fields, and tumours.

    Args:
        grid: Where the images lie.
        images: HU and SUV; what is in them is lost.
        tumours: Shape, occupancy on the grid, and uptake of the viable part in SUV.
        core: Semi-axes of the tumours' core over their own.
        rng: Source of the random fields.
    """
    fields = {name: SmoothNoise(grid, scale, rng) for name, scale in _SCALES_MM.items()}
    for where, slab in slabs(grid):
        points = coordinates(slab)
        pieces = (images[0][where], images[1][where])
        noise = {name: field[where] for name, field in fields.items()}
        around = [shape.distance_mm(points) for shape, _, _ in tumours]
        _paint_leg(points, pieces, noise, around)
        for distance, (shape, occupancy, suv) in zip(around, tumours, strict=True):
            _paint_tumour(pieces, noise["patchy"], distance, occupancy[where], suv)
            if core > 0:
                middle = shape.scaled(core).distance_mm(points) + 2.5 * noise["patchy"]
                share = inside(middle, 3) * occupancy[where]
                paint(pieces, (LEG["core"][0] + 3 * noise["patchy"], suv * LEG["core"][1]), share)


def _paint_leg(points: Coordinates, images: Images, noise: dict[str, Array], around: Sequence[Array]) -> None:
    x, y, z = points
    wobble, texture = noise["wobble"], noise["texture"]
    for image, value in zip(images, LEG["air"], strict=True):
        image[...] = value
    paint(images, LEG["table"], _table(points))
    size = 1 + np.float32(0.0012) * np.clip(z, -120, 120)
    u, v = (np.abs(x) - LEG_CENTRE_MM) / size, y / size
    skin = _oval(u, v, _LEG_RADII_MM) * size + 2 * wobble
    fascia = skin + 11 + 5 * np.clip(v / 90, -1, 1) - 3 * np.clip(u / 90, -1, 1) + 1.5 * noise["fat"]
    for distance in around:
        skin = joined(skin, distance - 9, 25)
        fascia = joined(fascia, distance - 3, 15)
    paint(images, LEG["skin"], inside(skin))
    strands = np.clip(1 - 14 * np.abs(noise["strands"]), 0, 1) * 40
    paint(images, (LEG["fat"][0] + 5 * texture + strands, LEG["fat"][1] + 0.04 * texture), inside(skin + 1.8))
    streaks = np.clip(noise["fine"] + 0.5 * texture - 1.7, 0, 2) * -30
    muscle = (LEG["muscle"][0] + 3 * texture + streaks, LEG["muscle"][1] + 0.06 * (texture + wobble))
    paint(images, muscle, inside(fascia))
    _paint_between_muscles(u, v, z, images, noise, fascia)
    femur = _oval(u - FEMUR_MM[0], v - FEMUR_MM[1], (14.0, 15.0)) + 0.5 * wobble
    paint(images, LEG["cortex"], inside(femur))
    paint(images, (LEG["marrow"][0] + 15 * texture, LEG["marrow"][1]), inside(femur + 6.5 - 0.012 * z))


def _paint_between_muscles(
    u: Array, v: Array, z: Array, images: Images, noise: dict[str, Array], fascia: Array
) -> None:
    """Septa of fat, the femoral vessels and the sciatic nerve in theirs."""
    border = _muscle_border(u + 5 * noise["bend_u"], v + 5 * noise["bend_v"], z)
    width = np.clip(0.9 + 0.9 * noise["width"] + 0.012 * v, 0, 4)
    bundle_u, bundle_v = u - _BUNDLE_MM[0], v - _BUNDLE_MM[1] - np.float32(0.08) * z
    bundle = _oval(bundle_u, bundle_v, (11.0, 9.0)) + 2 * noise["wobble"]
    nerve = _oval(u - _NERVE_MM[0], v - _NERVE_MM[1], (7.0, 6.0))
    septa = np.minimum(np.minimum(border - width, bundle), nerve)
    paint(images, LEG["septum"], inside(np.maximum(septa, fascia), 1.4))
    for offset, radius in ((-4.5, 3.6), (4.0, 4.4)):
        paint(images, LEG["vessel"], inside(length(bundle_u - offset, bundle_v) - radius))
    paint(images, LEG["nerve"], inside(nerve + 3.5))


def _paint_tumour(images: Images, patchy: Array, distance: Array, occupancy: Array, suv: float) -> None:
    """A tumour of uneven texture and uptake, and a band of reactive soft tissue around it."""
    soft = (images[0] > -60) & (images[0] < 150)
    paint(images, LEG["reactive"], 0.35 * inside(distance - 4, 4) * soft)
    paint(images, (LEG["tumour"][0] + 5 * patchy, suv * np.clip(1 + 0.22 * patchy, 0.5, 1.7)), occupancy)


def _muscle_border(u: Array, v: Array, z: Array) -> Array:
    """Distance in mm to the nearest border between two muscles, the borders being where two bellies are as near."""
    first = np.full(u.shape, 1e9, dtype=np.float32)
    second = first.copy()
    twist = np.clip(z, -150, 150) * np.float32(0.0015)
    for muscle_u, muscle_v in _MUSCLES_MM:
        distance = length(u - (muscle_u + muscle_v * twist), v - (muscle_v - muscle_u * twist))
        np.minimum(second, np.maximum(first, distance), out=second)
        np.minimum(first, distance, out=first)
    return (second - first) / 2


def _oval(u: Array, v: Array, radii: tuple[float, float]) -> Array:
    """Signed distance to an elliptic cylinder, to first order (see `Ellipsoid.distance_mm`)."""
    a, b = np.float32(radii[0]), np.float32(radii[1])
    near = length(u / a, v / b)
    distance = near * (near - 1) / np.maximum(length(u / a**2, v / b**2), np.float32(1e-6))
    return np.asarray(distance)


def _table(points: Coordinates) -> Array:
    """A cradle under the legs: a curved sheet on a shell with straight sides."""
    x, y, _ = points
    sheet = np.abs(y - (118 - np.float32(0.0011) * x * x)) - 1.2
    shell = np.maximum(np.abs(y - (158 - np.float32(0.30) * np.abs(x))) - 1.5, np.abs(x) - 215)
    return inside(np.minimum(sheet, shell))
