"""Attributes that say where a slice of a volume lies (Image Plane module, PS3.3 C.7.6.2)."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from pydicom.valuerep import DSfloat

from miap.imaging.volume import Volume


def plane_attributes(volume: Volume, index: int) -> dict[str, Any]:
    """DICOM keyword to value for slice ``index`` along the third axis.

    Array axes x, y and z are columns, rows and slices; Pixel Spacing is that between rows, then between columns.
    """
    columns, rows, slices = volume.spacing
    direction = volume.direction
    position = volume.to_patient([0, 0, index])
    normal = np.cross(direction[:, 0], direction[:, 1])
    return {
        "PixelSpacing": decimals([rows, columns]),
        "ImageOrientationPatient": decimals([*direction[:, 0], *direction[:, 1]]),
        "ImagePositionPatient": decimals(position),
        "SliceThickness": DSfloat(float(slices), auto_format=True),
        "SpacingBetweenSlices": DSfloat(float(slices), auto_format=True),
        "SliceLocation": DSfloat(float(position @ normal), auto_format=True),
    }


def decimals(values: Iterable[float]) -> list[DSfloat]:
    """Numbers as decimal strings of the sixteen characters that DICOM allows."""
    return [DSfloat(float(value) + 0.0, auto_format=True) for value in values]
