"""Measure packages on a part of a library: every scan read as it would be read, then counted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bregma.catalogue.records import ScanRecord, without_mr
from bregma.evaluation.bootstrap import REPLICATES
from bregma.evaluation.cases import SCAN, SLICE, Cases, cases_of, pooled
from bregma.evaluation.evaluation import Cost, Evaluation, Setup
from bregma.evaluation.figures import SPECIFICITY
from bregma.evaluation.leakage import Leakage, find_leakage
from bregma.evaluation.lesion_figures import ceiling_of, lesion_figures
from bregma.evaluation.levels import Level, Point, measure_level
from bregma.evaluation.score import Clock, Labelled, Predicts, score_scan
from bregma.evaluation.scored import Excluded, Scored, exclusions
from bregma.evaluation.worst import WorstError, worst_errors
from bregma.models.package import Package
from bregma.models.predictor import Predictor
from bregma.scan.counted import counted
from bregma.scan.errors import LibraryError, RequestError

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every package.

    Attributes:
        split: name of a stored split; None for the whole library.
        part: such as "test"; None for all parts.
        sources: whose labels are the truth; all but models when None.
        seed: of the resamples; the same seed gives the same intervals.
        replicates: resamples of patients.
        specificity: at which sensitivity is read off the ROC curve, more than 0 and less than 1.
    """

    split: str | None
    part: str | None
    sources: tuple[str, ...] | None = None
    seed: int = 0
    replicates: int = REPLICATES
    specificity: float = SPECIFICITY

    def __post_init__(self) -> None:
        if not 0.0 < self.specificity < 1.0:
            raise RequestError(f"specificity is {self.specificity:g}; expected a share between 0 and 1, such as 0.9")


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """A package to be measured.

    Attributes:
        package: from `load_package`, or a predictor that is already open.
        label: its name among those measured together; the package's own when empty.
        group: what it is taken together with, such as other seeds of its recipe; the label when empty.
    """

    package: Package | Predicts
    label: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who times the networks, and where.

    Attributes:
        clock: seconds from any start, such as `time.perf_counter`.
        machine: in words: processor and cores.
    """

    clock: Clock
    machine: str


def evaluate_package(
    package: Package | Predicts,
    library: Labelled,
    *,
    split: str | None,
    part: str | None,
    sources: Sequence[str] | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Evaluation:
    """`evaluate_packages` for one package; arguments as in `Question`."""
    question = Question(split, part, None if sources is None else tuple(sources), seed, replicates)
    return evaluate_packages([Contender(package)], library, question, progress=progress)[0]


def evaluate_packages(
    contenders: Sequence[Contender],
    library: Labelled,
    question: Question,
    *,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> list[Evaluation]:
    """Read every scan of a part with every package and compare with what is known of it.

    Args:
        contenders: at least one package.
        library: scans, pixels and labels.
        question: which part, whose truth, how many resamples.
        progress: called with (done, total) after each scan.
        watch: to time the networks; None for no times.

    Returns:
        one per package, in their order.

    Raises:
        RequestError: there is no such split or part, or no scan in it.
        PackageError: a package cannot be run.
    """
    predictors = [Predictor(c.package) if isinstance(c.package, Package) else c.package for c in contenders]
    records = without_mr(library.scans(question.split, question.part))
    if not records:
        raise RequestError(
            f"part {question.part!r} of split {question.split!r} has no scan; nothing can be measured on it"
        )
    scans, damaged = _score_all(records, library, predictors, question, progress, watch)
    if not scans:
        raise RequestError(f"none of {counted(len(records), 'scan')} could be read; the first: {damaged[0].reason}")
    leakage = _leakage(records, library, question)
    return [
        conclude(
            _setup(contender, predictor.package, question),
            [row[place] for row in scans],
            predictor.package,
            damaged=damaged,
            leakage=leakage,
            machine=watch.machine if watch else None,
        )
        for place, (contender, predictor) in enumerate(zip(contenders, predictors, strict=True))
    ]


def conclude(
    setup: Setup,
    scans: Sequence[Scored],
    package: Package,
    *,
    damaged: Sequence[Excluded],
    leakage: Leakage,
    machine: str | None = None,
) -> Evaluation:
    """Count: everything that follows from scores and truth, without pixels.

    Args:
        setup: what was run on what.
        scans: at least one.
        package: for its operating points and its rule.
        damaged: scans that could not be read.
        leakage: from `find_leakage`.
        machine: where the networks were timed.
    """
    levels: list[Level] = []
    worst: list[WorstError] = []
    by_uid = {scan.series_uid: scan for scan in scans}
    for number, cases in enumerate(_everything(scans)):
        rng = np.random.default_rng([setup.seed, number])
        points = points_of(package, cases)
        levels.append(measure_level(cases, points, rng, replicates=setup.replicates, specificity=setup.specificity))
        if cases.finding in package.findings:
            worst.extend(worst_errors(cases, by_uid, threshold=package.rule.threshold))
    rng = np.random.default_rng([setup.seed, len(levels)])
    return Evaluation(
        setup=setup,
        recipe=package.card.recipe,
        recipe_digest=package.card.recipe_digest,
        cost=_cost(package, scans, machine),
        scans=tuple(scans),
        levels=tuple(levels),
        lesions=lesion_figures(scans, rng, replicates=setup.replicates),
        ceiling=ceiling_of(scans, package.rule),
        worst=tuple(worst),
        excluded=(*damaged, *(one for scan in scans for one in exclusions(scan))),
        leakage=leakage,
    )


def points_of(package: Package, cases: Cases) -> tuple[Point, ...]:
    """The rule's own threshold, then the package's operating points for this level and finding."""
    rule = Point("rule", package.rule.threshold, "the threshold of the package's rule")
    chosen = [p for p in package.operating_points if (p.level, p.finding) == (cases.level, cases.finding)]
    return (rule, *(Point(p.name, p.threshold, p.aim) for p in chosen))


def _everything(scans: Sequence[Scored]) -> list[Cases]:
    """Cases of every finding, scans first, then slices; then all findings pooled, where there are several."""
    columns = range(len(scans[0].findings))
    by_level = [[cases_of(scans, level, k) for k in columns] for level in (SCAN, SLICE)]
    together = [pooled(parts) for parts in by_level if len(parts) > 1]
    return [*by_level[0], *by_level[1], *together]


def _score_all(
    records: Sequence[ScanRecord],
    library: Labelled,
    predictors: Sequence[Predicts],
    question: Question,
    progress: Progress | None,
    watch: Watch | None,
) -> tuple[list[list[Scored]], list[Excluded]]:
    """One scan in memory at a time; a damaged one is a row, not a stop."""
    scans: list[list[Scored]] = []
    damaged: list[Excluded] = []
    clock = watch.clock if watch else None
    for done, record in enumerate(records, start=1):
        try:
            scans.append(score_scan(record, library, predictors, sources=question.sources, clock=clock))
        except LibraryError as error:
            _log.warning("series %s is left out of the evaluation: %s", record.series_uid, error)
            damaged.append(Excluded(record.series_uid, SCAN, None, 0, str(error)))
        if progress:
            progress(done, len(records))
    return scans, damaged


def _setup(contender: Contender, package: Package, question: Question) -> Setup:
    label = contender.label or package.name
    return Setup(
        label=label,
        group=contender.group or label,
        package=package.name,
        version=package.version,
        digest=package.digest,
        preprocessing=package.preprocessing.digest,
        rule=package.rule,
        split=question.split,
        part=question.part,
        sources=question.sources,
        seed=question.seed,
        replicates=question.replicates,
        specificity=question.specificity,
    )


def _cost(package: Package, scans: Sequence[Scored], machine: str | None) -> Cost:
    seconds = [scan.seconds for scan in scans if scan.seconds is not None]
    return Cost(
        parameters=package.card.parameters,
        macs=package.card.macs,
        model_bytes=len(package.model_bytes()),
        arithmetic=package.card.arithmetic or "fp32",
        seconds=float(np.median(seconds)) if seconds else None,
        seconds_p90=float(np.quantile(seconds, 0.9)) if seconds else None,
        machine=machine if seconds else None,
    )


def _leakage(records: Sequence[ScanRecord], library: Labelled, question: Question) -> Leakage:
    if question.split is None or question.part is None:
        return Leakage(0, (), (), ())
    here = {record.series_uid for record in records}
    return find_leakage(
        records, [r for r in without_mr(library.scans(question.split)) if r.series_uid not in here], library
    )
