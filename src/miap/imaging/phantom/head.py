"""The tissues of a head, painted from the outside in, and tumours."""

from collections.abc import Sequence

import numpy as np

from miap.imaging.modality import Modality
from miap.imaging.phantom.fields import SmoothNoise, inside, joined, length, paint, slabs
from miap.imaging.phantom.grid import Coordinates, coordinates
from miap.imaging.phantom.shapes import Ellipsoid
from miap.imaging.phantom.tissue import HEAD
from miap.imaging.volume import Array, Volume

_CEREBRUM = Ellipsoid((0, 0, 0), (66, 85, 68))
_TEMPORAL = Ellipsoid((43, -12, -28), (22, 36, 22), (0, 0, 8))
_CEREBELLUM = Ellipsoid((22, 48, -44), (30, 32, 24))
_SKIN = Ellipsoid((0, 2, -4), (79, 101, 90))
_INNER = Ellipsoid((0, 2, 2), (40, 48, 32))
"""Callosum and what lies below it: no falx here."""

_NUCLEI = (
    Ellipsoid((11, 10, 4), (9, 15, 9), (0, 0, -20)),  # thalamus
    Ellipsoid((25, -8, 3), (6, 17, 10), (0, 0, -12)),  # lentiform nucleus
    Ellipsoid((14, -24, 10), (5, 10, 9)),  # caudate head
)
_VENTRICLES = (
    Ellipsoid((9, -28, 14), (4.5, 13, 8), (0, 0, -18)),  # frontal horn
    Ellipsoid((12, 2, 22), (5, 26, 5), (6, 0, -8)),  # body
    Ellipsoid((25, 32, 11), (6, 14, 9), (0, 0, -25)),  # atrium and occipital horn
    Ellipsoid((33, 8, -14), (2.5, 13, 4)),  # temporal horn
    Ellipsoid((0, 4, 2), (2.2, 14, 11)),  # third
    Ellipsoid((0, 34, -36), (7, 5, 10)),  # fourth
)
_CHOROID = Ellipsoid((23, 29, 11), (2.5, 8, 4.5), (0, 0, -25))
_ORBIT = Ellipsoid((32, -72, -36), (19, 22, 18))
_OPTIC = Ellipsoid((32, -60, -36), (4, 16, 4))
_EYE = Ellipsoid((33, -78, -36), (12, 12, 12))
_HOLLOWS = (
    (Ellipsoid((0, -72, -52), (13, 26, 22)), 0.2),  # nose
    (Ellipsoid((0, -36, -42), (14, 12, 9)), 1.2),  # sphenoid sinus
    (Ellipsoid((34, -60, -66), (15, 16, 16)), 0.9),  # maxillary sinus
    (Ellipsoid((52, 26, -46), (12, 14, 14)), 0.4),  # mastoid cells
    (Ellipsoid((10, -89, -4), (11, 4, 9)), 1.5),  # frontal sinus
)
"""Each with how empty it is."""

_SCALES_MM: dict[str, float | tuple[float, float, float]] = {
    "wobble": 45.0,
    "folds": (7.5, 7.5, 15.0),
    "bends": 22.0,
    "lumps": 9.0,
    "face": 5.5,
    "grain": 6.0,
    "shade": 25.0,
    "reach": 18.0,
}
"""Random fields, with the step of their lattice; folds run through several slices."""


def paint_head(
    grid: Volume,
    sequences: Sequence[Modality],
    tumours: Sequence[tuple[Ellipsoid, Array, Array]],
    oedema_mm: float,
    rng: np.random.Generator,
) -> tuple[list[Array], Array]:
    """Signal of each sequence over that of white matter, and the brain's occupancy, each of shape (x, y, z), float32.

    The halves mirror each other but for the random fields. Everything but the tumours is there to look like a head.

    Args:
        grid: Where to sample.
        sequences: T1, T1C, T2 or FLAIR.
        tumours: Shape, occupancy of the whole, and occupancy of its core, on the grid.
        oedema_mm: How far oedema reaches from a tumour, about; 0 for none.
        rng: Source of the random fields.
    """
    images = [np.zeros(grid.shape, dtype=np.float32) for _ in sequences]
    brain = np.zeros(grid.shape, dtype=np.float32)
    fields = {name: SmoothNoise(grid, scale, rng) for name, scale in _SCALES_MM.items()}
    for where, slab in slabs(grid):
        noise = {name: field[where] for name, field in fields.items()}
        pieces = [image[where] for image in images]
        head = _Slab(slab, sequences, pieces, noise)
        brain[where] = head.paint()
        for shape, whole, core in tumours:
            head.paint_tumour(shape, whole[where], core[where], oedema_mm)
    return images, brain


