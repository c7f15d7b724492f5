"""What a key image in the archive promises: the picture as it was, in the study, valid, the same each time."""

import numpy as np
import pydicom
import pytest
from PIL import Image

from miap.outputs.secondary_capture import write_secondary_capture

pytestmark = pytest.mark.req("REQ-I-002")


def picture():
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (51, 101, 3)).astype(np.uint8))


def write(path, case, synthetic, **options):
    given = {"number": 1, "title": "Lesion 1", "slices": (3, 4)} | options
    return write_secondary_capture(path, picture(), case.series, model=synthetic.model, when=synthetic.when, **given)


def test_the_picture_is_stored_as_it_was(tmp_path, synthetic):
    case = synthetic.case()
    write(tmp_path / "sc.dcm", case, synthetic)
    made = pydicom.dcmread(tmp_path / "sc.dcm")
    np.testing.assert_array_equal(made.pixel_array, np.asarray(picture()))
    assert made.PhotometricInterpretation == "RGB"
    assert made.ImageComments == "Lesion 1"
    assert made.BurnedInAnnotation == "NO"
    referred = [one.ReferencedSOPInstanceUID for one in made.SourceImageSequence]
    assert referred == [case.series.instances[k].SOPInstanceUID for k in (3, 4)]


def test_it_belongs_to_the_source_study_and_its_pictures_to_one_series(tmp_path, synthetic):
    case = synthetic.case()
    one = write(tmp_path / "1.dcm", case, synthetic)
    other = write(tmp_path / "2.dcm", case, synthetic, number=2, title="Lesion 2")
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber"):
        assert one[keyword].value == case.series.instances[0][keyword].value
    assert one.SeriesInstanceUID == other.SeriesInstanceUID != case.series.instances[0].SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_dciodvfy_has_no_error(tmp_path, synthetic, verify):
    write(tmp_path / "sc.dcm", synthetic.case(), synthetic)
    assert verify(tmp_path / "sc.dcm") == []


def test_a_repeated_step_gives_the_same_bytes(tmp_path, synthetic):
    for name in ("a.dcm", "b.dcm"):
        write(tmp_path / name, synthetic.case(), synthetic)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
