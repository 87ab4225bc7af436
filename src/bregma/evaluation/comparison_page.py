"""One self-contained page about several models: a row each, their differences, pictures of all, then each by itself."""

from __future__ import annotations

from collections.abc import Sequence

from bregma.evaluation import summary, table
from bregma.evaluation.cases import POOLED
from bregma.evaluation.comparison import LOWER_IS_BETTER, Table
from bregma.evaluation.comparison_pictures import areas_picture, correlation_picture, roc_overlay
from bregma.evaluation.correlation import Correlation
from bregma.evaluation.evaluation import Evaluation
from bregma.evaluation.groups import Group
from bregma.evaluation.learning import Learning
from bregma.evaluation.pictures import confusion_picture
from bregma.evaluation.report import learning_pictures, model_values
from bregma.evaluation.score import Labelled
from bregma.evaluation.templates import Picture, picture, render
from bregma.scan.counted import counted

ERRORS_EACH = 4
"""Worst errors shown per model and level: nine models with all of theirs would be a page of hundreds of pictures."""


def comparison_page(
    groups: Sequence[Group],
    tables: Sequence[Table],
    library: Labelled | None = None,
    *,
    correlations: Sequence[Correlation] = (),
    learning: Sequence[Learning] = (),
) -> str:
    """The page as HTML that needs no other file and no network.

    Args:
        groups: in the order in which they were compared.
        tables: from `compare_groups`.
        library: for the thumbnails of the worst errors.
        correlations: from `against_imagenet`.
        learning: logs of the runs, where there are any.
    """
    members = [member for group in groups for member in group.members]
    finding = summary.chief_finding(groups)
    return render(
        "comparison.html.j2",
        {
            "setup": members[0].setup,
            "title": _title(groups),
            "first": groups[0].name,
            "scans": len(members[0].scans),
            "slices": sum(len(scan.slices) for scan in members[0].scans),
            "cost": members[0].cost,
            "arithmetic": " and ".join(dict.fromkeys(member.cost.arithmetic for member in members)),
            "notes": shared_notes(members),
            "seeds": any(len(group.members) > 1 for group in groups),
            "summary": _summary(groups, tables),
            "differences": _differences(tables, everything=False),
            "all_differences": _differences(tables, everything=True),
            "means": _means(tables, everything=False),
            "all_means": _means(tables, everything=True),
            "lower": sorted(table.TITLES[name] for name in LOWER_IS_BETTER),
            "areas": [
                picture(f"AUC of every model, {t.finding} per {t.level}", areas_picture(t))
                for t in tables
                if t.finding in (finding, POOLED)
            ],
            "curves": _curves(groups, tables),
            "confusion": _confusion(members, finding),
            "counts": (summary.CONFUSION_HEADER, summary.confusion_rows(members)),
            "learning": learning_pictures(learning),
            "correlations": [
                (one, picture(f"AUC against ImageNet, {one.of}", correlation_picture(one))) for one in correlations
            ],
            "models": [
                model_values(member, library, findings=_shown(member, finding), errors=ERRORS_EACH)
                for member in members
            ],
        },
    )


def _title(groups: Sequence[Group]) -> str:
    packages = sum(len(group.members) for group in groups)
    if packages == len(groups):
        return f"{counted(packages, 'model')} compared"
    return f"{counted(len(groups), 'model')} compared, {counted(packages, 'package')} of several seeds"


def _summary(groups: Sequence[Group], tables: Sequence[Table]) -> tuple[list[str], list[list[tuple[str, str]]]]:
    """Titles and cells, without the columns that no model fills."""
    header, rows = summary.summary_header(groups), summary.summary_cells(groups, tables)
    kept = [place for place in range(len(header)) if any(row[place][0] != "-" for row in rows)]
    return [header[place] for place in kept], [[row[place] for place in kept] for row in rows]


def _differences(tables: Sequence[Table], *, everything: bool) -> tuple[list[str], list[list[str]]]:
    return summary.filled(summary.DIFFERENCE_HEADER, summary.difference_rows(tables, everything=everything))


def _means(tables: Sequence[Table], *, everything: bool) -> tuple[list[str], list[list[str]]]:
    return summary.filled(summary.GROUP_HEADER, summary.group_rows(tables, everything=everything))


def shared_notes(members: Sequence[Evaluation]) -> list[str]:
    """Warnings of all models: what holds for all is said once; what holds for some, with their names."""
    notes: dict[str, list[str]] = {}
    for member in members:
        for note in table.warnings(member):
            notes.setdefault(note, []).append(member.setup.label)
    return [note if len(labels) == len(members) else f"{note} ({', '.join(labels)})" for note, labels in notes.items()]


def _curves(groups: Sequence[Group], tables: Sequence[Table]) -> list[Picture]:
    """ROC curves of all models, a picture per finding and level; `any` comes first as it does in the findings."""
    shown = []
    for one in tables:
        answering = [group for group in groups if group.name in dict(one.groups)]
        levels = [level for group in answering for member in group.members for level in member.levels]
        if any(level.roc for level in levels if (level.level, level.finding) == (one.level, one.finding)):
            words = f"ROC curves, {one.finding} per {one.level}"
            shown.append(picture(words, roc_overlay(answering, one.level, one.finding)))
    return shown


def _confusion(members: Sequence[Evaluation], finding: str) -> list[tuple[str, list[Picture]]]:
    """Per model its confusion tables at its rule."""
    return [
        (
            member.setup.label,
            [
                picture(
                    f"Confusion table of {member.setup.label} at its rule, {level.finding} per {level.level}",
                    confusion_picture(level, level.points[0]),
                )
                for level in member.levels
                if level.finding == finding and level.cases
            ],
        )
        for member in members
    ]


def _shown(member: Evaluation, finding: str) -> list[str]:
    findings = member.scans[0].findings
    return [finding if finding in findings else findings[0]]
