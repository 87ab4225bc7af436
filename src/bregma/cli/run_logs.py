"""The log of the run that a package came from, where it still lies beside it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from bregma.evaluation.evaluate import Contender
from bregma.evaluation.learning import Learning, learning_of

LOG = "log.csv"


def logs_of(asked: Sequence[str], contenders: Sequence[Contender]) -> list[Learning]:
    """Logs of those packages that lie in the folder of their run; one that cannot be read is as good as none.

    Args:
        asked: as on the command line.
        contenders: what was found under each.
    """
    found = [
        learning_of(contender.label, contender.group or contender.label, _rows(Path(each).resolve().parent / LOG))
        for each, contender in zip(asked, contenders, strict=True)
        if Path(each).resolve().name == "package"
    ]
    return [one for one in found if one is not None]


def _rows(log: Path) -> list[dict[str, str | None]]:
    if not log.is_file():
        return []
    try:
        with log.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
