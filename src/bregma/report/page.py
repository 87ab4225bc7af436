"""A reading as one HTML page that needs nothing else: no script, no font, no picture from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bregma import __version__
from bregma.models.aggregate import INCOMPLETE, NOT_ASSESSED, NOTHING_FOUND, SUSPECTED
from bregma.models.package import Package
from bregma.reading import Reading
from bregma.report.contract import write_text
from bregma.report.kinds import kinds, kinds_in_words
from bregma.report.pictures import montage
from bregma.report.scout import scouts
from bregma.report.strip import HEIGHT, WIDTH, strip
from bregma.scan.counted import counted
from bregma.scan.terms import ANY

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"

TONE = {SUSPECTED: "alarm", NOTHING_FOUND: "calm", INCOMPLETE: "caution", NOT_ASSESSED: "caution"}
"""The page's colour for each verdict; the words say the same."""

MEANING = {
    SUSPECTED: "At least one run of neighbouring slices looks like a bleed.",
    NOTHING_FOUND: "The whole scan was read, and no run of slices was long and suspicious enough.",
    INCOMPLETE: "Nothing was found on what could be read, but part of the head may be missing.",
    NOT_ASSESSED: "The scan was not shown to a model.",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number at the top of the page, its name and a remark."""

    name: str
    value: str
    remark: str = ""


def write_page(path: Path, reading: Reading, packages: Sequence[Package]) -> None:
    """Write a reading's page, whole or not at all.

    Args:
        path: such as "reading.html".
        reading: eligible or not.
        packages: those that took part, for their cards.

    Raises:
        RequestError: the path cannot be written.
    """
    write_text(path, page_html(reading, packages))


def page_html(reading: Reading, packages: Sequence[Package]) -> str:
    """The page as text."""
    return _template().render(
        version=__version__,
        reading=reading,
        scan=reading.scan,
        packages=packages,
        verdict=reading.verdict.word,
        tone=TONE[reading.verdict.word],
        meaning=reading.verdict.reason or MEANING[reading.verdict.word],
        figures=_figures(reading),
        facts=_facts(reading),
        strip=strip(reading),
        strip_width=WIDTH,
        strip_height=HEIGHT,
        tiles=montage(reading),
        scouts=scouts(reading),
        kinds=kinds(reading),
        kinds_said=kinds_in_words(reading),
        probabilities=reading.slice_probabilities.tolist(),
        any_name=ANY,
    )


def _figures(reading: Reading) -> list[Figure]:
    score = reading.scan_probabilities.get(ANY)
    if score is None:
        return []
    counted = int(reading.counted.sum())
    volumes = [lesion.volume_ml for lesion in reading.lesions if lesion.volume_ml is not None]
    figures = [
        Figure("scan score", f"{score:.2f}", f"suspected from {reading.rule.threshold:.2f}"),
        Figure("slices counted", str(counted), f"of {len(reading.scan.slices)}"),
        Figure("lesions outlined", str(len(reading.lesions)), "by the map")
        if reading.draws
        else Figure("lesions outlined", "–", "no model draws a map"),
    ]
    if volumes:
        figures.append(Figure("volume", f"{sum(volumes):.1f} mL", "of all lesions"))
    return figures


def _facts(reading: Reading) -> list[Figure]:
    """What the scan is, in words."""
    slices, rows, columns = reading.scan.volume.values.shape
    facts = [
        Figure("Patient", reading.scan.series.patient, "pseudonym"),
        Figure("Series", reading.scan.series.series_uid),
        Figure("Matrix", f"{counted(slices, 'slice')} of {rows} × {columns}"),
    ]
    place = reading.scan.volume.geometry
    if place is None:
        return [*facts, Figure("Position", "unknown", "nothing is said in mm, left or right")]
    gaps = place.gaps_mm
    if len(gaps):
        apart = f"{np.mean(gaps):.1f} mm" if place.evenly_spaced else f"{gaps.min():.1f} to {gaps.max():.1f} mm"
        facts.append(Figure("Slices apart", apart))
    facts.append(Figure("Pixel", f"{place.pixel_mm[0]:.2f} × {place.pixel_mm[1]:.2f} mm"))
    return [*facts, Figure("Plane", f"{place.orientation}, tilt {place.tilt_degrees:.1f}°")]


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(TEMPLATES)
    jinja = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return jinja.get_template("page.html.j2")
