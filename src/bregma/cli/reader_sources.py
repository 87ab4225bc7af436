"""Where the study of `bregma readers` comes from: a CSV of its own, or the sources of a library or of a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bregma.scan.errors import RequestError

if TYPE_CHECKING:
    from bregma.evaluation.mrmc.reader_study import ReaderStudy


@dataclass(frozen=True, slots=True)
class Places:
    """Where sources are.

    Attributes:
        library: its folder.
        url: of its database.
        table: a CSV of sources.
        split: the part of a library.
        level: "scan" or "slice".
        finding: what is asked.
    """

    library: Path | None
    url: str | None
    table: Path | None
    split: str
    level: str
    finding: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who reads, and against what.

    Attributes:
        names: the CSV of a study; or sources, of one treatment.
        treatments: such as "aided=reader:a,reader:b".
        reference: in words.
        panel: who makes it.
        nested: other readers under each treatment.
    """

    names: list[str]
    treatments: list[str]
    reference: str | None
    panel: list[str]
    nested: bool


@dataclass(frozen=True, slots=True)
class Study:
    """A study to analyse.

    Attributes:
        study: the reads.
        notes: what was left out, and who is whom.
        document: the same for JSON.
    """

    study: ReaderStudy
    notes: list[str]
    document: dict[str, Any]


def study_asked(asked: Asked, places: Places) -> Study:
    """Read the study.

    Raises:
        RequestError: there is none, or what is asked of it does not fit.
    """
    if places.library is None and places.table is None:
        return _of_its_own(asked)
    from bregma.cli.compare import answers_from
    from bregma.evaluation.sources.answers import known_sources, named_sources
    from bregma.evaluation.sources.question import reference_named
    from bregma.evaluation.sources.reader_study import notes, study_of_sources, treatments_of

    if asked.reference is None:
        raise RequestError("what is true? Give --reference: a source, or majority, consensus, ... of a --panel")
    (answers,) = answers_from(
        places.library,
        places.url,
        places.table,
        level=places.level,
        findings=[places.finding],
        split=places.split,
    )
    known = known_sources([answers])
    treatments = treatments_of(asked.treatments, asked.names, known)
    reference = reference_named(asked.reference, known, named_sources(asked.panel, known))
    found = study_of_sources(answers, treatments, reference, nested=asked.nested)
    said = {
        "level": places.level,
        "finding": places.finding,
        "reference": found.reference,
        "readers": found.readers,
        "unknown": found.unknown,
        "unread": found.unread,
    }
    return Study(found.study, notes(found), {"sources": said})


def study_file(asked: Asked, places: Places) -> Path | None:
    """The table that is read, whichever it is."""
    if places.table is not None or places.library is not None:
        return places.table
    return Path(asked.names[0]) if len(asked.names) == 1 else None


def _of_its_own(asked: Asked) -> Study:
    from bregma.evaluation.mrmc.table import read_table

    if asked.treatments or asked.panel or asked.nested or asked.reference is not None:
        raise RequestError(
            "--reference, --panel, --treatment and --nested are about sources of a --library or a --table; give one of "
            "the two. A CSV of a study says itself what is true and who read how"
        )
    if len(asked.names) != 1:
        given = ", ".join(asked.names) or "nothing"
        raise RequestError(
            f"{given} is given; expected the CSV of one study, or sources with --reference and --library or --table"
        )
    return Study(read_table(Path(asked.names[0])), [], {})
