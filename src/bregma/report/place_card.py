"""The card of a package of places, for a terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bregma.models.anatomy_package import AnatomyPackage
from bregma.scan.terms import ANATOMY

COMPARES = {
    "none": "BaseNet's own answer; reference cases are only cited",
    "all": "with every reference case of a place",
    "nearest": "with the {k} nearest reference cases of a place",
}
"""Kind of package -> how it comes to an answer."""


def place_card_table(package: AnatomyPackage) -> RenderableType:
    """What it saw, what it was measured on, where it ends, and how many reference cases each place has."""
    card, regions = package.card, package.regions
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    window = regions.slices.windows[0]
    rows = {
        "model": card.name,
        "digest": package.digest,
        "answers": card.summary,
        "compares": COMPARES[card.kind].format(k=card.k),
        "trained on": card.trained_on,
        "measured on": card.measured_on,
        **{f"limit {place}": limit for place, limit in enumerate(card.limits, start=1)},
        "sees": f"window {window.center:g}/{window.width:g} HU, crop of {regions.local_size} pixels and slice of "
        f"{regions.global_size}, region in grey {regions.grey:g}",
        "references": f"{len(package.cases)} cases, {card.extended_by} of them added after training",
        "recipe": card.recipe_digest[:12],
    }
    for name, words in rows.items():
        facts.add_row(name, Text(words))
    return Group(facts, Text(), _places(package))


def _places(package: AnatomyPackage) -> Table:
    """Per place its reference cases and its figures, the means below."""
    table = Table(box=None, pad_edge=False)
    for title in ("place", "reference cases", "measured on", "precision", "recall", "F1"):
        table.add_column(title)
    told = {(one.over, one.name): one for one in package.card.metrics}
    counts = Counter(case.place for case in package.cases)
    for over in (*ANATOMY, "weighted", "macro"):
        known = [told.get((over, name)) for name in ("precision", "recall", "f1")]
        cells = ["" if one is None else _value(one.value, one.low, one.high) for one in known]
        support = "" if known[0] is None else str(known[0].support)
        table.add_row(over, str(counts[over]) if over in ANATOMY else "", support, *cells)
    return table


def _value(value: float, low: float | None, high: float | None) -> str:
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"
