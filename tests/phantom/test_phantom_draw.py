"""A drawn head shows what it was asked to show, where it was asked to."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from bregma.phantom import Bleed, HeadParameters, LookAlikes, Phantom, Pose, Scanner, Shape, draw
from bregma.phantom.bleeds import sutures
from bregma.phantom.placing import make_placing
from bregma.phantom.regions import CODE
from bregma.scan.errors import RequestError
from bregma.scan.labels import Level
from bregma.scan.regions import side_of_mask, volume_ml
from bregma.scan.terms import FINDINGS, SUBTYPES

SMALL = Scanner(size=96, slices=16, spacing_mm=9.0, thickness_mm=4.0, noise_hu=2.0)
NO_LOOKS = LookAlikes(0.0, 0.0, 0.0, 0.0, 0.0)
BLEEDS = {
    "epidural": Bleed("epidural", "temporal", 1, (68.0, 19.0, 14.0), 30.0, hu=65.0, seed=1),
    "subdural": Bleed("subdural", "convexity", -1, (-66.0, 20.0, 24.0), 60.0, hu=60.0, seed=2),
    "subarachnoid": Bleed("subarachnoid", "sylvian", 1, (42.0, -8.0, 2.0), 20.0, hu=60.0, seed=3),
    "intraparenchymal": Bleed("intraparenchymal", "lobar", -1, (-36.0, 45.0, 28.0), 30.0, hu=65.0, edema_mm=5, seed=4),
    "intraventricular": Bleed("intraventricular", "dependent", 1, (25.0, 50.0, 8.0), 12.0, hu=60.0, seed=5),
}


@cache
def drawn(*names: str) -> Phantom:
    shape = Shape(atrophy=0.8, ventricles=1.4, seed=7)
    return draw(HeadParameters(shape, NO_LOOKS, Pose(), SMALL, tuple(BLEEDS[name] for name in names), seed=3))


def head_mm(phantom: Phantom, mask: np.ndarray) -> np.ndarray:
    """Head frame mm of a mask's pixels."""
    points = phantom.geometry.to_patient(np.argwhere(mask).astype(float))
    return make_placing(phantom.parameters).to_head(points)


def value_at(phantom: Phantom, head: tuple[float, float, float]) -> float:
    """Mean HU of 3 x 3 pixels around a landmark."""
    place = phantom.geometry.to_index(phantom.to_patient(np.array(head)))
    assert place is not None
    index, row, column = place[0], round(place[1]), round(place[2])
    return float(phantom.volume.values[index, row - 1 : row + 2, column - 1 : column + 2].mean())


@pytest.mark.parametrize(
    ("place", "hu"),
    [
        ("ventricular system", 6.0),
        ("thalamus", 36.5),
        ("cerebellum", 34.0),
        ("brainstem", 32.0),
        ("parietal region", 33.0),
    ],
)
def test_tissues_have_their_density_away_from_edges(place: str, hu: float) -> None:
    phantom = drawn()
    inside = np.stack([ndimage.binary_erosion(plane == CODE[place], iterations=2) for plane in phantom.regions])
    assert inside.sum() > 4
    assert np.median(phantom.volume.values[inside]) == pytest.approx(hu, abs=4.5)


def test_skull_is_bone_and_outside_is_air() -> None:
    values = drawn().volume.values
    assert np.percentile(values[10], 99) > 700
    assert (values[:, :4, :4] < -900).all()


def test_all_places_of_the_terms_are_found_but_sinuses_need_the_face() -> None:
    found = set(np.unique(drawn().regions)) - {0}
    assert set(CODE.values()) - found <= {
        CODE["ethmoidal"],
        CODE["maxillary"],
        CODE["sphenoid"],
        CODE["basal cisterns"],
    }


@pytest.mark.parametrize("name", SUBTYPES)
def test_volume_drawn_is_the_volume_asked_for(name: str) -> None:
    phantom = drawn(name)
    assert volume_ml(phantom.masks[name], phantom.geometry) == pytest.approx(BLEEDS[name].volume_ml, rel=0.25)
    assert not any(phantom.masks[other].any() for other in SUBTYPES if other != name)


@pytest.mark.parametrize("name", SUBTYPES)
def test_blood_is_denser_than_brain(name: str) -> None:
    phantom = drawn(name)
    mask = phantom.masks[name]
    assert phantom.volume.values[mask].mean() > drawn().volume.values[mask].mean() + 10
    assert 45 < np.median(phantom.volume.values[mask]) < 75


@pytest.mark.parametrize(("name", "side"), [("epidural", "left"), ("subdural", "right"), ("intraparenchymal", "right")])
def test_side_is_the_patients(name: str, side: str) -> None:
    phantom = drawn(name)
    assert side_of_mask(phantom.masks[name], phantom.geometry, midline_x_mm=0.0) == side


