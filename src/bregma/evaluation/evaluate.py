"""Measure a package on a part of a library: every scan read as it would be read, then counted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.bootstrap import REPLICATES, bootstrap, patient_codes, per_patient
from bregma.evaluation.cases import SCAN, SLICE, Cases, cases_of
from bregma.evaluation.evaluation import Ceiling, Evaluation, Lesions, Setup
from bregma.evaluation.intervals import wilson
from bregma.evaluation.leakage import Leakage, find_leakage
from bregma.evaluation.levels import Level, Point, measure_level
from bregma.evaluation.measure import Measure, ratio, resampled, resampled_share
from bregma.evaluation.metrics import Floats
from bregma.evaluation.score import Labelled, Predicts, score_scan
from bregma.evaluation.scored import Excluded, Scored, exclusions
from bregma.evaluation.worst import WorstError, worst_errors
from bregma.models.aggregate import Rule, recall_ceiling
from bregma.models.package import Package
from bregma.models.predictor import Predictor
from bregma.scan.counted import counted
from bregma.scan.errors import LibraryError, RequestError
from bregma.scan.terms import ANY

_log = logging.getLogger(__name__)


def evaluate_package(
    package: Package | Predicts,
    library: Labelled,
    *,
    split: str | None,
    part: str | None,
    sources: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Evaluation:
    """Read every scan of a part and compare with what is known of it.

    Args:
        package: from `load_package`, or a predictor that is already open.
        library: scans, pixels and labels.
        split: name of a stored split; None for the whole library.
        part: such as "test"; None for all parts.
        sources: whose labels are the truth; all but models when None.
        progress: called with (done, total) after each scan.
        seed: of the resamples; the same seed gives the same intervals.
        replicates: resamples of patients.

    Raises:
        RequestError: there is no such split or part, or no scan in it.
        PackageError: the package cannot be run.
    """
    predictor: Predicts = Predictor(package) if isinstance(package, Package) else package
    records = library.scans(split, part)
    if not records:
        raise RequestError(f"part {part!r} of split {split!r} has no scan; nothing can be measured on it")
    scans, damaged = _score_all(records, library, predictor, sources, progress)
    if not scans:
        raise RequestError(f"none of {counted(len(records), 'scan')} could be read; the first: {damaged[0].reason}")
    setup = _setup(predictor.package, split, part, sources, seed, replicates)
    return conclude(
        setup,
        scans,
        predictor.package,
        damaged=damaged,
        leakage=_leakage(records, library, split, part),
    )


def conclude(
    setup: Setup, scans: Sequence[Scored], package: Package, *, damaged: Sequence[Excluded], leakage: Leakage
) -> Evaluation:
    """Count: everything that follows from scores and truth, without pixels.

    Args:
        setup: what was run on what.
        scans: at least one.
        package: for its operating points and its rule.
        damaged: scans that could not be read.
        leakage: from `find_leakage`.
    """
    levels: list[Level] = []
    worst: list[WorstError] = []
    by_uid = {scan.series_uid: scan for scan in scans}
    for number, (level, column) in enumerate(
        (level, k) for level in (SCAN, SLICE) for k in range(len(package.findings))
    ):
        cases = cases_of(scans, level, column)
        rng = np.random.default_rng([setup.seed, number])
        levels.append(measure_level(cases, points_of(package, cases), rng, replicates=setup.replicates))
        worst.extend(worst_errors(cases, by_uid, threshold=package.rule.threshold))
    rng = np.random.default_rng([setup.seed, len(levels)])
    return Evaluation(
        setup=setup,
        scans=tuple(scans),
        levels=tuple(levels),
        lesions=_lesions(scans, rng, setup.replicates),
        ceiling=_ceiling(scans, package.rule),
        worst=tuple(worst),
        excluded=(*damaged, *(one for scan in scans for one in exclusions(scan))),
        leakage=leakage,
    )


def points_of(package: Package, cases: Cases) -> tuple[Point, ...]:
    """The rule's own threshold, then the package's operating points for this level and finding."""
    rule = Point("rule", package.rule.threshold, "the threshold of the package's rule")
    chosen = [p for p in package.operating_points if (p.level, p.finding) == (cases.level, cases.finding)]
    return (rule, *(Point(p.name, p.threshold, p.aim) for p in chosen))


def _score_all(
    records: Sequence[ScanRecord],
    library: Labelled,
    predictor: Predicts,
    sources: Sequence[str] | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[Scored], list[Excluded]]:
    """One scan in memory at a time; a damaged one is a row, not a stop."""
    scans: list[Scored] = []
    damaged: list[Excluded] = []
    for done, record in enumerate(records, start=1):
        try:
            scans.append(score_scan(record, library, predictor, sources=sources))
        except LibraryError as error:
            _log.warning("series %s is left out of the evaluation: %s", record.series_uid, error)
            damaged.append(Excluded(record.series_uid, SCAN, None, 0, str(error)))
        if progress:
            progress(done, len(records))
    return scans, damaged


def _setup(
    package: Package, split: str | None, part: str | None, sources: Sequence[str] | None, seed: int, replicates: int
) -> Setup:
    return Setup(
        package=package.name,
        version=package.version,
        digest=package.digest,
        preprocessing=package.preprocessing.digest,
        rule=package.rule,
        split=split,
        part=part,
        sources=None if sources is None else tuple(sources),
        seed=seed,
        replicates=replicates,
    )


def _leakage(records: Sequence[ScanRecord], library: Labelled, split: str | None, part: str | None) -> Leakage:
    if split is None or part is None:
        return Leakage(0, (), (), ())
    here = {record.series_uid for record in records}
    return find_leakage(records, [r for r in library.scans(split) if r.series_uid not in here], library)


def _lesions(scans: Sequence[Scored], rng: np.random.Generator, replicates: int) -> Lesions | None:
    """Lesion figures over the scans that have both masks."""
    drawn = [(scan.patient, scan.overlap) for scan in scans if scan.overlap is not None]
    if not drawn:
        return None
    lesions, found, false = (
        np.array([getattr(overlap, name) for _, overlap in drawn], dtype=np.float64)
        for name in ("lesions", "found", "false")
    )
    bleeding = (lesions > 0).astype(np.float64)
    dice = np.array([overlap.dice or 0.0 for _, overlap in drawn]) * bleeding
    codes = patient_codes([patient for patient, _ in drawn])

    sums = per_patient(np.column_stack([found, lesions, false, np.ones_like(false), dice, bleeding]), codes).T

    def figures(weights: Floats) -> Floats:
        return np.stack([ratio(sums[i], sums[i + 1], weights) for i in (0, 2, 4)], axis=1)

    values = figures(np.ones((1, sums.shape[1])))[0]
    draws = bootstrap(figures, codes, rng, replicates=replicates)
    measures = (
        resampled_share(
            "lesion_recall", values[0], draws[:, 0], counted=lesions > 0, codes=codes, unless="there is no true lesion"
        ),
        resampled("false_lesions_per_scan", values[1], draws[:, 1], unless="there is no scan"),
        resampled("dice", values[2], draws[:, 2], unless="there is no true lesion"),
    )
    return Lesions(len(drawn), int(lesions.sum()), int(found.sum()), int(false.sum()), measures)


def _ceiling(scans: Sequence[Scored], rule: Rule) -> Ceiling:
    """Over scans of which every slice is known for `any`, or for the first finding of a package without it."""
    findings = scans[0].findings
    column = findings.index(ANY) if ANY in findings else 0
    known = [scan for scan in scans if scan.slice_usable(column).all()]
    counts = recall_ceiling([(scan.slice_truth[:, column], scan.reach_mm) for scan in known], rule)
    if counts.recall is None:
        return Ceiling(counts, Measure("recall_ceiling", None, reason="no positive scan has all its slices labelled"))
    return Ceiling(counts, Measure("recall_ceiling", counts.recall, wilson(counts.reachable, counts.scans)))
