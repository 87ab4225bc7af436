"""RADnet: its size, its maps' alignment, its sequence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bregma.networks.batch import Batch
from bregma.networks.radnet import RADnet


def small(**changes: object) -> RADnet:
    torch.manual_seed(0)
    return RADnet(**{"growth": 4, "layers": 2, "dropout": 0.0, "hidden": 5, **changes}).eval()


def weighted_layers(network: nn.Module) -> int:
    return sum(isinstance(m, nn.Conv2d | nn.Linear) for m in network.modules())


def test_the_baseline_has_forty_weighted_layers() -> None:
    """Stem 1, blocks 3 x 12, transitions 2, fully connected 1."""
    assert weighted_layers(RADnet(attention=False, sequence=False)) == 40


def test_block_outputs_stand_at_a_half_a_quarter_and_an_eighth() -> None:
    network = small()
    seen: list[tuple[int, ...]] = []
    for block in network.blocks:
        block.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape)))
    network.look(torch.zeros(1, 1, 32, 32))
    # stem 2 x 4 channels; each block adds 2 layers x 4
    assert seen == [(1, 16, 16, 16), (1, 24, 8, 8), (1, 32, 4, 4)]


def test_convolutions_begin_as_he_said() -> None:
    network = RADnet()
    weight = network.blocks[0].layers[5].conv.weight
    assert float(weight.detach().std()) == pytest.approx((2 / (weight.shape[1] * 9)) ** 0.5, rel=0.05)


@pytest.mark.parametrize(("attention", "sequence"), [(False, False), (True, False), (True, True)])
def test_outputs_that_are_not_produced_are_none(attention: bool, sequence: bool) -> None:
    network = small(attention=attention, sequence=sequence, findings=3, channels=2)
    outputs = network(Batch.of_scan(torch.rand(5, 2, 16, 16)))
    assert outputs.slice_logits.shape == (1, 5, 3)
    assert outputs.scan_logits is None
    assert (outputs.maps is not None) == attention
    for drawn in outputs.maps or ():
        assert drawn.shape == (5, 1, 16, 16)


def mirrored(network: RADnet) -> RADnet:
    """The same network with every kernel symmetric from left to right and from top to bottom."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            with torch.no_grad():
                weight = module.weight
                weight += weight.flip(-1)
                weight += weight.flip(-2)
    return network


def test_maps_lie_exactly_on_the_input() -> None:
    """A symmetric network must commute with mirroring; a map that is half a pixel off does not."""
    network = mirrored(small()).double()
    image = torch.rand(1, 1, 64, 64, dtype=torch.float64)
    maps = network.look(image)[1]
    for axis in (-1, -2):
        for drawn, turned in zip(maps, network.look(image.flip(axis))[1], strict=True):
            torch.testing.assert_close(turned, drawn.flip(axis), rtol=1e-9, atol=1e-9)


def test_a_shifted_image_gives_shifted_maps() -> None:
    network = small().double()
    image = torch.zeros(1, 1, 128, 128, dtype=torch.float64)
    image[..., 56:64, 56:64] = 1.0
    here, there = network.look(image)[1], network.look(image.roll((8, 8), (-2, -1)))[1]
    for drawn, moved in zip(here, there, strict=True):
        torch.testing.assert_close(moved[..., 48:88, 48:88], drawn[..., 40:80, 40:80], rtol=1e-9, atol=1e-9)


def test_padded_slices_change_nothing() -> None:
    """Two scans of 4 and 2 slices, filled up with rubbish, answer as each of them alone; also while training."""
    network = small()
    images = torch.rand(2, 4, 1, 16, 16)
    is_slice = torch.tensor([[True] * 4, [True, True, False, False]])
    images[1, 2:] = torch.nan
    both = network(Batch(images, is_slice))
    for scan, length in ((0, 4), (1, 2)):
        alone = network(Batch.of_scan(images[scan, :length]))
        torch.testing.assert_close(both.slice_logits[scan, :length], alone.slice_logits[0])
    assert both.slice_logits[1, 2:].abs().sum() == 0
    assert [len(drawn) for drawn in both.maps] == [6, 6, 6]
    assert network.train()(Batch(images, is_slice)).slice_logits.isfinite().all()


def test_the_served_form_is_the_trained_one() -> None:
    network = small()
    images = torch.rand(6, 1, 16, 16)
    logits, maps = network.read_scan(images)
    outputs = network(Batch.of_scan(images))
    torch.testing.assert_close(logits, outputs.slice_logits[0])
    torch.testing.assert_close(maps, outputs.maps)


def test_only_the_sequence_looks_at_neighbours() -> None:
    images = torch.rand(5, 1, 16, 16)
    changed = images.clone()
    changed[4] = 0.0
    for sequence in (False, True):
        network = small(sequence=sequence)
        moved = (network.read_scan(images)[0] - network.read_scan(changed)[0]).abs()
        assert bool(moved[0] > 0) == sequence
        assert moved[4] > 0


def test_a_batch_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*expected \(B, D, C, S, S\)"):
        Batch(torch.zeros(2, 4, 1, 8, 8), torch.ones(2, 3, dtype=torch.bool))