def test_epidural_lies_within_one_bone_against_the_skull() -> None:
    phantom = drawn("epidural")
    mask = phantom.masks["epidural"]
    x, y, z = (head_mm(phantom, mask)[:, k].astype(np.float32) for k in range(3))
    coronal, lambdoid = sutures(x, y, z)
    assert coronal.min() > 0
    assert lambdoid.max() < 0
    assert x.min() > 0
    bone = ndimage.distance_transform_edt(drawn().volume.values < 250, sampling=(9.0, 2.5, 2.5))
    assert np.percentile(bone[mask], 25) < 7
    assert bone[mask].max() < 30


def test_subdural_is_a_crescent_between_skull_and_brain() -> None:
    phantom = drawn("subdural")
    mask = phantom.masks["subdural"]
    bone = ndimage.distance_transform_edt(drawn().volume.values < 250, sampling=(1e3, 2.5, 2.5))
    assert np.percentile(bone[mask], 95) < 22
    place = head_mm(phantom, mask)
    assert np.ptp(place[:, 1]) > 70
    assert place[:, 0].max() < 0


def test_ventricular_blood_lies_in_the_ventricles() -> None:
    mask = drawn("intraventricular").masks["intraventricular"]
    ventricles = ndimage.binary_dilation(drawn().regions == CODE["ventricular system"], iterations=1)
    assert (mask & ventricles).sum() > 0.95 * mask.sum()


def test_subarachnoid_blood_lies_in_water_or_closed_sulci_not_in_ventricles() -> None:
    mask = drawn("subarachnoid").masks["subarachnoid"]
    places = drawn().regions[mask]
    assert not (places == CODE["ventricular system"]).any()
    assert np.isin(places, [CODE["sulcal spaces"], CODE["basal cisterns"]]).mean() > 0.3


def test_labels_say_what_the_masks_show() -> None:
    phantom = drawn("intraparenchymal", "subdural")
    said = {(label.level, label.part, label.term): label.value for label in phantom.labels}
    assert len(said) == 6 * (1 + SMALL.slices) + 4
    for term in (term.name for term in FINDINGS):
        masks = list(phantom.masks.values()) if term == "any" else [phantom.masks[term]]
        present = np.any(masks, axis=0)
        assert said[Level.SCAN, None, term] == float(present.any())
        for index, uid in enumerate(phantom.slice_uids):
            assert said[Level.SLICE, uid, term] == float(present[index].any())
    assert {label.source for label in phantom.labels} == {"phantom"}


def test_masks_do_not_overlap() -> None:
    phantom = drawn("intraparenchymal", "subdural")
    assert np.sum(list(phantom.masks.values()), axis=0).max() == 1


def test_same_parameters_same_bytes_other_seed_other_noise() -> None:
    tiny = replace(HeadParameters(), scanner=Scanner(size=64, slices=4, spacing_mm=30.0))
    first, again, other = draw(tiny), draw(tiny), draw(replace(tiny, seed=1))
    assert first.volume.values.tobytes() == again.volume.values.tobytes()
    assert first.slice_uids == again.slice_uids
    assert first.volume.values.tobytes() != other.volume.values.tobytes()
    assert first.series_uid != other.series_uid


@pytest.mark.parametrize("tilt", [-12.0, 0.0, 18.0])
def test_landmarks_stay_in_place_under_tilt_and_pose(tilt: float) -> None:
    scanner = replace(SMALL, slices=48, spacing_mm=3.0, thickness_mm=1.0, tilt_degrees=tilt, noise_hu=1.0)
    pose = Pose((6.0, -3.0, 8.0), (5.0, -4.0, 3.0))
    clot = Bleed("intraparenchymal", "lobar", 1, (36.0, 45.0, 28.0), 20.0, hu=70.0)
    phantom = draw(HeadParameters(Shape(ventricles=1.4), NO_LOOKS, pose, scanner, (clot,)))
    assert phantom.geometry.tilt_degrees == pytest.approx(tilt, abs=1e-6)
    assert value_at(phantom, (36.0, 45.0, 28.0)) == pytest.approx(70, abs=10)
    assert value_at(phantom, (-11.0, 17.0, 8.0)) == pytest.approx(36.5, abs=6)
    assert value_at(phantom, (-9.7, 8.0, 20.5)) < 20
    middle = phantom.geometry.to_patient(np.argwhere(phantom.masks["intraparenchymal"]).astype(float)).mean(axis=0)
    assert np.linalg.norm(middle - phantom.to_patient(np.array([36.0, 45.0, 28.0]))) < 4


def test_uneven_gaps_are_kept() -> None:
    gaps = (5.0, 5.0, 10.0, 10.0, 2.5)
    phantom = draw(HeadParameters(scanner=Scanner(size=64, slices=6, spacing_mm=gaps)))
    assert phantom.geometry.gaps_mm == pytest.approx(gaps)
    assert not phantom.geometry.evenly_spaced


