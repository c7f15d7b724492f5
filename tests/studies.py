"""A small PET/CT with two tumours, and a network that needs no training to see them."""

from functools import cache

import numpy as np

from miap.imaging.phantom import Ellipsoid, Phantom, thigh_petct
from miap.imaging.volume import Array
from miap.inference.backend import Forward
from miap.inference.bundle import Bundle

TUMOURS = (
    Ellipsoid((100.0, -25.0, -30.0), (22.0, 16.0, 26.0), (10.0, 0.0, 20.0)),
    Ellipsoid.sphere((110.0, -5.0, 40.0), 13.0),
)


@cache
def petct() -> Phantom:
    """Thigh PET/CT with `TUMOURS`, coarse enough to be quick."""
    return thigh_petct(0, TUMOURS, suv=10.0, margin_mm=30.0, spacing_mm=(2.5, 2.5, 4.0), pet_spacing_mm=5.0)


class Brightness:
    """A backend whose only network calls everything above SUV 3.5 tumour; for bundles with channels CT and log PET."""

    name = "brightness"
    device = "cpu"
    precision = "fp32"

    def load(self, bundle: Bundle, member: int) -> Forward:
        def forward(image: Array) -> Array:
            return np.asarray(8 * (image[:, 1:2] - np.log1p(np.float32(3.5))), dtype=np.float32)

        return forward
