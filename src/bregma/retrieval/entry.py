"""What an index knows about one vector: whose lesion it is, where it lies and what is known about it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from bregma.scan.errors import RequestError
from bregma.scan.tumour import VoxelBox

_DATE = re.compile(r"\d{8}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One tumour or lesion of an index.

    Attributes:
        case: Series Instance UID of its scan.
        number: of the tumour in the scan; case and number together are what an entry is known by.
        patient: a pseudonym.
        modality: DICOM modality of the scan.
        box: the smallest around it, in the array of the scan.
        best_slice: where it is largest, 0 at the foot.
        labels: criterion -> term; what nobody stated is not in it.
        volume_ml: None when unknown, as in a scan of a single slice.
        longest_mm: longest diameter within a slice; None without positions.
        date: of the study (YYYYMMDD); None when unknown.
    """

    case: str
    number: int
    patient: str
    modality: str
    box: VoxelBox
    best_slice: int
    labels: Mapping[str, str] = field(default_factory=dict)
    volume_ml: float | None = None
    longest_mm: float | None = None
    date: str | None = None

    def __post_init__(self) -> None:
        if not self.case or not self.patient or self.number < 0:
            raise RequestError(
                f"entry {self.number} of case {self.case!r} has patient {self.patient!r}; "
                "expected a case, a patient and a number from 0"
            )
        if self.date is not None and not _DATE.fullmatch(self.date):
            raise RequestError(
                f"entry {self.number} of case {self.case} has date {self.date!r}; expected YYYYMMDD, or None"
            )
        for name, size in (("volume_ml", self.volume_ml), ("longest_mm", self.longest_mm)):
            if size is not None and not (math.isfinite(size) and size >= 0):
                raise RequestError(
                    f"entry {self.number} of case {self.case} has {name} {size}; expected a size, or None if unknown"
                )

    @property
    def key(self) -> tuple[str, int]:
        """What the entry is known by; among equal distances the smaller key comes first."""
        return self.case, self.number


def to_json(entry: Entry) -> bytes:
    """An entry as the bytes that an index stores."""
    return json.dumps({**asdict(entry), "labels": dict(entry.labels)}, separators=(",", ":")).encode()


def from_json(data: bytes) -> Entry:
    """The entry that `to_json` wrote."""
    fields = json.loads(data)
    box = fields.pop("box")
    return Entry(**fields, box=VoxelBox(tuple(box["start"]), tuple(box["stop"])))
