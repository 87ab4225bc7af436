"""Numbers of things in sentences: "1 slice", "2 slices"."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun.

    Args:
        count: how many.
        one: the noun for one, such as "slice" or "new label".
        many: the noun for any other number; empty puts an s behind `one`.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def named(files: Sequence[str], *, shown: int = 2) -> str:
    """The first names and how many more there are: `a.dcm, b.dcm and 3 more`."""
    more = f" and {len(files) - shown} more" if len(files) > shown else ""
    return ", ".join(files[:shown]) + more
