"""A small synthetic case: a block with two ellipsoid lesions, as a DICOM series at any orientation."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage

from miap.findings.lesion import Code, Diameter, Findings, Label, Lesion, Quality, Uptake
from miap.imaging.modality import Modality
from miap.imaging.series import Series
from miap.imaging.volume import Volume
from miap.outputs.uid import derived_uid

WHEN = datetime(2026, 11, 23, 14, 5, 9)
MODEL = {"name": "sarcoma-petct", "version": "1.2.0", "sha256": "ab" * 32}
TUMOUR = Label(
    1,
    "tumour",
    Code("49755003", "SCT", "Morphologically Altered Structure"),
    Code("108369006", "SCT", "Neoplasm"),
    Code("68367000", "SCT", "Thigh"),
)
OEDEMA = Label(
    2, "oedema", Code("49755003", "SCT", "Morphologically Altered Structure"), Code("79654002", "SCT", "Edema")
)
SHAPE = (48, 40, 30)
SPACING = np.array([2.0, 2.0, 3.0])
_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}


def affine_of(rotation: np.ndarray | None = None, spacing: np.ndarray = SPACING) -> np.ndarray:
    """Affine of an axial grid centred near the origin, turned by ``rotation``."""
    turned = (np.eye(3) if rotation is None else rotation) * spacing
    affine = np.eye(4)
    affine[:3, :3] = turned
    affine[:3, 3] = np.array([12.5, -30.25, 101.0]) - turned @ (np.array(SHAPE) / 2)
    return affine


def slices(affine: np.ndarray, shape: tuple[int, int, int] = SHAPE, modality: str = "CT") -> Series:
    """Headers of a series whose grid has this affine (first axis columns, second rows, third slices)."""
    step = np.linalg.norm(affine[:3, :3], axis=0)
    made = []
    for k in range(shape[2]):
        one = Dataset()
        one.SOPClassUID = _CLASSES[modality]
        one.SOPInstanceUID = derived_uid("test slice", modality, str(k))
        one.StudyInstanceUID = derived_uid("test study")
        one.SeriesInstanceUID = derived_uid("test series", modality)
        one.FrameOfReferenceUID = derived_uid("test frame")
        one.Modality = modality
        one.SpecificCharacterSet = "ISO_IR 192"
        one.PatientName = "Émile^Zoë=山田^太郎"
        one.PatientID = "P-0042"
        one.PatientBirthDate = "19610203"
        one.PatientSex = "F"
        one.StudyID = "77"
        one.StudyDate = "20261101"
        one.StudyTime = "101500"
        one.StudyDescription = "PET/CT whole body"
        one.AccessionNumber = "A-99"
        one.ReferringPhysicianName = "Doe^Jane"
        one.InstitutionName = "Saint Elsewhere"
        one.SeriesNumber = 3
        one.SeriesDescription = "axial"
        one.InstanceNumber = k + 1
        one.Rows, one.Columns = shape[1], shape[0]
        one.PixelSpacing = [step[1], step[0]]
        one.SliceThickness = step[2]
        one.ImageOrientationPatient = [round(float(v), 12) for v in (affine[:3, :2] / step[:2]).T.ravel()]
        one.ImagePositionPatient = [round(float(v), 9) for v in affine[:3, :3] @ (0, 0, k) + affine[:3, 3]]
        made.append(one)
    return Series(tuple(made), tuple(Path(f"{k}.dcm") for k in range(shape[2])))


def ellipsoid(
    grid: Volume, centre_index: tuple[float, float, float], radii_mm: tuple[float, float, float]
) -> np.ndarray:
    """Voxels of ``grid`` in an ellipsoid along the array axes."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1)
    return (((index - centre_index) * grid.spacing / radii_mm) ** 2).sum(-1) <= 1


