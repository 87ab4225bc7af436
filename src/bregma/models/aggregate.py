"""From slices to a scan: the run rule, the scan's score, and the words that may be said.

Grewal et al. 2018, section 3: a scan is positive if at least 3 *consecutive* slices are. The paper's slices are about
1.5 mm apart, so that is 4.5 mm of head. On 5 mm scans three slices are 15 mm, and a small bleed would be missed by
construction. The rule is therefore whichever is reached first: 3 slices or 4.5 mm. Up to 2.2 mm apart that is the
paper's rule to the letter; from 4.5 mm apart one slice is enough. See docs/decisions/0003-run-rule.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bregma.scan import study
from bregma.scan.errors import RequestError
from bregma.scan.terms import ANY, SUBTYPES
from bregma.scan.volume import Geometry, Scan

Positive = NDArray[np.bool_]

SUSPECTED = "hemorrhage suspected"
NOTHING_FOUND = "no hemorrhage found"
INCOMPLETE = "incomplete"
NOT_ASSESSED = "not assessed"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a run of neighbouring positive slices makes a positive scan.

    Attributes:
        run_slices: this many slices are enough.
        run_mm: so are slices that together stand for this much of the head, however few.
        threshold: a slice is positive from this probability on.
    """

    run_slices: int = 3
    run_mm: float = 4.5
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.run_slices < 1 or not self.run_mm > 0 or not self.threshold > 0:
            raise RequestError(
                f"rule has run_slices {self.run_slices}, run_mm {self.run_mm} and threshold {self.threshold}; "
                "expected at least 1 slice, more than 0 mm and a threshold above 0"
            )

    def __str__(self) -> str:
        return (
            f"positive from {self.run_slices} neighbouring slices, or {self.run_mm:g} mm of them, "
            f"with a probability of at least {self.threshold:.3g}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of a whole scan.

    Attributes:
        word: "hemorrhage suspected", "no hemorrhage found", "incomplete" or "not assessed".
        reason: why it is incomplete or not assessed; "" otherwise.
    """

    word: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecallCeiling:
    """How many truly positive scans a rule could find if every slice were answered rightly.

    Attributes:
        scans: scans with at least one truly positive slice.
        reachable: those of them in which the rule fires on the truth itself.
    """

    scans: int
    reachable: int

    @property
    def recall(self) -> float | None:
        """Share of them that is reachable; None without positive scans."""
        return self.reachable / self.scans if self.scans else None


def reach_mm(geometry: Geometry | None) -> NDArray[np.float64] | None:
    """(D,) mm of head that each slice stands for: half-way to its neighbours; None where nobody knows."""
    if geometry is None or geometry.slices < 2:
        return None
    spacing = np.abs(geometry.spacing_mm)
    return np.concatenate([spacing[:1], (spacing[1:] + spacing[:-1]) / 2, spacing[-1:]])


def longest_run(positive: ArrayLike) -> int:
    """Length of the longest run of neighbouring True."""
    longest = current = 0
    for value in np.asarray(positive, dtype=np.bool_).tolist():
        current = current + 1 if value else 0
        longest = max(longest, current)
    return longest


def qualifying(positive: ArrayLike, reach: NDArray[np.float64] | None, rule: Rule) -> Positive:
    """(D,) which slices belong to a run that the rule takes for a bleed.

    Args:
        positive: (D,) bool.
        reach: (D,) from `reach_mm`; None when distances are unknown, and then only slices are counted.
        rule: a run of the whole scan is always enough, however short the scan.
    """
    chosen = np.zeros(len(np.asarray(positive)), dtype=np.bool_)
    for start, stop in _runs(np.asarray(positive, dtype=np.bool_)):
        covered = 0.0 if reach is None else float(reach[start:stop].sum())
        if stop - start >= min(rule.run_slices, len(chosen)) or covered >= rule.run_mm - 1e-6:
            chosen[start:stop] = True
    return chosen


def scan_score(probabilities: ArrayLike, reach: NDArray[np.float64] | None, rule: Rule) -> float:
    """The highest threshold at which the rule would still call the scan positive.

    So `scan_score >= rule.threshold` and the rule say the same, and a scan has one number for ROC curves: of all runs
    that are just long enough, the one whose least suspicious slice is the most suspicious.

    Args:
        probabilities: (D,) of one finding, foot to head.
        reach: (D,) from `reach_mm`, or None.
        rule: its threshold plays no part here.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if len(values) == 0:
        raise ValueError("a scan of 0 slices has no score; expected at least one slice")
    best = 0.0
    for start in range(len(values)):
        stop = start + _enough(start, len(values), reach, rule)
        if stop <= len(values):
            best = max(best, float(values[start:stop].min()))
    return best


def scan_verdict(scan: Scan, score: float | None, rule: Rule) -> Verdict:
    """The words for a scan; "no hemorrhage found" only when all of the head was read.

    Args:
        scan: what was read, with its warnings.
        score: `scan_score` of `any`; None when no network ran.
        rule: of the package.
    """
    if scan.refusal is not None:
        return Verdict(NOT_ASSESSED, scan.refusal.reason)
    if score is None:
        return Verdict(NOT_ASSESSED, "no model was run on this scan")
    if score >= rule.threshold:
        return Verdict(SUSPECTED)
    if not scan.wholly_covered:
        lacking = [warning.message for warning in scan.warnings if warning.code in study.INCOMPLETE]
        return Verdict(INCOMPLETE, "; ".join(lacking))
    if scan.volume.geometry is None:
        return Verdict(INCOMPLETE, "slice positions are unknown, so nobody can tell whether slices are missing")
    return Verdict(NOTHING_FOUND)


def consistent(probabilities: NDArray[np.float32], findings: Sequence[str]) -> NDArray[np.float32]:
    """Raise `any` to at least the likeliest subtype, since any of them implies it.

    Args:
        probabilities: (..., K).
        findings: K names.
    """
    if ANY not in findings:
        return probabilities
    subtypes = [place for place, name in enumerate(findings) if name in SUBTYPES]
    raised = probabilities.copy()
    if subtypes:
        at = list(findings).index(ANY)
        raised[..., at] = np.maximum(probabilities[..., at], probabilities[..., subtypes].max(axis=-1))
    return raised


def recall_ceiling(truths: Sequence[tuple[ArrayLike, NDArray[np.float64] | None]], rule: Rule) -> RecallCeiling:
    """How much recall a rule leaves within reach on the data at hand.

    Args:
        truths: per scan, (D,) true slice labels and (D,) `reach_mm` or None.
        rule: the rule of the package.
    """
    positive = [(np.asarray(labels, dtype=np.float64) >= 0.5, reach) for labels, reach in truths]
    positive = [(labels, reach) for labels, reach in positive if labels.any()]
    reachable = sum(bool(qualifying(labels, reach, rule).any()) for labels, reach in positive)
    return RecallCeiling(len(positive), reachable)


def _enough(start: int, slices: int, reach: NDArray[np.float64] | None, rule: Rule) -> int:
    """How many slices from `start` on make the shortest run that the rule takes."""
    enough = min(rule.run_slices, slices)
    if reach is None:
        return enough
    covered = np.cumsum(reach[start : start + enough])
    by_mm = int(np.searchsorted(covered, rule.run_mm - 1e-6)) + 1
    return by_mm if by_mm <= len(covered) else enough


def _runs(positive: Positive) -> list[tuple[int, int]]:
    """(start, stop) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], positive, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
