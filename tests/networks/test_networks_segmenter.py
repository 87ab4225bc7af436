"""Slice segmenter: where its map lies, what its features say of the drawing, what it passes over."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from bregma.networks.backbone import BACKBONES, Backbone
from bregma.networks.batch import Batch
from bregma.networks.cost import cost_of
from bregma.networks.slice_segmenter import DARK, PooledNorm, SliceSegmenter
from bregma.scan.errors import RequestError
from bregma.training.onnx_form import compare, to_onnx

MOBILENET = "mobilenetv2_100"


def small(**changes: object) -> SliceSegmenter:
    torch.manual_seed(0)
    return SliceSegmenter(MOBILENET, **{"channels": 2, "pyramid": 8, **changes}).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_gives_maps_from_the_largest_to_the_last(name: str) -> None:
    backbone = Backbone(name).eval()
    size = max(96, BACKBONES[name].smallest)
    image = torch.rand(1, 3, size, size)
    last = backbone.last_map(image)
    widths = backbone.keep_maps()
    maps = backbone.maps(image)
    assert [one.shape[1] for one in maps] == widths
    assert [one.shape[2] for one in maps] == sorted((one.shape[2] for one in maps), reverse=True)
    assert maps[-1].shape[2:] == last.shape[2:]


def test_a_backbone_without_maps_of_several_sizes_says_so() -> None:
    backbone = Backbone("resnet18")
    backbone.trunk = nn.Identity()
    with pytest.raises(RequestError, match="'resnet18' gives no maps of several sizes"):
        backbone.keep_maps()


def test_layers_that_only_named_imagenets_classes_are_gone() -> None:
    """MobileNetV2 has 3,504,872 parameters: 1,281,000 name classes, 409,600 + 2,560 are the last 1 x 1 convolution."""
    network = SliceSegmenter(MOBILENET)
    inside = sum(one.numel() for one in network.backbone.parameters())
    assert inside == 3_504_872 - 1_281_000 - 409_600 - 2_560
    assert cost_of(network, channels=3, size=128).parameters < 1_900_000


def test_fewer_levels_end_the_backbone_sooner() -> None:
    """EfficientNet-Lite0 halves five times; of four maps the last has 112 channels and a sixteenth of the size."""
    whole, short = Backbone("efficientnet_lite0").eval(), Backbone("efficientnet_lite0").eval()
    short.load_state_dict(whole.state_dict())
    assert whole.keep_maps() == [16, 24, 40, 112, 320]
    assert short.keep_maps(4) == [16, 24, 40, 112]
    image = torch.rand(1, 3, 96, 96)
    maps = short.maps(image)
    assert [one.shape[2] for one in maps] == [48, 24, 12, 6]
    for one, other in zip(maps, whole.maps(image), strict=False):
        torch.testing.assert_close(one, other)
    with pytest.raises(RequestError, match="efficientnet_lite0 gives 5 maps of different sizes; 6 were asked for"):
        Backbone("efficientnet_lite0").keep_maps(6)


def test_a_segmenter_of_four_levels_is_small() -> None:
    assert cost_of(SliceSegmenter("efficientnet_lite0", levels=4), channels=3, size=128).parameters < 750_000


def test_an_untaught_map_is_dark_and_as_large_as_the_slice() -> None:
    network = small()
    nn.init.zeros_(network.draw.weight)
    outputs = network(Batch.of_scan(torch.rand(2, 2, 64, 64)))
    (drawn,) = outputs.maps
    assert drawn.shape == (2, 1, 64, 64)
    torch.testing.assert_close(drawn, torch.full_like(drawn, DARK))


def test_features_tell_how_much_was_drawn_and_how_surely() -> None:
    """All dark: sigmoid(-4) + 0.0001 of each of the 32 x 32 pixels, and -4 as the highest logit."""
    network = small()
    nn.init.zeros_(network.draw.weight)
    features, _ = network.look(torch.rand(1, 2, 64, 64))
    pixels, highest = features[0, -2:].tolist()
    assert pixels == pytest.approx(math.log(32 * 32 * (1 / (1 + math.exp(4)) + 1e-4)), rel=1e-5)
    assert highest == DARK


def test_what_lies_under_the_drawing_is_what_counts() -> None:
    """One pixel is blood for certain and 1023 are not: it weighs 1.0001, they weigh 0.0001 each."""
    network, seen = small(), list[torch.Tensor]()
    network.draw.register_forward_hook(lambda _m, given, _o: seen.append(given[0]))
    network.draw.register_forward_hook(lambda _m, _i, out: spot(out, 5, 9))
    features, _ = network.look(torch.rand(1, 2, 64, 64))
    there, everywhere = seen[0][0, :, 5, 9], seen[0][0].sum(dim=(1, 2))
    torch.testing.assert_close(features[0, -10:-2], (there + 1e-4 * everywhere) / (1 + 1e-4 * 1024))


def spot(like: torch.Tensor, row: int, column: int) -> torch.Tensor:
    """Certainly blood at one pixel, certainly none elsewhere."""
    drawn = torch.full_like(like, -30.0)
    drawn[0, 0, row, column] = 30.0
    return drawn


def test_padded_slices_change_nothing() -> None:
    network = small(findings=3)
    images = torch.rand(2, 3, 2, 64, 64)
    images[1, 1:] = torch.nan
    outputs = network(Batch(images, torch.tensor([[True] * 3, [True, False, False]])))
    assert outputs.maps[0].shape == (4, 1, 64, 64)
    for scan, length in ((0, 3), (1, 1)):
        alone, _ = network.read_scan(images[scan, :length])
        torch.testing.assert_close(outputs.slice_logits[scan, :length], alone, atol=1e-5, rtol=1e-4)
    assert outputs.slice_logits[1, 1:].abs().sum() == outputs.features[1, 1:].abs().sum() == 0


def test_a_lone_slice_is_read_while_it_learns() -> None:
    network = small().train()
    assert torch.isfinite(network(Batch.of_scan(torch.rand(1, 2, 64, 64))).slice_logits).all()


@pytest.mark.slow
def test_it_learns_a_step_and_is_served_as_it_is(tmp_path: Path) -> None:
    network = small()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    outputs = network.train()(Batch.of_scan(torch.rand(2, 2, 64, 64)))
    (outputs.slice_logits.square().mean() + outputs.maps[0].square().mean()).backward()
    assert all(one.grad is not None for one in network.parameters())
    optimizer.step()
    onnx = to_onnx(network, channels=2, size=64, maps=True)
    assert compare(onnx, network, [torch.rand(count, 2, 64, 64).numpy() for count in (1, 3)]) < 1e-4


def test_features_that_hardly_spread_reach_the_dense_layer_at_full_scale() -> None:
    norm = PooledNorm(1).train()
    pooled = torch.tensor([[0.50], [0.51], [0.50], [0.51]])
    # mean 0.505, spread 0.005; the constant of batch normalisation, 1e-5, lowers 1 to 0.845
    torch.testing.assert_close(norm(pooled).flatten(), 0.8452 * torch.tensor([-1.0, 1, -1, 1]), atol=1e-3, rtol=0)


def test_a_lone_slice_is_normalised_by_what_was_learned() -> None:
    norm = PooledNorm(2).train()
    lone = torch.tensor([[3.0, -1.0]])
    torch.testing.assert_close(norm(lone), norm.eval()(lone))
    assert norm.num_batches_tracked == 0
