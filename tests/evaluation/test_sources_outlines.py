"""Outlines of several sources on drawn squares whose overlaps, distances and volumes are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bregma.catalogue.targets import BIT, SourceMask
from bregma.evaluation.references import Reference, Rule
from bregma.evaluation.sources.outline_page import (
    lesion_rows,
    outline_notes,
    outlines_document,
    outlines_page,
    volume_rows,
)
from bregma.evaluation.sources.outlines import Outlined, compare_outlines
from bregma.evaluation.sources.question import SourceQuestion
from bregma.scan.errors import RequestError
from bregma.scan.volume import Geometry

D, SIDE = 6, 20
ANY = np.uint8(1 << BIT["any"])
ORIGINS = np.array([[0.0, 0.0, 5.0 * index] for index in range(D)])
GEOMETRY = Geometry(SIDE, SIDE, ORIGINS, np.array([1.0, 0, 0]), np.array([0.0, 1, 0]), (1.0, 1.0))

Square = tuple[int, int, int]
"""Slice, row, column of the corner of a square of 4 x 4 pixels."""


def drawn(source: str, *squares: Square, looked: slice = slice(None)) -> SourceMask:
    bits, known = np.zeros((D, SIDE, SIDE), np.uint8), np.zeros(D, np.uint8)
    for index, row, column in squares:
        bits[index, row : row + 4, column : column + 4] = ANY
    known[looked] = ANY
    return SourceMask(source, bits, known)


class Outlines:
    """A library of scans by what was drawn on them; each is a patient of its own."""

    def __init__(self, *scans: tuple[SourceMask, ...]) -> None:
        self._scans = {str(number): scan for number, scan in enumerate(scans)}

    def scans(self, split: str | None = None, part: str | None = None) -> list[Any]:
        return [SimpleNamespace(series_uid=uid, patient=uid, geometry=GEOMETRY) for uid in self._scans]

    def masks(self, series_uid: str) -> list[SourceMask]:
        return list(self._scans[series_uid])


def compared(library: Outlines, reference: Reference, *sources: str) -> list[Outlined]:
    return compare_outlines(library, SourceQuestion(reference, sources, replicates=100), ["any"])


BY_A = Reference(Rule.SOURCE, ("a",))


def test_found_missed_and_false_lesions_dice_and_volumes() -> None:
    """Scan 0: half and one missed. Scan 1: false. Scan 2: the same. Scan 3: both empty. Scan 4: b did not look."""
    library = Outlines(
        (drawn("a", (1, 4, 4), (4, 10, 10)), drawn("b", (1, 4, 6))),
        (drawn("a"), drawn("b", (2, 0, 0))),
        (drawn("a", (3, 8, 8)), drawn("b", (3, 8, 8))),
        (drawn("a"), drawn("b")),
        (drawn("a", (0, 0, 0)),),
    )
    (found,) = compared(library, BY_A, "b")
    assert (found.scans, found.unanswered) == (4, 1)
    assert (found.lesions, found.found, found.false) == (3, 2, 1)
    recall, false = found.measures
    assert (recall.value, false.value) == (pytest.approx(2 / 3), 0.25)
    dice = next(measure for measure in found.masks.measures if measure.name == "dice")
    assert dice.value == pytest.approx((2 * 8 / 48 + 0 + 1) / 3)
    assert found.masks.volumes is not None
    # 16 pixels of 1 mm by 5 mm are 0.08 mL: b has one square, a two; one, none; one, one; none, none
    assert found.masks.volumes.differences == pytest.approx((-0.08, 0.08, 0.0, 0.0))
    (note,) = outline_notes([found])
    assert note.startswith("b, any: held against a; 1 scan of the reference not looked at")


def test_only_slices_on_which_both_looked_count() -> None:
    library = Outlines((drawn("a", (1, 4, 4), (5, 4, 4)), drawn("b", (1, 4, 4), (0, 0, 0), looked=slice(1, 4))))
    (found,) = compared(library, BY_A, "b")
    assert (found.lesions, found.found, found.false) == (1, 1, 0)


def test_the_majority_leaves_out_who_is_judged_and_a_tie_is_no() -> None:
    scan = (drawn("a", (1, 4, 4)), drawn("b", (1, 4, 4)), drawn("c", (1, 12, 12)))
    panel = Reference(Rule.MAJORITY, ("a", "b", "c"))
    by_c = compared(Outlines(scan), panel, "c")[0]  # a and b agree
    by_a = compared(Outlines(scan), panel, "a")[0]  # b and c differ everywhere
    assert (by_c.reference, by_c.lesions, by_c.found, by_c.false) == ("majority of a, b", 1, 0, 1)
    assert (by_a.lesions, by_a.found, by_a.false) == (0, 0, 1)


def test_a_consensus_needs_two_who_looked() -> None:
    both = (drawn("a", (1, 4, 4)), drawn("b", (1, 4, 4), (2, 4, 4), looked=slice(0, 3)), drawn("m", (1, 4, 4)))
    alone = (drawn("a", (1, 4, 4)), drawn("m", (1, 4, 4)))
    (found,) = compared(Outlines(both, alone), Reference(Rule.CONSENSUS, ("a", "b")), "m")
    assert (found.scans, found.unanswered, found.lesions, found.found) == (1, 1, 1, 1)


def test_what_cannot_be_compared_is_said() -> None:
    library = Outlines((drawn("a", (1, 4, 4)), drawn("b", looked=slice(0, 0))))
    with pytest.raises(RequestError, match="b and a have looked for outlines of 'any' on no slice in common"):
        compared(library, BY_A, "b")
    with pytest.raises(RequestError, match="cannot be held against latent of a, c, d; expected one of: source"):
        compared(library, Reference(Rule.LATENT, ("a", "c", "d")), "b")
    with pytest.raises(RequestError, match="'fracture' is never outlined"):
        compare_outlines(library, SourceQuestion(BY_A, ("b",)), ["fracture"])


def test_rows_page_and_document_say_the_same() -> None:
    library = Outlines(*[(drawn("a", (1, 4, 4)), drawn("b", (1, 4, 4 + shift))) for shift in range(4)])
    found = compared(library, BY_A, "b")
    rows = lesion_rows(found)
    assert [row[:6] for row in rows] == [("b", "any", "4", "4", "4", "0")] * 5
    assert rows[0][6:8] == ("lesions found", "100.0 %")
    assert volume_rows(found)[0][3:5] == ("bias", "+0.00")
    question = SourceQuestion(BY_A, ("b",), replicates=100)
    page = outlines_page(found, question)
    assert page.count("<img") == 1
    assert "lower limit of agreement" in page
    document: Any = outlines_document(found, question)
    assert document["outlines"][0]["lesions"] == 4
