"""Scans, readings, refusals and cards as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bregma.lesion_search import EarlierCases
from bregma.models.aggregate import INCOMPLETE, NOT_ASSESSED, NOTHING_FOUND, SUSPECTED
from bregma.models.card import Metric
from bregma.models.lesions import Lesion
from bregma.models.package import Package
from bregma.reading import Reading
from bregma.report.kinds import NAMED, kinds, kinds_in_words, lesion_kind
from bregma.scan.counted import counted, named
from bregma.scan.study import Refusal, Status
from bregma.scan.terms import ANY
from bregma.scan.volume import Scan

VERDICT_STYLE = {
    SUSPECTED: "bold red",
    NOTHING_FOUND: "bold green",
    INCOMPLETE: "bold yellow",
    NOT_ASSESSED: "bold yellow",
}
STATUS_STYLE = {Status.ELIGIBLE: "green", Status.WITH_WARNINGS: "yellow", Status.NOT_ELIGIBLE: "red"}
SHADES = " ▁▂▃▄▅▆▇█"
"""A slice's probability as a bar of one character."""

STRIP_CHARACTERS = 80


def scan_table(scan: Scan) -> RenderableType:
    """What an inspection says of one scan."""
    slices, rows, columns = scan.volume.values.shape
    lines = [
        Text.assemble(
            ("scan ", "dim"),
            (scan.series.series_uid, "bold"),
            f"  patient {scan.series.patient}  {scan.series.modality}  ",
            (str(scan.status), STATUS_STYLE[scan.status]),
        ),
        Text(f"  {counted(slices, 'slice')} of {rows} x {columns}, {_place(scan)}"),
        Text(f"  from {named(scan.files, shown=1)}", style="dim"),
    ]
    if scan.refusal is not None:
        lines.append(Text.assemble("  ", (f"not eligible ({scan.refusal.code}): {scan.refusal.reason}", "red")))
    lines += [Text(f"  warning ({warning.code}): {warning.message}", style="yellow") for warning in scan.warnings]
    repaired: dict[str, int] = {}
    for one in scan.slices:
        for what in one.repaired:
            repaired[what] = repaired.get(what, 0) + 1
    lines += [
        Text(f"  repaired on {counted(count, 'slice')}: {what}", style="cyan") for what, count in repaired.items()
    ]
    lines += [Text(f"  excluded ({one.code}): {one.reason} [{named(one.files)}]", style="dim") for one in scan.excluded]
    return Group(*lines)


def reading_table(reading: Reading) -> RenderableType:
    """What a reading says of one scan: verdict, slices from foot to head, lesions, and where the time went."""
    parts: list[RenderableType] = [scan_table(reading.scan), _verdict(reading)]
    if len(reading.slice_probabilities):
        parts.append(_strip(reading))
    if reading.subtypes is not None:
        parts.append(_kinds(reading))
    if reading.lesions or reading.regions:
        parts.append(_lesions(reading))
    if reading.counted.any() and not reading.draws:
        parts.append(Text("  no lesions are outlined: no model that took part draws a map", style="dim"))
    parts += [Text(f"  {one.name} was left out: {one.reason}", style="yellow") for one in reading.left_out]
    seconds = ", ".join(f"{name} {value:.2f} s" for name, value in asdict(reading.seconds).items())
    models = ", ".join(f"{model.name} {model.version} ({model.digest[:12]})" for model in reading.models)
    parts.append(Text(f"  {models}; {seconds}", style="dim"))
    return Group(*parts)


def refusal_table(refusals: Sequence[Refusal]) -> Table:
    """What was not read, and why."""
    table = _table("not read", "reason", "files")
    for refusal in refusals:
        table.add_row(refusal.code, Text(refusal.reason), Text(named(refusal.files)))
    return table


def card_table(package: Package) -> RenderableType:
    """A package's card: what it saw, what it was measured on, where it ends."""
    card = package.card
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    settings = package.preprocessing
    windows = ", ".join(f"{window.center:g}/{window.width:g}" for window in settings.windows)
    rows = {
        "model": f"{package.name} {package.version}",
        "digest": package.digest,
        "answers": f"{card.summary} Findings: {', '.join(package.findings)}.",
        "intended use": card.intended_use,
        "trained on": card.trained_on,
        "measured on": card.measured_on,
        **{f"limit {place}": limit for place, limit in enumerate(card.limits, start=1)},
        "sees": f"window {windows} HU, {settings.pixel_mm:g} mm in plane, {settings.size} x {settings.size} pixels",
        "rule": f"a scan is {package.rule}",
        "temperature": f"{package.calibration.temperature:.3f}",
        "recipe": f"{card.recipe} ({card.recipe_digest[:12]})",
        "made by": card.command,
    }
    for name, words in rows.items():
        facts.add_row(name, Text(words))
    return Group(facts, Text(), *_figures(card.metrics), _points(package))


def _figures(metrics: Sequence[Metric]) -> list[RenderableType]:
    if not metrics:
        return []
    table = _table("figure", "level", "finding", "value", "95 % interval", "measured on")
    for one in metrics:
        span = "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
        table.add_row(one.name, one.level, one.finding, f"{one.value:.3f}", span, one.data)
    return [table, Text()]