def test_large_clots_push_the_midline_and_small_ones_do_not() -> None:
    large = Bleed("intraparenchymal", "lobar", 1, (38.0, -10.0, 25.0), 80.0)
    head = HeadParameters(Shape(ventricles=1.5), NO_LOOKS, scanner=SMALL)
    pushed, still = draw(replace(head, bleeds=(large,))), draw(head)
    places = [
        head_mm(phantom, phantom.regions == CODE["ventricular system"])[:, 0].mean() for phantom in (pushed, still)
    ]
    assert places[0] < places[1] - 2


def test_look_alikes_are_dense_but_no_blood() -> None:
    looks = LookAlikes(1.0, 1.0, 1.0, 1.0, 1.0)
    phantom = draw(
        HeadParameters(look_alikes=looks, scanner=replace(SMALL, slices=48, spacing_mm=3.0, thickness_mm=3.0))
    )
    assert value_at(phantom, (0.4, 31.0, 3.0)) > 120
    assert value_at(phantom, (25.0, 40.0, 10.5)) > 80
    assert not any(mask.any() for mask in phantom.masks.values())


@pytest.mark.parametrize("kernel", ["smooth", "standard", "sharp"])
def test_noise_has_the_strength_asked_for_and_the_kernels_grain(kernel: str) -> None:
    scanner = Scanner(size=128, slices=2, spacing_mm=5.0, noise_hu=5.0, kernel=kernel, table=False)
    pose = Pose(shift_mm=(0.0, 0.0, 400.0))
    values = draw(HeadParameters(pose=pose, scanner=scanner)).volume.values
    assert values.mean() == pytest.approx(-1000, abs=8)
    factor = {"smooth": 0.75, "standard": 1.0, "sharp": 1.5}[kernel]
    assert values.std() == pytest.approx(5.0 * 0.75 * factor, rel=0.2)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Scanner(kernel="bone"), "did you mean|known"),
        (lambda: Scanner(size=8), "32 pixels"),
        (lambda: Scanner(slices=4, spacing_mm=(5.0,)), "3|4 slices"),
        (lambda: Bleed("subdral", "convexity", 1, (0, 0, 0), 5.0), "did you mean 'subdural'"),
        (lambda: Bleed("subdural", "convexity", 1, (0, 0, 0), 0.0), "above 0"),
    ],
)
def test_wrong_parameters_are_refused_in_words(make, word) -> None:
    with pytest.raises(RequestError, match=word):
        make()


def test_a_fracture_opens_the_bone_and_swells_the_scalp() -> None:
    scanner = replace(SMALL, size=128, slices=32, spacing_mm=5.0)
    whole = Bleed("epidural", "temporal", 1, (68.0, 19.0, 14.0), 15.0)
    head = HeadParameters(look_alikes=NO_LOOKS, scanner=scanner)
    sound = draw(replace(head, bleeds=(whole,))).volume.values
    broken = draw(replace(head, bleeds=(replace(whole, fracture=True),))).volume.values
    assert (sound.astype(int) - broken > 150).sum() > 20
    assert (broken > -200).sum() > (sound > -200).sum() + 200


@pytest.mark.parametrize(
    ("bleed", "place"),
    [
        (Bleed("subdural", "falx", 1, (1.0, 5.0, 45.0), 12.0), "parietal region"),
        (Bleed("subdural", "tentorium", -1, (-1.0, 5.0, 45.0), 10.0), "occipital region"),
        (Bleed("intraventricular", "cast", 1, (15.0, -10.0, 14.0), 4.0), "ventricular system"),
        (Bleed("subarachnoid", "cisterns", 1, (2.0, 4.0, -18.0), 6.0), "basal cisterns"),
    ],
)
def test_bleeds_of_other_places_lie_there(bleed: Bleed, place: str) -> None:
    scanner = replace(SMALL, slices=32, spacing_mm=5.0)
    head = HeadParameters(Shape(atrophy=0.8, ventricles=1.4), NO_LOOKS, scanner=scanner)
    phantom, bare = draw(replace(head, bleeds=(bleed,))), draw(head)
    mask = phantom.masks[bleed.subtype]
    assert volume_ml(mask, phantom.geometry) == pytest.approx(bleed.volume_ml, rel=0.3)
    assert (ndimage.binary_dilation(bare.regions == CODE[place], iterations=2) & mask).sum() > 0.2 * mask.sum()
    if bleed.subtype == "subdural":
        assert (head_mm(phantom, mask)[:, 0] * bleed.side > -2).all()


def test_a_bleed_outside_the_head_leaves_no_truth() -> None:
    far = Bleed("epidural", "temporal", 1, (400.0, 0.0, 0.0), 5.0)
    phantom = draw(HeadParameters(scanner=Scanner(size=64, slices=4, spacing_mm=30.0), bleeds=(far,)))
    assert not any(mask.any() for mask in phantom.masks.values())
    assert all(label.value == 0.0 and label.level is not Level.LESION for label in phantom.labels)
