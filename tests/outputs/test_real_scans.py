"""What the DICOM writers promise on headers that real scanners wrote."""

import numpy as np
import pydicom
import pytest
from PIL import Image

from miap.findings.lesion import Findings, Quality
from miap.imaging.series import read_series
from miap.outputs.encapsulated import write_encapsulated_pdf
from miap.outputs.report import Report, write_pdf
from miap.outputs.seg import write_seg
from miap.outputs.sr import write_sr
from miap.outputs.subject import Subject

pytestmark = [pytest.mark.shared_data, pytest.mark.req("REQ-I-002")]

STUDIES = [
    "sts_dicom/STS_001/CT/image",
    "sts_dicom/STS_001/PET/image",
    "sts_dicom/STS_007/MR_T1/image",
    "sts_raw_STS_001/FDG_PET/image",
    "dicom_cases/pseudo_phi_mr",
    "dicom_cases/dcmqi/segmentations/24x38x3/multiframe",
]


@pytest.mark.parametrize("study", STUDIES)
def test_results_of_a_real_series_are_valid_and_belong_to_its_study(shared_data, tmp_path, synthetic, verify, study):

    (series,) = read_series([shared_data / study])
    grid = series.volume()
    mask = np.zeros(grid.shape, bool)
    x, y, z = (n // 2 for n in grid.shape)
    mask[x - 9 : x + 9, y - 6 : y + 7, max(0, z - 3) : z + 3] = True
    found = synthetic.lesion(grid, 1, synthetic.tumour, mask)
    findings = Findings((found,), Quality("good"), synthetic.model, {}, mask.astype(np.uint16))
    made = {"model": synthetic.model, "when": synthetic.when}
    picture = Image.new("RGB", (160, 60))
    seg = write_seg(tmp_path / "seg.dcm", series, grid, findings, (synthetic.tumour,), **made)
    write_sr(tmp_path / "sr.dcm", [series], seg, findings, (synthetic.tumour,), **made)
    write_pdf(tmp_path / "r.pdf", Report(findings, Subject.from_series(series), picture, [picture], **made))
    write_encapsulated_pdf(tmp_path / "pdf.dcm", tmp_path / "r.pdf", series, findings, **made)
    for name in ("seg", "sr", "pdf"):
        assert verify(tmp_path / f"{name}.dcm") == []
        written = pydicom.dcmread(tmp_path / f"{name}.dcm")
        assert written.PatientID == series.patient_id
        assert written.StudyInstanceUID == series.study_uid
    assert seg.NumberOfFrames == mask.any(axis=(0, 1)).sum()
