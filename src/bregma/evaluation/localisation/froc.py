"""Free-response ROC: lesions found against false marks per scan (Bunch et al. 1978), with intervals over patients.

Letters: P patients, R resamples, T thresholds (the different scores, highest first).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.bootstrap import REPLICATES, bootstrap, patient_codes
from bregma.evaluation.localisation.marks import WITHIN_MM, MarkedScan, Matched, match
from bregma.evaluation.measure import Measure, resampled, resampled_share
from bregma.evaluation.metrics import Floats
from bregma.evaluation.ranking import Indices, rank
from bregma.scan.errors import RequestError

RATES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""False marks per scan at which the share of lesions found is told."""
_LAST_DIGITS = 1e-12


@dataclass(frozen=True, slots=True)
class Froc:
    """A FROC curve with its figures.

    Attributes:
        scans: how many.
        lesions: on all of them.
        false_per_scan: rising, one per threshold.
        found: share of lesions found at each of them.
        at_rates: share of lesions found at each of `RATES` at most; Measure names are "lesions_found_at_0.5" and so on.
        afroc_area: chance that a lesion scores above the worst false mark of a scan without lesions.
    """

    scans: int
    lesions: int
    false_per_scan: tuple[float, ...]
    found: tuple[float, ...]
    at_rates: tuple[Measure, ...]
    afroc_area: Measure


def froc(
    scans: Sequence[MarkedScan],
    rng: np.random.Generator,
    *,
    within_mm: float = WITHIN_MM,
    replicates: int = REPLICATES,
) -> Froc:
    """Measure marks against lesions.

    Args:
        scans: of one reader or model, at least one with a lesion.
        rng: where resamples of patients come from.
        within_mm: of the matching rule.
        replicates: R.

    Raises:
        RequestError: there is no lesion.
    """
    matched = [match(scan, within_mm=within_mm) for scan in scans]
    if not any(one.found for one in matched):
        raise RequestError(f"none of {len(scans)} scans has a lesion; a FROC curve needs at least one")
    codes = patient_codes([scan.patient for scan in scans])
    events = _events(matched, codes)
    everyone = np.ones((1, int(codes.max()) + 1))
    false, found = (part[0] for part in events.curves(everyone))
    draws = bootstrap(lambda weights: events.at_rates(weights), codes, rng, replicates=replicates)
    at_rates = tuple(
        _found_at(rate, float(value), draws[:, place], events.lesions)
        for place, (rate, value) in enumerate(zip(RATES, events.at_rates(everyone)[0], strict=True))
    )
    area = _afroc_area(matched, codes, rng, replicates)
    return Froc(len(scans), len(events.lesions), tuple(false.tolist()), tuple(found.tolist()), at_rates, area)


def _found_at(rate: float, value: float, draws: Floats, patients: Indices) -> Measure:
    everyone = np.ones(len(patients), dtype=bool)
    name, unless = f"lesions_found_at_{rate:g}", "there is no lesion"
    return resampled_share(name, value, draws, counted=everyone, codes=patients, unless=unless)


@dataclass(frozen=True, slots=True, eq=False)
class _Events:
    """Hits and false marks sorted once, highest score first.

    Attributes:
        scans: patient of each scan.
        lesions: patient of each lesion.
        hits: patient of each lesion that was ever found.
        false: patient of each false mark.
        hits_until: (T,) hits at each threshold and above.
        false_until: (T,) false marks at each threshold and above.
    """

    scans: Indices
    lesions: Indices
    hits: Indices
    false: Indices
    hits_until: Indices
    false_until: Indices

    def curves(self, weights: Floats) -> tuple[Floats, Floats]:
        """(R, T) false marks per scan and share of lesions found; NaN for a resample without lesions."""
        false, found = (
            _until(weights, cases, until) / _positive(weights[:, of].sum(axis=1))[:, None]
            for cases, until, of in (
                (self.false, self.false_until, self.scans),
                (self.hits, self.hits_until, self.lesions),
            )
        )
        return false, found

    def at_rates(self, weights: Floats) -> Floats:
        """(R, rates) the share of lesions found at the lowest threshold with so few false marks; 0 before the first."""
        false, found = self.curves(weights)
        shares = []
        for rate in RATES:
            allowed = (false <= rate + _LAST_DIGITS).sum(axis=1)
            best = np.take_along_axis(found, np.maximum(allowed - 1, 0)[:, None], axis=1)[:, 0]
            shares.append(np.where(allowed > 0, best, np.where(np.isnan(best), np.nan, 0.0)))
        return np.stack(shares, axis=1)


def _events(matched: Sequence[Matched], codes: Indices) -> _Events:
    lesions = [(score, int(code)) for one, code in zip(matched, codes, strict=True) for score in one.found]
    hits = sorted((pair for pair in lesions if np.isfinite(pair[0])), reverse=True)
    false = sorted(
        ((score, int(code)) for one, code in zip(matched, codes, strict=True) for score in one.false), reverse=True
    )
    thresholds = np.unique([score for score, _ in (*hits, *false)] or [0.0])
    until = (
        len(pairs) - np.searchsorted(np.sort([score for score, _ in pairs]), thresholds[::-1], side="left")
        for pairs in (hits, false)
    )
    patients = (np.array([code for _, code in pairs], dtype=np.intp) for pairs in (lesions, hits, false))
    return _Events(codes, *patients, *until)


def _until(weights: Floats, cases: Indices, until: Indices) -> Floats:
    """(R, T) drawn cases among the first `until` of the sorted ones."""
    sums = np.zeros((len(weights), len(cases) + 1))
    np.cumsum(weights[:, cases], axis=1, out=sums[:, 1:])
    return sums[:, until]


def _positive(whole: Floats) -> Floats:
    return np.where(whole > 0, whole, np.nan)


def _afroc_area(matched: Sequence[Matched], codes: Indices, rng: np.random.Generator, replicates: int) -> Measure:
    """Chakraborty and Berbaum 2004, JAFROC: lesions against the highest false mark of scans without lesions."""
    pairs = [(score, True, code) for one, code in zip(matched, codes, strict=True) for score in one.found]
    pairs += [
        (max(one.false, default=-np.inf), False, c) for one, c in zip(matched, codes, strict=True) if not one.found
    ]
    scores, truth, patients = (np.array(part) for part in zip(*pairs, strict=True))
    finite = scores[np.isfinite(scores)]
    floor = (finite.min() if len(finite) else 0.0) - 1.0
    ranking = rank(np.where(np.isfinite(scores), scores, floor), truth, patients)
    weights_of_all = np.ones((1, int(codes.max()) + 1))
    draws = bootstrap(lambda weights: ranking.auc(weights), codes, rng, replicates=replicates)
    return resampled(
        "afroc_area", float(ranking.auc(weights_of_all)[0]), draws, unless="it needs a scan without lesions"
    )
