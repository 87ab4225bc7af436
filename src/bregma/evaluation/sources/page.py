"""One self-contained page, and one JSON document, about sources that were compared."""

from __future__ import annotations

from collections.abc import Sequence

from bregma import __version__
from bregma.evaluation.evaluation import Json, json_value
from bregma.evaluation.pictures import reliability_picture
from bregma.evaluation.sources import pictures, rows
from bregma.evaluation.sources.comparison import SourceComparison
from bregma.evaluation.sources.question import SourceQuestion
from bregma.evaluation.summary import filled
from bregma.evaluation.table import TITLES
from bregma.evaluation.templates import Picture, picture, render


def sources_page(comparisons: Sequence[SourceComparison], question: SourceQuestion) -> str:
    """The page as HTML that needs no other file and no network.

    Args:
        comparisons: from `compare_sources`.
        question: that was asked.
    """
    return render(
        "sources/page.html.j2",
        {
            "question": question,
            "reference": str(question.reference),
            "findings": [_finding(one) for one in comparisons],
            "paper_header": rows.PAPER_HEADER,
        },
    )


def sources_document(comparisons: Sequence[SourceComparison], question: SourceQuestion) -> dict[str, Json]:
    """Everything as one JSON document: every count, figure, interval, difference and curve."""
    return {
        "bregma": __version__,
        "question": json_value(question),
        "findings": [json_value(one) for one in comparisons],
    }


def _finding(one: SourceComparison) -> dict[str, object]:
    """What the page shows of one finding."""
    return {
        "comparison": one,
        "notes": rows.notes(one),
        "paper": _filled_cells(one),
        "tables": [(title, table) for title, table in _tables(one) if table[1]],
        "pictures": _pictures(one),
    }


def _filled_cells(one: SourceComparison) -> tuple[list[str], rows.Cells]:
    """The paper's table without a column that no source fills."""
    cells = rows.paper_cells(one)
    kept = [k for k in range(len(rows.PAPER_HEADER)) if any(row[k][0] != "-" for row in cells)]
    return [rows.PAPER_HEADER[k] for k in kept], [tuple(row[k] for k in kept) for row in cells]


def _tables(one: SourceComparison) -> list[tuple[str, tuple[list[str], list[list[str]]]]]:
    return [
        ("Differences on the same cases", filled(rows.PAIR_HEADER, rows.pair_rows(one, everything=True))),
        ("Agreement", filled(rows.AGREEMENT_HEADER, rows.agreement_rows(one))),
        ("What every two say of the same cases", filled(rows.CONFUSION_HEADER, rows.confusion_rows(one))),
        ("Subgroups", filled(rows.SUBGROUP_HEADER, rows.subgroup_rows(one))),
        ("Operating points", filled(rows.POINT_HEADER, rows.point_rows(one))),
        ("Every figure", filled(rows.FIGURE_HEADER, rows.figure_rows(one))),
    ]


def _pictures(one: SourceComparison) -> list[Picture]:
    named = f"{one.finding} per {one.level}"
    shown = [picture(f"Sources in ROC space, {named}", pictures.roc_picture(one))]
    compared = {each.difference.name for pair in one.pairs for each in pair.differences}
    shown += [
        picture(f"Differences of {TITLES[name]}, {named}", pictures.forest_picture(one, name))
        for name in pictures.FOREST
        if name in compared
    ]
    if one.agreement is not None:
        words = f"Agreement of every two, {named}"
        shown.append(picture(words, pictures.agreement_picture(one.agreement, one.finding)))
    for judged in one.judged:
        if judged.graded is not None:
            words = f"{judged.source}, {named}"
            shown.append(picture(f"Reliability of {words}", reliability_picture(judged.level)))
            shown.append(picture(f"Net benefit of {words}", pictures.decision_picture(judged, one.finding)))
    return shown
