from __future__ import annotations

import pytest

from bregma.scan.errors import MissingExtraError, RefusedError, RequestError, did_you_mean
from bregma.scan.labels import Label, Level
from bregma.scan.terms import ANATOMY, FINDINGS, SUBTYPES, implied_any, is_finding


def test_a_label_is_one_statement() -> None:
    label = Label("1.2", Level.SLICE, "1.2.3", "subdural", 1.0, "reader:a")
    assert (label.level, label.part, label.value) == ("slice", "1.2.3", 1.0)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_value_is_a_probability(value: float) -> None:
    with pytest.raises(RequestError, match="expected a probability"):
        Label("1.2", Level.SCAN, None, "any", value, "report")


@pytest.mark.parametrize(("level", "part"), [(Level.SCAN, "1.2.3"), (Level.SLICE, None), (Level.LESION, None)])
def test_level_and_part_agree(level: Level, part: str | None) -> None:
    with pytest.raises(RequestError, match="names its part"):
        Label("1.2", level, part, "any", 1.0, "report")


def test_any_is_implied_by_its_subtypes() -> None:
    assert implied_any({"subdural": 0.2, "epidural": 0.7}) == 0.7
    assert implied_any({}) is None
    assert implied_any({"any": 0.9}) is None


def test_the_tables_have_the_sizes_of_the_papers() -> None:
    assert len(FINDINGS) == 6
    assert len(SUBTYPES) == 5
    assert len(ANATOMY) == 15
    assert is_finding("epidural")
    assert not is_finding("fracture")
    assert len({term.code for term in FINDINGS}) == 6


def test_errors_say_what_to_do() -> None:
    assert did_you_mean("learning_rte", ["learning_rate", "epochs"]) == "; did you mean 'learning_rate'?"
    assert did_you_mean("zzz", ["b", "a"]) == "; known: a, b"
    assert "bregma[train]" in str(MissingExtraError("train", "bregma train"))
    error = RefusedError("blank", "All pixels are equal.")
    assert (error.code, str(error)) == ("blank", "All pixels are equal.")
