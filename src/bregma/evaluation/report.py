"""One self-contained page about an evaluation: figures, pictures, worst errors to look at, and what was left out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from bregma import __version__
from bregma.evaluation import pictures, table
from bregma.evaluation.comparison import Table
from bregma.evaluation.evaluation import Evaluation, Json, json_of, json_value
from bregma.evaluation.levels import Level
from bregma.evaluation.score import Labelled
from bregma.evaluation.worst import WorstError


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture on the page: its words and its bytes as a data address."""

    words: str
    address: str


@dataclass(frozen=True, slots=True)
class _Error:
    """A worst error on the page."""

    error: WorstError
    picture: _Picture


def page(evaluation: Evaluation, library: Labelled | None = None) -> str:
    """The page as HTML that needs no other file and no network.

    Args:
        evaluation: what was found.
        library: for the thumbnails of the worst errors; without it they are listed without pictures.
    """
    environment = Environment(
        loader=PackageLoader("bregma.evaluation", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        evaluation=evaluation,
        setup=evaluation.setup,
        levels=[(level, _pictures(level)) for level in evaluation.levels],
        worst=[_Error(error, _thumbnail(error, library)) for error in evaluation.worst] if library else [],
        listed=evaluation.worst,
        notes=table.warnings(evaluation),
        header=table.HEADER,
        rows=table.rows(evaluation),
        value=table.value_text,
        interval=table.interval_text,
        titles=table.TITLES,
    )


def document(evaluations: Sequence[Evaluation], tables: Sequence[Table] = ()) -> dict[str, Json]:
    """Evaluations and comparisons as one JSON document: every figure, count, curve and prediction."""
    return {
        "bregma": __version__,
        "evaluations": [json_of(evaluation) for evaluation in evaluations],
        "comparisons": [json_value(table) for table in tables],
    }


def _pictures(level: Level) -> list[_Picture]:
    """ROC, confusion tables, reliability and histogram of a level; none without a case."""
    if not level.cases:
        return []
    named = f"{level.finding} per {level.level}"
    shown = [] if level.roc is None else [_picture(f"ROC curve, {named}", pictures.roc_picture(level))]
    for result in level.points:
        words = f"Confusion table at {result.point.name}, {named}"
        shown.append(_picture(words, pictures.confusion_picture(level, result)))
    shown.append(_picture(f"Reliability, {named}", pictures.reliability_picture(level)))
    shown.append(_picture(f"Scores, {named}", pictures.histogram_picture(level)))
    return shown


def _thumbnail(error: WorstError, library: Labelled) -> _Picture:
    mask = library.mask(error.series_uid, error.finding)
    truth = None if mask is None else mask[error.slice_index]
    png = pictures.thumbnail(library.slice_values(error.series_uid, error.slice_index), truth)
    kind = "missed" if error.truth else "false alarm"
    return _picture(f"{kind}: {error.finding} per {error.level}, score {error.score:.3f}", png)


def _picture(words: str, png: bytes) -> _Picture:
    return _Picture(words, "data:image/png;base64," + base64.b64encode(png).decode("ascii"))
