"""Figures over lesions, and how much recall the run rule leaves within reach. Letters: P patients, R resamples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bregma.evaluation.bootstrap import bootstrap, patient_codes, per_patient
from bregma.evaluation.evaluation import Ceiling, Lesions
from bregma.evaluation.intervals import wilson
from bregma.evaluation.localisation.froc import froc
from bregma.evaluation.measure import Measure, ratio, resampled, resampled_share
from bregma.evaluation.metrics import Floats
from bregma.evaluation.scored import Scored
from bregma.models.aggregate import Rule, recall_ceiling
from bregma.scan.terms import ANY


def lesion_figures(scans: Sequence[Scored], rng: np.random.Generator, *, replicates: int) -> Lesions | None:
    """Lesions found and imagined, over the scans that have both masks; None when there is no such scan.

    Args:
        scans: of one package.
        rng: where resamples of patients come from.
        replicates: how many.
    """
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
    marked = [scan.marked for scan in scans if scan.marked is not None]
    curve = froc(marked, rng, replicates=replicates) if any(one.lesions for one in marked) else None
    return Lesions(len(drawn), int(lesions.sum()), int(found.sum()), int(false.sum()), measures, curve)


def ceiling_of(scans: Sequence[Scored], rule: Rule) -> Ceiling:
    """What the rule can reach: over scans of which every slice is known for `any`, or else for the first finding.

    Args:
        scans: of one package, at least one.
        rule: slices to scan.
    """
    findings = scans[0].findings
    column = findings.index(ANY) if ANY in findings else 0
    known = [scan for scan in scans if scan.slice_usable(column).all()]
    counts = recall_ceiling([(scan.slice_truth[:, column], scan.reach_mm) for scan in known], rule)
    if counts.recall is None:
        return Ceiling(counts, Measure("recall_ceiling", None, reason="no positive scan has all its slices labelled"))
    return Ceiling(counts, Measure("recall_ceiling", counts.recall, wilson(counts.reachable, counts.scans)))
