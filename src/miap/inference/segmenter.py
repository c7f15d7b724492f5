"""A bundle at work: prepared image in, probabilities on the model's grid out."""

from collections.abc import Callable, Sequence

import numpy as np
import psutil

from miap.imaging.resample import resample
from miap.imaging.volume import Array, Volume
from miap.inference.backend import Backend, Forward
from miap.inference.bundle import Bundle
from miap.inference.windows import predict

BYTES_PER_VOXEL = 900
"""Peak memory one pass is taken to need per voxel of its window, bytes.

SegResNet with 16 filters on windows of 96³ and 144³ took 360-440 in torch and 210-220 in OpenVINO in fp32, 210-310 and
110-130 in bf16; wider networks take more.
"""


class Segmenter:
    """Keeps a bundle's networks loaded.

    Args:
        bundle: The model.
        backend: What runs it.
        memory_gb: Memory one pass may use, GB; 0 is half of what is free when it starts.
    """

    def __init__(self, bundle: Bundle, backend: Backend, *, memory_gb: float = 0) -> None:
        self.bundle, self.backend, self.memory_gb = bundle, backend, memory_gb
        self._members: dict[int, Forward] = {}

    def __call__(
        self,
        image: Volume,
        *,
        members: Sequence[int] | None = None,
        report: Callable[[float], None] = lambda fraction: None,
    ) -> Volume:
        """Probabilities, shape (label, x, y, z), on the grid of ``image``, averaged over the ensemble.

        Args:
            image: As `miap.imaging.preparation.prepare` made it.
            members: Which members of the ensemble to ask; all by default.
            report: Told the fraction done after each member.
        """
        card = self.bundle.card
        chosen = range(len(self.bundle.weights)) if members is None else members
        total: Array = np.zeros(1, dtype=np.float32)
        for done, member in enumerate(chosen, start=1):
            if member not in self._members:
                self._members[member] = self.backend.load(self.bundle, member)
            total = total + predict(
                self._members[member],
                image.array,
                divisor=card.divisor,
                max_voxels=self._budget() / BYTES_PER_VOXEL,
                max_window=card.max_window,
                flip_axes=card.flip_axes,
            )
            report(done / len(chosen))
        return image.with_array(np.asarray(total / len(chosen), dtype=np.float32))

    def _budget(self) -> float:
        return self.memory_gb * 1e9 if self.memory_gb else 0.5 * psutil.virtual_memory().available


def restore(probability: Volume, onto: Volume) -> Volume:
    """Probabilities on the grid of the original image ``onto``, by linear interpolation; 0 outside."""
    return resample(probability, onto)


def threshold(probability: Volume, bundle: Bundle) -> Volume:
    """The segmentation, shape (1, x, y, z), uint8: the most probable label where it reaches the model's threshold."""
    values = np.array([label.value for label in bundle.card.labels], dtype=np.uint8)
    best = probability.array.argmax(axis=0)
    reached = probability.array.max(axis=0) >= bundle.card.threshold
    return probability.with_array(np.where(reached, values[best], 0).astype(np.uint8)[None])
