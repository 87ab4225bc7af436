from __future__ import annotations

import numpy as np
import pytest

from bregma.models.calibration import Calibration, fit_calibration, sigmoid
from bregma.models.operating_points import choose_operating_points, f1_point, sensitivity_at_specificity
from bregma.scan.errors import RequestError

SCORES = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1]
LABELS = [1, 1, 0, 1, 0, 0, 0, 1]
"""By hand: threshold 0.65 finds 2 of 4 with 1 alarm of 4; 0.5 finds 3 with 1 alarm."""


def test_the_sensitive_point_keeps_its_specificity() -> None:
    strict = sensitivity_at_specificity(SCORES, LABELS, level="slice", specificity=1.0)
    assert (strict.threshold, strict.sensitivity, strict.specificity) == pytest.approx((0.75, 0.5, 1.0))
    loose = sensitivity_at_specificity(SCORES, LABELS, level="slice", specificity=0.75)
    assert (loose.threshold, loose.sensitivity, loose.specificity, loose.precision) == pytest.approx(
        (0.5, 0.75, 0.75, 0.75)
    )
    assert loose.aim == "highest sensitivity at a specificity of at least 0.75"


def test_the_f1_point() -> None:
    point = f1_point(SCORES, LABELS, level="scan", finding="subdural")
    assert (point.threshold, point.sensitivity, point.precision) == pytest.approx((0.5, 0.75, 0.75))
    assert (point.name, point.level, point.finding) == ("f1", "scan", "subdural")


def test_when_nothing_may_be_called_the_threshold_is_above_every_score() -> None:
    point = sensitivity_at_specificity([1.0, 0.2], [0, 1], level="slice", specificity=1.0)
    assert point.threshold > 1.0
    assert (point.sensitivity, point.specificity, point.precision) == (0.0, 1.0, None)
    below = sensitivity_at_specificity([0.8, 0.2], [0, 1], level="slice", specificity=1.0)
    assert 0.8 < below.threshold < 1.0


def test_equal_scores_stay_on_one_side() -> None:
    first, second = choose_operating_points([0.7, 0.7, 0.7, 0.1], [1, 0, 1, 0], level="slice", specificity=0.5)
    assert first.threshold == second.threshold == pytest.approx(0.4)
    assert (first.sensitivity, first.specificity) == (1.0, 0.5)


@pytest.mark.parametrize("labels", [[1, 1], [0, 0], [1, 0, 1], []])
def test_without_both_kinds_nothing_can_be_chosen(labels: list[int]) -> None:
    with pytest.raises(RequestError, match="needs positives and negatives"):
        f1_point([0.4, 0.6], labels, level="slice")


def test_a_specificity_is_a_share() -> None:
    with pytest.raises(RequestError, match="specificity is 90"):
        sensitivity_at_specificity(SCORES, LABELS, level="slice", specificity=90)


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    true_logits = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < sigmoid(true_logits)
    fitted = fit_calibration(true_logits * 3.0, labels)
    assert fitted.temperature == pytest.approx(3.0, rel=0.05)
    assert fitted.probabilities(true_logits * 3.0) == pytest.approx(sigmoid(true_logits), abs=0.01)


def test_separable_labels_do_not_drive_the_temperature_to_zero() -> None:
    assert fit_calibration([-1.0, 1.0], [0, 1]).temperature == pytest.approx(0.05, rel=0.01)


def test_calibration_refuses_what_cannot_be() -> None:
    with pytest.raises(RequestError, match="temperature 0"):
        Calibration(0.0)
    with pytest.raises(RequestError, match="2 logits and 1 labels"):
        fit_calibration([0.1, 0.2], [1])


def test_sigmoid_neither_overflows_nor_underflows() -> None:
    assert sigmoid([-1e4, 0.0, 1e4]).tolist() == [0.0, 0.5, 1.0]
