"""Pages from templates beside this file, and pictures as addresses that need no other file."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from bregma.evaluation import table


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on a page.

    Attributes:
        words: what it shows.
        address: its bytes as a data address.
    """

    words: str
    address: str


def picture(words: str, png: bytes) -> Picture:
    """A PNG with what it shows."""
    return Picture(words, "data:image/png;base64," + base64.b64encode(png).decode("ascii"))


def render(template: str, values: dict[str, object]) -> str:
    """A template with its values; every word from outside is escaped."""
    environment = Environment(
        loader=PackageLoader("bregma.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(value=table.value_text, interval=table.interval_text, titles=table.TITLES)
    return environment.get_template(template).render(values)
