"""The moments of an import between which a crash can fall, by name, so that tests can crash at each of them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """A moment of `import_scans`, in the order in which one series passes them, or of `import_labels`."""

    SWEPT = "swept"
    FOUND = "found"
    LOADED = "loaded"
    COMPRESSED = "compressed"
    WRITTEN = "written"
    RENAMED = "renamed"
    ROWS_ADDED = "rows added"
    COMMITTED = "committed"
    REPORTED = "reported"
    REFUSED = "refused"

    TABLE_READ = "table read"
    MASKS_WRITTEN = "masks written"
    LABELS_ADDED = "labels added"
    MASK_RENAMED = "mask renamed"
    LABELS_COMMITTED = "labels committed"


OnStep = Callable[[Step], None]
"""Called at each step, in the process that takes it; with more than one worker it must be importable by name."""


def pass_by(step: Step) -> None:
    """Do nothing at any step: what happens outside the tests."""
