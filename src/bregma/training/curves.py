"""Curves of a run: log.csv always, TensorBoard when it is installed."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from pathlib import Path

from bregma.training.checkpoint import write_whole

LOG = "log.csv"
"""Read by the names of its columns and not by their order: each kind of run has its own."""


def write_row(run: Path, row: dict[str, float]) -> None:
    """Add the row of an epoch; rows of this epoch and later ones, from before an interruption, are replaced.

    Args:
        run: folder of the run.
        row: values by column; NaN, or no value, for what was not measured.
    """
    kept = [old for old in read_rows(run) if old["epoch"] < row["epoch"]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(dict.fromkeys(column for one in (*kept, row) for column in one))
    writer.writerow(columns)
    for one in (*kept, row):
        writer.writerow([_cell(one.get(column, math.nan)) for column in columns])
    write_whole(run / LOG, text.getvalue().encode())
    _to_tensorboard(run, row)


def read_rows(run: Path) -> list[dict[str, float]]:
    """The epochs so far; empty before the first."""
    path = run / LOG
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _to_tensorboard(run: Path, row: dict[str, float]) -> None:
    if importlib.util.find_spec("tensorboard") is None:
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run / "tensorboard"), purge_step=int(row["epoch"])) as writer:
        for name, value in row.items():
            if name != "epoch" and not math.isnan(value):
                writer.add_scalar(name, value, int(row["epoch"]))
