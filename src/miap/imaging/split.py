"""One Series Instance UID, several stacks of slices: told apart by where they lie, then by what was measured."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from miap.imaging.stack import SAME_PLACE_MM, Plane

_TELLS_APART = {
    "ImageType": "image type {}",
    "ComplexImageComponent": "{}",
    "EchoNumbers": "echo {}",
    "EchoTime": "echo time {} ms",
    "InversionTime": "inversion time {} ms",
    "FlipAngle": "flip angle {}°",
    "DiffusionBValue": "b = {} s/mm²",
    "DiffusionGradientOrientation": "gradient {}",
    "TemporalPositionIdentifier": "time point {}",
    "TriggerTime": "trigger time {} ms",
    "NominalCardiacTriggerDelayTime": "trigger delay {} ms",
    "FrameReferenceTime": "frame at {} ms",
    "StackID": "stack {}",
    "AcquisitionNumber": "acquisition {}",
    "AcquisitionTime": "acquired at {}",
    "ContrastBolusAgent": "contrast {}",
    "ConvolutionKernel": "kernel {}",
    "ContentTime": "made at {}",
}
"""What may differ between images of one place, the most telling first, and how a title says it."""


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice: its header, its file, and which frame of the file it is.

    Args:
        header: As of a classic instance.
        file: Where its pixels are.
        frame: Index from 0.
        source: Header of the object the frame belongs to, where it holds several.
    """

    header: Dataset
    file: Path
    frame: int = 0
    source: Dataset | None = None

    @cached_property
    def plane(self) -> Plane:
        """Where it lies.

        Raises:
            InputError: The header does not say it, or says nonsense.
        """
        return Plane.of(self.header, self.file)


@dataclass(frozen=True, eq=False)
class Part:
    """Slices that may make one grid, and what tells them from the other parts of their series."""

    slices: tuple[Slice, ...]
    title: str = ""


def split(slices: Sequence[Slice]) -> list[Part]:
    """The stacks in a series: of one orientation, pixel spacing and matrix, and with one image a place.

    Where images share a place, the first attribute of `_TELLS_APART` that leaves fewest such pairs divides them. What
    no attribute tells apart stays together: copies, or a fault that `stack.order` names.

    Raises:
        InputError: A slice does not say where it lies.
    """
    stacks: list[list[Slice]] = []
    for one in slices:
        for members in stacks:
            if not members[0].plane.difference(one.plane):
                members.append(one)
                break
        else:
            stacks.append([one])
    parts = []
    for number, members in enumerate(stacks, start=1):
        title = f"orientation or size {number}" if len(stacks) > 1 else ""
        parts += _one_a_place(members, title)
    return parts


def _one_a_place(members: list[Slice], title: str) -> list[Part]:
    whole = Part(tuple(members), title)
    crowd = _crowd(members)
    best: tuple[int, str, dict[str, list[Slice]]] | None = None
    for keyword in _TELLS_APART if crowd else ():
        groups: dict[str, list[Slice]] = defaultdict(list)
        for member in members:
            groups[_value(member.header, keyword)].append(member)
        left = sum(map(_crowd, groups.values()))
        if len(groups) > 1 and (best is None or left < best[0]):
            best = left, keyword, groups
    if best is None or best[0] >= crowd:
        return [whole]
    parts = []
    for value, group in best[2].items():
        name = _TELLS_APART[best[1]].format(value or "none")
        parts += _one_a_place(group, f"{title}, {name}" if title else name)
    return parts


def _crowd(members: Sequence[Slice]) -> int:
    """How many images lie where another one does."""
    normal = members[0].plane.normal
    along = np.sort([one.plane.position @ normal for one in members])
    return int((np.diff(along) <= SAME_PLACE_MM).sum())


def _value(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    if value is None:
        return ""
    return str(value) if isinstance(value, str) or not hasattr(value, "__iter__") else "/".join(map(str, value))
