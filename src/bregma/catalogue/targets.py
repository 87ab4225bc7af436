"""What follows from the statements about a scan: targets per slice and per scan, and what stays unknown.

Rules, for the statements of one source: an absent finding of the scan is absent in every slice; an absent `any` makes
every subtype absent, and a present subtype makes `any` present, on the same slice or scan; a slice where a source drew
is known by what it drew. Several sources are averaged: two readers of three give 2/3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.scan.labels import Label, Level
from bregma.scan.terms import ANY, FINDINGS, SUBTYPES

Bits = NDArray[np.uint8]

BIT = {term.name: index for index, term in enumerate(FINDINGS)}
"""Finding -> its bit in a stored mask."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceMask:
    """What one source outlined in one scan.

    Attributes:
        source: as in scan.labels.
        bits: (D, H, W) uint8, bit k set where FINDINGS[k] is.
        known: (D,) uint8, bit k set where the source looked for FINDINGS[k] on that slice.
    """

    source: str
    bits: Bits
    known: Bits


@dataclass(frozen=True, slots=True, eq=False)
class Statements:
    """Everything that was said about one scan.

    Attributes:
        keys: the names of its slices, foot to head.
        labels: at any level.
        drawn: (source, known (D,) bits, present (D,) bits) of each mask: which findings it has on which slice.
    """

    keys: tuple[str, ...]
    labels: tuple[Label, ...]
    drawn: tuple[tuple[str, Bits, Bits], ...] = ()

    def sources(self) -> list[str]:
        """Who spoke, in alphabetical order."""
        return sorted({label.source for label in self.labels} | {source for source, _, _ in self.drawn})


def slice_targets(
    said: Statements, finding: str, sources: Sequence[str], *, implied: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Target of each slice, averaged over the sources that know it.

    Args:
        said: everything that was said about the scan.
        finding: a name from scan.terms.
        sources: whose statements count.
        implied: whether an absent finding of the scan is known of its slices; False takes what was said of slices.

    Returns:
        value (D,) float32, 0 where unknown, and known (D,) bool.
    """
    per_source = np.stack(
        [_of_source(said, finding, source, implied=implied) for source in sources] or [_unknown(said)]
    )
    count = np.isfinite(per_source).sum(axis=0)
    value = np.nansum(per_source, axis=0) / np.maximum(count, 1)
    return value.astype(np.float32), count > 0


def slice_mask_known(said: Statements, finding: str, sources: Sequence[str]) -> NDArray[np.bool_]:
    """(D,) the slices whose pixels are known: drawn by one of the sources, or said to be without the finding."""
    value, known = slice_targets(said, finding, sources)
    known &= value == 0.0
    for source, drawn, _ in said.drawn:
        if source in sources:
            known |= (drawn & np.uint8(1 << BIT[finding])) > 0
    return known


def scan_target(said: Statements, finding: str, sources: Sequence[str]) -> float | None:
    """Target of the scan, averaged over the sources that know it; None when nobody does.

    A source that spoke of no scan is asked for its slices: one present makes the scan present, all absent make it
    absent. A lesion present makes the scan present.
    """
    known = [value for source in sources if (value := _scan_of_source(said, finding, source)) is not None]
    return sum(known) / len(known) if known else None


def _scan_of_source(said: Statements, finding: str, source: str) -> float | None:
    own = [label for label in said.labels if label.source == source]
    value = _implied([label for label in own if label.level is Level.SCAN], finding)
    if value is not None:
        return value
    if (_implied([label for label in own if label.level is Level.LESION], finding) or 0.0) > 0.5:
        return 1.0
    slices = _of_source(said, finding, source)
    if np.isfinite(slices).all() and len(slices):
        return float(slices.max())
    return 1.0 if bool((np.nan_to_num(slices) > 0.5).any()) else None


def _of_source(said: Statements, finding: str, source: str, *, implied: bool = True) -> NDArray[np.float64]:
    """(D,) what one source says of each slice; NaN where it does not."""
    own = [label for label in said.labels if label.source == source]
    values = _unknown(said)
    whole = _implied([label for label in own if label.level is Level.SCAN], finding)
    if implied and whole == 0.0:
        values[:] = 0.0
    for name, known, present in said.drawn:
        if name == source:
            bit = np.uint8(1 << BIT[finding])
            values = np.where(known & bit, (present & bit) > 0, values)
    per_slice: dict[str, list[Label]] = {}
    for label in own:
        if label.level is Level.SLICE and label.part is not None:
            per_slice.setdefault(label.part, []).append(label)
    for index, key in enumerate(said.keys):
        value = _implied(per_slice.get(key, []), finding)
        if value is not None:
            values[index] = value
    return values


def implied(values: Mapping[str, float], finding: str) -> float | None:
    """What the findings of one part say of another, by name or through the hierarchy; None when they do not.

    Args:
        values: finding -> what one source says of it on this slice, scan or lesion.
        finding: the one that is asked for.
    """
    if finding in values:
        return values[finding]
    if finding != ANY:
        return 0.0 if values.get(ANY) == 0.0 else None
    subtypes = [values[name] for name in SUBTYPES if name in values]
    if len(subtypes) == len(SUBTYPES) or 1.0 in subtypes:
        return max(subtypes)
    return None


def _implied(labels: Sequence[Label], finding: str) -> float | None:
    values: dict[str, float] = {}
    for label in labels:
        values[label.term] = max(label.value, values.get(label.term, 0.0))
    return implied(values, finding)


def _unknown(said: Statements) -> NDArray[np.float64]:
    return np.full(len(said.keys), np.nan)
