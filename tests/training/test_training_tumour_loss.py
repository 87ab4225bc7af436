"""Equation 1 by hand, with whatever is missing left out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bregma.networks.tumour_multitask import TumourOutputs
from bregma.training.tumour_loss import UNKNOWN, TaskWeights, TumourTargets, said, tumour_loss


def outputs(**criteria: list[list[float]]) -> TumourOutputs:
    mask = torch.tensor([0.0, math.log(3)]).reshape(1, 1, 1, 1, 2).requires_grad_()
    heads = {name: torch.tensor(rows).requires_grad_() for name, rows in criteria.items()}
    return TumourOutputs(mask, heads, torch.zeros(2, 3, requires_grad=True))


def targets(**criteria: list[int]) -> TumourTargets:
    mask = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 1, 2)
    return TumourTargets(mask, {name: torch.tensor(terms) for name, terms in criteria.items()})


MASK = (math.log(2) + math.log(4 / 3)) / 2
"""-log(1/2) and -log(3/4)."""


def test_the_weighted_sum_by_hand() -> None:
    given = outputs(type=[[0.0, math.log(3)], [0.0, 0.0]], side=[[math.log(3)], [0.0]])
    loss = tumour_loss(given, targets(type=[1, 0], side=[0, 1]), TaskWeights(2.0, {"type": 1.0, "side": 0.5}))
    two_terms = (math.log(4 / 3) + math.log(2)) / 2  # both by softmax over two logits and by one sigmoid
    assert float(loss.detach()) == pytest.approx((2 * MASK + 1 * two_terms + 0.5 * two_terms) / 3.5)


def test_the_multiclass_term_by_hand() -> None:
    given = outputs(type=[[0.0, 0.0, 0.0, 0.0, math.log(4)]])
    assert tumour_loss(given, targets(type=[4]), TaskWeights(0.0, {"type": 3.0})).item() == pytest.approx(math.log(2))


def test_an_unknown_label_drops_out_of_its_mean() -> None:
    given = outputs(type=[[0.0, math.log(3)], [50.0, -50.0]])
    loss = tumour_loss(given, targets(type=[1, UNKNOWN]), TaskWeights(0.0, {"type": 1.0}))
    assert float(loss.detach()) == pytest.approx(math.log(4 / 3))


def test_a_task_of_which_nothing_is_known_drops_out_with_its_weight() -> None:
    given = outputs(type=[[9.0, 0.0]], side=[[9.0]])
    loss = tumour_loss(given, targets(type=[UNKNOWN], side=[UNKNOWN]), TaskWeights(0.3, {"type": 1.0, "side": 1.0}))
    assert float(loss.detach()) == pytest.approx(MASK)


@pytest.mark.parametrize("terms", [[UNKNOWN, UNKNOWN], []])
def test_when_nothing_is_known_every_gradient_is_zero(terms: list[int]) -> None:
    given = outputs(type=[[3.0, 1.0] for _ in terms] or [])
    given = TumourOutputs(given.mask, {"type": given.criteria["type"].reshape(-1, 2)}, given.embedding)
    tumour_loss(given, targets(type=terms), TaskWeights(0.0, {"type": 1.0})).backward()
    leaves: list[Tensor] = [one for one in (given.mask, given.embedding) if one is not None]
    assert all(leaf.grad is not None and not leaf.grad.any() for leaf in leaves)


def test_a_criterion_without_weight_teaches_nothing() -> None:
    given = outputs(type=[[9.0, 0.0]])
    assert tumour_loss(given, targets(type=[1]), TaskWeights(1.0, {})).item() == pytest.approx(MASK)


def test_a_network_without_mask_has_no_term_of_it() -> None:
    given = TumourOutputs(None, {"side": torch.tensor([[0.0]])}, torch.zeros(1, 3))
    loss = tumour_loss(given, targets(side=[1]), TaskWeights(1.0, {"side": 1.0}))
    assert float(loss.detach()) == pytest.approx(math.log(2))


def test_one_logit_speaks_for_the_first_term_and_more_for_the_largest() -> None:
    assert said(torch.tensor([[0.1], [-0.1]])).tolist() == [0, 1]
    assert said(torch.tensor([[0.0, 2.0, 1.0]])).tolist() == [1]
