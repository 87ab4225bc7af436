"""Losses, against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from bregma.networks.batch import Outputs
from bregma.training.entropy import cross_entropy
from bregma.training.losses import LOSSES, weighted_sum
from bregma.training.overlap import cross_entropy_dice, dice
from bregma.training.partial import Partial, Targets
from bregma.training.sections import LossSection

LN2 = math.log(2)
ONE, TWO = torch.ones(1, 1, dtype=torch.bool), torch.ones(1, 2, dtype=torch.bool)


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
    assert weighted_sum(Outputs(logits, maps=dark), targets, half, ONE).item() == pytest.approx(2.5 * LN2)
    assert weighted_sum(Outputs(logits, maps=bright), targets, half, ONE).item() == pytest.approx(4 * LN2)


def test_for_a_term_that_drops_out_the_others_count() -> None:
    """Weights 1 and 15; only the slices are known: 16 times their loss."""
    maps = tuple(torch.full((1, 1, 2, 2), 3.0) for _ in range(3))
    targets = Targets(slices=slices(True), masks=masks(False))
    loss = weighted_sum(Outputs(torch.zeros(1, 1, 1), maps=maps), targets, weights(1.0, (5.0, 5.0, 5.0)), ONE)
    assert loss.item() == pytest.approx(16 * LN2)


def test_outputs_that_a_network_does_not_have_are_not_asked_for() -> None:
    targets = Targets(slices=slices(True), masks=masks(True))
    assert weighted_sum(
        Outputs(torch.zeros(1, 1, 1)), targets, weights(1.0, (5.0, 5.0, 5.0)), ONE
    ).item() == pytest.approx(LN2)


def test_a_batch_of_which_nothing_is_known_teaches_nothing() -> None:
    logits = torch.randn(1, 2, 1, requires_grad=True)
    maps = tuple(torch.randn(2, 1, 2, 2, requires_grad=True) for _ in range(3))
    targets = Targets(slices=slices(False, False), masks=masks(False, False))
    loss = weighted_sum(Outputs(logits, maps=maps), targets, weights(1.0, (1.0, 1.0, 1.0)), TWO)
    loss.backward()
    assert loss.item() == 0
    for part in (logits, *maps):
        assert part.grad.abs().sum() == 0


def test_targets_move_as_a_whole() -> None:
    targets = Targets(slices=slices(True), masks=masks(True)).to(torch.device("meta"))
    assert (targets.slices.value.device.type, targets.masks.known.device.type) == ("meta", "meta")
    assert targets.scans is None


def scan_labels(value: float, *, known: bool = True) -> Partial:
    return Partial(torch.full((1, 1), value * known), torch.full((1, 1), known))


def mixed(**changes: object) -> LossSection:
    return LossSection.model_validate({"slice": 1.0, "slice_kind": "cross_entropy", "scan": 1.0, **changes})


def test_labelled_slices_and_labelled_scans_in_one_sum() -> None:
    """Slices at logit 0 and ln 3, the first known and absent: ln 2. The scan is positive: ln(4/3), at weight 2."""
    logits = torch.tensor([[[0.0], [math.log(3)]]])
    targets = Targets(slices=slices(True, False, value=0.0), scans=scan_labels(1.0))
    loss = weighted_sum(Outputs(logits), targets, mixed(scan=2.0), TWO)
    assert loss.item() == pytest.approx(LN2 + 2 * math.log(4 / 3))


def test_a_label_nobody_gave_leaves_its_weight_to_the_other_labels() -> None:
    targets = Targets(slices=slices(False, False), scans=scan_labels(1.0))
    loss = weighted_sum(Outputs(torch.zeros(1, 2, 1)), targets, mixed(scan=2.0), TWO)
    assert loss.item() == pytest.approx(3 * LN2)


def test_scan_labels_are_not_asked_for_at_weight_0() -> None:
    targets = Targets(slices=slices(True, False, value=0.0), scans=scan_labels(1.0))
    loss = weighted_sum(Outputs(torch.zeros(1, 2, 1)), targets, mixed(scan=0.0), TWO)
    assert loss.item() == pytest.approx(LN2)


def test_the_recipe_says_how_slices_become_a_scan_and_how_findings_are_weighed() -> None:
    logits = torch.tensor([[[math.log(3), 5.0], [-math.log(3), 5.0]]])
    targets = Targets(scans=Partial(torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool)))
    section = mixed(slice=0.0, scan_kind="top_k", top_k=2, finding_weights=(1.0, 0.0))
    assert weighted_sum(Outputs(logits), targets, section, TWO).item() == pytest.approx(LN2)


def test_the_recipe_can_ask_for_focal_loss() -> None:
    targets = Targets(slices=slices(True, False))
    section = mixed(slice_kind="focal", focal_gamma=3.0)
    assert weighted_sum(Outputs(torch.zeros(1, 2, 1)), targets, section, TWO).item() == pytest.approx(LN2 / 8)


def smooth(features: torch.Tensor, targets: Targets, *, weight: float = 0.5) -> torch.Tensor:
    there = torch.ones(features.shape[:2], dtype=torch.bool)
    outputs = Outputs(torch.zeros(*features.shape[:2], 1), features=features)
    return weighted_sum(outputs, targets, mixed(scan=0.0, smoothness=weight, smoothness_kind="literal"), there)


def test_the_smoothness_adds_by_its_own_weight_whatever_else_is_known() -> None:
    """Latents that are all alike cost the margin, 0.2; at weight 0.5 that is 0.1, with a label and without one."""
    latents = torch.ones(1, 3, 2, requires_grad=True)
    assert smooth(latents, Targets()).item() == pytest.approx(0.1)
    assert smooth(latents, Targets(slices=slices(False, False, False))).item() == pytest.approx(0.1)
    assert smooth(latents, Targets(slices=slices(True, False, False))).item() == pytest.approx(LN2 + 0.1)
    assert smooth(latents, Targets(), weight=0.0).item() == 0


def test_two_slices_cannot_be_smooth() -> None:
    latents = torch.randn(1, 2, 4, requires_grad=True)
    loss = smooth(latents, Targets(slices=slices(True, False)))
    loss.backward()
    assert loss.item() == pytest.approx(LN2)
    assert latents.grad.abs().sum() == 0
