"""A real study of 491 scans, three readers and 14 findings."""

from pathlib import Path

import pytest

from bregma.evaluation.sources.answers import known_sources, named_sources
from bregma.evaluation.sources.comparison import SourceComparison, compare_sources
from bregma.evaluation.sources.question import SourceQuestion, reference_named
from bregma.evaluation.sources.table_answers import table_answers

# Fleiss' kappa of the three readers
KAPPAS = {
    "any": 0.783, "intraparenchymal": 0.775, "intraventricular": 0.696, "subarachnoid": 0.638, "epidural": 0.615,
    "subdural": 0.542, "fracture": 0.437,
}  # fmt: skip


@pytest.fixture(scope="module")
def compared(real_ct: Path) -> dict[str, SourceComparison]:
    answers = table_answers(real_ct / "tables" / "cq500_reads.csv", level="scan", findings=list(KAPPAS))
    known = known_sources(answers)
    question = SourceQuestion(
        reference_named("majority", known), named_sources(["reader:*"], known), replicates=100, all_pairs=True
    )
    return {one.finding: one for one in compare_sources(answers, question)}


@pytest.mark.real_data
def test_majority_and_readers_of_any_bleed(compared: dict[str, SourceComparison]) -> None:
    bleed = compared["any"]
    assert (bleed.cases, bleed.reference.positive, bleed.reference.unknown) == (491, 205, 0)
    assert [one.positive for one in bleed.called] == [230, 196, 193]


@pytest.mark.real_data
@pytest.mark.parametrize("finding", KAPPAS)
def test_fleiss_kappa_of_the_readers(compared: dict[str, SourceComparison], finding: str) -> None:
    agreement = compared[finding].agreement
    kappa = next(one for one in agreement.measures if one.name == "fleiss_kappa")
    assert round(kappa.value, 3) == KAPPAS[finding]
    assert kappa.interval.low < kappa.value < kappa.interval.high


@pytest.mark.real_data
def test_each_reader_against_the_other_two(compared: dict[str, SourceComparison]) -> None:
    bleed = compared["any"]
    counts = [(one.counts.tp, one.counts.fp, one.counts.fn, one.counts.tn) for one in bleed.judged]
    assert counts == [(168, 29, 4, 245), (168, 6, 15, 245), (168, 6, 18, 245)]
    for one in bleed.judged:
        assert one.source not in one.reference
        assert one.cases + one.unknown == 491
    assert all(pair.cases == 491 for pair in bleed.pairs)  # the third reader alone has read everything
