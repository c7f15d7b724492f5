"""What reading a structure set promises: each structure in its place, whatever it refers to; or why not."""

from datetime import datetime

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from miap.errors import InputError
from miap.imaging.segment import Segment
from miap.imaging.series import read_series
from miap.imaging.structure import read_structures
from miap.outputs.rtstruct import write_rtstruct
from tests.dicom_factory import affine, voxels, write_series

pytestmark = pytest.mark.req("REQ-F-002")

SHAPE = (20, 18, 8)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ct")
    write_series(folder, "CT", array=voxels(SHAPE), grid=affine(), RescaleSlope="1", RescaleIntercept="0")
    (one,) = read_series([folder])
    return one


def mask():
    """A ring of four slices, open in the middle."""
    inside = np.zeros(SHAPE, bool)
    inside[3:12, 4:14, 2:6] = True
    inside[6:9, 7:11, 3:5] = False
    return inside


@pytest.fixture
def written(series, tmp_path):
    """A structure set, and a function that spoils it: its data set is edited in place."""

    def make(edit=lambda dataset: None):
        ring = Segment.of(series.volume().with_array(mask()[None]), 1, "ring", type=codes.SCT.Liver, algorithm="a 1")
        path = tmp_path / "rt.dcm"
        model = {"name": "test", "version": "1"}
        write_rtstruct(path, series, [ring], model=model, when=datetime(2026, 1, 2))
        dataset = pydicom.dcmread(path)
        edit(dataset)
        dataset.save_as(path)
        return path

    return make


def contours(dataset):
    return dataset.ROIContourSequence[0].ContourSequence


def forget(dataset):
    """Every reference to an image, and every name."""
    del dataset.ReferencedFrameOfReferenceSequence, dataset.StructureSetROISequence, dataset.RTROIObservationsSequence
    for contour in contours(dataset):
        del contour.ContourImageSequence


def mislead(dataset):
    """References to images of a series that is not there."""
    for contour in contours(dataset):
        contour.ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"


def apart(dataset):
    """Outline and hole as two contours that exclude each other, instead of a keyhole."""
    made = []
    for contour in contours(dataset):
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        for loop in (points[:4], points[5:-2]) if len(points) > 4 else (points,):
            item = pydicom.Dataset()
            item.ContourGeometricType = "CLOSEDPLANAR_XOR"
            item.NumberOfContourPoints, item.ContourData = len(loop), [f"{v:.4f}" for v in loop.ravel()]
            made.append(item)
    dataset.ROIContourSequence[0].ContourSequence = made


def add_a_point(dataset):
    item = pydicom.Dataset()
    item.ContourGeometricType, item.NumberOfContourPoints, item.ContourData = "POINT", 1, [1, 2, 3]
    contours(dataset).append(item)


@pytest.mark.parametrize("edit", [forget, mislead, apart, add_a_point, lambda dataset: None])
def test_structures_are_where_they_were(written, series, edit):
    (found,) = read_structures(written(edit), series.volume())
    np.testing.assert_array_equal(found.mask.array[0], mask())
    assert found.notes == ()
    named = edit is not forget
    assert (found.label, found.algorithm) == (("ring", "a 1") if named else ("structure 1", ""))
    assert found.type == (codes.SCT.Liver if named else None)


def test_what_lies_outside_the_image_is_said(written, series):
    part = series.volume().crop((0, 0, 0), (20, 18, 4))
    (found,) = read_structures(written(), part)
    np.testing.assert_array_equal(found.mask.array[0], mask()[:, :, :4])
    (note,) = found.notes
    assert note.endswith('% of the contour points of "ring" lie outside the image.')


def each(change):
    def edit(dataset):
        for contour in contours(dataset):
            change(contour)

    return edit


REFUSALS = {
    "another class": (lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.66.4"), "no structure set but: Seg"),
    "no contour": (lambda d: d.__delitem__("ROIContourSequence"), "no closed contour"),
    "open contours": (each(lambda c: setattr(c, "ContourGeometricType", "OPEN_PLANAR")), "no closed contour"),
    "half a point": (each(lambda c: setattr(c, "ContourData", list(c.ContourData)[:-1])), "make no sense"),
    "points far away": (each(lambda c: setattr(c, "ContourData", ["9e9"] * 12)), "make no sense"),
    "elsewhere": (each(lambda c: setattr(c, "ContourData", [float(v) + 900 for v in c.ContourData])), "outside the im"),
    "not flat": (
        each(lambda c: setattr(c, "ContourData", [0, 0, 0, 9, 0, 2, 9, 9, -3, 0, 9, 4])), "not flat"
    ),
    "a number that is none": (lambda d: d.ROIContourSequence[0].__delitem__("ReferencedROINumber"), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_cannot_be_used_is_refused_with_its_reason(written, series, reason):
    edit, words = REFUSALS[reason]
    with pytest.raises(InputError, match=words):
        read_structures(written(edit), series.volume())
