"""What several sources say of a tumour, and where they contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from bregma.catalogue.queries import MODEL
from bregma.catalogue.tumour_cells import TERMS, is_number
from bregma.scan.labels import Label, Level
from bregma.scan.terms import TUMOUR_CRITERIA

Votes = Mapping[tuple[int, str], Counter[str]]
"""(number of a tumour, criterion) -> term -> how many sources say it."""


def votes(labels: Iterable[Label]) -> Votes:
    """What is said of the tumours of a scan; models have no vote."""
    found: dict[tuple[int, str], Counter[str]] = {}
    for label in labels:
        if label.level is not Level.LESION or label.term not in TERMS or label.source.startswith(MODEL):
            continue
        if label.part is not None and is_number(label.part) and label.value > 0.5:
            criterion, name = TERMS[label.term]
            found.setdefault((int(label.part), criterion), Counter())[name] += 1
    return found


def settled(said: Votes) -> dict[int, dict[str, str]]:
    """Number of a tumour -> criterion -> what most sources say; nothing where they are even."""
    found: dict[int, dict[str, str]] = {}
    for criterion in TUMOUR_CRITERIA:
        for (number, about), counts in said.items():
            if about == criterion and not _even(counts):
                found.setdefault(number, {})[criterion] = counts.most_common(1)[0][0]
    return found


def contested(said: Votes) -> list[str]:
    """Where as many sources say one thing as another: "type of tumour 1: glioma or meningioma"."""
    return [
        f"{criterion} of tumour {number}: {' or '.join(sorted(counts))}"
        for (number, criterion), counts in sorted(said.items())
        if _even(counts)
    ]


def _even(counts: Counter[str]) -> bool:
    best = counts.most_common(2)
    return len(best) == 2 and best[0][1] == best[1][1]
