"""What sources drew against what a reference drew: lesions found, false ones, Dice, surfaces and volumes.

Only slices on which both looked for the finding count. Letters: D slices, P patients, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.records import ScanRecord
from bregma.catalogue.targets import BIT, SourceMask
from bregma.evaluation.bootstrap import bootstrap, patient_codes, per_patient
from bregma.evaluation.mask_agreement import MaskAgreement, MaskPair, mask_agreement, mask_pair
from bregma.evaluation.measure import Measure, ratio, resampled, resampled_share
from bregma.evaluation.metrics import Floats
from bregma.evaluation.overlap import Overlap, overlap
from bregma.evaluation.references import Reference, Rule
from bregma.evaluation.sources.question import SourceQuestion
from bregma.scan.errors import RequestError
from bregma.scan.regions import Mask

DRAWN_BY = (Rule.SOURCE, Rule.MAJORITY, Rule.CONSENSUS)
"""References that can be made pixel by pixel."""


Outline = tuple[Mask, NDArray[np.bool_]]
"""(D, H, W) where a finding is, and (D,) on which slices somebody looked for it."""


class Draws(Protocol):
    """What is asked of a library; `catalogue.Library` answers it."""

    def scans(self, split: str | None = None, part: str | None = None) -> list[ScanRecord]:
        """The scans of a part."""

    def masks(self, series_uid: str) -> list[SourceMask]:
        """What each source outlined."""


@dataclass(frozen=True, slots=True)
class Outlined:
    """One source's outlines of one finding against the reference's.

    Attributes:
        source: its name.
        finding: a name from scan.terms.
        reference: what it is held against, without itself.
        scans: that both looked at.
        unanswered: scans that the reference outlined or found empty and the source did not look at.
        lesions: of the reference.
        found: of these, those that share a pixel with the source's outlines.
        false: lesions of the source that share no pixel with any of the reference.
        measures: lesions found, false lesions per scan, with intervals over patients.
        masks: Dice, surface distances and volumes.
    """

    source: str
    finding: str
    reference: str
    scans: int
    unanswered: int
    lesions: int
    found: int
    false: int
    measures: tuple[Measure, ...]
    masks: MaskAgreement


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One source and the reference on one scan."""

    overlap: Overlap
    pair: MaskPair


def compare_outlines(
    library: Draws,
    question: SourceQuestion,
    findings: Sequence[str],
    *,
    split: str | None = None,
    part: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outlined]:
    """One record for each finding and source, in that order.

    Args:
        library: with outlines.
        question: who is judged against what.
        findings: of the six.
        split: only scans of this split.
        part: only scans of this part of it.
        progress: called with (scans done, scans in all).

    Raises:
        RequestError: a finding is not drawn, the reference cannot be, or a source and it have no scan in common.
    """
    if question.reference.rule not in DRAWN_BY:
        kinds = ", ".join(DRAWN_BY)
        raise RequestError(f"outlines cannot be held against {question.reference}; expected one of: {kinds}")
    if unknown := [finding for finding in findings if finding not in BIT]:
        raise RequestError(f"{unknown[0]!r} is never outlined; expected one of: {', '.join(BIT)}")
    keys = [(finding, source) for finding in findings for source in question.sources]
    seen: dict[tuple[str, str], list[_Seen]] = {key: [] for key in keys}
    unanswered = dict.fromkeys(keys, 0)
    records = library.scans(split, part)
    for done, record in enumerate(records, start=1):
        drawn = {one.source: one for one in library.masks(record.series_uid)} if record.geometry is not None else {}
        for finding, source in keys:
            truth = _reference_mask(drawn, question.reference.without(source), finding)
            found = None if truth is None else _on_scan(record, drawn.get(source), truth, finding)
            seen[finding, source] += [] if found is None else [found]
            unanswered[finding, source] += truth is not None and found is None
        if progress is not None:
            progress(done, len(records))
    return [
        _outlined(source, finding, question, seen[finding, source], unanswered[finding, source])
        for finding, source in keys
    ]


def _on_scan(record: ScanRecord, drawn: SourceMask | None, truth: Outline, finding: str) -> _Seen | None:
    """None when the source looked at no slice that the reference looked at."""
    if drawn is None or record.geometry is None:
        return None
    predicted, looked = _outline_of(drawn, finding)
    both = looked & truth[1]
    if not both.any():
        return None
    one, other = predicted & both[:, None, None], truth[0] & both[:, None, None]
    return _Seen(overlap(one, other), mask_pair(record.patient, one, other, record.geometry))


def _reference_mask(drawn: dict[str, SourceMask], reference: Reference, finding: str) -> Outline | None:
    """What those who looked at a slice make of it together; None when nobody looked at any.

    A majority is more than half of those who looked at a slice; on a tie a pixel is not in it. A consensus is what all
    who looked drew, two at least.
    """
    parts = [_outline_of(drawn[reader], finding) for reader in reference.readers if reader in drawn]
    if not any(looked.any() for _, looked in parts):
        return None
    votes = np.sum([mask & looked[:, None, None] for mask, looked in parts], axis=0)
    looked = np.sum([looked for _, looked in parts], axis=0)
    together = reference.rule is Rule.CONSENSUS
    known = looked >= (2 if together else 1)
    enough = looked if together else looked // 2 + 1
    return (votes >= enough[:, None, None]) & known[:, None, None], known


def _outline_of(one: SourceMask, finding: str) -> Outline:
    bit = np.uint8(1 << BIT[finding])
    return (one.bits & bit) > 0, (one.known & bit) > 0


def _outlined(source: str, finding: str, question: SourceQuestion, seen: Sequence[_Seen], unanswered: int) -> Outlined:
    reference = question.reference.without(source)
    if not seen:
        raise RequestError(
            f"{source} and {reference} have looked for outlines of {finding!r} on no slice in common; "
            "choose other sources, or compare them at the level of slices or scans"
        )
    rng = np.random.default_rng(question.seed)
    return Outlined(
        source=source,
        finding=finding,
        reference=str(reference),
        scans=len(seen),
        unanswered=unanswered,
        lesions=sum(one.overlap.lesions for one in seen),
        found=sum(one.overlap.found for one in seen),
        false=sum(one.overlap.false for one in seen),
        measures=tuple(_lesion_measures(seen, rng, question.replicates)),
        masks=mask_agreement([one.pair for one in seen], rng, replicates=question.replicates),
    )


def _lesion_measures(seen: Sequence[_Seen], rng: np.random.Generator, replicates: int) -> Iterator[Measure]:
    counts = np.array([(one.overlap.found, one.overlap.lesions, one.overlap.false, 1.0) for one in seen])
    codes = patient_codes([one.pair.patient for one in seen])
    sums = per_patient(counts, codes).T

    def figures(weights: Floats) -> Floats:
        return np.stack([ratio(sums[k], sums[k + 1], weights) for k in (0, 2)], axis=1)

    values = figures(np.ones((1, sums.shape[1])))[0]
    draws = bootstrap(figures, codes, rng, replicates=replicates)
    has_lesion = counts[:, 1] > 0
    yield resampled_share(
        "lesion_recall", values[0], draws[:, 0], counted=has_lesion, codes=codes, unless="there is no true lesion"
    )
    yield resampled("false_lesions_per_scan", values[1], draws[:, 1], unless="there is no scan")
