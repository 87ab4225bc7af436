"""`bregma compare --level lesion`: what sources drew against what a reference drew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bregma.cli.evaluate import part_of, print_table
from bregma.cli.output import console, progress_bar
from bregma.cli.targets import check_targets
from bregma.scan.errors import RequestError


def compare_outlines(
    sources: Sequence[str],
    reference: str,
    panel: Sequence[str],
    findings: Sequence[str],
    *,
    library: Path | None,
    url: str | None,
    split: str,
    html: Path | None,
    json: Path | None,
    sampling: tuple[int, int],
) -> None:
    """Print, and write where asked; the options are those of `bregma compare`, `sampling` its replicates and seed."""
    from bregma.catalogue.library import Library
    from bregma.evaluation.sources import outline_page
    from bregma.evaluation.sources.answers import named_sources
    from bregma.evaluation.sources.outlines import compare_outlines as compare
    from bregma.evaluation.sources.question import SourceQuestion, reference_named
    from bregma.report.contract import write_json, write_text

    if library is None:
        raise RequestError("lesions are compared by their outlines, which lie in a library; give --library")
    check_targets(files=[html, json])
    name, part = part_of(split)
    with Library.open(library, url=url) as opened:
        known = opened.sources()
        question = SourceQuestion(
            reference=reference_named(reference, known, named_sources(panel, known)),
            sources=named_sources(sources, known),
            replicates=sampling[0],
            seed=sampling[1],
        )
        with progress_bar("comparing") as progress:
            found = compare(opened, question, findings, split=name, part=part, progress=progress)
    for title, header, rows in (
        ("outlines (95 % intervals over patients)", outline_page.LESION_HEADER, outline_page.lesion_rows(found)),
        ("volumes, source less reference", outline_page.VOLUME_HEADER, outline_page.volume_rows(found)),
    ):
        if rows:
            print_table(title, header, rows, wide=True)
    for note in outline_page.outline_notes(found):
        console().print(note, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if json is not None:
        write_json(json, outline_page.outlines_document(found, question))
    if html is not None:
        write_text(html, outline_page.outlines_page(found, question))
        console().print(f"page: {html}", highlight=False, soft_wrap=True)
