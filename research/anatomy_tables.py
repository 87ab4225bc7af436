"""The tables of docs/research/anatomy.md from what the two scripts wrote: `python -m research.anatomy_tables DIR`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MEANS = [f"{kind} {name}" for kind in ("weighted", "macro") for name in ("precision", "recall", "f1")]


def main() -> None:
    """Print them."""
    folder = Path(sys.argv[1])
    found = json.loads((folder / "figures.json").read_text())
    arms = found["arms"]
    _table(["arm", *MEANS], [[arm, *(_figure(one["means"][mean]) for mean in MEANS)] for arm, one in arms.items()])
    rows = [[pair, *(_figure(told[mean], sign=True) for mean in MEANS)] for pair, told in found["differences"].items()]
    _table(["difference", *MEANS], rows)
    rows = [
        [name, str(found["train"][at]), str(found["test"][at]), *(_three(one["places"], at) for one in arms.values())]
        for at, name in enumerate(found["places"])
    ]
    _table(["place", "train", "test", *arms], rows)
    learned = {arm: one for arm, one in arms.items() if one["epochs"]}
    budget = min(one["epochs"][-1][1] for one in learned.values())
    rows = [[arm, *_by_epoch(one["epochs"], budget), str(one["seconds"])] for arm, one in learned.items()]
    _table(["arm", "after 5 epochs", f"after {budget:.1f} s", "after all", "CPU seconds"], rows)
    if (folder / "extension.json").exists():
        _extension(json.loads((folder / "extension.json").read_text()))


def _extension(rows: list[dict[str, Any]]) -> None:
    keys = ("recall", "precision", "weighted f1")
    _table(
        ["place", "arm", "cases", "test", *keys],
        [
            [one["place"], one["arm"], str(one["cases"]), str(one["support"]), *(_arrow(one[key]) for key in keys)]
            for one in rows
        ],
    )


def _by_epoch(epochs: list[list[float]], budget: float) -> list[str]:
    """Weighted F1 after 5 epochs, at the last epoch that fits into some seconds, and at the end."""
    fits = [epoch for epoch in epochs if epoch[1] <= budget * 1.001]
    return [f"{epochs[at][2]:.3f}" for at in (4, len(fits) - 1, -1)]


def _three(places: dict[str, list[list[float]]], at: int) -> str:
    """Precision, recall and F1 of one place; the last with its interval."""
    precision, recall, f1 = (places[name][at] for name in ("precision", "recall", "f1"))
    return "" if recall[0] != recall[0] else f"{precision[0]:.2f} / {recall[0]:.2f} / {_figure(f1, digits=2)}"


def _figure(numbers: Sequence[float], *, sign: bool = False, digits: int = 3) -> str:
    plus = "+" if sign else ""
    value, *ends = (f"{number:{plus}.{digits}f}" for number in numbers)
    return value if not ends else f"{value} ({ends[0]} to {ends[1]})"


def _arrow(pair: Sequence[float]) -> str:
    return f"{pair[0]:.3f} → {pair[1]:.3f}"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print("\n| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
