"""What the pictures promise: patient's right on the left, true proportions, outlines where the lesions are."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageColor
from scipy.spatial.transform import Rotation

from miap.imaging.modality import Modality
from miap.imaging.volume import Volume
from miap.outputs.keyimage import key_image
from miap.outputs.outline import Outlines
from miap.outputs.palette import colour
from miap.outputs.picture import headline, overview, summary
from miap.outputs.plane import Plane, View
from miap.outputs.shade import Look, best_look, looks, shade, window

pytestmark = pytest.mark.req("REQ-F-002")

OBLIQUE = Rotation.from_euler("xyz", (15, -20, 30), degrees=True).as_matrix()


def ramp(axis, rotation=None):
    """A 1 mm grid around the origin whose values are the LPS coordinate along ``axis``."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3) if rotation is None else rotation
    affine[:3, 3] = affine[:3, :3] @ (-24.5, -24.5, -24.5)
    grid = Volume(np.zeros((1, 50, 50, 50), np.float32), affine)
    index = np.stack(np.meshgrid(*(np.arange(50),) * 3, indexing="ij"), -1)
    return grid.with_array(grid.to_patient(index)[None, ..., axis].astype(np.float32))


@pytest.mark.parametrize("rotation", [None, OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize(
    ("view", "axis", "direction"),
    [
        (View.AXIAL, 0, (0, 1)),
        (View.AXIAL, 1, (1, 0)),
        (View.CORONAL, 0, (0, 1)),
        (View.CORONAL, 2, (-1, 0)),
        (View.SAGITTAL, 1, (0, 1)),
        (View.SAGITTAL, 2, (-1, 0)),
    ],
)
def test_views_follow_the_patient_and_not_the_array(rotation, view, axis, direction):
    plane = Plane(view, (0.0, 0.0, 0.0), (20.0, 20.0))
    seen = plane.sample(ramp(axis, rotation), pixel_mm=1.0)
    down, right = np.gradient(seen)
    np.testing.assert_allclose((down.mean(), right.mean()), direction, atol=1e-3)


def test_letters_name_the_edges_they_stand_at():
    assert View.AXIAL.edges == ("R", "L", "A", "P")
    assert View.CORONAL.edges == ("R", "L", "S", "I")
    assert View.SAGITTAL.edges == ("A", "P", "S", "I")


def test_a_plane_samples_beyond_the_volume_as_outside_and_its_border_voxels_whole():
    ones = Volume(np.ones((1, 4, 4, 4), np.float32), np.eye(4))
    seen = Plane(View.AXIAL, (1.5, 1.5, 1.0), (8.0, 8.0)).sample(ones, pixel_mm=0.5, outside=-7.0)
    assert set(np.unique(seen)) == {-7.0, 1.0}
    assert (seen == 1).sum() == 64


def test_a_point_projects_to_where_it_is_drawn():
    plane = Plane(View.CORONAL, (10.0, 0.0, 50.0), (100.0, 100.0))
    assert plane.project((30.0, 99.0, 45.0)) == (20.0, 5.0)
    assert plane.slope((0, 0, 0), (5, 0, 5)) == 0
    assert plane.slope((0, 0, 0), (0, 5, 0)) == pytest.approx(1)


@pytest.mark.parametrize("rotation", [None, OBLIQUE], ids=["axial", "oblique"])
def test_a_projection_shows_the_hottest_voxel_on_the_line_of_sight(rotation):
    big, hot = ramp(1, rotation), (20, 30, 15)
    big.array[:] = 0.5
    big.array[0, 18:23, 28:33, 13:18] = 9.0
    whole = Plane(View.CORONAL, (0.0, 0.0, 0.0), (100.0, 100.0), depth_mm=100.0)
    seen = whole.sample(big, pixel_mm=1.0, outside=-1.0)
    assert seen.shape == (25, 25)
    assert seen.max() == 9.0
    assert seen.min() == -1.0
    row, column = np.argwhere(seen == 9.0).mean(axis=0)
    right, down = whole.project(big.to_patient(hot))
    assert (column + 0.5) * 4 - 50 == pytest.approx(right, abs=2.5)
    assert (row + 0.5) * 4 - 50 == pytest.approx(down, abs=2.5)


def test_a_tall_pet_is_shown_whole_beside_the_views(synthetic):
    case = synthetic.case(modalities=(Modality.CT, Modality.PET))
    affine = case.segmentation.affine.copy()
    affine[:3, 2] *= 4
    tall = {m: Volume(v.array, affine, m) for m, v in case.images.items()}
    segmentation = Volume(case.segmentation.array, affine)
    whole = overview(tall, segmentation, case.findings)
    cut = overview({Modality.CT: tall[Modality.CT]}, segmentation, case.findings)
    right = slice(-whole.width // 6, None)
    white = [(np.asarray(picture)[150:-60, right] > 200).all(axis=-1).mean() for picture in (whole, cut)]
    assert white[0] > 0.2 > white[1]


def test_outlines_enclose_the_lesions_area(petct):
    outlines = Outlines(petct.segmentation, petct.findings)
    lesion = petct.findings.lesions[0]
    plane = Plane(View.AXIAL, outlines.focus(lesion), (80.0, 80.0))
    (cut,) = outlines.cut(plane, pixel_mm=0.25)
    assert cut.lesion is lesion
    slice_mm2 = (petct.findings.lesion_map[:, :, 13] == 1).sum() * 4.0
    assert (cut.inside >= 0.5).sum() * 0.25**2 == pytest.approx(slice_mm2, rel=0.03)


def test_the_focus_lies_in_the_lesion(petct):
    outlines = Outlines(petct.segmentation, petct.findings)
    for lesion in petct.findings.lesions:
        index = np.round(petct.segmentation.to_index(outlines.focus(lesion))).astype(int)
        assert petct.findings.lesion_map[tuple(index)] == lesion.id


def test_a_lesion_without_voxels_is_not_outlined(petct, synthetic):
    findings = replace(petct.findings, lesion_map=np.where(petct.findings.lesion_map == 1, 1, 0).astype(np.uint16))
    outlines = Outlines(petct.segmentation, findings)
    lost = findings.lesions[1]
    middle = (np.array(lost.longest.start_mm) + lost.longest.stop_mm) / 2
    np.testing.assert_allclose(outlines.focus(lost), middle)
    assert outlines.cut(Plane(View.AXIAL, tuple(middle), (200.0, 200.0)), pixel_mm=1.0) == []


def test_windows_are_those_of_the_reading_room(synthetic):
    images = synthetic.case(modalities=(Modality.CT, Modality.PET, Modality.T1C)).images
    assert window(images[Modality.CT]) == (-160, 240)
    assert window(images[Modality.PET]) == (0, 10)
    low, high = window(images[Modality.T1C])
    assert images[Modality.T1C].array.min() < low < 300 < high < images[Modality.T1C].array.max()


def test_a_flat_mr_does_not_divide_by_zero():
    flat = Volume(np.full((1, 4, 4, 4), 5, np.float32), np.eye(4), Modality.T2)
    low, high = window(flat)
    assert low < high


def test_the_best_look_is_anatomy_with_pet_over_it():
    blank = Volume(np.zeros((1, 2, 2, 2), np.float32), np.eye(4))
    assert best_look({Modality.PET: blank, Modality.CT: blank}) == Look(Modality.CT, fused=True)
    assert best_look({Modality.T2: blank, Modality.T1C: blank}) == Look(Modality.T1C)
    assert best_look({Modality.PET: blank}) == Look(Modality.PET)
    assert [look.base for look in looks({Modality.T1: blank, Modality.FLAIR: blank})] == [Modality.FLAIR, Modality.T1]
    assert Look(Modality.CT, fused=True).title == "CT + PET"


def test_pet_alone_is_dark_where_it_is_hot_and_fused_pet_is_coloured(petct):
    plane = Plane(View.AXIAL, petct.findings.lesions[0].centroid_mm, (60.0, 60.0))
    alone = shade(petct.images, Look(Modality.PET), plane, pixel_mm=2.0)
    middle = tuple(n // 2 for n in alone.shape[:2])
    assert alone[middle].max() < 0.2
    assert alone[0, 0].min() > 0.8
    fused = shade(petct.images, Look(Modality.CT, fused=True), plane, pixel_mm=2.0)
    assert np.ptp(fused[middle]) > 0.1
    assert np.ptp(fused[0, 0]) < 0.01


def pixels_near(picture, hexadecimal):
    distance = np.abs(np.asarray(picture, int) - ImageColor.getrgb(hexadecimal)).max(axis=-1)
    return int((distance < 40).sum())


@pytest.mark.parametrize(
    "modalities", [(Modality.CT,), (Modality.PET,), (Modality.CT, Modality.PET), (Modality.T1C, Modality.FLAIR)]
)
def test_the_overview_shows_both_labels_in_their_colours(synthetic, modalities):
    case = synthetic.case(modalities=modalities)
    picture = overview(case.images, case.segmentation, case.findings)
    assert picture.width == 1600
    assert picture.mode == "RGB"
    assert pixels_near(picture, colour(1)) > 500
    assert pixels_near(picture, colour(2)) > 50
    bare = synthetic.without_lesions(case)
    assert pixels_near(overview(bare.images, bare.segmentation, bare.findings), colour(1)) < 50


def test_the_overview_is_the_same_each_time(petct):
    first, second = (overview(petct.images, petct.segmentation, petct.findings) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_a_name_is_never_taken_for_a_formula(petct):
    findings = replace(petct.findings, model={"name": "cost $x_{$", "version": "$"})
    assert overview(petct.images, petct.segmentation, findings).width == 1600


def test_a_thin_slab_is_stacked_so_that_the_slices_stay_large(synthetic):
    case = synthetic.case()
    affine = case.segmentation.affine.copy()
    affine[:3, 2] /= 6
    thin = Volume(case.segmentation.array, affine)
    images = {Modality.CT: Volume(case.images[Modality.CT].array, affine, Modality.CT)}
    row = overview(case.images, case.segmentation, case.findings)
    stacked = overview(images, thin, replace(case.findings, lesions=()))
    assert stacked.height > row.height


def test_a_picture_of_nothing_but_air_still_comes_out(synthetic):
    case = synthetic.without_lesions(synthetic.case())
    air = {Modality.CT: case.images[Modality.CT].with_array(np.full((1, *synthetic.shape), -1000, np.float32),
                                                            modality=Modality.CT)}  # fmt: skip
    assert overview(air, case.segmentation, case.findings).width == 1600


def test_key_images_show_anatomy_first_and_then_the_outline(petct):
    picture = key_image(petct.images, petct.segmentation, petct.findings, petct.findings.lesions[0])
    quarter = picture.width // 4
    parts = [picture.crop((i * quarter, 0, (i + 1) * quarter, picture.height)) for i in range(4)]
    assert pixels_near(parts[0], colour(1)) < 20
    assert all(pixels_near(part, colour(1)) > 150 for part in parts[1:])


def test_headline_and_summary_say_the_numbers(petct, synthetic):
    assert headline(petct.findings) == f"2 lesions, {sum(one.volume_ml for one in petct.findings.lesions):.1f} ml"
    assert headline(synthetic.without_lesions(petct).findings) == "No lesion found"
    assert summary(petct.findings.lesions[0]) == "tumour 1, 9.1 ml, 32 × 22 mm, SUVmax 9.1, confidence 91 %"
    assert "SUV" not in summary(petct.findings.lesions[1])
