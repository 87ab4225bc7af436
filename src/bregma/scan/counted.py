"""Numbers of things in sentences: "1 slice", "2 slices"."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun.

    Args:
        count: how many.
        one: the noun for one, such as "slice" or "new label".
        many: the noun for any other number; empty puts an s behind `one`.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"
