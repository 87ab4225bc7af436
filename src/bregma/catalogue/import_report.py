"""What became of the scans that an import was offered."""

from __future__ import annotations

from dataclasses import dataclass, field

from bregma.scan.study import Refusal


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of everything that was offered.

    Attributes:
        stored: series that this import added.
        already: series that were in the library, with the same content.
        refused: what was not taken, and why; also kept as rows.
        excluded: files of scans in `stored` and `already` that are no part of them, and why; also kept as rows.
        series: for each candidate, in order, the series that it is in the library; None if it was refused.
    """

    stored: list[str]
    already: list[str]
    refused: list[Refusal]
    excluded: list[Refusal]
    series: list[str | None] = field(default_factory=list)
