"""Several packages become one answer: means of their calibrated probabilities, and of their thresholds.

A scan on which every package sits exactly at its own threshold sits exactly at the combined one. The order of the
packages does not matter, and one package alone is left as it is. See docs/decisions/0005-several-packages.md.

Letters: D slices, K findings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.models.aggregate import Rule, consistent
from bregma.models.manifest import Package
from bregma.scan.terms import ANY, FINDINGS

POINT = "f1"
"""The operating point by which a finding is called, as for the rule; a package may lack it."""


@dataclass(frozen=True, slots=True)
class Combination:
    """What several packages answer between them, and from where on they call it.

    Attributes:
        findings: K names in the order of scan.terms; `any` is always among them.
        rule: slices to scan, for `any`.
        scan_points: per finding, the scan score from which it is called; a finding without a point is missing.
        slice_points: the same for the probability of a slice.
    """

    findings: tuple[str, ...]
    rule: Rule
    scan_points: dict[str, float]
    slice_points: dict[str, float]


def combination_of(packages: Sequence[Package]) -> Combination:
    """Findings, rule and points of packages together.

    The rule's threshold is the mean over the packages that answer `any` (over all when none does). Where the rules ask
    for runs of different lengths the shorter one is taken, so that no bleed is lost to another package's run.
    A finding's point is the mean over the packages that answer it and have a point for it.

    Args:
        packages: at least one.
    """
    given = {ANY}.union(*(package.findings for package in packages))
    findings = tuple(term.name for term in FINDINGS if term.name in given)
    rule = Rule(
        run_slices=min(package.rule.run_slices for package in packages),
        run_mm=min(package.rule.run_mm for package in packages),
        threshold=_mean(package.rule.threshold for package in _answering(packages, ANY) or packages),
    )
    return Combination(findings, rule, _points(packages, "scan", rule), _points(packages, "slice", rule))


def combined_probabilities(
    packages: Sequence[Package], probabilities: Sequence[NDArray[np.float32]], findings: Sequence[str]
) -> NDArray[np.float32]:
    """(D, K) per finding the mean over the packages that answer it; `any` never below the likeliest subtype.

    Each package is made consistent by itself first, because its thresholds were chosen on consistent answers.

    Args:
        packages: those that answered.
        probabilities: per package (D, its own findings), calibrated.
        findings: K names, as in `Combination.findings`.
    """
    answers = [consistent(one, package.findings) for package, one in zip(packages, probabilities, strict=True)]
    columns = []
    for name in findings:
        given = [
            answer[:, package.findings.index(name)]
            for package, answer in zip(packages, answers, strict=True)
            if name in package.findings
        ]
        # sorted, so that the last digit does not depend on the order of the packages
        columns.append(
            np.sort(given, axis=0).mean(axis=0, dtype=np.float64) if given else np.zeros(len(probabilities[0]))
        )
    return consistent(np.stack(columns, axis=1).astype(np.float32), findings)


def _points(packages: Sequence[Package], level: str, rule: Rule) -> dict[str, float]:
    """Per finding the mean of the packages' points; that of `any` is the rule's threshold."""
    found = {ANY: [rule.threshold]}
    for package in packages:
        for point in package.operating_points:
            sought = point.name == POINT and point.level == level and point.finding in package.findings
            if sought and point.finding != ANY:
                found.setdefault(point.finding, []).append(point.threshold)
    return {term.name: _mean(found[term.name]) for term in FINDINGS if term.name in found}


def _answering(packages: Sequence[Package], finding: str) -> list[Package]:
    return [package for package in packages if finding in package.findings]


def _mean(values: Iterable[float]) -> float:
    """Exact before it is rounded, so that the order does not matter."""
    given = list(values)
    return math.fsum(given) / len(given)