class _Slab:
    """Some slices of a head.

    Args:
        grid: The slices.
        sequences: What the images show.
        images: Painted on, one for each sequence.
        noise: Random fields by name.
    """

    def __init__(
        self, grid: Volume, sequences: Sequence[Modality], images: Sequence[Array], noise: dict[str, Array]
    ) -> None:
        x, y, z = coordinates(grid)
        self._points: Coordinates = (x, y, z)
        self._mirrored: Coordinates = (np.abs(x), y, z)
        self._edge = float(min(grid.spacing.min() * 1.2, 1.5))
        self._sequences, self._images, self._noise = sequences, images, noise
        self._white: Array = np.zeros(grid.shape, dtype=np.float32)

    def paint(self) -> Array:
        """Paint the whole head and return the occupancy of the brain with its thin film of CSF."""
        hull = self._hull()
        self._paint_scalp(hull)
        self._lay("csf", inside(hull - 2.5, self._edge))
        if hull.min() < 2:
            self._paint_brain(hull)
        texture = 1 + 0.02 * (self._noise["grain"] + self._noise["shade"])
        for image in self._images:
            image *= texture
        return inside(hull - 1.5, self._edge)

    def paint_tumour(self, tumour: Ellipsoid, whole: Array, core: Array, oedema_mm: float) -> None:
        """Lay oedema over white matter, then a tumour, then its core."""
        patchy = self._noise["lumps"]
        if oedema_mm > 0:
            reach = tumour.distance_mm(self._points) - oedema_mm * (0.75 + 0.5 * self._noise["reach"])
            self._lay("oedema", inside(reach, 5) * self._white)
        self._lay("tumour", whole, 1 + 0.13 * patchy)
        self._lay("core", core, 1 + 0.08 * patchy)

    def _lay(self, tissue: str, occupancy: Array, texture: Array | None = None) -> None:
        if not occupancy.any():
            return
        signals = [HEAD[tissue][sequence] for sequence in self._sequences]
        paint(self._images, signals if texture is None else [s * texture for s in signals], occupancy)

    def _near(self, shape: Ellipsoid) -> Array:
        """Signed distance to an ellipsoid and its mirror image."""
        return shape.distance_mm(self._mirrored)

    def _nearest(self, shapes: Sequence[Ellipsoid]) -> Array:
        """Signed distance to the nearest of several ellipsoids and their mirror images."""
        return np.asarray(np.minimum.reduce([self._near(shape) for shape in shapes]))

    def _hull(self) -> Array:
        """Signed distance to the brain's envelope: cerebrum, temporal lobes, cerebellum and stem."""
        x, y, z = self._points
        bends = self._noise["bends"]
        base = np.maximum(_CEREBRUM.distance_mm((x, y, _blunt(z))), -(z + 23 + np.float32(0.16) * y) - 3 * bends)
        hull = joined(base, self._near(_TEMPORAL), 10)
        hull = joined(hull, self._near(_CEREBELLUM), 6)
        stem = np.maximum(length(x / 1.15, y - 20 + 0.15 * z) - 12.5 - 0.03 * z, z + 8)
        return joined(hull, stem, 5) + 1.5 * self._noise["wobble"]

    def _paint_scalp(self, hull: Array) -> None:
        x, y, z = self._points
        wobble, texture = self._noise["wobble"], self._noise["face"]
        # Below the widest section the head narrows slowly toward the neck.
        narrowing = np.where(z < -4, -4 + np.float32(0.35) * (z + 4), _blunt(z))
        skin = _SKIN.distance_mm((x, y, narrowing)) + 2.2 * wobble
        self._lay("skin", inside(skin, self._edge))
        self._lay("fat", inside(skin + 1.8, self._edge), 1 + 0.06 * texture)
        low = inside(z + 22 + 0.2 * y, 8)
        deep = low * inside(skin + 7 + 2 * texture, 2)
        self._lay("muscle", deep * inside(-texture - 0.6, 0.8))
        skull = hull - 9 - 1.5 * wobble - 7 * low
        self._lay("bone", inside(np.maximum(skull, skin + 6), self._edge))
        marrow = np.abs(hull - 6.5 - 0.5 * wobble) - 1.2 - 0.4 * texture
        self._lay("diploe", 0.8 * inside(marrow, 1.5) * inside(skin + 7))
        within = inside(skin + 5)
        self._lay("fat", inside(self._near(_ORBIT), 2) * within)
        self._lay("muscle", inside(self._near(_OPTIC), 2) * within)
        self._lay("eye", inside(self._near(_EYE), 1.5) * within)
        for shape, emptiness in _HOLLOWS:
            hollow = self._near(shape)
            self._lay("mucosa", inside(hollow, 1.5) * within)
            self._lay("air", inside(np.maximum(hollow + 2, -5 * (texture + emptiness)), 1.5) * within)

    def _paint_brain(self, hull: Array) -> None:
        _, y, z = self._points
        folds, bends = self._noise["folds"], self._noise["bends"]
        fold_mm = np.abs(folds + 0.25 * bends) * np.float32(4.6)
        depth = -hull
        cerebrum = inside(-(z + 26 - 0.25 * (y + 20)), 4)
        self._white = np.array(inside(hull, self._edge))
        self._lay("white", self._white)
        self._paint_grey(depth, fold_mm, cerebrum)
        self._paint_sulci(depth, fold_mm, cerebrum)
        self._paint_vessels(depth, fold_mm, cerebrum)
        ventricles = inside(self._nearest(_VENTRICLES) + 0.8 * bends, self._edge)
        self._lay("csf", ventricles)
        self._lay("choroid", 0.8 * inside(self._near(_CHOROID) + 0.8 * folds, self._edge))
        self._white *= 1 - ventricles

    def _paint_grey(self, depth: Array, fold_mm: Array, cerebrum: Array) -> None:
        """Cortex along the folds and the surface, leaves of the cerebellum, deep nuclei."""
        _, y, z = self._points
        folds = self._noise["folds"]
        band = np.maximum(np.minimum(fold_mm - 3.2, depth - 2.8), depth - 19)
        cortex = inside(band, self._edge) * cerebrum
        leaves = np.sin(np.float32(1.1) * z + np.float32(0.45) * y + 1.5 * folds) + np.float32(0.3)
        cerebellum = inside(self._near(_CEREBELLUM) - 1, 2)
        cerebellum = cerebellum * inside(depth - 11 - 3 * folds, 3) * inside(-leaves, 1.5)
        grey = np.maximum(cortex, cerebellum) * inside(-depth)
        self._lay("grey", grey)
        nuclei = inside(self._nearest(_NUCLEI) + 0.7 * folds, 2)
        self._lay("nucleus", nuclei)
        self._white *= (1 - 0.7 * grey) * (1 - 0.8 * nuclei)

    def _paint_sulci(self, depth: Array, fold_mm: Array, cerebrum: Array) -> None:
        """CSF in the sulci, around the insula and between the hemispheres."""
        x, y, z = self._mirrored
        folds, bends = self._noise["folds"], self._noise["bends"]
        opening = np.clip(1.2 - 0.05 * depth + 0.35 * bends, 0, 2)
        sulci = inside(np.maximum(fold_mm - opening, depth - 18), self._edge) * cerebrum
        lateral = np.maximum(np.abs(y + 10 - 0.5 * z + 7 * bends + 2 * folds) - 0.9, 35 - x)
        insular = np.maximum(np.abs(x - 36 - 4 * bends - 2 * folds) - 0.7, np.abs(y + 4) - 18)
        sylvian = np.maximum(np.minimum(lateral, insular), np.abs(z + 2) - 15)
        self._falx = np.maximum(np.abs(self._points[0] + 0.8 * bends), np.maximum(-self._near(_INNER), -(z + 22)))
        wet = np.maximum(np.maximum(sulci, inside(sylvian, self._edge)), inside(self._falx - 1.2, self._edge))
        wet = wet * inside(-depth)
        self._lay("csf", wet)
        self._white *= 1 - wet

    def _paint_vessels(self, depth: Array, fold_mm: Array, cerebrum: Array) -> None:
        """Dura and falx, cortical vessels in the folds, the sagittal and the transverse sinuses."""
        x, y, z = self._points
        self._lay("dura", 0.8 * inside(self._falx - 0.6, self._edge) * inside(-depth - 2))
        self._lay("dura", 0.5 * inside(np.abs(depth + 2.2) - 0.4, self._edge))
        cortical = np.maximum(length(fold_mm, 5 * self._noise["lumps"]) - 1.1, depth - 14)
        self._lay("vessel", 0.8 * inside(cortical, self._edge) * cerebrum * inside(-depth - 2))
        sagittal = np.maximum(length(x, depth + 2) - 4.2, -(z + 20))
        self._lay("vessel", inside(sagittal, self._edge) * inside(2 * np.abs(z) - y - 70, 4))
        transverse = length(self._near(_CEREBRUM) - 2, z + 20 + np.float32(0.15) * (y - 50)) - 3
        self._lay("vessel", inside(transverse, self._edge) * inside(45 - y, 20))


def _blunt(z: Array) -> Array:
    """Heights moved so that an ellipsoid's crown is flatter, as that of a head is."""
    return np.asarray(np.where(z > 0, z * np.maximum(z / 80, 0) ** np.float32(0.35), z))
