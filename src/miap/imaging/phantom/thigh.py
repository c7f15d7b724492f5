"""`thigh_petct`: FDG PET/CT of two thighs with soft-tissue tumours."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from miap.imaging.modality import Modality
from miap.imaging.phantom.grid import empty_grid
from miap.imaging.phantom.leg import FEMUR_MM, LEG_CENTRE_MM, paint_legs
from miap.imaging.phantom.phantom import Phantom
from miap.imaging.phantom.shapes import Ellipsoid
from miap.imaging.phantom.study import Study
from miap.imaging.volume import Array, Volume

PET_FWHM_MM = 6.0
"""Resolution of the PET."""

_BODY_MM = ((-220.0, -160.0, -400.0), (220.0, 170.0, 400.0))
"""Opposite corners of the largest field of view."""


def thigh_petct(
    seed: int = 0,
    lesions: Sequence[Ellipsoid] | None = None,
    *,
    suv: float | Sequence[float] = 8.0,
    core: float = 0.0,
    margin_mm: float = 50.0,
    spacing_mm: tuple[float, float, float] = (0.976562, 0.976562, 3.27),
    pet_spacing_mm: float = 4.6875,
    tilt_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    noise_hu: float = 12.0,
    pet_noise: float = 1.0,
) -> Phantom:
    """CT in HU and PET in SUV, in one frame of reference, cropped around the tumours.

    The patient lies on the back; LPS (0, 0, 0) is between the legs at mid-thigh, and the legs' middles are 98 mm to
    either side. A tumour replaces whatever lies at its place, and skin is drawn around it.

    Args:
        seed: Decides everything random.
        lesions: Where the tumours are; one of random size and place where ``None``, none where empty.
        suv: Mean uptake of the tumours' viable part before blur and noise, for all or for each.
        core: Semi-axes of the poorly perfused core over those of its tumour, 0 for none. The core is tumour too.
        margin_mm: What is shown around the tumours on all sides; 200 shows both legs.
        spacing_mm: Of the CT, between columns, rows and slices.
        pet_spacing_mm: Of the PET, between columns and between rows; its slices are those of the CT.
        tilt_deg: Turns of the image grids about L, P and S.
        noise_hu: Standard deviation of the CT's noise.
        pet_noise: Factor on the PET's noise, 0 for none.

    Raises:
        ValueError: If ``suv`` is a sequence of another length than ``lesions``.
    """
    rng = np.random.default_rng([seed, 1])
    shapes = (random_tumour(rng),) if lesions is None else tuple(lesions)
    uptake = tuple(map(float, np.broadcast_to(np.asarray(suv, dtype=float), (len(shapes),))))
    grid = _field_of_view(shapes, margin_mm, spacing_mm, tilt_deg)
    hu, activity = np.empty(grid.shape, dtype=np.float32), np.empty(grid.shape, dtype=np.float32)
    occupancies = [shape.occupancy(grid) for shape in shapes]
    paint_legs(grid, (hu, activity), list(zip(shapes, occupancies, uptake, strict=True)), core, rng)
    truth = np.zeros(grid.shape, dtype=np.uint8)
    for occupancy in occupancies:
        truth[occupancy >= 0.5] = 1
    hu += np.float32(noise_hu) * _ct_noise(grid.shape, rng)
    middle = np.mean([shape.centre_mm for shape in shapes], axis=0) if shapes else np.ones(3)
    study = Study(
        patient_id=f"PHANTOM-{seed}",
        patient_name="PHANTOM^THIGH",
        description="PET CT THIGH",
        body_part="EXTREMITY",
        laterality="L" if middle[0] > 0 else "R",
    )
    images = {
        Modality.CT: grid.with_array(np.rint(np.clip(hu, -1024, 3071))[None], modality=Modality.CT),
        Modality.PET: _pet(grid.with_array(activity[None]), pet_spacing_mm, pet_noise, rng),
    }
    return Phantom(images, grid.with_array(truth[None]), shapes, study, core=core, suv=uptake)


def random_tumour(rng: np.random.Generator) -> Ellipsoid:
    """An ellipsoid 2.4 to 9.6 cm long in the muscle beside a femur."""
    longest = float(np.exp(rng.uniform(np.log(12), np.log(48))))
    axes = longest * np.array([rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9), 1.0])
    side = float(rng.choice([-1, 1]))
    angle = float(rng.choice([0.1, 0.65, 0.9, 1.3]) + rng.uniform(-0.05, 0.05)) * np.pi
    away = 18 + float(axes[:2].max()) + rng.uniform(0, 8)
    lateral = LEG_CENTRE_MM + FEMUR_MM[0] + away * np.cos(angle)
    posterior = FEMUR_MM[1] + away * np.sin(angle)
    return Ellipsoid(
        (side * lateral, posterior, rng.uniform(-60, 60)),
        (float(axes[0]), float(axes[1]), float(axes[2])),
        (rng.uniform(-20, 20), rng.uniform(-20, 20), rng.uniform(0, 180)),
    )


def _field_of_view(
    shapes: Sequence[Ellipsoid],
    margin_mm: float,
    spacing_mm: tuple[float, float, float],
    tilt_deg: tuple[float, float, float],
) -> Volume:
    """The CT's grid: the box around the tumours with its margin, or a left thigh where there are none."""
    boxes = [(s.centre_mm, s.extent_mm) for s in shapes] or [((LEG_CENTRE_MM, 0.0, 0.0), (100.0, 100.0, 60.0))]
    start = np.min([np.array(c) - np.array(e) / 2 for c, e in boxes], axis=0) - margin_mm
    stop = np.max([np.array(c) + np.array(e) / 2 for c, e in boxes], axis=0) + margin_mm
    start, stop = np.maximum(start, _BODY_MM[0]), np.minimum(stop, _BODY_MM[1])
    x, y, z = (max(1, int(n)) for n in np.ceil((stop - start) / spacing_mm))
    return empty_grid((start + stop) / 2, (x, y, z), spacing_mm, tilt_deg=tilt_deg)


