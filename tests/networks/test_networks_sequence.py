"""The sequence reader: what it gets of each slice, what padding must not do, what it keeps and what it does not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bregma.networks.batch import Batch
from bregma.networks.sequence import READABLE, SequenceReader, deltas, reads_places


class Slices(nn.Module):
    """A slice network whose answers are known: features are the mean and the maximum, the logit is 10 x mean - 5."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))
        self.norm = nn.BatchNorm1d(2, affine=False)
        self.norm.running_var += 1e3

    def look(self, images: torch.Tensor) -> tuple[torch.Tensor, None]:
        flat = images.flatten(1)
        return torch.stack([flat.mean(dim=1), flat.amax(dim=1)], dim=1), None

    def read_along(self, features: torch.Tensor) -> torch.Tensor:
        return features[:, :1] * self.scale - 5 + 0 * self.norm(features)[:, :1]


def reader(*reads: str, said: float = 0.5, **changes: object) -> SequenceReader:
    """With a last layer that says something, as after training."""
    torch.manual_seed(0)
    shape = {"features": 2, "findings": 1, "hidden": 4, "layers": 1, "dropout": 0.0, **changes}
    network = SequenceReader(Slices(), reads=reads or READABLE, **shape).eval()
    if said:
        nn.init.normal_(network.head.weight, std=said)
    return network


def scans(*lengths: int) -> Batch:
    """What stands in filled-up slices is loud, and must not be heard."""
    torch.manual_seed(1)
    images = torch.rand(len(lengths), max(lengths), 1, 4, 4)
    is_slice = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    places = torch.randn(len(lengths), max(lengths), 2)
    images[~is_slice], places[~is_slice] = 1e3, 1e3
    return Batch(images, is_slice, places)


def test_differences_by_hand() -> None:
    """1, 4, 9 and then nothing: each slice knows what came before it and what comes after."""
    steps = torch.tensor([[[1.0], [4.0], [9.0], [777.0]]])
    before, after = deltas(steps, torch.tensor([[True, True, True, False]]))
    assert before.flatten().tolist() == [0, 3, 5, 0]
    assert after.flatten().tolist() == [3, 5, 0, 0]


def test_it_begins_with_what_the_slice_network_says() -> None:
    network, batch = reader(said=0), scans(3)
    expected = 10 * batch.images[0].mean(dim=(1, 2, 3)) - 5
    torch.testing.assert_close(network(batch).slice_logits[0, :, 0], expected)


@pytest.mark.parametrize("reads", [("logits",), ("embedding",), ("place",), ("logits", "deltas"), READABLE])
def test_filled_up_slices_and_other_scans_change_nothing(reads: tuple[str, ...]) -> None:
    network, batch = reader(*reads, layers=2), scans(5, 2, 1)
    outputs = network(batch)
    assert outputs.slice_logits[~batch.is_slice].abs().max() == 0
    assert outputs.features[~batch.is_slice].abs().max() == 0
    for row, length in enumerate((5, 2, 1)):
        alone, maps = network.read_scan(batch.images[row, :length], batch.places[row, :length])
        torch.testing.assert_close(outputs.slice_logits[row, :length], alone)
        assert maps is None


def test_features_stand_for_the_images_they_were_made_of() -> None:
    network, batch = reader(), scans(4, 3)
    features = torch.full((2, 4, 2), torch.nan)
    features[batch.is_slice] = network.look(batch.images[batch.is_slice])[0]
    features[~batch.is_slice] = 0.0
    cached = Batch(torch.zeros(2, 4, 0, 0, 0), batch.is_slice, batch.places, features)
    torch.testing.assert_close(network(cached).slice_logits, network(batch).slice_logits)


def test_the_order_of_the_slices_matters_and_so_does_their_place() -> None:
    network, batch = reader("embedding", "logits", "place"), scans(6)
    images, places = batch.images[0], batch.places[0]
    upside_down = images.flip(0)
    assert not torch.allclose(network.read_scan(images)[0], network.read_scan(upside_down)[0].flip(0), atol=1e-3)
    assert not torch.allclose(network.read_scan(images)[0], network.read_scan(images, places)[0], atol=1e-3)
    torch.testing.assert_close(network.read_scan(images)[0], network.read_scan(images, 0 * places)[0])
    assert [reads_places(one) for one in (network, reader("logits"), Slices())] == [True, False, False]


def test_only_the_reader_learns_and_only_it_is_saved() -> None:
    network = reader()
    network.train()
    assert network.dropout.training
    assert not network.frozen.training
    assert not network.frozen.norm.training
    network(scans(3, 2)).slice_logits.sum().backward()
    assert network.frozen.scale.grad is None
    assert network.gru.weight_ih_l0.grad.abs().sum() > 0
    state = network.state_dict()
    assert state
    assert not [name for name in state if "frozen" in name]
    other = reader(said=0.9)
    assert other.load_state_dict(state).missing_keys == []
    torch.testing.assert_close(other.head.weight, network.head.weight)
    with pytest.raises(RuntimeError, match="Missing"):
        other.load_state_dict({name: weight for name, weight in state.items() if name != "head.weight"})


@pytest.mark.parametrize("reads", [("deltas",), ("logits", "color"), ("deltas", "place")])
def test_what_cannot_be_read_is_refused(reads: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="reads is "):
        reader(*reads)
