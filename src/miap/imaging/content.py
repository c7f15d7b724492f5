"""Whether voxels can be an image at all, whatever file they came from."""

import numpy as np

from miap.errors import InputError
from miap.imaging.volume import Array

MAX_VOXELS = 2**30
"""Most voxels an image may have: 1024 slices of 1024 × 1024."""


def check_content(array: Array, source: str) -> None:
    """Refuse what holds no image.

    Args:
        array: Voxels of any shape.
        source: What the message calls them: a file, or a series and its folder.

    Raises:
        InputError: A voxel is not finite, or all have the same value.
    """
    check_range(float(array.min()), float(array.max()), source)


def check_range(low: float, high: float, source: str) -> None:
    """Refuse what holds no image by its lowest and its highest voxel, which are NaN where any is.

    Raises:
        InputError: A voxel is not finite, or all have the same value.
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"{source} holds voxels that are not numbers (NaN or infinite).", remedy="Export it again.")
    if low == high:
        raise InputError(f"{source} is empty: every voxel is {low:g}.", remedy="Check that it is the right image.")
