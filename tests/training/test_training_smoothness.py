"""The smoothness, against numbers worked by hand, and what following it does to a walk of latents."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.training.smoothness import draw_far, literal_triplets, shuffled_triplets, smoothness, squared, unit

KINDS = ("literal", "shuffled")


def on_circle(*degrees: float) -> torch.Tensor:
    """Latents of length 1; two of them t degrees apart have the squared distance 2 - 2 cos t."""
    angles = torch.tensor([math.radians(value) for value in degrees])
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def there(*counts: int, longest: int) -> torch.Tensor:
    return torch.arange(longest)[None] < torch.tensor(counts)[:, None]


def walk(seed: int, slices: int = 30) -> torch.Tensor:
    """Latents of a scan whose slices change little from one to the next."""
    steps = torch.randn(slices, 8, generator=torch.Generator().manual_seed(seed))
    return steps.cumsum(dim=0)


def roughness(latents: torch.Tensor) -> float:
    """Mean distance of neighbours over the mean distance of slices at least a third of the scan apart."""
    heads = unit(latents)
    distance = squared(heads[:, None], heads[None])
    place = torch.arange(len(heads))
    apart = (place[:, None] - place[None]).abs()
    return float(distance[apart == 1].mean() / distance[apart >= len(heads) // 3].mean())


def followed(latents: torch.Tensor, kind: str) -> torch.Tensor:
    """The latents themselves after 300 steps along the loss."""
    moving = latents.clone().requires_grad_(True)
    optimizer = torch.optim.SGD([moving], lr=5.0)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        optimizer.zero_grad()
        smoothness(moving[None], there(len(latents), longest=len(latents)), kind=kind, generator=generator).backward()
        optimizer.step()
    return moving.detach()


def test_eq_2_by_hand() -> None:
    """Slices at 0, 60, 150 and 180 degrees: d = 1, 2, 2 - sqrt(3). Triplets d(3,2) - d(1,2) = 1 and
    d(4,3) - d(2,3) = -sqrt(3). With a margin of 0.2: 1.2 and 0; the sum over their number is 0.6."""
    latents = 7 * on_circle(0, 60, 150, 180)  # the length of a latent plays no part
    assert literal_triplets(unit(latents)).tolist() == pytest.approx([1.0, -math.sqrt(3)], abs=1e-4)
    loss = smoothness(latents[None], there(4, longest=4), kind="literal", margin=0.2)
    assert loss.item() == pytest.approx(0.6, abs=1e-4)


def test_shuffled_by_hand() -> None:
    """Three slices at 0, 60 and 180 degrees: the first is compared with the second (1) and the third (4), the third
    with the second (3) and the first (4); the second has no slice that is no neighbour. Margin 2: 0 and 1, mean 0.5."""
    latents = on_circle(0, 60, 180)
    assert sorted(shuffled_triplets(unit(latents), None).tolist()) == pytest.approx([-3.0, -1.0], abs=1e-4)
    loss = smoothness(latents[None], there(3, longest=3), margin=2.0)
    assert loss.item() == pytest.approx(0.5, abs=1e-4)


def test_shuffled_looks_both_ways() -> None:
    """Of four slices, the two at the ends have one neighbour and the two between have two: six triplets."""
    assert len(shuffled_triplets(walk(0, 4), None)) == 6


@pytest.mark.parametrize("seed", range(3))
def test_what_the_paper_prints_makes_a_scan_rough_and_what_it_means_makes_it_smooth(seed: int) -> None:
    """methods.md, section 2, on another walk: 0.228 becomes 1.092 by the literal loss and 0.176 by the shuffled one."""
    latents = walk(seed)
    before = roughness(latents)
    assert roughness(followed(latents, "literal")) > 1.5 * before
    assert roughness(followed(latents, "shuffled")) < 0.95 * before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_slices_give_zero(kind: str, count: int) -> None:
    latents = walk(0, 5)[None].requires_grad_(True)
    loss = smoothness(latents, there(count, longest=5), kind=kind)
    loss.backward()
    assert loss.item() == 0
    assert (latents.grad == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_padded_slices_take_no_part(kind: str) -> None:
    latents = torch.stack([walk(1, 8), walk(2, 8)]).requires_grad_(True)
    real = there(5, 8, longest=8)
    loss = smoothness(latents, real, kind=kind, margin=1.0, generator=torch.Generator().manual_seed(3))
    loss.backward()
    assert (latents.grad[0, 5:] == 0).all()
    assert (latents.grad[0, :5] != 0).any()
    filled = latents.detach().clone()
    filled[0, 5:] = 0.0
    again = smoothness(filled, real, kind=kind, margin=1.0, generator=torch.Generator().manual_seed(3))
    assert again.item() == loss.item()


@pytest.mark.parametrize("kind", KINDS)
def test_latents_of_zeros_have_a_gradient_that_is_a_number(kind: str) -> None:
    latents = torch.zeros(1, 4, 3, requires_grad=True)
    loss = smoothness(latents, there(4, longest=4), kind=kind)
    loss.backward()
    assert loss.item() == pytest.approx(0.2)
    assert torch.isfinite(latents.grad).all()


def test_the_shuffling_follows_torchs_seed() -> None:
    latents, real = walk(4)[None], there(30, longest=30)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, second = smoothness(latents, real), smoothness(latents, real)
    torch.set_rng_state(state)
    assert [smoothness(latents, real).item(), smoothness(latents, real).item()] == [first.item(), second.item()]
    assert first.item() != second.item()


def test_a_generator_of_its_own_leaves_torchs_alone() -> None:
    state = torch.get_rng_state()
    smoothness(walk(4)[None], there(30, longest=30), generator=torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), state)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(3, 40), seed=st.integers(0, 2**31))
def test_the_far_slice_is_of_the_scan_and_no_neighbour(count: int, seed: int) -> None:
    anchors, far = draw_far(count, torch.Generator().manual_seed(seed))
    assert anchors.tolist() == ([0, 2] if count == 3 else list(range(count)))
    assert bool(((far >= 0) & (far < count) & ((far - anchors).abs() >= 2)).all())


def test_every_slice_that_is_no_neighbour_can_be_the_far_one() -> None:
    drawn = [draw_far(6, torch.Generator().manual_seed(seed))[1].tolist() for seed in range(200)]
    assert [sorted({each[place] for each in drawn}) for place in range(6)] == [
        [2, 3, 4, 5],
        [3, 4, 5],
        [0, 4, 5],
        [0, 1, 5],
        [0, 1, 2],
        [0, 1, 2, 3],
    ]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 9), more=st.integers(0, 5), kind=st.sampled_from(KINDS))
def test_padding_never_changes_the_loss(seed: int, count: int, more: int, kind: str) -> None:
    latents = walk(seed, count + more)[None]
    some = smoothness(
        latents, there(count, longest=count + more), kind=kind, generator=torch.Generator().manual_seed(seed)
    )
    alone = smoothness(
        latents[:, :count], there(count, longest=count), kind=kind, generator=torch.Generator().manual_seed(seed)
    )
    assert some.item() == alone.item()
    assert 0 <= some.item() <= 4.2
