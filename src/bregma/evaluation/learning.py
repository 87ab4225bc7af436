"""How a model learned: the columns of its run's log, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EPOCH = "epoch"
LOSSES = ("loss", "train_loss")
"""On the validation part, and on the training part."""

AREAS = ("slice_auc", "scan_auc")
ACCURACIES = ("slice_accuracy", "train_accuracy")
"""On the validation part, and on what was shown of the training part."""

SHOWN = (*LOSSES, *AREAS, *ACCURACIES)
"""Columns that are drawn; a log that lacks one is drawn without it."""


@dataclass(frozen=True, slots=True)
class Learning:
    """A log, by the names of its columns.

    Attributes:
        label: of the model.
        group: what it is taken together with.
        columns: values by epoch, None where nothing was measured; always with "epoch".
    """

    label: str
    group: str
    columns: Mapping[str, tuple[float | None, ...]]

    def curve(self, name: str) -> list[tuple[float, float]]:
        """(epoch, value) where the column has one; empty without the column."""
        pairs = zip(self.columns[EPOCH], self.columns.get(name, ()), strict=False)
        return [(epoch, value) for epoch, value in pairs if epoch is not None and value is not None]


def learning_of(label: str, group: str, rows: Sequence[Mapping[str, str | None]]) -> Learning | None:
    """The log of a run.

    Args:
        label: of the model.
        group: what it is taken together with.
        rows: of log.csv, as text by column.

    Returns:
        None without an epoch or a column to draw.
    """
    names = [name for name in (EPOCH, *SHOWN) if rows and name in rows[0]]
    if EPOCH not in names or len(names) < 2:
        return None
    return Learning(label, group, {name: tuple(_number(row.get(name)) for row in rows) for name in names})


def _number(text: str | None) -> float | None:
    """A finite number, or None for an empty cell and for what is no number."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
