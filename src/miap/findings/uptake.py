"""Tracer uptake of a lesion, measured on the PET's own voxels."""

import math
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from miap.findings.lesion import Uptake
from miap.imaging.volume import Array, Volume

MTV_FRACTION = 0.41
"""Part of SUVmax from which a voxel counts to the metabolic tumour volume (EANM 2015, Boellaard)."""

PEAK_RADIUS_MM = (3 * 1000 / (4 * math.pi)) ** (1 / 3)
"""Radius of a sphere of 1 ml, 6.204 mm (PERCIST, Wahl 2009)."""

_SUBVOXEL_MM = 0.5
_FLOAT32 = 1e-6
_TIE_MM = 1e-3


def measure_uptake(lesion: Volume, pet: Volume) -> Uptake | None:
    """Uptake of a lesion in a PET.

    The PET is never interpolated, since that lowers its maximum: a PET voxel belongs to the lesion when the lesion's
    voxel nearest to its centre does (of two that are equally near, the one more to the left, back and head). The
    metabolic volume therefore comes in whole PET voxels. Only a lesion so small that it holds no PET voxel's centre
    is measured where its own voxels are, by linear interpolation. A lesion that reaches out of the PET is measured
    in the part that is inside.

    ``suv_peak`` is the highest mean of a 1 ml sphere around any PET voxel of the lesion; the sphere may reach beyond
    the lesion. See `sphere_means` for voxels on its surface.

    Args:
        lesion: Shape (1, x, y, z), bool; a crop serves as well as the whole grid.
        pet: Shape (1, x, y, z), SUV; any grid in the same patient coordinates.

    Returns:
        The uptake, or ``None`` where the lesion lies wholly outside the PET.
    """
    start, stop = _box_on(pet, lesion)
    if (start >= stop).any():
        return None
    part = pet.crop(start, stop)
    inside = _nearest(lesion, part)
    if inside.any():
        values, centres, voxel_ml = part.array[0][inside].astype(np.float64), inside, pet.voxel_volume_ml
    else:
        index = part.to_index(lesion.to_patient(np.argwhere(lesion.array[0])))
        index = index[((index >= -0.5) & (index < np.array(part.shape) - 0.5)).all(axis=1)]
        if not len(index):
            return None
        values = ndimage.map_coordinates(part.array[0].astype(np.float64), index.T, order=1, mode="nearest")
        centres, voxel_ml = np.zeros(part.shape, dtype=bool), lesion.voxel_volume_ml
        centres[tuple(np.floor(index + 0.5).astype(int).T)] = True
    suv_max = float(values.max())
    avid = values[values >= MTV_FRACTION * suv_max * (1 - _FLOAT32)] if suv_max > 0 else values[:0]
    return Uptake(
        suv_max=suv_max,
        suv_mean=float(values.mean()),
        suv_peak=_peak(pet, start, centres),
        mtv_ml=len(avid) * voxel_ml,
        tlg_g=float(avid.sum()) * voxel_ml,
    )


def outside_fraction(lesion: Volume, pet: Volume) -> float:
    """Fraction of a lesion's voxels, shape (1, x, y, z) bool, whose centres lie outside the PET's field of view."""
    index = pet.to_index(_corners(lesion))
    last = np.array(pet.shape) - 0.5
    if ((index >= -0.5) & (index <= last)).all():
        return 0.0
    index = pet.to_index(lesion.to_patient(np.argwhere(lesion.array[0])))
    return 1 - float(((index >= -0.5) & (index <= last)).all(axis=1).mean())


def sphere_means(image: Volume, radius_mm: float) -> npt.NDArray[np.float64]:
    """Mean of the image in a sphere around every voxel centre, shape (x, y, z).

    A voxel that the sphere's surface cuts counts by the fraction of it that is inside, sampled every 0.5 mm or
    finer; so the sphere has its true volume on any grid. Where the sphere reaches out of the image, the mean is over
    the part inside.

    Args:
        image: Shape (1, x, y, z).
        radius_mm: Radius of the sphere.
    """
    kernel = _sphere(image, radius_mm)
    array = image.array[0].astype(np.float64)
    return _convolved(array, kernel) / _convolved(np.ones(array.shape), kernel)


