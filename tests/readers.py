"""Readers that share no code with MIAP's, to check what it writes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """Centres of a region's voxels, shape (n, 3), LPS mm, and the volume of one voxel, ml."""

    points: Points
    voxel_ml: float

    @property
    def volume_ml(self) -> float:
        return len(self.points) * self.voxel_ml

    @property
    def centroid_mm(self) -> Points:
        return np.asarray(self.points.mean(axis=0))


def seg_regions(path: Path) -> dict[int, Region]:
    """Each segment of a binary SEG: bits unpacked by hand, each frame placed by its Image Position (Patient)."""
    seg = pydicom.dcmread(path)
    rows, columns, frames = seg.Rows, seg.Columns, int(seg.NumberOfFrames)
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    pixels = bits[: rows * columns * frames].reshape(frames, rows, columns)
    shared = seg.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    row_mm, column_mm = (float(v) for v in measures.PixelSpacing)
    across, down = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    found: dict[int, list[Points]] = {int(item.SegmentNumber): [] for item in seg.SegmentSequence}
    for frame, group in zip(pixels, seg.PerFrameFunctionalGroupsSequence, strict=True):
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        r, c = np.nonzero(frame)
        points = position + np.outer(c * column_mm, across) + np.outer(r * row_mm, down)
        found[int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)].append(points)
    voxel_ml = row_mm * column_mm * float(measures.SpacingBetweenSlices) / 1000
    return {number: Region(np.concatenate([np.empty((0, 3)), *parts]), voxel_ml) for number, parts in found.items()}


@dataclass(frozen=True)
class Outline:
    """A structure as its contours enclose it: planimetric volume, ml, and centroid, LPS mm."""

    name: str
    volume_ml: float
    centroid_mm: Points


def rtstruct_outlines(path: Path, slice_mm: float) -> dict[int, Outline]:
    """Each structure with contours: area and centroid of its polygons by Green's theorem, times the slice distance.

    A seam is run along once each way and so encloses nothing.
    """
    structures = pydicom.dcmread(path)
    names = {int(item.ROINumber): str(item.ROIName) for item in structures.StructureSetROISequence}
    found = {}
    for item in structures.ROIContourSequence:
        parts = [_polygon(np.array(c.ContourData, float).reshape(-1, 3)) for c in item.get("ContourSequence", [])]
        if parts:
            areas = np.array([area for area, _ in parts])
            centroid = np.array([centre for _, centre in parts]).T @ areas / areas.sum()
            number = int(item.ReferencedROINumber)
            found[number] = Outline(names[number], areas.sum() * slice_mm / 1000, centroid)
    return found


def _polygon(points: Points) -> tuple[float, Points]:
    """Area, mm², and centroid of a flat polygon in space: its fan of signed triangles."""
    corner = points[0]
    triangles = np.cross(points[1:-1] - corner, points[2:] - corner) / 2
    whole = triangles.sum(axis=0)
    signed = triangles @ whole / np.linalg.norm(whole)
    centres = (points[1:-1] + points[2:] + corner) / 3
    return float(signed.sum()), np.asarray(signed @ centres / signed.sum())


def nifti_regions(path: Path) -> list[Region]:
    """Every connected part of a NIfTI mask, the largest first, as ITK reads it."""
    image = sitk.ReadImage(str(path))
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(image > 0, True))
    labels = sitk.GetArrayViewFromImage(parts).transpose(2, 1, 0)
    steps = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    voxel_ml = float(np.prod(image.GetSpacing())) / 1000
    return [
        Region(np.argwhere(labels == number) @ steps.T + np.array(image.GetOrigin()), voxel_ml)
        for number in range(1, int(labels.max()) + 1)
    ]


def children(item: Dataset, meaning: str) -> list[Dataset]:
    """Content items of a structured report below ``item`` with this concept name."""
    return [one for one in item.ContentSequence if one.ConceptNameCodeSequence[0].CodeMeaning == meaning]


def measurement_groups(report: Dataset) -> list[Dataset]:
    """The measurement groups of a TID 1500 report."""
    return children(children(report, "Imaging Measurements")[0], "Measurement Group")


def measurements(group: Dataset) -> dict[tuple[str, str], tuple[float, str]]:
    """Numbers of a measurement group: (concept, derivation or "") to (value, unit)."""
    found = {}
    for one in group.ContentSequence:
        if one.ValueType == "NUM":
            how = children(one, "Derivation") if "ContentSequence" in one else []
            derivation = how[0].ConceptCodeSequence[0].CodeMeaning if how else ""
            value = one.MeasuredValueSequence[0]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            found[one.ConceptNameCodeSequence[0].CodeMeaning, derivation] = (float(value.NumericValue), unit)
    return found
