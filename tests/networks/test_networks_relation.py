"""BaseNet and the relation network against the same sums written down plainly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bregma.models.neighbours import References, nearest, unit
from bregma.networks.relation_network import BaseNet, Pool5, RelationNetwork, class_joint, nearest_joint

R, E, H, C, K = 30, 6, 8, 4, 3


@pytest.fixture
def network() -> RelationNetwork:
    torch.manual_seed(0)
    return RelationNetwork(E, hidden=H).eval()


@pytest.fixture
def known() -> References:
    rng = np.random.default_rng(0)
    classes = np.concatenate([np.zeros(20), np.ones(8), [2, 2]]).astype(np.intp)  # class 3 has nobody
    return References(unit(rng.normal(size=(R, E)).astype(np.float32)), classes, rng.integers(0, 4, R))


def plain_score(network: RelationNetwork, target: Tensor, members: Tensor) -> Tensor:
    """f of the target beside the mean of g, its first layer in one piece."""
    target, members = ((one - network.centre) * network.gain for one in (target, members))
    joint = network.g(members).mean(dim=0)
    weight = torch.cat([network.of_target.weight, network.of_reference.weight], dim=1)
    first = weight @ torch.cat([target, joint]) + network.of_target.bias
    return network.score(first.relu())[0]


@torch.no_grad()
def test_sharing_g_and_splitting_f_change_no_number_nearest(network: RelationNetwork, known: References) -> None:
    table = nearest(known.vectors, known.patients, known, k=K, classes=C)
    vectors = torch.from_numpy(known.vectors)
    joint, present = nearest_joint(
        network.refer(vectors), torch.from_numpy(table.index), torch.from_numpy(table.weight)
    )
    logits = network(vectors, joint, present)
    for n in range(R):
        for c in range(C):
            members = table.index[n, c][table.weight[n, c] > 0]
            if len(members) == 0:
                assert logits[n, c] == -torch.inf
            else:
                assert float(logits[n, c]) == pytest.approx(
                    float(plain_score(network, vectors[n], vectors[members])), abs=1e-5
                )
    assert not present[:, 3].any()


@torch.no_grad()
def test_sharing_g_and_splitting_f_change_no_number_all(network: RelationNetwork, known: References) -> None:
    vectors, targets = torch.from_numpy(known.vectors), torch.tensor([0, 3, -1, 0])
    joint, present = class_joint(
        network.refer(vectors),
        torch.from_numpy(known.classes),
        torch.from_numpy(known.patients),
        targets,
        classes=C,
    )
    logits = network(vectors[:4], joint, present)
    for n, patient in enumerate(targets.tolist()):
        for c in range(C):
            members = np.flatnonzero((known.classes == c) & (known.patients != patient))
            if len(members) == 0:
                assert logits[n, c] == -torch.inf
            else:
                assert float(logits[n, c]) == pytest.approx(
                    float(plain_score(network, vectors[n], vectors[members])), abs=1e-5
                )


def test_the_order_of_the_neighbours_does_not_matter(network: RelationNetwork, known: References) -> None:
    parts = network.refer(torch.from_numpy(known.vectors))
    index, weight = torch.tensor([[[4, 9, 2]]]), torch.full((1, 1, 3), 1 / 3)
    one, _ = nearest_joint(parts, index, weight)
    other, _ = nearest_joint(parts, index.flip(2), weight)
    assert torch.allclose(one, other, atol=1e-6)


def test_the_gradient_through_the_neighbours_is_that_of_plain_torch() -> None:
    generator = torch.Generator().manual_seed(1)
    parts = torch.randn(9, 5, generator=generator, requires_grad=True)
    index, weight = torch.randint(0, 9, (4, 3, 2), generator=generator), torch.rand(4, 3, 2, generator=generator)
    pull = torch.randn(4, 3, 5, generator=generator)
    (ours,) = torch.autograd.grad((nearest_joint(parts, index, weight)[0] * pull).sum(), parts)
    (plain,) = torch.autograd.grad(((parts[index] * weight[..., None]).sum(dim=2) * pull).sum(), parts)
    assert torch.allclose(ours, plain, atol=1e-6)


def test_dropout_is_off_when_it_answers_and_on_when_it_learns(network: RelationNetwork) -> None:
    targets, joint, present = torch.ones(2, E), torch.ones(2, C, H), torch.ones(2, C, dtype=torch.bool)
    assert torch.equal(network(targets, joint, present), network(targets, joint, present))
    network.train()
    assert not torch.equal(network(targets, joint, present), network(targets, joint, present))


@pytest.mark.parametrize("paths", [("local", "whole"), ("local",), ("whole",)])
def test_an_arm_looks_at_its_own_path_only(paths: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    net = BaseNet(5, hidden=7, embedding=6, classes=15, paths=paths).eval()
    features = torch.randn(3, 2, 5)
    assert net(features).shape == (3, 15)
    assert net.embed(features).shape == (3, 6)
    for column, path in enumerate(("local", "whole")):
        changed = features.clone()
        changed[:, column] += 1
        assert torch.equal(net(features), net(changed)) == (path not in paths)


def test_the_embedding_is_the_output_of_the_second_last_layer() -> None:
    net = BaseNet(2, hidden=3, embedding=2, classes=4).eval()
    features = torch.randn(2, 2, 2)
    by_hand = net.second(net.first(features.flatten(1)).relu())
    assert torch.allclose(net.embed(features), by_hand)
    assert torch.allclose(net(features), net.third(by_hand.relu()))


def test_features_are_standardised_by_the_training_part() -> None:
    net = BaseNet(2, hidden=3, embedding=2)
    features = torch.tensor([[[0.0, 5.0], [1.0, 1.0]], [[2.0, 5.0], [3.0, 5.0]]])
    net.standardise(features)
    assert net.mean.tolist() == [[1.0, 5.0], [2.0, 3.0]]
    assert torch.allclose(net.scale, torch.tensor([[1.0, 20.0], [1.0, 0.5]]))  # the second never changes: 0.1 of 0.5


def test_the_eyes_give_a_grid_of_means_and_do_not_learn() -> None:
    eyes = Pool5("resnet18", weights="random", grid=2)
    assert eyes.features == 512 * 4
    assert eyes(torch.rand(2, 1, 64, 64)).shape == (2, 2048)
    assert not any(weight.requires_grad for weight in eyes.parameters())
