"""DICOM RT structure sets read back as masks (PS3.3 A.19.3): closed planar contours, placed by position."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from miap.errors import InputError
from miap.imaging.coding import code
from miap.imaging.contour import Contour, draw, smallest_gap
from miap.imaging.header import READ_ERRORS, number, read_header, sop_class
from miap.imaging.segment import Segment, empty
from miap.imaging.volume import Volume

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")


def read_structures(file: Path, onto: Volume) -> list[Segment]:
    """All structures of an RT structure set as masks on an image's grid.

    Contours are matched by position, never by the image they refer to: references break whenever a series is copied
    or anonymised. A voxel belongs to a structure when its centre lies inside a contour of its slice; a contour inside
    another is a hole. A contour stands for its own slice and for no slice between contours. Where contours are drawn
    on no slice of the image (on another series, or oblique to it), each stands for the slab up to half way to the
    next; the smallest distance in the file counts, at least the image's own slice distance and at most 10 mm.

    Args:
        file: An RT Structure Set object.
        onto: The image; its voxels are not looked at.

    Returns:
        By ROI Number, those with a closed contour. Notes say what part of a structure lies outside the image.

    Raises:
        InputError: The file is no structure set, is damaged, holds no closed planar contour, or none of them lies in
            the image.
    """
    try:
        header = read_header(file)
        if sop_class(header) != RTStructureSetStorage:
            name = sop_class(header).name.removesuffix(" Storage")
            raise InputError(f"{file} is no structure set but: {name}.", remedy="Give a DICOM RTSTRUCT object.")
        contours = _contours(header, file)
        if not contours:
            raise InputError(f"{file} holds no closed contour.", remedy="Export it with its contours.")
        names = {int(number(item, "ROINumber")): item for item in header.get("StructureSetROISequence") or ()}
        seen = {
            int(number(item, "ReferencedROINumber")): item for item in header.get("RTROIObservationsSequence") or ()
        }
        gap_mm = smallest_gap([one for drawn in contours.values() for one in drawn])
        segments = [
            _described(roi, names.get(roi, Dataset()), seen.get(roi, Dataset()), draw(drawn, onto, gap_mm), drawn, onto)
            for roi, drawn in sorted(contours.items())
        ]
    except READ_ERRORS as error:
        raise InputError(
            f"{file} cannot be read as a structure set ({error}).", remedy="Copy or export it again."
        ) from error
    if all(segment.is_empty for segment in segments):
        raise InputError(f"The contours of {file} lie outside the image.", remedy="Give the image they were drawn on.")
    return segments


def _contours(header: Dataset, file: Path) -> dict[int, list[Contour]]:
    """Closed contours by ROI Number."""
    found: dict[int, list[Contour]] = {}
    for roi in header.get("ROIContourSequence") or ():
        for item in roi.get("ContourSequence") or ():
            kind = str(item.get("ContourGeometricType") or "")
            if kind not in _CLOSED:
                continue
            values = np.array(item.get("ContourData") or (), dtype=float)
            if values.size % 3 or not np.isfinite(values).all() or np.abs(values).max(initial=0) > 1e6:
                raise InputError(f"{file} has a contour whose points make no sense.", remedy="Export it again.")
            if values.size >= 9:
                contour = Contour(values.reshape(-1, 3), kind == "CLOSEDPLANAR_XOR")
                found.setdefault(int(number(roi, "ReferencedROINumber")), []).append(contour)
    return found


def _described(
    roi: int, item: Dataset, observation: Dataset, box: Volume, drawn: list[Contour], onto: Volume
) -> Segment:
    label = str(item.get("ROIName") or f"structure {roi}").strip()
    automatic = str(item.get("ROIGenerationAlgorithm") or "") in ("AUTOMATIC", "SEMIAUTOMATIC")
    return Segment(
        number=roi,
        label=label,
        box=box,
        grid=empty(onto),
        type=code(observation, "RTROIIdentificationCodeSequence"),
        algorithm=str(item.get("ROIGenerationDescription") or "").strip() if automatic else "",
        notes=_outside(label, drawn, onto),
    )


def _outside(label: str, drawn: Sequence[Contour], onto: Volume) -> tuple[str, ...]:
    index = onto.to_index(np.concatenate([contour.points for contour in drawn]))
    # A contour's plane may lie up to half a voxel beyond the outermost centres, as its line may.
    within = ((index >= -0.5 - 1e-3) & (index <= np.array(onto.shape) - 0.5 + 1e-3)).all(axis=1)
    percent = round(100 * (1 - within.mean()))
    return (f'{percent} % of the contour points of "{label}" lie outside the image.',) if percent else ()
