"""One self-contained page about an evaluation: figures, pictures, worst errors to look at, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bregma import __version__
from bregma.evaluation import pictures, table
from bregma.evaluation.comparison import Table
from bregma.evaluation.comparison_pictures import learning_picture
from bregma.evaluation.correlation import Correlation
from bregma.evaluation.evaluation import Evaluation, Json, json_of, json_value
from bregma.evaluation.learning import ACCURACIES, AREAS, LOSSES, Learning
from bregma.evaluation.levels import Level
from bregma.evaluation.localisation_pictures import froc_picture
from bregma.evaluation.score import Labelled
from bregma.evaluation.templates import Picture, picture, render
from bregma.evaluation.worst import WorstError


@dataclass(frozen=True, slots=True)
class ShownError:
    """A worst error on the page.

    Attributes:
        error: which.
        picture: its slice.
    """

    error: WorstError
    picture: Picture


def page(evaluation: Evaluation, library: Labelled | None = None, *, learning: Sequence[Learning] = ()) -> str:
    """The page as HTML that needs no other file and no network.

    Args:
        evaluation: what was found.
        library: for the thumbnails of the worst errors; without it they are listed without pictures.
        learning: the log of its run, where there is one.
    """
    return render(
        "page.html.j2",
        {
            "model": model_values(evaluation, library),
            "notes": table.warnings(evaluation),
            "learning": learning_pictures(learning),
        },
    )


def model_values(
    evaluation: Evaluation,
    library: Labelled | None,
    *,
    findings: Sequence[str] | None = None,
    errors: int | None = None,
) -> dict[str, object]:
    """What model.html.j2 shows of one model.

    Args:
        evaluation: of the model.
        library: for thumbnails; without it worst errors are listed.
        findings: whose levels and errors are shown; all when None.
        errors: worst errors per level and finding; all when None.
    """
    levels = [level for level in evaluation.levels if findings is None or level.finding in findings]
    worst = [
        error
        for level in levels
        for error in [e for e in evaluation.worst if (e.level, e.finding) == (level.level, level.finding)][:errors]
    ]
    curve = evaluation.lesions.froc if evaluation.lesions else None
    return {
        "evaluation": evaluation,
        "froc_measures": (*curve.at_rates, curve.afroc_area) if curve else (),
        "froc_picture": picture("FROC of the map", froc_picture(curve)) if curve else None,
        "setup": evaluation.setup,
        "levels": [(level, level_pictures(level)) for level in levels],
        "worst": [ShownError(error, _thumbnail(error, library)) for error in worst] if library else [],
        "listed": worst,
        "header": table.HEADER,
        "rows": table.rows(evaluation),
    }


def document(
    evaluations: Sequence[Evaluation],
    tables: Sequence[Table] = (),
    *,
    correlations: Sequence[Correlation] = (),
    learning: Sequence[Learning] = (),
) -> dict[str, Json]:
    """Everything as one JSON document: every figure, count, curve and prediction.

    Args:
        evaluations: of every model.
        tables: from `compare_groups`.
        correlations: from `against_imagenet`.
        learning: logs of the runs, where there are any.
    """
    return {
        "bregma": __version__,
        "evaluations": [json_of(evaluation) for evaluation in evaluations],
        "comparisons": [json_value(one) for one in tables],
        "imagenet": [json_value(one) for one in correlations],
        "learning": [json_value(one) for one in learning],
    }


def learning_pictures(learning: Sequence[Learning]) -> list[Picture]:
    """Losses, accuracies and validation AUC by epoch; none without a log."""
    wanted = {
        "Training and validation loss": LOSSES,
        "Training and validation accuracy of slices": ACCURACIES,
        "Validation AUC": AREAS,
    }
    return [
        picture(words, learning_picture(learning, figures))
        for words, figures in wanted.items()
        if any(one.curve(name) for one in learning for name in figures)
    ]


def level_pictures(level: Level) -> list[Picture]:
    """ROC, confusion tables, reliability and histogram of a level; none without a case."""
    if not level.cases:
        return []
    named = f"{level.finding} per {level.level}"
    shown = [] if level.roc is None else [picture(f"ROC curve, {named}", pictures.roc_picture(level))]
    for result in level.points:
        words = f"Confusion table at {result.point.name}, {named}"
        shown.append(picture(words, pictures.confusion_picture(level, result)))
    shown.append(picture(f"Reliability, {named}", pictures.reliability_picture(level)))
    shown.append(picture(f"Scores, {named}", pictures.histogram_picture(level)))
    return shown


def _thumbnail(error: WorstError, library: Labelled) -> Picture:
    mask = library.mask(error.series_uid, error.finding)
    truth = None if mask is None else mask[error.slice_index]
    png = pictures.thumbnail(library.slice_values(error.series_uid, error.slice_index), truth)
    kind = "missed" if error.truth else "false alarm"
    return picture(f"{kind}: {error.finding} per {error.level}, score {error.score:.3f}", png)
