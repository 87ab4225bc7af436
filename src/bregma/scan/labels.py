"""What anyone says about a scan: one statement, one record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bregma.scan.errors import RequestError


class Level(StrEnum):
    """What a label covers."""

    SCAN = "scan"
    SLICE = "slice"
    LESION = "lesion"


@dataclass(frozen=True, slots=True)
class Label:
    """One statement, by one source, about one finding.

    Attributes:
        series_uid: DICOM Series Instance UID of the scan.
        level: what it covers: the scan, a slice or a lesion.
        part: the slice's SOP Instance UID or the lesion's id; None for the whole scan.
        term: a name from scan.terms, such as "subdural".
        value: 1.0 present, 0.0 absent, between for a probability. Unknown has no Label.
        source: "reader:<id>", "report", "dataset:rsna2019", "phantom" or "model:<digest>".
    """

    series_uid: str
    level: Level
    part: str | None
    term: str
    value: float
    source: str

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise RequestError(
                f"label {self.term!r} of series {self.series_uid} has value {self.value}; "
                "expected a probability in [0, 1] (leave the label out if it is unknown)"
            )
        if (self.part is None) != (self.level is Level.SCAN):
            raise RequestError(
                f"label {self.term!r} of series {self.series_uid} is at level {self.level} with part {self.part!r}; "
                "a slice or lesion label names its part, a scan label has none"
            )
