"""Which place of a lesion most sources name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from bregma.scan.labels import Label, Level
from bregma.scan.terms import is_place

MODEL = "model:"


def places_said(labels: Iterable[Label]) -> dict[str, str]:
    """Lesion -> its place: the one that most sources name; a lesion on which as many name another is left out."""
    votes = defaultdict[str, Counter[str]](Counter)
    for label in labels:
        if label.level is Level.LESION and label.part and is_place(label.term) and label.value >= 0.5:
            votes[label.part][label.term] += not label.source.startswith(MODEL)
    said = {}
    for lesion, counts in votes.items():
        (place, most), *others = counts.most_common()
        if most and not (others and others[0][1] == most):
            said[lesion] = place
    return said
