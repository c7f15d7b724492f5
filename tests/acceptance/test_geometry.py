"""No wrong millimetre, no flipped mask: bodies of known size through the main road, however the image lies."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
import pytest
from scipy.spatial import cKDTree

from miap.imaging.modality import Modality
from miap.imaging.nifti import write_nifti
from miap.imaging.phantom import Ellipsoid, Plane, Study, empty_grid, write_series
from miap.imaging.volume import Array, Volume
from miap.inference.backend import Forward
from miap.inference.bundle import Bundle
from miap.jobs.analyze import Request, analyze
from miap.settings import Settings
from tests.bundles import tiny_bundle
from tests.readers import Region, measurement_groups, measurements, nifti_regions, seg_regions

CENTRE = (31.0, -47.0, 206.0)
BODIES = (
    Ellipsoid((23.0, -52.0, 199.0), (19.0, 14.0, 12.0), (25.0, -40.0, 60.0)),
    Ellipsoid.sphere((43.0, -37.0, 221.0), 12.5),
)
SHAPE, SPACING = (72, 66, 50), (1.0, 1.1, 1.7)


class Case(NamedTuple):
    """An image of the bodies, how to hand it in, and what it is called."""

    name: str
    image: Volume
    form: str


class Half:
    """A network that needs no training: tumour is where a voxel is at least half tumour."""

    name, device, precision = "half", "cpu", "fp32"

    def load(self, bundle: Bundle, member: int) -> Forward:
        def forward(image: Array) -> Array:
            return np.asarray(20 * image, dtype=np.float32)

        return forward


def image_of(grid: Volume) -> Volume:
    """A CT of the bodies: -100 HU around, +100 HU inside, between where a voxel is partly inside."""
    occupancy = sum(body.occupancy(grid) for body in BODIES)
    return Volume(np.asarray(200 * occupancy - 100, dtype=np.float32)[None], grid.affine, Modality.CT)


def cases() -> Iterator[Case]:
    """All 48 ways to order and reverse the axes, and oblique stacks, as NIfTI and as DICOM."""
    straight = image_of(empty_grid(CENTRE, SHAPE, SPACING))
    for axes, flips in Volume.orientations():
        name = "".join(f"{'-' if flip else '+'}{'xyz'[axis]}" for axis, flip in zip(axes, flips, strict=True))
        for form in ("nifti", "dicom"):
            yield Case(f"{name} {form}", straight.reoriented(axes, flips), form)
    for plane in Plane:
        for tilt in ((17.0, -28.0, 41.0), (-63.0, 12.0, 150.0)):
            image = image_of(empty_grid(CENTRE, SHAPE, SPACING, plane=plane, tilt_deg=tilt))
            for form in ("nifti", "dicom"):
                yield Case(f"oblique {plane.name.lower()} {tilt} {form}", image, form)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("models")
    channels = [{"modality": "ct", "scale": "window", "low": -100, "high": 100}]
    tiny_bundle(folder / "half", members=1, preparation={"channels": channels, "spacing": [None] * 3, "crop": True})
    return Settings(models=(folder,), cache=folder / "cache", memory_gb=1)


@pytest.mark.req("REQ-F-002")
@pytest.mark.req("REQ-I-002")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_bodies_are_found_as_large_as_they_are_and_where_they_are(
    case: Case, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miap.jobs.analyze.choose_backend", lambda settings: Half())
    result = analyze(_request(case, tmp_path), settings, when=datetime(2024, 5, 6, tzinfo=UTC))

    assert len(result.findings.lesions) == len(BODIES)
    regions = nifti_regions(result.folder / "segmentation.nii.gz")
    for lesion, region, body in zip(result.findings.lesions, regions, BODIES, strict=True):
        _is(region, body)
        assert lesion.volume_ml == pytest.approx(region.volume_ml, rel=1e-5)
        assert np.allclose(lesion.centroid_mm, region.centroid_mm, atol=1e-3)
        voxel = max(SPACING)
        normal = np.cross(case.image.direction[:, 0], case.image.direction[:, 1])
        if case.form == "nifti":  # a file that cannot say which axis its slices are stacked along: the thickest
            normal = case.image.direction[:, case.image.spacing.argmax()]
        longest, perpendicular = body.section_diameters(normal)
        assert lesion.longest.length_mm == pytest.approx(longest, abs=voxel)
        assert lesion.perpendicular.length_mm == pytest.approx(perpendicular, abs=voxel)
        assert np.allclose(lesion.extent_mm, body.extent_mm, atol=2 * voxel)
    if case.form == "dicom":
        _same_in_dicom(result.folder, regions)


def _request(case: Case, folder: Path) -> Request:
    if case.form == "nifti":
        write_nifti(case.image, folder / "ct.nii.gz")
        return Request((), folder / "out", images={Modality.CT: folder / "ct.nii.gz"}, model="tiny")
    study = Study("GEOMETRY", "PHANTOM^GEOMETRY")
    write_series(folder / "ct", case.image, modality=Modality.CT, description="CT", study=study)
    return Request((folder / "ct",), folder / "out", model="tiny")


def _is(region: Region, body: Ellipsoid) -> None:
    """Volume within 2 %, centroid within half a voxel."""
    assert region.volume_ml == pytest.approx(body.volume_ml, rel=0.02)
    assert np.linalg.norm(region.centroid_mm - body.centre_mm) <= min(SPACING) / 2


def _same_in_dicom(folder: Path, regions: list[Region]) -> None:
    """The SEG holds the NIfTI's voxels at the same places, and the SR its own numbers."""
    segments = seg_regions(folder / "segmentation.dcm")
    groups = measurement_groups(pydicom.dcmread(folder / "measurements.dcm"))
    for number, (region, body) in enumerate(zip(regions, BODIES, strict=True), start=1):
        segment = segments[number]
        _is(segment, body)
        apart_mm, nearest = cKDTree(segment.points).query(region.points)
        assert apart_mm.max() < 0.01
        assert len(set(nearest)) == len(region.points) == len(segment.points)
        volume, unit = measurements(groups[number - 1])["Volume", ""]
        assert (volume, unit) == (pytest.approx(segment.volume_ml, rel=1e-4), "mL")
