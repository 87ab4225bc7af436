"""What a split came to, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.scan.counted import counted
from bregma.scan.terms import ANY


@dataclass(frozen=True, slots=True)
class FindingCount:
    """One finding in one part.

    Attributes:
        positive: scans that have it.
        known: scans of which it is known whether they have it.
    """

    positive: int
    known: int

    @property
    def prevalence(self) -> float | None:
        """Share of the known scans that have it; None when none is known."""
        return self.positive / self.known if self.known else None


@dataclass(frozen=True, slots=True)
class PartCount:
    """One part of a split in numbers.

    Attributes:
        patients: how many.
        scans: how many.
        findings: name -> its count.
    """

    patients: int
    scans: int
    findings: dict[str, FindingCount]

    @property
    def positive(self) -> int:
        """Scans with a bleed."""
        return self.findings[ANY].positive

    @property
    def negative(self) -> int:
        """Scans without."""
        return self.findings[ANY].known - self.positive

    @property
    def unknown(self) -> int:
        """Scans of which nobody said."""
        return self.scans - self.findings[ANY].known


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What a split came to.

    Attributes:
        name: of the split.
        seed: that it was drawn with.
        parts: name -> its numbers.
        left_out: the patients of the library that are in no part: not in the subset, or imported later.
        shared_patients: patients in two parts, counted afterwards from the stored rows; 0.
        together: patients kept together because the same pixels are stored under their names.
    """

    name: str
    seed: int
    parts: dict[str, PartCount]
    left_out: PartCount
    shared_patients: int
    together: int

    @property
    def gaps(self) -> dict[str, float]:
        """Finding -> percentage points between the parts where it is most and least common.

        Findings that are known in fewer than two parts have none.
        """
        found: dict[str, float] = {}
        for name in next(iter(self.parts.values())).findings:
            shares = [part.findings[name].prevalence for part in self.parts.values()]
            known = [share for share in shares if share is not None]
            if len(known) > 1:
                found[name] = 100.0 * (max(known) - min(known))
        return found

    @property
    def imbalance(self) -> float:
        """The largest gap of all findings, in percentage points; 0 where there is none."""
        return max(self.gaps.values(), default=0.0)

    def summary(self) -> str:
        """A few lines for a terminal or a log."""
        lines = [f"split {self.name!r} with seed {self.seed}"]
        for name, part in self.parts.items():
            lines.append(
                f"  {name}: {counted(part.patients, 'patient')}, {counted(part.scans, 'scan')} ({_bleeds(part)})"
            )
        if self.left_out.patients:
            lines.append(
                f"  in no part: {counted(self.left_out.patients, 'patient')}, {counted(self.left_out.scans, 'scan')}"
            )
        lines.append(f"  largest difference in prevalence: {self.imbalance:.2f} points")
        lines.append(f"  patients in two parts: {self.shared_patients}")
        if self.together:
            lines.append(f"  patients kept together, because their pixels are the same: {self.together}")
        return "\n".join(lines)


def _bleeds(part: PartCount) -> str:
    """How many scans bleed; of scans that nobody looked at for bleeds, such as MR, only that."""
    if part.unknown == part.scans:
        return "nothing known of bleeds"
    return f"{part.positive} with a bleed, {part.negative} without, {part.unknown} unknown"
