"""What a label table says of tumours, cell by cell; docs/labels.md describes it.

In the library a statement such as "the type of tumour 1 is meningioma" is a label of the lesion "1" whose term is
"type:meningioma": a criterion and a term, since areas and sides have names that other terms have too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bregma.scan.errors import did_you_mean
from bregma.scan.labels import Level
from bregma.scan.terms import TUMOUR_CRITERIA

MAPS = ("numbered", "components", "one")
"""How a file outlines tumours: a number each, whatever hangs together (26 neighbours), or all of it as one."""

MOST = 255
"""Tumours of one scan."""

TUMOUR_COLUMNS = (*TUMOUR_CRITERIA, "tumours", "map")
TERMS = {
    f"{criterion}:{term.name}": (criterion, term.name) for criterion, terms in TUMOUR_CRITERIA.items() for term in terms
}
"""Term of a label -> criterion and what it is."""


def term_of(criterion: str, name: str) -> str:
    """The term of a label that says this of a tumour."""
    return f"{criterion}:{name}"


def terms_in(cells: Mapping[str, str]) -> dict[str, float]:
    """Terms that a row states, each with 1."""
    return {term_of(criterion, cells[criterion]): 1.0 for criterion in TUMOUR_CRITERIA if cells.get(criterion)}


def wrong_cells(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(column, reason) of every cell about tumours that cannot be used."""
    level, part = cells.get("level", ""), cells.get("part", "")
    for criterion, terms in TUMOUR_CRITERIA.items():
        name = cells.get(criterion, "")
        known = [term.name for term in terms]
        if name and name not in known:
            yield criterion, f"{name!r} is no {criterion} of a tumour{did_you_mean(name, known)}"
        elif name and level != Level.LESION:
            yield criterion, f"{name!r} at level {level!r}; it is said of a lesion"
        elif name and not is_number(part):
            yield "part", f"{part!r} is no tumour's number; expected 1 to {MOST}, as in the map of the scan"
    if cells.get("tumours"):
        if level == Level.LESION:
            yield "tumours", "a map is given at level 'scan' or 'slice'; lesions are named by their numbers in it"
        for other in ("mask", "contours"):
            if cells.get(other):
                yield "tumours", f"the row has {other} too; expected one of them"
    if (kind := cells.get("map", "")) and kind not in MAPS:
        yield "map", f"{kind!r} is no kind of map{did_you_mean(kind, MAPS)}"
    elif kind and not cells.get("tumours"):
        yield "map", "there is no file in column 'tumours'"


def is_number(part: str) -> bool:
    """Whether the name of a lesion is a tumour's number in a map."""
    return part.isascii() and part.isdecimal() and not part.startswith("0") and int(part) <= MOST