def _ct_noise(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    """Noise of unit variance with the grain of a filtered back-projection through two legs: streaks along x."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = ndimage.gaussian_filter1d(noise, 0.75, axis=0)
    noise = ndimage.correlate1d(noise, [-0.22, 1.0, -0.22], axis=1)
    noise = ndimage.correlate1d(noise, [0.13, 1.0, 0.13], axis=2)
    return np.asarray(noise / max(float(noise.std()), 1e-6))


def _pet(activity: Volume, spacing_mm: float, noise: float, rng: np.random.Generator) -> Volume:
    """What a scanner makes of an activity given in SUV on the CT's grid.

    Half of the blur (in variance) comes before the counts are drawn, half after, as a reconstruction's own
    smoothing does.
    """
    blur_mm = PET_FWHM_MM / (2 * np.sqrt(2 * np.log(2))) / np.sqrt(2)
    blurred = ndimage.gaussian_filter(activity.array[0], blur_mm / activity.spacing, mode="nearest")
    step = np.array([spacing_mm, spacing_mm, activity.spacing[2]])
    x, y, z = (int(n) for n in np.ceil(np.array(activity.shape) * activity.spacing / step - 1e-6))
    affine = activity.affine.copy()
    affine[:3, :3] = activity.direction * step
    middle = activity.to_patient((np.array(activity.shape) - 1) / 2)
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array([x, y, z]) - 1) / 2)
    grid = Volume(np.zeros((1, x, y, z), dtype=np.uint8), affine)
    index = np.stack(np.meshgrid(np.arange(x), np.arange(y), np.arange(z), indexing="ij"))
    source = activity.to_index(grid.to_patient(index.reshape(3, -1).T)).T.reshape(3, x, y, z)
    sampled = ndimage.map_coordinates(blurred, source, order=1, mode="nearest")
    if noise > 0:
        sensitivity = 11.0 / noise**2
        sampled = rng.poisson(np.maximum(sampled, 0) * sensitivity) / sensitivity
    smoothed = ndimage.gaussian_filter(sampled.astype(np.float32), blur_mm / step, mode="nearest")
    return grid.with_array(smoothed[None], modality=Modality.PET)
