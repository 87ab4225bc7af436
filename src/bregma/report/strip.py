"""The slice strip: one bar per slice from foot to head, as wide as the slice's share of the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.models.aggregate import reach_mm
from bregma.reading import Reading
from bregma.scan.counted import counted
from bregma.scan.terms import ANY

WIDTH, HEIGHT = 1000.0, 120.0
"""Of the drawing, in SVG units."""

TICK_MM = 20.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bar:
    """One slice.

    Attributes:
        index: of the slice.
        x: left edge.
        width: of the bar.
        height: of the bar, the probability times `HEIGHT`.
        probability: of the finding that is drawn.
        counted: whether the rule counts it; of a subtype, whether the slice reaches that subtype's point.
        title: what a pointer resting on it is told.
    """

    index: int
    x: float
    width: float
    height: float
    probability: float
    counted: bool
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark below the bars: where, and its words."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run that the rule counts: from x to x, and how long it is in words."""

    x1: float
    x2: float
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The whole drawing.

    Attributes:
        bars: foot to head.
        ticks: positions in mm, or slice numbers without geometry.
        runs: what the rule counts.
        threshold: height of the rule's threshold; None when it lies above every probability there can be.
        axis: what the ticks are, in words.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    runs: tuple[Run, ...]
    threshold: float | None
    axis: str


def strip(reading: Reading) -> Strip | None:
    """The strip of a reading; None when the scan was not read, or is a single slice."""
    if len(reading.slice_probabilities) < 2:
        return None
    reach = reach_mm(reading.scan.volume.geometry)
    edges = _edges(reading, reach)
    threshold = reading.rule.threshold
    return Strip(
        bars=_bars(reading, edges, ANY, reading.counted.tolist()),
        ticks=_ticks(reading, edges),
        runs=_runs(reading, edges, reach),
        threshold=threshold * HEIGHT if threshold <= 1 else None,
        axis="slice" if reach is None else "position along the body axis, mm (LPS z)",
    )


def bars_of(reading: Reading, finding: str) -> tuple[Bar, ...]:
    """A subtype's bars in the same places as those of the strip; none when there is no strip."""
    if len(reading.slice_probabilities) < 2:
        return ()
    point = reading.slice_points.get(finding, np.inf)
    reached = reading.slice_probabilities[:, reading.findings.index(finding)].astype(np.float64) >= point
    return _bars(reading, _edges(reading, reach_mm(reading.scan.volume.geometry)), finding, reached.tolist())


def _edges(reading: Reading, reach: Floats | None) -> Floats:
    """(D + 1,) where the bars begin and end."""
    lengths = np.ones(len(reading.scan.slices)) if reach is None else reach
    edges: Floats = np.concatenate([[0.0], np.cumsum(lengths)]) * (WIDTH / lengths.sum())
    return edges


def _bars(reading: Reading, edges: Floats, finding: str, marked: Sequence[bool]) -> tuple[Bar, ...]:
    values = reading.slice_probabilities[:, reading.findings.index(finding)].tolist()
    word = ", counted" if finding == ANY else ", reached"
    bars = []
    for one, value in zip(reading.scan.slices, values, strict=True):
        left, right = float(edges[one.index]), float(edges[one.index + 1])
        where = "" if one.z_mm is None else f", z {one.z_mm:.1f} mm"
        title = f"slice {one.index}{where}: {value:.3f}{word if marked[one.index] else ''}"
        bars.append(Bar(one.index, left, right - left, value * HEIGHT, value, marked[one.index], title))
    return tuple(bars)


def _ticks(reading: Reading, edges: Floats) -> tuple[Tick, ...]:
    middles = (edges[1:] + edges[:-1]) / 2
    z = [one.z_mm for one in reading.scan.slices]
    known = [value for value in z if value is not None]
    if len(known) < len(z) or len(z) < 2 or not (np.diff(known) > 0).all():
        step = max(1, len(z) // 10)
        return tuple(Tick(float(middles[index]), str(index)) for index in range(0, len(z), step))
    step_mm = TICK_MM * max(1, round((known[-1] - known[0]) / 10 / TICK_MM))
    marks = np.arange(np.ceil(known[0] / step_mm), np.floor(known[-1] / step_mm) + 1) * step_mm
    return tuple(Tick(float(np.interp(mark, known, middles)), f"{mark:.0f}") for mark in marks)


def _runs(
    reading: Reading,
    edges: Floats,
    reach: Floats | None,
) -> tuple[Run, ...]:
    ends = np.flatnonzero(np.diff(np.concatenate([[False], reading.counted, [False]]).astype(np.int8)))
    runs = []
    for start, stop in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True):
        length = "" if reach is None else f", {reach[start:stop].sum():.0f} mm"
        runs.append(Run(float(edges[start]), float(edges[stop]), counted(stop - start, "slice") + length))
    return tuple(runs)
