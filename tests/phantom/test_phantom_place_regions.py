"""Regions whose place is known because the head was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from bregma.phantom import HeadParameters, Phantom, Scanner, draw
from bregma.phantom.parameters import Bleed
from bregma.phantom.place_regions import PAPER_COUNTS, bleed_regions, lay_regions, lesion_places, place_of
from bregma.phantom.regions import CODE
from bregma.scan.slice_region import SliceRegion
from bregma.scan.terms import ANATOMY


@pytest.fixture(scope="module")
def head() -> Phantom:
    clot = Bleed("intraparenchymal", "ganglia", 1, (26.0, 2.0, 4.0), 12.0)
    return draw(HeadParameters(scanner=Scanner(size=128, slices=24, spacing_mm=6.5), bleeds=(clot,)))


def test_the_paper_has_15425_slices() -> None:
    assert sum(PAPER_COUNTS.values()) == 15_425
    assert PAPER_COUNTS["frontal region"] == 4263
    assert PAPER_COUNTS["thalamus"] == 51


def test_a_region_is_where_most_of_its_pixels_lie() -> None:
    codes = np.array([[0, 3, 3], [14, 14, 14]], np.uint8)
    assert place_of(np.array([[1, 1, 1], [1, 0, 0]], bool), codes) == ANATOMY[2]
    assert place_of(np.array([[1, 1, 1], [1, 1, 1]], bool), codes) == ANATOMY[13]
    assert place_of(np.array([[1, 0, 0], [0, 0, 0]], bool), codes) is None


def test_a_clot_in_the_basal_ganglia_is_said_to_be_there(head: Phantom) -> None:
    found = bleed_regions(head)
    largest = max(found, key=lambda region: region.mask.sum())
    assert (largest.place, largest.side) == ("gangliocapsular region", "left")
    assert [region.index for region in found] == np.flatnonzero(
        head.masks["intraparenchymal"].any(axis=(1, 2))
    ).tolist()


def test_regions_are_laid_where_they_are_wanted(head: Phantom) -> None:
    wanted = [name for name in ANATOMY for _ in range(3)]
    found = list(lay_regions(head, wanted, np.random.default_rng(0)))
    assert len(found) >= 40
    for region in found:
        codes = head.regions[region.index]
        assert place_of(region.mask, codes) == region.place
        assert region.mask.sum() * head.geometry.pixel_mm[0] ** 2 >= 20
        assert (codes[region.mask] == CODE[str(region.place)]).mean() > 0.3


def test_the_same_numbers_lay_the_same_regions(head: Phantom) -> None:
    one, other = (list(lay_regions(head, ANATOMY, np.random.default_rng(3))) for _ in range(2))
    assert [(a.index, a.mask.sum(), a.side) for a in one] == [(b.index, b.mask.sum(), b.side) for b in other]


def test_sides_are_the_patients(head: Phantom) -> None:
    for region in lay_regions(head, ["temporal region"] * 6, np.random.default_rng(1)):
        column = np.nonzero(region.mask)[1].mean()
        assert region.side == ("left" if column > 63.5 else "right")


def test_a_region_has_pixels() -> None:
    with pytest.raises(ValueError, match="0 pixels"):
        SliceRegion(0, np.zeros((2, 2), bool), "L1")


def test_lesions_are_named_as_in_a_reading_and_have_the_place_of_most_of_them(head: Phantom) -> None:
    assert lesion_places(head)["L1"] == "gangliocapsular region"
