"""Query and hits side by side on their best slices, as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bregma import __version__
from bregma.report.contract import write_text
from bregma.report.page import TEMPLATES
from bregma.report.pictures import Grey, data_uri, trace
from bregma.report.similar_contract import Answer
from bregma.retrieval.entry import Entry
from bregma.scan.tumour import VoxelBox

if TYPE_CHECKING:
    from jinja2 import Template

DARKEST, BRIGHTEST = 1.0, 99.5
"""Percentiles of a slice that are shown black and white: MR values have no unit."""

HEIGHT = 240.0
"""Of a picture on the page, in its own units."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One slice with a lesion on it.

    Attributes:
        values: (H, W).
        mask: (H, W) the lesion; None when only its box is known.
        pixel_mm: (row, column).
    """

    values: NDArray[Any]
    mask: NDArray[np.bool_] | None
    pixel_mm: tuple[float, float] = (1.0, 1.0)


See = Callable[[Entry], Seen | None]
"""How the slice of an entry is found; None when its pixels are not at hand."""


@dataclass(frozen=True, slots=True)
class Card:
    """One lesion on the page.

    Attributes:
        title: such as "Query" or "1".
        entry: what is known.
        distance: to the query, in words; empty for the query.
        image: a data URI; empty without pixels.
        rows: of the picture.
        columns: of the picture.
        width: on the page, so that a mm is a mm in both directions.
        outline: an SVG path.
    """

    title: str
    entry: Entry
    distance: str
    image: str
    rows: int
    columns: int
    width: float
    outline: str


def write_gallery(path: Path, answers: Sequence[Answer], see: See) -> None:
    """Write the page, whole or not at all.

    Args:
        path: such as "similar.html".
        answers: in order.
        see: finds pixels.

    Raises:
        RequestError: the path cannot be written.
    """
    write_text(path, gallery_html(answers, see))


def gallery_html(answers: Sequence[Answer], see: See) -> str:
    """The page as text."""
    rows = [
        [
            _card("Query", answer.asked, "", see(answer.asked)),
            *(
                _card(str(rank), match.entry, f"{match.distance:.3f}", see(match.entry))
                for rank, match in enumerate(answer.matches, start=1)
            ),
        ]
        for answer in answers
    ]
    return _template().render(version=__version__, rows=rows, height=HEIGHT)


def _card(title: str, entry: Entry, distance: str, seen: Seen | None) -> Card:
    if seen is None:
        return Card(title, entry, distance, "", 1, 1, HEIGHT, "")
    rows, columns = seen.values.shape
    width = HEIGHT * columns * seen.pixel_mm[1] / (rows * seen.pixel_mm[0])
    mask = _rectangle(entry.box, (rows, columns)) if seen.mask is None else seen.mask
    return Card(title, entry, distance, data_uri(grey_of(seen.values)), rows, columns, width, trace(mask))


def grey_of(values: NDArray[Any]) -> Grey:
    """(H, W) values as 8 bits between two of their percentiles."""
    low, high = np.percentile(values, [DARKEST, BRIGHTEST])
    share = (values.astype(np.float64) - low) / max(float(high - low), 1e-9)
    return np.asarray((np.clip(share, 0, 1) * 255).round(), dtype=np.uint8)


def _rectangle(box: VoxelBox, shape: tuple[int, int]) -> NDArray[np.bool_]:
    inside = np.zeros(shape, bool)
    inside[box.start[1] : box.stop[1], box.start[2] : box.stop[2]] = True
    return inside


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(TEMPLATES)
    jinja = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return jinja.get_template("gallery.html.j2")
