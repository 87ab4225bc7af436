"""Cross-entropy and focal loss, against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.training.entropy import cross_entropy, focal
from bregma.training.partial import Partial

LN2 = math.log(2)


def known(values: list[float]) -> Partial:
    return Partial(torch.tensor(values), torch.ones(len(values), dtype=torch.bool))


def drawn(shape: tuple[int, ...], seed: int) -> tuple[torch.Tensor, Partial]:
    generator = torch.Generator().manual_seed(seed)
    flags = torch.rand(shape, generator=generator) < 0.6
    values = (torch.rand(shape, generator=generator) < 0.5).float() * flags
    return 4 * torch.randn(shape, generator=generator), Partial(values, flags)


def test_focal_by_hand() -> None:
    """Logit ln 3: p = 3/4. A yes costs (1/4)^2 ln(4/3), a no (3/4)^2 ln 4; the mean of both."""
    logits = torch.tensor([math.log(3), math.log(3)])
    expected = (math.log(4 / 3) / 16 + 9 / 16 * math.log(4)) / 2
    assert focal(logits, known([1.0, 0.0]), gamma=2.0).item() == pytest.approx(expected)


def test_focal_lets_what_is_answered_well_go() -> None:
    """Lin et al. 2017, section 3.2: at gamma 2 a yes at p = 0.9 costs 100 times less than by cross-entropy."""
    logits = torch.tensor([math.log(9)])
    assert cross_entropy(logits, known([1.0])) / focal(logits, known([1.0])) == pytest.approx(100)


def test_focal_of_gamma_0_is_cross_entropy_also_where_readers_disagree() -> None:
    logits = torch.tensor([-3.0, 0.5, 2.0])
    target = known([1.0, 2 / 3, 0.0])
    assert focal(logits, target, gamma=0.0).item() == pytest.approx(cross_entropy(logits, target).item())


def test_focal_is_a_number_at_any_logit() -> None:
    logits = torch.tensor([1e4, -1e4, 1e4, -1e4], requires_grad=True)
    loss = focal(logits, known([1.0, 1.0, 0.0, 0.0]))
    loss.backward()
    assert loss.item() == pytest.approx(5000)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("loss", [cross_entropy, focal])
def test_an_unlabelled_slice_has_no_gradient_from_a_label_loss(loss) -> None:  # type: ignore[no-untyped-def]
    logits = torch.zeros(1, 2, 2, requires_grad=True)
    flags = torch.tensor([[[True, False], [False, False]]])
    loss(logits, Partial(flags.float(), flags), (1.0, 3.0)).backward()
    assert logits.grad[0, 0, 0] < 0
    assert logits.grad.count_nonzero() == 1


def test_finding_weights_by_hand() -> None:
    """Two findings at logit 0 and ln 3, both absent, weights 2 and 1: (2 ln 2 + ln 4) / 3 = 4/3 ln 2."""
    logits, flags = torch.tensor([[0.0, math.log(3)]]), torch.ones(1, 2, dtype=torch.bool)
    assert cross_entropy(logits, Partial(torch.zeros(1, 2), flags), (2.0, 1.0)).item() == pytest.approx(4 / 3 * LN2)
    alone = Partial(torch.zeros(1, 2), torch.tensor([[False, True]]))
    assert cross_entropy(logits, alone, (2.0, 0.1)).item() == pytest.approx(2 * LN2)


@pytest.mark.parametrize("weights", [(), (2.0, 1.0), (1.0, 0.0)])
def test_where_nothing_that_counts_is_known_there_is_nothing_to_learn(weights: tuple[float, ...]) -> None:
    logits = torch.ones(1, 2, requires_grad=True)
    flags = torch.tensor([[False, weights == (1.0, 0.0)]])
    loss = focal(logits, Partial(torch.zeros(1, 2), flags), weights)
    loss.backward()
    assert (loss.item(), logits.grad.abs().sum().item()) == (0, 0)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**31), order=st.permutations(range(3)), gamma=st.floats(0, 5))
def test_the_order_of_the_findings_does_not_matter(seed: int, order: list[int], gamma: float) -> None:
    logits, target = drawn((2, 4, 3), seed)
    weights = (2.0, 1.0, 0.5)
    again = Partial(target.value[..., order], target.known[..., order])
    moved = [weights[place] for place in order]
    for loss, more in ((cross_entropy, {}), (focal, {"gamma": gamma})):
        before = loss(logits, target, weights, **more)
        assert loss(logits[..., order], again, moved, **more).item() == pytest.approx(before.item(), abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**31), gamma=st.floats(0, 5))
def test_focal_never_costs_more_than_cross_entropy(seed: int, gamma: float) -> None:
    logits, target = drawn((3, 5, 2), seed)
    assert 0 <= focal(logits, target, gamma=gamma) <= cross_entropy(logits, target) + 1e-6
