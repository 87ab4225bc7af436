"""What importers of tumour volumes share: a scan, its outline and what is said of its tumour, as parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bregma.catalogue.importers.named_mr import load_named_mr
from bregma.catalogue.importers.part import DataSetPart
from bregma.catalogue.importers.volume_files import in_parts
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.tumour_cells import term_of
from bregma.io.candidate import Candidate, Discovery
from bregma.scan.labels import Level


@dataclass(frozen=True, slots=True)
class OutlinedVolume:
    """One scan of a data set.

    Attributes:
        candidate: the scan.
        outline: the file that outlines its tumours, relative to the data set's folder; "" where there is none.
        map: how, see tumour_cells.MAPS.
        meaning: value in that file -> 0 or a tumour's number; None where it holds those.
        said: number of a tumour -> criterion -> term.
        row: line of the table that says so, for messages; 0 for none.
        table: name of that table.
    """

    candidate: Candidate
    outline: str
    map: str = "one"
    meaning: Mapping[int, int] | None = None
    said: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    row: int = 0
    table: str = ""


def tumour_parts(
    folder: Path, volumes: Sequence[OutlinedVolume], source: str, wrong: Sequence[Problem] = ()
) -> Iterator[DataSetPart]:
    """The data set, some scans at a time.

    Args:
        folder: of the data set.
        volumes: its scans.
        source: who says what is said of them.
        wrong: files and rows that cannot be used; told with the first part.
    """
    for number, some in enumerate(in_parts(volumes)):
        yield DataSetPart(
            found=Discovery(folder, tuple(one.candidate for one in some), ()),
            load=load_named_mr,
            rows=tuple(row for one in some for row in _rows(one, source)),
            wrong=tuple(wrong) if number == 0 else (),
            total=len(volumes),
        )


def missing_files(folder: Path, named: Mapping[str, str], row: int, table: str) -> list[Problem]:
    """Problems for files of a row that are not there.

    Args:
        folder: of the data set.
        named: column -> file relative to `folder`.
        row: line of the table.
        table: its name.
    """
    return [
        Problem(row, column, f"there is no file {file!r}", table)
        for column, file in named.items()
        if not (folder / file).is_file()
    ]


def _rows(volume: OutlinedVolume, source: str) -> Iterator[TableRow]:
    uid, table = volume.candidate.series_uid, volume.table or volume.outline
    if volume.outline:
        yield TableRow(
            volume.row, uid, Level.SCAN, None, {}, source,
            mask_values=volume.meaning, table=table, tumours=volume.outline, map=volume.map,
        )  # fmt: skip
    for number, labels in volume.said.items():
        values = {term_of(criterion, name): 1.0 for criterion, name in labels.items()}
        if values:
            yield TableRow(volume.row, uid, Level.LESION, str(number), values, source, table=table)
