"""The how-to of comparing says what the code does."""

import re
from pathlib import Path

import pytest

from bregma.evaluation import (
    auc_interval,
    bootstrap,
    delong,
    f1_interval,
    koopman,
    mean_intervals,
    measure,
    newcombe_auc,
    predictive_values,
)
from bregma.evaluation.references import Rule
from bregma.evaluation.sources import paired
from bregma.evaluation.sources.table_answers import table_answers
from bregma.evaluation.subgroups import BANDS

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "compare.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "method",
    [
        *(bootstrap.METHOD, delong.METHOD, delong.CLUSTERED, f1_interval.METHOD, koopman.METHOD),
        *(bootstrap.ON_LOGIT, mean_intervals.METHOD, measure.OVER_PATIENTS),
        *(newcombe_auc.METHOD, auc_interval.CLUSTERED, auc_interval.DIFFERENCE),
        *(predictive_values.LOGIT, predictive_values.AT_EDGE, paired.MCNEMAR, "wilson", "clopper-pearson"),
    ],
)
def test_every_method_is_named(method: str) -> None:
    assert f'`"{method}"`' in TEXT


def test_every_rule_and_every_band_is_named() -> None:
    for rule in Rule:
        assert rule is Rule.SOURCE or re.search(rf"^\| `{rule}[:`]", TEXT, re.MULTILINE)
    assert "age 0, 18, 40, 65, 80;" in TEXT
    assert all(fact == "age" or f"`{fact}`" in TEXT for fact in BANDS)


def test_the_table_can_be_read(tmp_path: Path) -> None:
    (table,) = re.findall(r"```csv\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "t.csv").write_text(table)
    (found,) = table_answers(tmp_path / "t.csv", level="scan", findings=["any"])
    assert found.sources == ("model:x", "reader:a", "reader:b")
    assert found.cases[0].facts == {"age": "71", "site": "north"}


def test_the_python_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "compare.md", "exec"), {})
