"""`bregma readers`: a multi-reader multi-case study, from its table or from sources."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.evaluate import print_table
from bregma.cli.library import UrlOption
from bregma.cli.output import console
from bregma.cli.reader_sources import Asked, Places, study_asked, study_file
from bregma.cli.targets import check_targets

if TYPE_CHECKING:
    from bregma.evaluation.mrmc.analysis import Analysis
    from bregma.evaluation.mrmc.inference import Factors
    from bregma.evaluation.mrmc.merit import Merit
    from bregma.evaluation.mrmc.reader_study import ReaderStudy


class Method(StrEnum):
    """Whose analysis."""

    OR = "or"
    DBM = "dbm"


class At(StrEnum):
    """What a case is."""

    SCAN = "scan"
    SLICE = "slice"


class Covariance(StrEnum):
    """How covariances are found."""

    JACKKNIFE = "jackknife"
    DELONG = "delong"
    BOOTSTRAP = "bootstrap"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(readers)


def readers(
    reads: Annotated[
        list[str] | None, typer.Argument(help="A CSV of the study; or, of a --library or --table, who reads.")
    ] = None,
    *,
    library: Annotated[Path | None, typer.Option("--library", "-L", help="A library with labels.")] = None,
    url: UrlOption = None,
    split: Annotated[str, typer.Option(help='Only this part ("test", "mine:test") of a library.')] = "all",
    table: Annotated[Path | None, typer.Option(help="A CSV of sources, as of bregma compare.")] = None,
    level: Annotated[At, typer.Option(help="What a case is.")] = At.SCAN,
    finding: Annotated[str, typer.Option(help="What is asked of sources.")] = "any",
    reference: Annotated[
        str | None, typer.Option(help="A source, or consensus, majority, latent, adjudicated:SOURCE of the panel.")
    ] = None,
    panel: Annotated[list[str] | None, typer.Option(help="Who makes the reference; all readers.")] = None,
    treatment: Annotated[list[str] | None, typer.Option(help="NAME=SOURCE,SOURCE,...; repeatable.")] = None,
    nested: Annotated[bool, typer.Option("--nested", help="Other readers under each treatment.")] = False,
    merit: Annotated[str, typer.Option(help="auc, sensitivity, specificity or accuracy.")] = "auc",
    threshold: Annotated[float | None, typer.Option(help="The least rating that counts as positive.")] = None,
    method: Annotated[Method, typer.Option(help="Obuchowski-Rockette or Dorfman-Berbaum-Metz.")] = Method.OR,
    covariance: Annotated[Covariance, typer.Option(help="How covariances are found.")] = Covariance.JACKKNIFE,
    fixed_readers: Annotated[bool, typer.Option("--fixed-readers", help="Conclude on these readers only.")] = False,
    fixed_cases: Annotated[bool, typer.Option("--fixed-cases", help="Conclude on these cases only.")] = False,
    plan: Annotated[float | None, typer.Option(help="Difference that a planned study shall find.")] = None,
    power: Annotated[float, typer.Option(min=0.01, max=0.999, help="Chance to find it.")] = 0.8,
    json: Annotated[Path | None, typer.Option("--json", help="Write everything as JSON.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Analyse a study in which several readers read the same cases under one or more treatments.

    Example: `bregma readers study.csv --merit sensitivity --threshold 3`
    """
    from bregma.evaluation.mrmc import planning, rows
    from bregma.evaluation.mrmc.inference import Factors
    from bregma.evaluation.mrmc.merit import merit_named
    from bregma.report.contract import write_json

    asked = Asked(reads or [], treatment or [], reference, panel or [], nested)
    places = Places(library, url, table, split, level.value, finding)
    check_targets(files=[json], source=study_file(asked, places))
    figure, factors = merit_named(merit, threshold), Factors(not fixed_readers, not fixed_cases)
    found = study_asked(asked, places)
    analysis = _analyse(found.study, figure, method, covariance, factors, seed)
    planned = () if plan is None else planning.plan(analysis.components, plan, target=power, factors=factors)
    _print(analysis)
    for note in found.notes:
        console().print(note, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if planned:
        counted = f"cases as {analysis.merit} counts them"
        print_table(
            f"a difference of {plan:g}, power {power:g}; {counted}",
            rows.PLAN_HEADER,
            rows.plan_rows(planned),
            wide=True,
        )
    if json is not None:
        write_json(json, {**rows.document(analysis, planned), **found.document})


def _analyse(
    study: ReaderStudy, merit: Merit, method: Method, covariance: Covariance, factors: Factors, seed: int
) -> Analysis:
    import numpy as np

    from bregma.evaluation.mrmc.analysis import analyse
    from bregma.evaluation.mrmc.covariance import COVARIANCES, bootstrap
    from bregma.evaluation.mrmc.pseudovalues import anova
    from bregma.scan.errors import RequestError

    if method is Method.DBM and covariance is not Covariance.JACKKNIFE:
        raise RequestError(f"pseudovalues are a jackknife; leave --covariance {covariance} out, or take --method or")
    if covariance is Covariance.BOOTSTRAP:
        estimates = bootstrap(study, merit, np.random.default_rng(seed))
    else:
        estimates = COVARIANCES[covariance](study, merit)
    components = anova(study, merit).components if method is Method.DBM else None
    return analyse(study, estimates, factors, merit=merit.title, components=components)


def _print(analysis: Analysis) -> None:
    from bregma.evaluation.mrmc import rows

    console().print(rows.title(analysis), highlight=False, markup=False, soft_wrap=True)
    print_table("analysis of variance", rows.ANOVA_HEADER, rows.anova_rows(analysis.components), wide=True)
    print_table("variances", rows.COMPONENTS_HEADER, rows.component_rows(analysis.components), wide=True)
    print_table("figures", rows.MEANS_HEADER, rows.mean_rows(analysis), wide=True)
    if analysis.differences:
        print_table("differences", rows.DIFFERENCES_HEADER, rows.difference_rows(analysis), wide=True)
    console().print(rows.test_sentence(analysis), highlight=False, markup=False, soft_wrap=True)
