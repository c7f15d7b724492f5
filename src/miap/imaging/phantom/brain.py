"""`brain_mr`: T1, T1 after contrast, T2 and FLAIR of a head with enhancing tumours."""

from collections.abc import Sequence

import numpy as np

from miap.imaging.modality import Modality
from miap.imaging.phantom.fields import SmoothNoise, length, slabs
from miap.imaging.phantom.grid import Plane, empty_grid, refined
from miap.imaging.phantom.head import paint_head
from miap.imaging.phantom.phantom import Phantom
from miap.imaging.phantom.shapes import Ellipsoid
from miap.imaging.phantom.study import Study
from miap.imaging.volume import Array, Volume

SEQUENCES = (Modality.T1, Modality.T1C, Modality.T2, Modality.FLAIR)
HEAD_MM = (180.0, 224.0, 176.0)
"""Field of view along L, P and S where no shape is asked for."""

THIN_MM = 2.5
"""Slices thicker than this are averaged from thinner ones."""

_WHITE = {Modality.T1: 1000.0, Modality.T1C: 1000.0, Modality.T2: 430.0, Modality.FLAIR: 1000.0}
"""Signal of white matter, scanner units."""

ENHANCING, CORE = 1, 2
"""Labels of the truth: the contrast-taking rim, and what it encloses."""


def brain_mr(
    seed: int = 0,
    lesions: Sequence[Ellipsoid] | None = None,
    *,
    sequences: Sequence[Modality] = SEQUENCES,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    shape: tuple[int, int, int] | None = None,
    plane: Plane = Plane.AXIAL,
    tilt_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    core: float = 0.6,
    oedema_mm: float = 12.0,
    stripped: bool = False,
    noise: float = 0.025,
    bias: float = 0.08,
) -> Phantom:
    """A head whose brain's middle is at LPS (0, 0, 0), in one frame of reference for all sequences.

    A clinical stack is ``spacing_mm=(0.9375, 0.9375, 6.0), shape=(256, 256, 24)``.

    Args:
        seed: Decides everything random.
        lesions: Where the tumours are; one of random size and place where ``None``, none where empty.
        sequences: Which of T1, T1C, T2 and FLAIR to make.
        spacing_mm: Between columns, rows and slices.
        shape: Columns, rows and slices; enough for the head where ``None``.
        plane: How the slices lie.
        tilt_deg: Turns of the image grid about L, P and S.
        core: Semi-axes of the necrotic core over those of its tumour, 0 for a solid tumour.
        oedema_mm: How far oedema reaches from a tumour, about.
        stripped: Show the brain only.
        noise: Standard deviation of the noise (Rician) over the signal of white matter.
        bias: Standard deviation of the coil's uneven gain.

    Raises:
        ValueError: If a sequence isn't one of the four.
    """
    unknown = [str(sequence) for sequence in sequences if sequence not in SEQUENCES]
    if unknown:
        raise ValueError(f"a brain phantom has no {', '.join(unknown)}")
    rng = np.random.default_rng([seed, 2])
    shapes = (random_tumour(rng),) if lesions is None else tuple(lesions)
    if shape is None:
        extent = np.abs(plane.directions.T @ np.array(HEAD_MM))
        x, y, z = (int(n) for n in np.ceil(extent / spacing_mm))
        shape = (x, y, z)
    grid = empty_grid((0.0, 0.0, -4.0), shape, spacing_mm, plane=plane, tilt_deg=tilt_deg)
    thinner = max(1, int(np.ceil(spacing_mm[2] / THIN_MM)))
    fine = refined(grid, thinner)
    tumours, truth = [], np.zeros(grid.shape, dtype=np.uint8)
    for tumour in shapes:
        inner = tumour.scaled(core) if core > 0 else None
        hole = np.zeros(fine.shape, dtype=np.float32) if inner is None else inner.occupancy(fine)
        tumours.append((tumour, tumour.occupancy(fine), hole))
        truth[tumour.mask(grid)] = ENHANCING
        if inner is not None:
            truth[inner.mask(grid)] = CORE
    signals, brain = paint_head(fine, sequences, tumours, oedema_mm, rng)
    shown = _thick(brain, thinner) > 0.5 if stripped else None
    images = {}
    for sequence, signal in zip(sequences, signals, strict=True):
        image = _thick(signal, thinner)
        _scan(image, grid, _WHITE[sequence], bias, noise, rng)
        if shown is not None:
            image *= shown
        images[sequence] = grid.with_array(image[None], modality=sequence)
    study = Study(
        patient_id=f"PHANTOM-{seed}",
        patient_name="PHANTOM^BRAIN",
        description="MR BRAIN W WO CONTRAST",
        body_part="HEAD",
    )
    return Phantom(images, grid.with_array(truth[None]), shapes, study, core=core)


def random_tumour(rng: np.random.Generator) -> Ellipsoid:
    """An ellipsoid 2 to 5 cm long in the white matter of one hemisphere."""
    a, b, c = rng.uniform(13, 25) * rng.uniform(0.75, 1.0, size=3)
    side = float(rng.choice([-1, 1]))
    centre = (side * rng.uniform(26, 36), rng.uniform(-38, 42), rng.uniform(8, 34))
    turn = (rng.uniform(-30, 30), rng.uniform(-30, 30), rng.uniform(0, 180))
    return Ellipsoid(centre, (float(a), float(b), float(c)), turn)


def _thick(array: Array, slices: int) -> Array:
    """Means of every ``slices`` neighbours along z."""
    x, y, z = array.shape
    return array if slices == 1 else np.asarray(array.reshape(x, y, z // slices, slices).mean(axis=3))


def _scan(image: Array, grid: Volume, white: float, bias: float, noise: float, rng: np.random.Generator) -> None:
    """Turn a signal over that of white matter into what a scanner stores, in place.

    The coil's gain is uneven, the image is the magnitude of a complex one with normal noise, and whole numbers are
    kept.
    """
    gain = SmoothNoise(grid, 90.0, rng)
    for where, slab in slabs(grid):
        real = image[where] * np.exp(np.float32(bias) * gain[where])
        real += np.float32(noise) * rng.standard_normal(slab.shape, dtype=np.float32)
        imaginary = np.float32(noise) * rng.standard_normal(slab.shape, dtype=np.float32)
        image[where] = np.rint(np.float32(white) * length(real, imaginary))
