"""Losses, against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from bregma.networks.batch import Outputs
from bregma.training.losses import LOSSES, Partial, Targets, cross_entropy, cross_entropy_dice, dice, weighted_sum
from bregma.training.sections import LossSection

LN2 = math.log(2)


def weights(slices: float = 1.0, segmentation: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> LossSection:
    return LossSection(
        slice=slices, slice_kind="cross_entropy", segmentation=segmentation, segmentation_kind="cross_entropy"
    )


def slices(*known: bool, value: float = 1.0) -> Partial:
    flags = torch.tensor(known).reshape(1, -1, 1)
    return Partial(flags * value, flags)


def masks(*known: bool, filled: float = 0.0) -> Partial:
    flags = torch.tensor(known).reshape(-1, 1, 1, 1)
    return Partial(torch.full((len(known), 1, 2, 2), filled) * flags, flags)


def test_cross_entropy_is_the_mean_over_what_is_known() -> None:
    """Logits 0 and ln 3: p = 0.5 and 0.75, targets 1 and 0: (ln 2 + ln 4) / 2 = 1.5 ln 2. The third is unknown."""
    logits = torch.tensor([0.0, math.log(3), 9.0])
    target = Partial(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([True, True, False]))
    assert cross_entropy(logits, target).item() == pytest.approx(1.5 * LN2)


def test_dice_by_hand() -> None:
    """Four pixels at 0.5, one of them blood: overlap 0.5, drawn 2, true 1: 1 - (2 * 0.5 + 1) / (2 + 1 + 1) = 0.5."""
    target = Partial(torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]]), torch.ones(1, 1, 1, 1, dtype=torch.bool))
    logits = torch.zeros(1, 1, 2, 2)
    assert dice(logits, target).item() == pytest.approx(0.5)
    assert cross_entropy_dice(logits, target).item() == pytest.approx(0.5 + LN2)


def test_dice_wants_an_empty_drawing_where_there_is_no_blood() -> None:
    """Four pixels at 0.5, none is blood: 1 - 1 / (2 + 1) = 2/3; nothing drawn: 0."""
    assert dice(torch.zeros(1, 1, 2, 2), masks(True)).item() == pytest.approx(2 / 3)
    assert dice(torch.full((1, 1, 2, 2), -50.0), masks(True)).item() == pytest.approx(0.0)


def test_a_slice_nobody_labelled_has_no_gradient() -> None:
    logits = torch.zeros(1, 2, 1, requires_grad=True)
    cross_entropy(logits, slices(True, False)).backward()
    assert logits.grad[0, 0, 0].item() == pytest.approx(-0.5)
    assert logits.grad[0, 1, 0] == 0


@pytest.mark.parametrize("name", LOSSES)
def test_an_unknown_mask_has_no_gradient_and_a_known_empty_one_has(name: str) -> None:
    logits = torch.zeros(2, 1, 2, 2, requires_grad=True)
    LOSSES[name](logits, masks(True, False)).backward()
    assert bool((logits.grad[0] > 0).all())
    assert bool((logits.grad[1] == 0).all())


def test_the_weighted_sum_by_hand() -> None:
    """Slice loss ln 2 at weight 1, three maps ln 2 at 0.5 each, all at logit 0: 2.5 ln 2. With the maps at logit ln 3
    over an empty mask they cost ln 4 each: ln 2 + 1.5 ln 4 = 4 ln 2."""
    half = weights(1.0, (0.5, 0.5, 0.5))
    dark = tuple(torch.zeros(1, 1, 2, 2) for _ in range(3))
    bright = tuple(drawn + math.log(3) for drawn in dark)
    targets = Targets(slices=slices(True), masks=masks(True))
    logits = torch.zeros(1, 1, 1)
    assert weighted_sum(Outputs(logits, maps=dark), targets, half).item() == pytest.approx(2.5 * LN2)
    assert weighted_sum(Outputs(logits, maps=bright), targets, half).item() == pytest.approx(4 * LN2)


def test_for_a_term_that_drops_out_the_others_count() -> None:
    """Weights 1 and 15; only the slices are known: 16 times their loss."""
    maps = tuple(torch.full((1, 1, 2, 2), 3.0) for _ in range(3))
    targets = Targets(slices=slices(True), masks=masks(False))
    loss = weighted_sum(Outputs(torch.zeros(1, 1, 1), maps=maps), targets, weights(1.0, (5.0, 5.0, 5.0)))
    assert loss.item() == pytest.approx(16 * LN2)


def test_outputs_that_a_network_does_not_have_are_not_asked_for() -> None:
    targets = Targets(slices=slices(True), masks=masks(True))
    assert weighted_sum(Outputs(torch.zeros(1, 1, 1)), targets, weights(1.0, (5.0, 5.0, 5.0))).item() == pytest.approx(
        LN2
    )


def test_a_batch_of_which_nothing_is_known_teaches_nothing() -> None:
    logits = torch.randn(1, 2, 1, requires_grad=True)
    maps = tuple(torch.randn(2, 1, 2, 2, requires_grad=True) for _ in range(3))
    targets = Targets(slices=slices(False, False), masks=masks(False, False))
    loss = weighted_sum(Outputs(logits, maps=maps), targets, weights(1.0, (1.0, 1.0, 1.0)))
    loss.backward()
    assert loss.item() == 0
    for part in (logits, *maps):
        assert part.grad.abs().sum() == 0


def test_targets_move_as_a_whole() -> None:
    targets = Targets(slices=slices(True), masks=masks(True)).to(torch.device("meta"))
    assert (targets.slices.value.device.type, targets.masks.known.device.type) == ("meta", "meta")
    assert targets.scans is None
