"""Holes are told from protocols with uneven gaps."""

from __future__ import annotations

import numpy as np
import pytest

from bregma.io.gaps import holes


@pytest.mark.parametrize(
    ("gaps", "thickness", "expected"),
    [
        ([5.0] * 10, None, []),
        ([5.0], None, []),
        ([5.0, 10.0], None, [(1, 1)]),
        ([5.0] * 4 + [10.0] + [5.0] * 4, None, [(4, 1)]),
        ([5.0] * 4 + [25.0] + [5.0] * 4, None, [(4, 4)]),
        ([5.0] * 4 + [10.0, 10.0] + [5.0] * 6, None, [(4, 1), (5, 1)]),
        ([4.22] * 13 + [1.14] + [7.38] * 13, None, []),
        ([2.5] * 8 + [5.0] * 8, None, []),
        ([2.5] * 8 + [5.0, 5.0], [2.5] * 9 + [5.0, 5.0], []),
        ([0.6] * 20 + [1.2] + [0.6] * 20, None, [(20, 1)]),
        ([5.0] * 9 + [5.4], None, []),
        ([10.0] * 5 + [20.0] + [10.0] * 5, [5.0] * 12, [(5, 1)]),
    ],
)
def test_holes(gaps: list[float], thickness: list[float] | None, expected: list[tuple[int, int]]) -> None:
    assert holes(np.array(gaps), thickness or [None] * (len(gaps) + 1)) == expected
