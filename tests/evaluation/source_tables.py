"""Tables of what sources say, made from counts or by hand, so that the answer is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bregma.evaluation.metrics import Counts

Line = Mapping[str, object]


def write_table(path: Path, lines: Sequence[Line]) -> Path:
    """A CSV with the columns of its lines."""
    columns = list(dict.fromkeys(name for line in lines for name in line))
    rows = [columns, *([str(line.get(name, "")) for name in columns] for line in lines)]
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    return path


def lines_of(sources: Mapping[str, Counts], *, positives: int, negatives: int) -> list[Line]:
    """Reads that give each source its counts, beside a report that is the reference; cases that it lacks are unread."""
    lines: list[Line] = []
    for number in range(positives + negatives):
        there = number < positives
        case = {"case": f"c{number:03d}", "finding": "any"}
        lines.append({**case, "source": "report", "value": int(there)})
        place = number if there else number - positives
        for source, counts in sources.items():
            right, wrong = (counts.tp, counts.fn) if there else (counts.tn, counts.fp)
            if place < right + wrong:
                value = int(there == (place < right))
                lines.append({**case, "source": source, "value": value})
    return lines
