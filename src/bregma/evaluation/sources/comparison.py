"""Several sources against a reference, finding by finding: who is how good, how they differ, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bregma.evaluation.agreement import Agreement, agreement
from bregma.evaluation.bootstrap import patient_codes
from bregma.evaluation.references import reference_values
from bregma.evaluation.sources.answers import Answers
from bregma.evaluation.sources.drawn import Draws
from bregma.evaluation.sources.held import calls
from bregma.evaluation.sources.judge import judge
from bregma.evaluation.sources.judged import Judged, Pair
from bregma.evaluation.sources.paired import compare_pair, corrected
from bregma.evaluation.sources.question import READER, SourceQuestion
from bregma.scan.errors import RequestError, did_you_mean


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """What the whole reference says, before anybody is taken out of it.

    Attributes:
        words: who makes it, and how.
        positive: cases that it calls positive.
        negative: cases that it calls negative.
        unknown: cases of which it has no answer.
    """

    words: str
    positive: int
    negative: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Called:
    """How often a source calls the finding.

    Attributes:
        source: its name.
        positive: cases that it calls positive.
        negative: cases that it calls negative.
    """

    source: str
    positive: int
    negative: int


@dataclass(frozen=True, slots=True)
class SourceComparison:
    """What comparing sources found for one finding at one level.

    Attributes:
        level: "slice" or "scan".
        finding: what was asked.
        cases: of which somebody spoke.
        patients: whose they are.
        reference: the whole of it.
        called: how often each source calls the finding.
        judged: each source, in the order asked.
        pairs: differences to the first, or of all pairs.
        agreement: of all sources that are judged; None for one.
        readers: of the readers among them, where others are there too; None otherwise.
    """

    level: str
    finding: str
    cases: int
    patients: int
    reference: ReferenceFacts
    called: tuple[Called, ...]
    judged: tuple[Judged, ...]
    pairs: tuple[Pair, ...]
    agreement: Agreement | None
    readers: Agreement | None


def compare_sources(answers: Sequence[Answers], question: SourceQuestion) -> list[SourceComparison]:
    """One record for each finding; p-values of a figure are corrected over all pairs and findings.

    Args:
        answers: one for each finding.
        question: who is judged against what.

    Raises:
        RequestError: a source or the reference knows nothing of a finding, a source would be its own judge, or no case
            has a fact that figures are to be broken down by.
    """
    _check_facts(answers, question.subgroups)
    wanted = list(combinations(question.sources, 2)) if question.all_pairs else _to_first(question.sources)
    draws = [Draws(question) for _ in answers]
    pairs = [
        [compare_pair(one, first, second, question, of_finding) for first, second in wanted]
        for one, of_finding in zip(answers, draws, strict=True)
    ]
    adjusted = iter(corrected([pair for of_finding in pairs for pair in of_finding]))
    return [
        _compared(one, tuple(next(adjusted) for _ in wanted), question, of_finding)
        for one, of_finding in zip(answers, draws, strict=True)
    ]


def _check_facts(answers: Sequence[Answers], asked: Sequence[str]) -> None:
    known = sorted({fact for one in answers for case in one.cases for fact in case.facts})
    for fact in asked:
        if fact not in known:
            hint = did_you_mean(fact, known) if known else "; nothing is known of these cases beside findings"
            there = f"; there are {', '.join(known)}" if hint.endswith("?") else ""
            raise RequestError(f"no case has a fact {fact!r} to make subgroups of{there}{hint}")


def _to_first(sources: Sequence[str]) -> list[tuple[str, str]]:
    return [(sources[0], other) for other in sources[1:]]


def _compared(answers: Answers, pairs: tuple[Pair, ...], question: SourceQuestion, draws: Draws) -> SourceComparison:
    said = calls(answers, question)
    for member in question.reference.members:
        answers.of(member)
    truth = reference_values(question.reference, said, answers.sources)
    readers = tuple(source for source in question.sources if source.startswith(READER))
    return SourceComparison(
        level=answers.level,
        finding=answers.finding,
        cases=len(answers.cases),
        patients=len(set(answers.patients)),
        reference=ReferenceFacts(
            words=str(question.reference),
            positive=int((truth == 1.0).sum()),
            negative=int((truth == 0.0).sum()),
            unknown=int(np.isnan(truth).sum()),
        ),
        called=tuple(
            Called(source, int((row == 1.0).sum()), int((row == 0.0).sum()))
            for source, row in ((s, said[answers.sources.index(s)]) for s in question.sources if s in answers.sources)
        ),
        judged=tuple(judge(answers, source, question, draws) for source in question.sources),
        pairs=pairs,
        agreement=_agreement(answers, question.sources, question),
        readers=_agreement(answers, readers, question) if readers != question.sources else None,
    )


def _agreement(answers: Answers, sources: tuple[str, ...], question: SourceQuestion) -> Agreement | None:
    if len(sources) < 2:
        return None
    said = calls(answers, question)[[answers.sources.index(source) for source in sources]]
    codes, rng = patient_codes(answers.patients), np.random.default_rng(question.seed)
    return agreement(said, sources, codes, rng, replicates=question.replicates)
