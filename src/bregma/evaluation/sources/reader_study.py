"""A reader study from sources: who reads under which treatment, and the one reference that all are held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.metrics import Floats
from bregma.evaluation.mrmc.reader_study import Read, ReaderStudy, study_of
from bregma.evaluation.mrmc.table import ALL
from bregma.evaluation.references import Reference, reference_values
from bregma.evaluation.sources.answers import Answers, named_sources
from bregma.evaluation.sources.held import calls
from bregma.evaluation.sources.question import SourceQuestion
from bregma.scan.errors import RequestError

Treatments = Mapping[str, tuple[str, ...]]
"""Name of a treatment -> the sources that read under it, one for each reader."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceStudy:
    """A study, and what was not counted in it.

    Attributes:
        study: what is analysed.
        reference: what is true, in words.
        readers: name -> its source under each treatment, in their order.
        unknown: cases that somebody read and the reference has no answer for; they are left out.
        unread: cases that the reference knows and nobody read.
    """

    study: ReaderStudy
    reference: str
    readers: Mapping[str, tuple[str, ...]]
    unknown: int
    unread: int


def treatments_of(words: Sequence[str], sources: Sequence[str], known: Sequence[str]) -> Treatments:
    """Treatments from words such as "alone=reader:a,reader:b"; or one, of plain sources.

    Args:
        words: NAME=SOURCE,SOURCE,...; "reader:*" is all that begin so, in alphabetical order.
        sources: who reads when there are no treatments.
        known: all sources there are.

    Raises:
        RequestError: a word is no treatment, a source is unknown or is named twice, or nobody is named.
    """
    if words and sources:
        raise RequestError(
            f"{', '.join(sources)} {'stands' if len(sources) == 1 else 'stand'} beside --treatment; name every source "
            "under its treatment, or none of them"
        )
    found = {ALL: named_sources(sources, known)} if sources else dict(_treatment(word, known) for word in words)
    if len(found) < len(words):
        raise RequestError(f"a treatment is named twice in {', '.join(words)}; put its sources behind one name")
    twice = [source for source, times in Counter(s for of in found.values() for s in of).items() if times > 1]
    if twice:
        raise RequestError(f"{twice[0]} stands under two treatments; what was read under each is a source of its own")
    if not found:
        raise RequestError("no source is named; name the readers, such as reader:a reader:b, or treatments")
    return found


def study_of_sources(
    answers: Answers, treatments: Treatments, reference: Reference, *, nested: bool = False
) -> SourceStudy:
    """Sources as readers; what one did not read is missing, and a case without a reference is left out.

    The first source of every treatment is the first reader, and so on: he is called as under the first treatment. With
    `nested` every source is a reader of his own.

    Args:
        answers: about one finding.
        treatments: from `treatments_of`.
        reference: nobody who reads may have a say in it.
        nested: other readers under each treatment.

    Raises:
        RequestError: a source makes the reference or said nothing, treatments differ in their number of readers, or no
            case is left.
    """
    sources = [source for of in treatments.values() for source in of]
    judges = [source for source in sources if source in reference.members]
    if judges:
        raise RequestError(
            f"{', '.join(judges)} would be held against {reference}, which is made of the same reads; all readers of a "
            "study need one reference in which none has a say: name another, or a panel of others"
        )
    for member in reference.members:
        answers.of(member)
    truth = reference_values(reference, calls(answers, SourceQuestion(reference, tuple(sources))), answers.sources)
    rated = np.stack([answers.of(source) for source in sources])
    read, known = np.isfinite(rated).any(axis=0), np.isfinite(truth)
    if not (read & known).any():
        raise RequestError(
            f"no {answers.level} was read and has an answer of {reference}: {int(read.sum())} were read, "
            f"{int(known.sum())} have an answer"
        )
    readers = _readers(treatments, nested=nested)
    return SourceStudy(
        study=study_of(_reads(answers, treatments, readers, truth)),
        reference=str(reference),
        readers=readers,
        unknown=int((read & ~known).sum()),
        unread=int((known & ~read).sum()),
    )


def _treatment(word: str, known: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    name, equals, sources = word.partition("=")
    asked = [source.strip() for source in sources.split(",") if source.strip()]
    if not name.strip() or not equals or not asked:
        raise RequestError(f"treatment {word!r} is not NAME=SOURCE,SOURCE; expected such as aided=reader:a,reader:b")
    return name.strip(), named_sources(asked, known)


def _readers(treatments: Treatments, *, nested: bool) -> dict[str, tuple[str, ...]]:
    if nested:
        return {source: (source,) for of in treatments.values() for source in of}
    sizes = {name: len(of) for name, of in treatments.items()}
    if len(set(sizes.values())) > 1:
        words = ", ".join(f"{size} under {name!r}" for name, size in sizes.items())
        raise RequestError(
            f"treatments have {words} sources; every reader needs one under each, in the same order (or say that "
            "readers are nested: others under each treatment)"
        )
    return {of[0]: of for of in zip(*treatments.values(), strict=True)}


def _reads(
    answers: Answers, treatments: Treatments, readers: Mapping[str, tuple[str, ...]], truth: Floats
) -> Iterator[Read]:
    name_of = {source: reader for reader, of in readers.items() for source in of}
    for treatment, sources in treatments.items():
        for source in sources:
            rated = answers.of(source)
            for place in np.flatnonzero(np.isfinite(rated) & np.isfinite(truth)).tolist():
                case = answers.cases[place]
                is_there = bool(truth[place] == 1.0)
                yield Read(name_of[source], treatment, case.case, is_there, float(rated[place]), case.patient)


def notes(found: SourceStudy) -> list[str]:
    """What a reader of the analysis must know: the reference, what was not counted, and who is whom."""
    study = found.study
    lines = [f"Reference: {found.reference}."]
    if found.unknown:
        lines.append(f"Left out: {found.unknown} that were read and of which the reference has no answer.")
    if found.unread:
        lines.append(f"Not read by anybody: {found.unread} that the reference knows.")
    if study.clustered:
        lines.append("Patients have several cases: each is left out with all of his.")
    if any(len(of) > 1 for of in found.readers.values()):
        each = (f"{reader} is {' and '.join(of)}" for reader, of in found.readers.items())
        lines.append(f"Readers under {' and '.join(study.treatments)}: {'; '.join(each)}.")
    return lines