def _points(package: Package) -> Table:
    table = _table("operating point", "level", "finding", "threshold", "sensitivity", "specificity", "chosen for")
    for one in package.operating_points:
        numbers = (f"{value:.3f}" for value in (one.threshold, one.sensitivity, one.specificity))
        table.add_row(one.name, one.level, one.finding, *numbers, one.aim)
    return table


def _verdict(reading: Reading) -> Text:
    """The verdict and why it is not another; the score and the rule, which is long, on a line of their own."""
    score = reading.scan_probabilities.get(ANY)
    words = Text.assemble("  ", (reading.verdict.word.upper(), VERDICT_STYLE[reading.verdict.word]))
    if said := kinds_in_words(reading):
        words.append(f": {said}", style="bold")
    if reading.verdict.reason:
        words.append(f": {reading.verdict.reason}")
    if score is not None:
        words.append(f"\n  score {score:.3f}; {reading.rule}")
    return words


def _strip(reading: Reading) -> Text:
    """Slices from foot to head, those that the rule counts in red; of many slices the highest share a character."""
    strip = Text("  foot ", style="dim")
    strip.append(_bars(reading.slice_probabilities[:, reading.findings.index(ANY)], reading.counted))
    strip.append(" head")
    if reading.counted.any():
        hits = [one for one in reading.scan.slices if reading.counted[one.index]]
        strip.append(f"  {counted(len(hits), 'slice')} counted: {_range(hits[0].index, hits[-1].index)}")
    return strip


def _bars(values: NDArray[np.float32], marked: NDArray[np.bool_], *, characters: int = STRIP_CHARACTERS) -> Text:
    """(D,) probabilities as a line of bars, the marked ones in red; of many slices the highest share a character."""
    line = Text()
    starts = np.arange(0, len(values), -(-len(values) // characters))
    highest, hits = np.maximum.reduceat(values, starts), np.logical_or.reduceat(marked, starts)
    for value, hit in zip(highest.tolist(), hits.tolist(), strict=True):
        line.append(SHADES[round(value * (len(SHADES) - 1))], style="red on grey15" if hit else "white on grey15")
    return line


def _kinds(reading: Reading) -> Table:
    """A line per subtype: score, from where on it is named, and its slices; red where one reaches its point."""
    table = _table("  subtype", "score", "named from", "", "slices, foot to head")
    for kind in kinds(reading):
        values = reading.slice_probabilities[:, reading.findings.index(kind.name)]
        reached = values.astype(np.float64) >= reading.slice_points.get(kind.name, np.inf)
        bars = _bars(values, reached, characters=STRIP_CHARACTERS // 2)
        point = "" if kind.point is None else f"{kind.point:.2f}"
        style = "bold" if kind.said == NAMED else "dim"
        said = Text(kind.said, style=style)
        table.add_row(Text(f"  {kind.name}", style=style), f"{kind.score:.2f}", point, said, bars)
    return table


def _lesions(reading: Reading) -> Table:
    """A line per lesion and drawn region, with its kind and its place where somebody was asked for them."""
    titles = ["  lesion", "volume", "side", "slices", "probability"]
    titles += [] if reading.subtypes is None else ["kind, by its slices"]
    titles += [] if reading.places_by is None else ["place", "nearest case"]
    table = _table(*titles, *([] if reading.similar is None else ["earlier case"]))
    for lesion in (*reading.lesions, *reading.regions):
        volume = "" if lesion.volume_ml is None else f"{lesion.volume_ml:.1f} mL"
        probability = f"{lesion.probabilities[ANY]:.2f}" if ANY in lesion.probabilities else ""
        cells = [f"  {lesion.id}", volume, lesion.side or "", _slices(lesion), probability]
        cells += [] if reading.subtypes is None else [lesion_kind(lesion) if lesion.probabilities else ""]
        cells += [] if reading.places_by is None else _named(lesion)
        table.add_row(*cells, *([] if reading.similar is None else [_earlier(reading.similar, lesion)]))
    return table


def _earlier(similar: EarlierCases, lesion: Lesion) -> str:
    """The earlier case that is most alike, and what is known of it."""
    nearest = next(iter(similar.matches.get(lesion.id, ())), None)
    if nearest is None:
        return ""
    known = "".join(f", {term}" for term in nearest.entry.labels.values())
    return f"{nearest.entry.patient[:8]} L{nearest.entry.number}{known} (distance {nearest.distance:.2f})"


def _named(lesion: Lesion) -> list[str]:
    """The best place with its score, and the reference case that is most alike."""
    found = lesion.place
    if found is None:
        return ["", ""]
    nearest = found.neighbours[0] if found.neighbours else None
    case = (
        "" if nearest is None else f"{nearest.case.patient[:8]} {nearest.case.lesion} (distance {nearest.distance:.2f})"
    )
    return [f"{found.place} {found.scores[found.place]:.2f}", case]


def _slices(lesion: Lesion) -> str:
    return _range(lesion.slices[0], lesion.slices[-1])


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _place(scan: Scan) -> str:
    place = scan.volume.geometry
    if place is None:
        return "positions unknown"
    gaps = place.gaps_mm
    words = "single slice"
    if len(gaps):
        apart = f"{gaps.mean():.2f}" if place.evenly_spaced else f"{gaps.min():.2f} to {gaps.max():.2f}"
        words = f"{apart} mm apart"
    return f"{place.pixel_mm[0]:.3f} mm pixels, {words}, {place.orientation}, tilt {place.tilt_degrees:.1f} degrees"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title)
    return table
