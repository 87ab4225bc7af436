"""`bregma compare`: any sources of labels against a reference."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.evaluate import part_of, print_table
from bregma.cli.library import UrlOption
from bregma.cli.output import console
from bregma.cli.read import JsonOption
from bregma.cli.targets import check_targets
from bregma.scan.errors import RequestError

if TYPE_CHECKING:
    from bregma.evaluation.sources.answers import Answers
    from bregma.evaluation.sources.comparison import SourceComparison


class At(StrEnum):
    """What a case is."""

    SCAN = "scan"
    SLICE = "slice"
    LESION = "lesion"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(compare)


def compare(
    sources: Annotated[
        list[str], typer.Argument(help='Who is judged; differences are to the first. "reader:*" is all.')
    ],
    *,
    reference: Annotated[
        str, typer.Option(help="A source, or consensus, majority, latent, adjudicated:SOURCE of the panel.")
    ],
    panel: Annotated[list[str] | None, typer.Option(help="Who makes the reference; all readers.")] = None,
    library: Annotated[Path | None, typer.Option("--library", "-L", help="A library with labels.")] = None,
    url: UrlOption = None,
    split: Annotated[str, typer.Option(help='Only this part ("test", "mine:test") of a library.')] = "all",
    table: Annotated[
        Path | None, typer.Option(help="A CSV (case, source, finding, value, ...) or the reads of CQ500.")
    ] = None,
    level: Annotated[At, typer.Option(help="What a case is; lesion compares outlines of a library.")] = At.SCAN,
    finding: Annotated[list[str], typer.Option(help="What is asked; repeatable.")] = ["any"],  # noqa: B006
    threshold: Annotated[
        list[str] | None, typer.Option(help="From where on a source calls positive: 0.5, or SOURCE=NUMBER.")
    ] = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Differences of every two sources.")] = False,
    specificity: Annotated[float, typer.Option(help="At which sensitivity is read off the curve.")] = 0.9,
    sensitivity: Annotated[float, typer.Option(help="At which specificity is read off the curve.")] = 0.95,
    prevalence: Annotated[float | None, typer.Option(help="For predictive values and the day.")] = None,
    scans_per_day: Annotated[float | None, typer.Option(help="Say how many alerts a day would bring.")] = None,
    subgroup: Annotated[list[str] | None, typer.Option(help="Break down by a fact: age, scanner, ...")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a self-contained page.")] = None,
    json: JsonOption = None,
    replicates: Annotated[int, typer.Option(min=100, help="Bootstrap replicates of the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Hold readers, reports, data sets and models against a reference: the paper's table for any study.

    Example: `bregma compare --reference majority "reader:*" --table reads.csv --html readers.html`
    """
    if level is At.LESION:
        from bregma.cli.compare_outlines import compare_outlines

        asked = (sources, reference, panel or (), finding)
        compare_outlines(
            *asked, library=library, url=url, split=split, html=html, json=json, sampling=(replicates, seed)
        )
        return
    from bregma.evaluation.sources.answers import known_sources, named_sources
    from bregma.evaluation.sources.comparison import compare_sources
    from bregma.evaluation.sources.page import sources_document, sources_page
    from bregma.evaluation.sources.question import SourceQuestion, reference_named, thresholds_of
    from bregma.report.contract import write_json, write_text

    check_targets(files=[html, json], source=table)
    groups = tuple(subgroup or ())
    answers = answers_from(library, url, table, level=level.value, findings=finding, split=split, groups=groups)
    known = known_sources(answers)
    question = SourceQuestion(
        reference=reference_named(reference, known, named_sources(panel or (), known)),
        sources=named_sources(sources, known),
        thresholds=thresholds_of(threshold or (), known),
        all_pairs=all_pairs,
        specificity=specificity,
        sensitivity=sensitivity,
        prevalence=prevalence,
        scans_per_day=scans_per_day,
        subgroups=groups,
        seed=seed,
        replicates=replicates,
    )
    found = compare_sources(answers, question)
    for one in found:
        _print(one)
    if json is not None:
        write_json(json, sources_document(found, question))
    if html is not None:
        write_text(html, sources_page(found, question))
        console().print(f"page: {html}", highlight=False, soft_wrap=True)


def answers_from(
    library: Path | None,
    url: str | None,
    table: Path | None,
    *,
    level: str,
    findings: Sequence[str],
    split: str,
    groups: Sequence[str] = (),
) -> list[Answers]:
    """What sources say about findings, from a library or from a table.

    Raises:
        RequestError: both are given or none, or nothing is said.
    """
    from bregma.catalogue.library import Library
    from bregma.evaluation.sources.library_answers import BLEED_VOLUME, library_answers
    from bregma.evaluation.sources.table_answers import table_answers

    if table is not None and library is None:
        return table_answers(table, level=level, findings=findings)
    if library is None or table is not None:
        raise RequestError("give either --library or --table: the labels come from one of the two")
    name, part = part_of(split)
    with Library.open(library, url=url) as opened:
        return library_answers(
            opened, level=level, findings=findings, split=name, part=part, volumes=BLEED_VOLUME in groups
        )


def _print(one: SourceComparison) -> None:
    from bregma.evaluation.sources import rows

    named = f"{one.finding} per {one.level}"
    print_table(f"{named} (95 % intervals)", rows.PAPER_HEADER, rows.paper_rows(one), wide=True)
    for title, header, lines in (
        (f"differences, paired, {named}", rows.PAIR_HEADER, rows.pair_rows(one)),
        (f"agreement, {named}", rows.AGREEMENT_HEADER, rows.agreement_rows(one)),
        (f"subgroups, {named}", rows.SUBGROUP_HEADER, rows.subgroup_rows(one)),
        (f"operating points, {named}", rows.POINT_HEADER, rows.point_rows(one)),
        (f"expected day, {named}", rows.DAY_HEADER, rows.day_rows(one)),
    ):
        if lines:
            print_table(title, header, lines, wide=True)
    for note in rows.notes(one):
        console().print(note, highlight=False, markup=False, emoji=False, soft_wrap=True)
