"""Answers from the labels of a library: every source by itself, with what follows from its statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from bregma.catalogue.records import ScanRecord
from bregma.catalogue.targets import BIT, Statements, scan_target, slice_targets
from bregma.evaluation.cases import SCAN
from bregma.evaluation.sources.answers import Answers, CaseFacts, answers_of
from bregma.evaluation.subgroups import Fact
from bregma.io.eligibility import years_of
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.labels import Level
from bregma.scan.regions import Mask, volume_ml
from bregma.scan.terms import FINDINGS, SIGNS

TERMS = tuple(term.name for term in (*FINDINGS, *SIGNS))
BLEED_VOLUME = "bleed_volume_ml"


class Speaks(Protocol):
    """What is asked of a library; `catalogue.Library` answers it."""

    def scans(self, split: str | None = None, part: str | None = None) -> list[ScanRecord]:
        """The scans of a part."""

    def all_statements(self) -> dict[str, Statements]:
        """Everything that was said, by series UID."""

    def mask(self, series_uid: str, finding: str = "any") -> Mask | None:
        """(D, H, W) or None."""


def library_answers(
    library: Speaks,
    *,
    level: str,
    findings: Sequence[str],
    split: str | None = None,
    part: str | None = None,
    volumes: bool = False,
) -> list[Answers]:
    """What the sources of a library say about findings, one record for each of them.

    Args:
        library: with labels.
        level: "slice" or "scan".
        findings: names from scan.terms; those that are signs were said of scans only.
        split: only scans of this split.
        part: only scans of this part of it.
        volumes: whether masks are read, for the volume of each bleed.

    Raises:
        RequestError: there is no such finding, split or part.
    """
    for finding in findings:
        if finding not in TERMS:
            raise RequestError(f"{finding!r} is neither a finding nor a sign{did_you_mean(finding, TERMS)}")
    records, statements = library.scans(split, part), library.all_statements()
    known = {r.series_uid: _facts(r, library if volumes else None) for r in records}
    return [_answers(records, statements, known, level, finding) for finding in findings]


def _answers(
    records: Sequence[ScanRecord],
    statements: Mapping[str, Statements],
    known: Mapping[str, Mapping[str, Fact]],
    level: str,
    finding: str,
) -> Answers:
    cases: list[CaseFacts] = []
    said: dict[tuple[str, str], float] = {}
    for record in records:
        uid = record.series_uid
        names = [uid] if level == SCAN else [f"{uid}#{one.index:04d}" for one in record.slices]
        cases += [CaseFacts(name, record.patient, known[uid]) for name in names]
        for source in statements[uid].sources():
            for name, value in zip(names, _values(statements[uid], level, finding, source), strict=False):
                if value is not None:
                    said[source, name] = value
    return answers_of(level, finding, cases, said)


def _values(said: Statements, level: str, finding: str, source: str) -> list[float | None]:
    """What one source says of the scan, or of each slice."""
    if finding not in BIT:
        own = [
            label.value
            for label in said.labels
            if (label.source, label.term, label.level) == (source, finding, Level.SCAN)
        ]
        return [max(own)] if own and level == SCAN else []
    if level == SCAN:
        return [scan_target(said, finding, [source])]
    value, known = slice_targets(said, finding, [source])
    return [float(one) if there else None for one, there in zip(value.tolist(), known.tolist(), strict=True)]


def _facts(record: ScanRecord, library: Speaks | None) -> dict[str, Fact]:
    """Age, scanner and slice thickness as far as the files said; the bleed's volume where somebody drew it."""
    facts: dict[str, Fact] = {}
    age = years_of(str(record.facts.get("PatientAge", "")))
    if age is not None:
        facts["age"] = age
    scanner = " ".join(str(record.facts[w]) for w in ("Manufacturer", "ManufacturerModelName") if w in record.facts)
    if scanner:
        facts["scanner"] = scanner
    if "SliceThickness" in record.facts:
        facts["slice_thickness_mm"] = record.facts["SliceThickness"]
    mask = None if library is None else library.mask(record.series_uid)
    if mask is not None and mask.any() and record.geometry is not None:
        volume = volume_ml(mask, record.geometry)
        if np.isfinite(volume):
            facts[BLEED_VOLUME] = volume
    return facts
