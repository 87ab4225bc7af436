"""`bregma worklist`: how many minutes a reading order by scores saves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.output import console
from bregma.cli.targets import check_targets

if TYPE_CHECKING:
    from bregma.evaluation.worklist import Scores, Worklist

HEADER = ("load", "prevalence", "scans", "oldest first", "by score", "saved", "95 % interval")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(worklist)


def worklist(
    *,
    load: Annotated[list[float] | None, typer.Option(help="Share of time spent reading; repeatable.")] = None,
    prevalence: Annotated[list[float] | None, typer.Option(help="Share of scans with a bleed; repeatable.")] = None,
    sensitivity: Annotated[float, typer.Option(help="Share of positives that are flagged.")] = 0.9,
    specificity: Annotated[float, typer.Option(help="Share of negatives that are not.")] = 0.9,
    scores: Annotated[Path | None, typer.Option(help="CSV with truth (0 or 1), score; orders by score.")] = None,
    minutes: Annotated[float, typer.Option(help="To read a scan, on average.")] = 10.0,
    variation: Annotated[float, typer.Option(help="Standard deviation of that time over its mean.")] = 0.5,
    readers: Annotated[int, typer.Option(min=1, help="Who read from the one queue.")] = 1,
    replicates: Annotated[int, typer.Option(min=2, help="Simulated stretches of 1000 scans.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same minutes.")] = 0,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
) -> None:
    """Simulate a reading queue: minutes saved when a model's scores set the order, against the oldest first.

    Example: `bregma worklist --load 0.8 --prevalence 0.15 --sensitivity 0.9 --specificity 0.85`
    """
    from dataclasses import asdict

    import numpy as np

    from bregma.evaluation import worklist as queue
    from bregma.report.contract import write_json

    check_targets(files=[json], source=scores)
    said = queue.flags(sensitivity, specificity) if scores is None else _scores(scores)
    found = []
    for share in load or [0.5, 0.7, 0.9]:
        for positive in prevalence or [0.15]:
            setting = queue.Setting(share, positive, minutes=minutes, variation=variation, readers=readers)
            found.append(queue.worklist(setting, said, np.random.default_rng(seed), replicates=replicates))
    _print(found)
    if json is not None:
        write_json(json, {"worklists": [asdict(one) for one in found]})


def _scores(path: Path) -> Scores:
    from bregma.evaluation.score_table import read_scores

    return read_scores(path)


def _print(found: list[Worklist]) -> None:
    from rich.table import Table

    table = Table(*HEADER, title="minutes until reading begins", box=None, pad_edge=False)
    for one in found:
        for kind, waiting in (("positive", one.positives), ("negative", one.negatives)):
            interval = waiting.saved_interval
            ends = "-" if interval is None else f"{interval.low:+.1f} to {interval.high:+.1f}"
            minutes = (f"{waiting.first_come:.1f}", f"{waiting.prioritised:.1f}", f"{waiting.saved:+.1f}", ends)
            table.add_row(f"{one.setting.load:g}", f"{one.setting.prevalence:g}", kind, *minutes)
    console().print(table)
