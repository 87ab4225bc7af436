"""A tumour's box and what may be said of it."""

from __future__ import annotations

import numpy as np
import pytest

from bregma.scan.errors import RequestError
from bregma.scan.tumour import Tumour, VoxelBox, tumours_of_map


def test_each_tumour_gets_its_smallest_box_and_what_is_known_of_it() -> None:
    numbers = np.zeros((4, 6, 8), np.uint8)
    numbers[1:3, 2, 3:5] = 2
    numbers[0, 0, 7] = 5
    found = tumours_of_map(numbers, {5: {"type": "meningioma"}})
    assert [(t.number, t.box.start, t.box.stop, dict(t.labels)) for t in found] == [
        (2, (1, 2, 3), (3, 3, 5), {}),
        (5, (0, 0, 7), (1, 1, 8), {"type": "meningioma"}),
    ]


def test_labels_of_a_tumour_that_is_not_drawn_are_refused() -> None:
    with pytest.raises(RequestError, match=r"tumours \[3\] which the map does not have; it has \[1\]"):
        tumours_of_map(np.ones((1, 1, 1), np.uint8), {3: {"side": "left"}})


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"type": "lymphoma"}, "type 'lymphoma'; expected one of metastasis, meningioma"),
        ({"colour": "grey"}, "colour 'grey'; expected one of type, area, side, depth, height"),
        ({"side": "both"}, "side 'both'; expected one of left, right"),
    ],
)
def test_an_unknown_word_is_refused_with_those_there_are(labels: dict[str, str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Tumour(1, VoxelBox((0, 0, 0), (1, 1, 1)), labels)


@pytest.mark.parametrize(("start", "stop"), [((0, 0, 0), (1, 0, 1)), ((-1, 0, 0), (1, 1, 1))])
def test_an_empty_box_is_refused(start: tuple[int, int, int], stop: tuple[int, int, int]) -> None:
    with pytest.raises(RequestError, match="is empty or begins before the scan"):
        VoxelBox(start, stop)
