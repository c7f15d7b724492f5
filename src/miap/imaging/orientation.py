"""How slices lie in the patient, in words."""

import numpy as np
import numpy.typing as npt

_PLANES = ("sagittal", "coronal", "axial")
_SQUARE_DEG = 5.0


def plane(normal: npt.ArrayLike) -> str:
    """The plane of slices with this normal (LPS): ``axial``, or ``axial, 12° oblique`` where it is off by 5° or more.

    Examples:
        >>> plane([0, 0, 1]), plane([-1, 0, 0]), plane([0, 0.2, 0.98])
        ('axial', 'sagittal', 'axial, 12° oblique')
    """
    vector = np.abs(np.asarray(normal, dtype=float))
    vector = vector / np.linalg.norm(vector)
    axis = int(vector.argmax())
    angle = float(np.degrees(np.arccos(min(1.0, vector[axis]))))
    return _PLANES[axis] + (f", {angle:.0f}° oblique" if angle >= _SQUARE_DEG else "")
