"""What writing quickly promises: the same file, and an object left as it was."""

import copy

import pydicom
import pytest

from miap.outputs.save import save
from miap.outputs.seg import write_seg


@pytest.mark.parametrize("character_set", [None, "ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"]])
def test_the_file_is_what_pydicom_writes(tmp_path, synthetic, character_set):
    case = synthetic.case()
    for one in case.series.instances:
        one.SpecificCharacterSet, one.PatientName = character_set, "Doe^Jane"
    made = write_seg(
        tmp_path / "quick.dcm", case.series, case.segmentation, case.findings, case.labels,
        model=synthetic.model, when=synthetic.when,
    )  # fmt: skip
    before = copy.deepcopy(made)
    save(made, tmp_path / "again.dcm")
    assert made == before
    assert isinstance(made.PixelData, bytes)
    pydicom.dcmread(tmp_path / "quick.dcm").save_as(tmp_path / "plain.dcm")
    before.save_as(tmp_path / "slow.dcm")
    slow = (tmp_path / "slow.dcm").read_bytes()
    assert (tmp_path / "quick.dcm").read_bytes() == slow
    assert (tmp_path / "again.dcm").read_bytes() == slow
    assert (tmp_path / "plain.dcm").read_bytes() == slow


def test_an_object_that_cannot_be_written_is_left_as_it_was(tmp_path, synthetic):
    case = synthetic.case()
    made = write_seg(
        tmp_path / "seg.dcm", case.series, case.segmentation, case.findings, case.labels,
        model=synthetic.model, when=synthetic.when,
    )  # fmt: skip
    before = copy.deepcopy(made)
    with pytest.raises(OSError):
        save(made, tmp_path / "no folder" / "seg.dcm")
    assert made == before
