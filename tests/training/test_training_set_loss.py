"""The set loss, against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.training.partial import Partial
from bregma.training.set_loss import POOLS, pool, set_loss

KINDS = [*POOLS, "top_k"]
LN3 = math.log(3)


def real(*counts: int, longest: int) -> torch.Tensor:
    return torch.arange(longest)[None] < torch.tensor(counts)[:, None]


def scans(values: list[list[float]], flags: list[list[bool]] | None = None) -> Partial:
    value = torch.tensor(values)
    known = torch.ones_like(value, dtype=torch.bool) if flags is None else torch.tensor(flags)
    return Partial(value, known)


def test_eq_1_by_hand() -> None:
    """The highest of p = 1/4, 3/4, 1/2 is 3/4: a positive scan costs ln(4/3), a negative one ln 4."""
    logits = torch.tensor([[[-LN3], [LN3], [0.0]]] * 2)
    both = real(3, 3, longest=3)
    assert set_loss(logits[:1], both[:1], scans([[1.0]])).item() == pytest.approx(math.log(4 / 3))
    assert set_loss(logits[:1], both[:1], scans([[0.0]])).item() == pytest.approx(math.log(4))
    mean = (math.log(4 / 3) + math.log(4)) / 2
    assert set_loss(logits, both, scans([[1.0], [0.0]])).item() == pytest.approx(mean)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("max", LN3),
        ("top_k", (LN3 + 0.0) / 2),
        ("log_sum_exp", math.log((3 + 1 + 1 / 3) / 3)),
        ("mean", 0.0),  # probabilities 3/4, 1/2, 1/4
    ],
)
def test_the_pools_by_hand(kind: str, expected: float) -> None:
    logits = torch.tensor([[[-LN3], [LN3], [0.0], [99.0]]])  # the last one does not exist
    assert pool(logits, real(3, longest=4), kind, top_k=2).item() == pytest.approx(expected, abs=1e-6)


def test_a_scan_with_fewer_slices_than_top_k_takes_all_it_has() -> None:
    logits = torch.tensor([[[1.0], [3.0], [0.0], [0.0]]])
    assert pool(logits, real(2, longest=4), "top_k", top_k=3).item() == pytest.approx(2.0)


def test_each_finding_has_its_own_most_suspicious_slice() -> None:
    logits = torch.tensor([[[5.0, -1.0], [0.0, 2.0]]])
    assert pool(logits, real(2, longest=2), "max", top_k=1).tolist() == [[5.0, 2.0]]


def test_only_the_most_suspicious_slice_has_a_gradient() -> None:
    """p - Y at the maximum: 3/4 - 1."""
    logits = torch.tensor([[[-LN3], [LN3], [0.0]]], requires_grad=True)
    set_loss(logits, real(3, longest=3), scans([[1.0]])).backward()
    assert logits.grad.flatten().tolist() == pytest.approx([0.0, -0.25, 0.0])


@pytest.mark.parametrize("kind", KINDS)
def test_only_scans_whose_label_is_known_teach(kind: str) -> None:
    logits = torch.zeros(2, 3, 2, requires_grad=True)
    target = scans([[1.0, 0.0], [0.0, 0.0]], [[True, False], [False, False]])
    set_loss(logits, real(3, 3, longest=3), target, kind=kind, top_k=2).backward()
    assert (logits.grad[0, :, 0] <= 0).all()
    assert logits.grad[0, :, 0].sum() < 0
    assert (logits.grad[1] == 0).all()
    assert (logits.grad[..., 1] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filler", [0.0, 1e6, -1e6])
def test_padded_slices_never_win_and_have_no_gradient(kind: str, filler: float) -> None:
    logits = torch.full((1, 4, 1), filler)
    logits[0, :2, 0] = torch.tensor([-7.0, -9.0])
    logits.requires_grad_(True)
    loss = set_loss(logits, real(2, longest=4), scans([[1.0]]), kind=kind, top_k=3)
    loss.backward()
    alone = set_loss(logits[:, :2], real(2, longest=2), scans([[1.0]]), kind=kind, top_k=3)
    assert loss.item() == pytest.approx(alone.item())
    assert loss.item() > 6
    assert (logits.grad[0, 2:] == 0).all()
    assert (logits.grad[0, 0] < 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("height", [1e4, -1e4])
def test_at_any_logit_the_loss_and_its_gradient_are_numbers(kind: str, height: float) -> None:
    logits = torch.full((2, 3, 1), height, requires_grad=True)
    loss = set_loss(logits, real(3, 1, longest=3), scans([[1.0], [0.0]]), kind=kind)
    loss.backward()
    assert loss.item() == pytest.approx(5000)
    assert torch.isfinite(logits.grad).all()


def test_a_scan_without_a_slice_that_nobody_labelled_does_no_harm() -> None:
    logits = torch.zeros(1, 2, 1, requires_grad=True)
    for kind in KINDS:
        set_loss(logits, real(0, longest=2), scans([[0.0]], [[False]]), kind=kind).backward()
    assert (logits.grad == 0).all()


def test_mean_pooling_wants_every_slice_of_a_positive_scan_positive() -> None:
    """Why it is the contrast: with one slice of four sure, the maximum is content and the mean is not."""
    logits = torch.tensor([[[9.0], [-9.0], [-9.0], [-9.0]]])
    there, positive = real(4, longest=4), scans([[1.0]])
    assert set_loss(logits, there, positive).item() < 0.001
    assert set_loss(logits, there, positive, kind="mean").item() == pytest.approx(math.log(4), abs=0.001)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    counts=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    more=st.integers(0, 5),
    kind=st.sampled_from(KINDS),
    order=st.permutations(range(3)),
)
def test_neither_padding_nor_the_order_of_slices_and_findings_changes_the_loss(
    seed: int, counts: list[int], more: int, kind: str, order: list[int]
) -> None:
    generator = torch.Generator().manual_seed(seed)
    longest = max(counts) + more
    logits = 3 * torch.randn(len(counts), longest, 3, generator=generator)
    values = (torch.rand(len(counts), 3, generator=generator) < 0.5).float()
    flags = torch.rand(len(counts), 3, generator=generator) < 0.7
    target = Partial(values * flags, flags)
    whole = set_loss(logits, real(*counts, longest=longest), target, kind=kind, finding_weights=(2.0, 1.0, 0.5))
    cut = logits[:, : max(counts)].clone()
    for row, count in enumerate(counts):
        cut[row, :count] = cut[row, :count].flip(0)
    moved = Partial(target.value[:, order], target.known[:, order])
    weights = [(2.0, 1.0, 0.5)[place] for place in order]
    there = real(*counts, longest=max(counts))
    again = set_loss(cut[..., order], there, moved, kind=kind, finding_weights=weights)
    assert again.item() == pytest.approx(whole.item(), rel=1e-5, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 9))
def test_every_pool_lies_between_the_least_and_the_most_suspicious(seed: int, count: int) -> None:
    logits = 5 * torch.randn(1, count, 1, generator=torch.Generator().manual_seed(seed))
    there = real(count, longest=count)
    for kind in KINDS:
        pooled = pool(logits, there, kind, top_k=3).item()
        assert logits.min().item() - 1e-4 <= pooled <= logits.max().item() + 1e-4


@pytest.mark.parametrize("kind", ["max", "top_k", "log_sum_exp"])
def test_from_labels_of_scans_alone_it_is_learned_which_slices_bleed(kind: str) -> None:
    """Forty scans of ten slices with eight numbers each; in every other scan one slice has a higher first number."""
    generator = torch.Generator().manual_seed(0)
    slices = torch.randn(40, 10, 8, generator=generator)
    bleeds = torch.zeros(40, 10, dtype=torch.bool)
    bleeds[torch.arange(0, 40, 2), torch.randint(10, (20,), generator=generator)] = True
    slices[bleeds] += 5 * torch.eye(8)[0]
    weights = torch.zeros(8, 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([weights, bias], lr=0.1)
    there, target = real(*[10] * 40, longest=10), scans(bleeds.any(dim=1, keepdim=True).float().tolist())
    for _ in range(150):
        optimizer.zero_grad()
        set_loss(slices @ weights + bias, there, target, kind=kind, top_k=2).backward()
        optimizer.step()
    said = (slices @ weights + bias)[..., 0].detach()
    right = (said[bleeds][:, None] > said[~bleeds][None]).float().mean()  # the AUC of slices
    assert right > 0.98