def lesion(grid: Volume, number: int, label: Label, mask: np.ndarray, *, uptake: Uptake | None = None) -> Lesion:
    """A lesion with plausible measurements of ``mask``; its diameters run along the first two array axes."""
    voxels = np.argwhere(mask)
    centre = voxels.mean(0)
    ends = np.tile(centre, (4, 1))
    ends[0, 0], ends[1, 0] = voxels[:, 0].min() - 0.5, voxels[:, 0].max() + 0.5
    ends[2, 1], ends[3, 1] = voxels[:, 1].min() - 0.5, voxels[:, 1].max() + 0.5
    points = [tuple(float(v) for v in point) for point in grid.to_patient(ends)]
    lengths = [float(np.linalg.norm(np.subtract(points[i], points[i + 1]))) for i in (0, 2)]
    extent = (voxels.max(0) - voxels.min(0) + 1) * grid.spacing
    return Lesion(
        id=number,
        label=label.name,
        label_value=label.value,
        volume_ml=float(mask.sum() * grid.voxel_volume_ml),
        centroid_mm=tuple(float(v) for v in grid.to_patient(centre)),
        longest=Diameter(lengths[0], points[0], points[1], round(centre[2])),
        perpendicular=Diameter(lengths[1], points[2], points[3], round(centre[2])),
        extent_mm=tuple(float(v) for v in extent),
        confidence=0.913 if number == 1 else 0.4,
        uptake=uptake,
        flags=() if number == 1 else ("touches the border of the image",),
        tracking_uid=derived_uid("test lesion", str(number)) if number == 1 else "",
    )


@dataclass(frozen=True)
class SyntheticCase:
    """What an analysis hands to the writers."""

    series: Series
    images: dict[Modality, Volume]
    segmentation: Volume
    findings: Findings
    labels: tuple[Label, ...] = (TUMOUR, OEDEMA)


def make_case(affine: np.ndarray | None = None, *, modalities: tuple[Modality, ...] = (Modality.CT,)) -> SyntheticCase:
    """Two lesions: a tumour with uptake where there is a PET, and an oedema."""
    grid = Volume(np.zeros((1, *SHAPE), np.uint8), affine_of() if affine is None else affine)
    first = ellipsoid(grid, (17.5, 20, 13), (15, 11, 13))
    second = ellipsoid(grid, (37, 18, 22), (8, 8, 9))
    lesion_map = np.where(first, 1, np.where(second, 2, 0)).astype(np.uint16)
    body = ellipsoid(grid, (23.5, 19.5, 14.5), (44, 36, 400))
    images = {}
    noise = np.random.default_rng(7).normal(0, 1, SHAPE)
    for modality in modalities:
        if modality is Modality.PET:
            array = np.where(body, 0.8, 0.02) + 8.0 * first + 3.0 * second + 0.05 * noise
        elif modality is Modality.CT:
            array = np.where(body, 30.0, -1000.0) + 25.0 * first - 20 * second + 8 * noise
        else:
            array = np.where(body, 300.0, 5.0) + 400.0 * first + 150 * second + 15 * noise
        images[modality] = Volume(array[None].astype(np.float32), grid.affine, modality)
    uptake = Uptake(9.1, 8.8, 8.9, 7.4, 65.1) if Modality.PET in modalities else None
    findings = Findings(
        lesions=(lesion(grid, 1, TUMOUR, first, uptake=uptake), lesion(grid, 2, OEDEMA, second)),
        quality=Quality("review", ("Lesion 2 touches the border of the image.",), {"agreement": 0.93}),
        model=dict(MODEL),
        timing_s={"segment": 1.5},
        lesion_map=lesion_map,
    )
    segmentation = grid.with_array(np.where(first, 1, np.where(second, 2, 0)).astype(np.uint8)[None])
    return SyntheticCase(slices(grid.affine), images, segmentation, findings)


def without_lesions(case: SyntheticCase) -> SyntheticCase:
    """The same case with nothing found."""
    findings = Findings((), Quality("good"), case.findings.model, {}, np.zeros_like(case.findings.lesion_map))
    empty = case.segmentation.with_array(np.zeros_like(case.segmentation.array))
    return SyntheticCase(case.series, case.images, empty, findings, case.labels)


class Synthetic:
    """What the tests build cases from."""

    when = WHEN
    model = MODEL
    tumour, oedema = TUMOUR, OEDEMA
    shape, spacing = SHAPE, SPACING
    affine_of = staticmethod(affine_of)
    case = staticmethod(make_case)
    without_lesions = staticmethod(without_lesions)
    slices = staticmethod(slices)
    lesion = staticmethod(lesion)


@pytest.fixture(scope="session")
def synthetic() -> type[Synthetic]:
    """Builders of synthetic cases, and the constants they use."""
    return Synthetic


@pytest.fixture(scope="session")
def petct() -> SyntheticCase:
    """CT and PET with a tumour and an oedema."""
    return make_case(modalities=(Modality.CT, Modality.PET))
