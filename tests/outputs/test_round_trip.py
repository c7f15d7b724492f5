"""Whatever the geometry of the source: what is written lies where the mask was, as independent readers see it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from miap.imaging.segment import Segment
from miap.imaging.segmentation import read_segmentation
from miap.imaging.series import Series, read_series
from miap.imaging.structure import read_structures
from miap.imaging.volume import Volume
from miap.outputs.parametric_map import write_parametric_map
from miap.outputs.rtstruct import write_rtstruct
from miap.outputs.seg import SegKind, write_segments
from tests.dicom_factory import write_series
from tests.imaging.test_multiframe import convert
from tests.readers import rtstruct_outlines, seg_regions

pytestmark = [pytest.mark.req("REQ-I-002"), pytest.mark.req("REQ-F-002")]

SHAPE = (22, 20, 12)
MADE: dict[str, Any] = {"model": {"name": "test", "version": "1.0"}, "when": datetime(2026, 1, 2, 3, 4, 5)}
RIGHT_HANDED = [turn.as_matrix().round() for turn in Rotation.create_group("O")]
"""All 24 ways to lay right-handed axes along those of the patient: axial, sagittal, coronal, reversed, decubitus."""


@dataclass(frozen=True)
class Geometry:
    """How a series lies in the patient."""

    rotation: np.ndarray
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    tilt: float = 0.0
    enhanced: bool = False
    reversed_files: bool = False
    position: str = "HFS"

    def write(self, folder: Path) -> Series:
        """The series, written slice by slice or as one multi-frame object, and read."""
        grid = np.eye(4)
        steps = np.diag(self.spacing)
        steps[1, 2] = self.spacing[2] * np.tan(np.radians(self.tilt))
        grid[:3, :3] = self.rotation @ steps
        grid[:3, 3] = self.origin
        shutil.rmtree(folder, ignore_errors=True)
        array = np.random.default_rng(0).integers(0, 2000, SHAPE).astype(np.uint16)
        files = write_series(
            folder / "classic", "MR", array=array, grid=grid, edit=self._complete, PatientPosition=self.position
        )
        if self.enhanced:
            convert(files[:: -1 if self.reversed_files else 1], "MR", folder / "enhanced.dcm")
            shutil.rmtree(folder / "classic")
        (series,) = read_series([folder])
        return series

    def _complete(self, dataset: Dataset, index: int) -> None:
        dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = "A^B", "", ""
        dataset.StudyID = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        if self.reversed_files:
            dataset.InstanceNumber = SHAPE[2] - index


@st.composite
def geometries(draw: Callable[..., Any]) -> Geometry:
    oblique = st.tuples(*[st.floats(-180, 180)] * 3).map(
        lambda angles: Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    )
    return Geometry(
        rotation=draw(st.one_of(st.sampled_from(RIGHT_HANDED), oblique)),
        spacing=draw(st.tuples(st.floats(0.3, 4), st.floats(0.3, 4), st.floats(0.5, 8))),
        origin=draw(st.tuples(*[st.floats(-800, 800)] * 3)),
        tilt=draw(st.one_of(st.just(0.0), st.floats(-30, 30))),
        enhanced=draw(st.booleans()),
        reversed_files=draw(st.booleans()),
        position=draw(st.sampled_from(["HFS", "HFP", "FFS", "HFDL", "HFDR"])),
    )


GEOMETRIES = {
    "axial": Geometry(np.eye(3), (1.0, 1.5, 3.0), (10, -20, 30)),
    "oblique": Geometry(Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix(), (1, 1.5, 3), (1, 2, 3)),
    "tilted": Geometry(np.eye(3), (1.0, 1.5, 3.0), (10, -20, 30), tilt=18.0),
    "enhanced": Geometry(np.eye(3), (1.0, 1.5, 3.0), (10, -20, 30), enhanced=True, reversed_files=True),
    "enhanced and tilted": Geometry(np.eye(3), (1.0, 1.5, 3.0), (10, -20, 30), tilt=-11.0, enhanced=True),
}


def masks(grid: Volume, seed: int) -> list[np.ndarray]:
    """Two ellipsoids that overlap, one with a hole, somewhere in the grid; no smaller than three voxels across."""
    random = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1)
    found = []
    for _ in range(2):
        radii = random.uniform(3, np.array(grid.shape) / 3)
        centre = random.uniform(radii - 0.5, np.array(grid.shape) - radii)
        distance = (((index - centre) / radii) ** 2).sum(-1)
        found.append((distance <= 1) & (distance > 0.1))
    found[1] |= np.roll(found[0], 1, axis=0) & (random.random(grid.shape) < 0.5)
    return found


def segments(grid: Volume, seed: int) -> list[Segment]:
    return [Segment.of(grid.with_array(m[None]), n, f"part {n}") for n, m in enumerate(masks(grid, seed), 1)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round-trip")


@settings(max_examples=40)
@given(geometry=geometries(), seed=st.integers(0, 2**32 - 1))
def test_a_segmentation_keeps_every_voxel_in_its_place(folder, verify, geometry, seed):
    series = geometry.write(folder / "study")
    grid = series.volume()
    given_masks = masks(grid, seed)
    write_segments(folder / "seg.dcm", series, segments(grid, seed), **MADE)
    regions = seg_regions(folder / "seg.dcm")
    read = read_segmentation(folder / "seg.dcm", grid)
    for region, back, mask in zip(regions.values(), read, given_masks, strict=True):
        assert len(region.points) == mask.sum()
        assert region.voxel_ml == pytest.approx(grid.voxel_volume_ml, rel=1e-5)
        centroid = grid.to_patient(np.argwhere(mask)).mean(axis=0)
        assert np.linalg.norm(region.centroid_mm - centroid) < 1e-3 < grid.spacing.min() / 2
        np.testing.assert_array_equal(back.mask.array[0] > 0, mask)
    assert verify(folder / "seg.dcm") == []


@settings(max_examples=25)
@given(geometry=geometries(), seed=st.integers(0, 2**32 - 1))
def test_a_structure_set_keeps_volume_and_centroid(folder, verify, geometry, seed):
    series = geometry.write(folder / "study")
    grid = series.volume()
    given_masks = masks(grid, seed)
    write_rtstruct(folder / "rt.dcm", series, segments(grid, seed), **MADE)
    outlines = rtstruct_outlines(folder / "rt.dcm", 1000 * grid.voxel_volume_ml / float(np.prod(grid.spacing[:2])))
    read = read_structures(folder / "rt.dcm", grid)
    for outline, back, mask in zip(outlines.values(), read, given_masks, strict=True):
        assert outline.volume_ml == pytest.approx(mask.sum() * grid.voxel_volume_ml, rel=0.01)
        centroid = grid.to_patient(np.argwhere(mask)).mean(axis=0)
        assert np.linalg.norm(outline.centroid_mm - centroid) < grid.spacing.min() / 10
        np.testing.assert_array_equal(back.mask.array[0] > 0, mask)
    assert verify(folder / "rt.dcm") == []


@pytest.mark.parametrize("name", GEOMETRIES)
def test_dcmqi_finds_the_mask_where_it_was(tmp_path, name):
    program = shutil.which("segimage2itkimage", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("dcmqi is not installed")
    series = GEOMETRIES[name].write(tmp_path / "study")
    grid = series.volume()
    write_segments(tmp_path / "seg.dcm", series, segments(grid, 3), **MADE)
    subprocess.run(
        [program, "--inputDICOM", tmp_path / "seg.dcm", "--outputDirectory", tmp_path, "--outputType", "nrrd"],
        check=True, capture_output=True,
    )  # fmt: skip
    for number, mask in enumerate(masks(grid, 3), 1):
        theirs = Volume.from_sitk(sitk.ReadImage(tmp_path / f"{number}.nrrd"))
        inside = grid.to_index(theirs.to_patient(np.argwhere(theirs.array[0])))
        assert np.abs(inside - np.rint(inside)).max() < 0.01
        np.testing.assert_array_equal(np.unique(np.rint(inside), axis=0), np.argwhere(mask))


@pytest.mark.parametrize("name", GEOMETRIES)
def test_every_kind_is_valid_and_refers_to_its_source(tmp_path, verify, name):
    series = GEOMETRIES[name].write(tmp_path / "study")
    grid = series.volume()
    fractional = [Segment.of(grid.with_array(m[None].astype(np.float32) * 0.7), 1, "part") for m in masks(grid, 3)[:1]]
    made = [
        write_segments(tmp_path / "0.dcm", series, segments(grid, 3), kind=SegKind.BINARY, **MADE),
        write_segments(tmp_path / "1.dcm", series, fractional, kind=SegKind.FRACTIONAL, **MADE),
        write_parametric_map(tmp_path / "2.dcm", series, fractional, **MADE),
        write_rtstruct(tmp_path / "3.dcm", series, segments(grid, 3), **MADE),
    ]
    uids = {str(source.SOPInstanceUID) for source in series.sources}
    for number, one in enumerate(made):
        assert verify(tmp_path / f"{number}.dcm") == []
        assert one.FrameOfReferenceUID == series.frame_of_reference_uid
        assert one.StudyInstanceUID == series.study_uid
        assert uids & referred(one)


def test_a_frame_of_an_enhanced_object_is_referred_to_by_its_number(tmp_path):
    series = GEOMETRIES["enhanced"].write(tmp_path / "study")
    grid = series.volume()
    seg = write_segments(tmp_path / "seg.dcm", series, segments(grid, 3)[:1], **MADE)
    held = [k for k in range(grid.shape[2]) if masks(grid, 3)[0][:, :, k].any()]
    for group in seg.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        k = round(float(grid.to_index(np.array(group.PlanePositionSequence[0].ImagePositionPatient, float))[2]))
        assert int(source.ReferencedFrameNumber) == series.frames[k] + 1
    structures = write_rtstruct(tmp_path / "rt.dcm", series, segments(grid, 3)[:1], **MADE)
    contours = structures.ROIContourSequence[0].ContourSequence
    numbers = {contour.ContourImageSequence[0].ReferencedFrameNumber for contour in contours}
    assert numbers == {series.frames[k] + 1 for k in held}


def referred(dataset: Dataset) -> set[str]:
    """Every instance a data set refers to."""
    return {str(element.value) for element in dataset.iterall() if element.keyword == "ReferencedSOPInstanceUID"}
