"""What the name of a NIfTI file says."""

from pathlib import Path

import pytest

from miap.imaging.filename import is_mask_name, role_from_name
from miap.imaging.modality import Modality

FILES = {
    Modality.T1: [
        "t1.nii", "Pre_Scan_T1.nii.gz", "Post_Scan_T1.nii.gz", "MR_T1_image.nii.gz", "x-t1n.nii.gz", "s_T1w.nii",
    ],
    Modality.T1C: [
        "BraTS2021_00006_t1ce.nii.gz", "t1c.nii", "case-t1gd.nii", "t1_gd.nii", "T1-post.nii", "t1_c.nii.gz",
        "sub-1_ce-gad_T1w.nii.gz",
    ],
    Modality.T2: ["BraTS2021_00006_t2.nii.gz", "a_t2w.nii"],
    Modality.FLAIR: ["flair.nii.gz", "x_t2_flair.nii", "BraTS-GLI-1-t2f.nii.gz"],
    Modality.CT: ["CT_image.nii.gz", "ct.nii"],
    Modality.PET: ["PET_image.nii.gz", "pt.nii", "suv.nii.gz"],
    None: ["image.nii.gz", "act.nii", "t1_t2.nii", "pet_ct.nii", "t10.nii", "patient.nii.gz"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "role"), [(name, role) for role, names in FILES.items() for name in names])
def test_a_token_of_the_file_name_tells_the_role(name: str, role: Modality | None) -> None:
    assert role_from_name(Path("t2_flair_ct") / name) is role, "folders do not count"


def test_pt_may_mean_patient() -> None:
    assert role_from_name(Path("pt_004_t1.nii.gz")) is Modality.T1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("CT_mask.nii.gz", True), ("x_seg.nii", True), ("gtv.nii", True), ("ct.nii", False), ("masked_t1.nii", False)],
)
def test_masks_are_told_by_name(name: str, expected: bool) -> None:
    assert is_mask_name(Path(name)) is expected