def _convolved(array: Array, kernel: Array) -> npt.NDArray[np.float64]:
    """Convolution with a kernel of odd sides, of the array's shape; outside the array is 0.

    `scipy.signal.fftconvolve` does the same, but importing it takes half a second.
    """
    shape = [fft.next_fast_len(n + k - 1, real=True) for n, k in zip(array.shape, kernel.shape, strict=True)]
    whole = fft.irfftn(fft.rfftn(array, shape) * fft.rfftn(kernel, shape), shape)
    return np.asarray(whole[tuple(slice(k // 2, k // 2 + n) for n, k in zip(array.shape, kernel.shape, strict=True))])


def _peak(pet: Volume, start: Array, centres: Array) -> float:
    """Highest mean of the 1 ml sphere around voxels ``start`` + index of ``centres``."""
    margin = _reach(pet, PEAK_RADIUS_MM)
    low = np.maximum(start - margin, 0)
    high = np.minimum(start + centres.shape + margin, pet.shape)
    means = sphere_means(pet.crop(low, high), PEAK_RADIUS_MM)
    box = tuple(slice(a, a + n) for a, n in zip(start - low, centres.shape, strict=True))
    return float(means[box][centres].max())


def _sphere(image: Volume, radius_mm: float) -> npt.NDArray[np.float64]:
    """Fraction of each voxel inside a sphere around the middle one; every side is odd."""
    reach = _reach(image, radius_mm)
    finer = np.ceil(image.spacing / _SUBVOXEL_MM).astype(int)
    sides = 2 * reach + 1
    steps = [(np.arange(s * f) + 0.5) / f - s / 2 for s, f in zip(sides, finer, strict=True)]
    points = np.stack(np.meshgrid(*steps, indexing="ij"), -1) @ image.affine[:3, :3].T
    inside = (points**2).sum(axis=-1) <= radius_mm**2
    blocks = inside.reshape([n for pair in zip(sides, finer, strict=True) for n in pair])
    return np.asarray(blocks.mean(axis=(1, 3, 5)))


def _reach(image: Volume, radius_mm: float) -> npt.NDArray[np.int64]:
    """Voxels along each axis that a sphere around a voxel centre reaches."""
    per_mm = np.linalg.norm(np.linalg.inv(image.affine[:3, :3]), axis=1)
    return np.asarray(np.floor(radius_mm * per_mm + 0.5), dtype=np.int64)


def _corners(lesion: Volume) -> npt.NDArray[np.float64]:
    """Corners of the grid's outermost voxels, LPS mm, shape (8, 3)."""
    return lesion.to_patient(list(product(*((-0.5, n - 0.5) for n in lesion.shape))))


def _box_on(pet: Volume, lesion: Volume) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the PET's part around the lesion's grid, one voxel wider, cut to the PET."""
    index = pet.to_index(_corners(lesion))
    start = np.floor(index.min(axis=0)).astype(np.int64) - 1
    stop = np.ceil(index.max(axis=0)).astype(np.int64) + 2
    return np.clip(start, 0, pet.shape), np.clip(stop, 0, pet.shape)


def _nearest(lesion: Volume, onto: Volume) -> npt.NDArray[np.bool_]:
    """The lesion on another grid by nearest neighbour, shape (x, y, z)."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in onto.shape), indexing="ij"), -1)
    index = np.floor(lesion.to_index(onto.to_patient(grid) + _TIE_MM) + 0.5).astype(np.int64)
    there = ((index >= 0) & (index < lesion.shape)).all(axis=-1)
    inside = np.zeros(onto.shape, dtype=bool)
    inside[there] = lesion.array[0][tuple(index[there].T)]
    return inside
