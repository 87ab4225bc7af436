"""Backbones: scaling, channels, weights from files, and the networks around them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bregma.networks.backbone import BACKBONES, Backbone
from bregma.networks.batch import Batch
from bregma.networks.cost import cost_of
from bregma.networks.slice_classifier import SliceClassifier
from bregma.networks.slice_set import SliceSet
from bregma.scan.errors import RequestError


@pytest.fixture(scope="module")
def resnet() -> Backbone:
    torch.manual_seed(0)
    backbone = Backbone("resnet18").train()
    backbone(torch.rand(4, 3, 64, 64))  # normalisations that have seen something
    return backbone.eval()


@pytest.fixture(scope="module")
def resnet_file(resnet: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As published: with the layer that names ImageNet's classes."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    dense = {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    save_file({name: tensor.contiguous() for name, tensor in resnet.trunk.state_dict().items()} | dense, path)
    return path


@pytest.mark.parametrize("name", BACKBONES)
def test_the_scaling_is_that_of_the_published_weights(name: str) -> None:
    from timm.models import get_pretrained_cfg

    facts = get_pretrained_cfg(BACKBONES[name].timm)
    assert BACKBONES[name].scaling == (facts.mean, facts.std)


def test_an_image_of_the_mean_colour_is_zero_to_the_trunk(resnet: Backbone) -> None:
    image = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    expected = resnet.trunk.forward_features(torch.zeros(1, 3, 64, 64)).mean(dim=(2, 3))
    torch.testing.assert_close(resnet(image), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["inception_v3", "legacy_xception", "efficientnet_lite0"])
def test_googles_backbones_see_minus_1_to_1(name: str) -> None:
    backbone = Backbone(name)
    seen: list[torch.Tensor] = []
    first = backbone.trunk.get_submodule(backbone.trunk.pretrained_cfg["first_conv"])
    first.register_forward_hook(lambda _module, given, _result: seen.append(given[0]))
    levels = torch.tensor([0.0, 0.5, 1.0]).repeat_interleave(27)  # black, grey and white rows
    backbone.eval()(levels[:, None].expand(1, 3, 81, 81))
    assert [float(seen[0][0, 0, row, 0]) for row in (0, 40, 80)] == [-1.0, 0.0, 1.0]


def test_vgg_keeps_its_convolutions_and_none_of_its_dense_layers() -> None:
    """3 x 3 kernels: 3-64-64-128-128-256-256-256-512-512-512-512-512-512, with biases, are 14,714,688 numbers."""
    backbone = Backbone("vgg16")
    assert sum(one.numel() for one in backbone.parameters()) == 14_714_688
    assert backbone.features == 512


def test_weights_for_three_colours_serve_nine_channels(resnet: Backbone, resnet_file: Path) -> None:
    """Three slices that are alike must give what one of them gives."""
    nine = Backbone("resnet18", channels=9, weights=str(resnet_file)).eval()
    image = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(nine(image.repeat(1, 3, 1, 1)), resnet(image), atol=1e-4, rtol=1e-4)


def test_one_channel_gets_the_sum_of_the_kernels_and_the_mean_of_the_scaling(
    resnet: Backbone, resnet_file: Path
) -> None:
    one = Backbone("resnet18", channels=1, weights=str(resnet_file))
    torch.testing.assert_close(one.trunk.conv1.weight, resnet.trunk.conv1.weight.sum(dim=1, keepdim=True))
    assert float(one.mean) == pytest.approx((0.485 + 0.456 + 0.406) / 3)


def test_a_pth_file_serves_too(resnet: Backbone, tmp_path: Path) -> None:
    torch.save({"state_dict": resnet.trunk.state_dict()}, tmp_path / "own.pth")
    loaded = Backbone("resnet18", weights=str(tmp_path / "own.pth")).eval()
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(loaded(image), resnet(image))


def test_weights_of_another_network_are_refused_by_name(resnet_file: Path) -> None:
    with pytest.raises(RequestError, match=r"is not efficientnet_b0's; it lacks .* more; it has besides .* more: give"):
        Backbone("efficientnet_b0", weights=str(resnet_file))


def test_weights_of_another_shape_are_refused(resnet: Backbone, tmp_path: Path) -> None:
    state = resnet.trunk.state_dict() | {"bn1.bias": torch.zeros(3)}
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(RequestError, match=r"of another shape bn1\.bias: give"):
        Backbone("resnet18", weights=str(tmp_path / "odd.pth"))


@pytest.mark.parametrize("content", [b"", b"not weights at all"])
@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, kind: str, content: bytes) -> None:
    (tmp_path / f"bad.{kind}").write_bytes(content)
    with pytest.raises(RequestError, match=rf"weight file bad.{kind} cannot be read"):
        Backbone("resnet18", weights=str(tmp_path / f"bad.{kind}"))


def test_a_file_that_holds_more_than_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": "none"}, tmp_path / "words.pth")
    with pytest.raises(RequestError, match="holds more than tensors"):
        Backbone("resnet18", weights=str(tmp_path / "words.pth"))


def test_a_weight_file_that_is_not_there_is_named() -> None:
    with pytest.raises(RequestError, match=r"weight file /no/such\.pth is not there"):
        Backbone("resnet18", weights="/no/such.pth")


def test_imagenet_weights_are_looked_for_on_this_machine_only(
    resnet: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch"))
    with pytest.raises(
        RequestError, match=r"no ImageNet weights of resnet18 .*timm/resnet18.a1_in1k in .*hub and .*pth"
    ):
        Backbone("resnet18", weights="imagenet")
    kept = tmp_path / "torch" / "checkpoints" / "resnet18_a1_0-d63eafa0.pth"
    kept.parent.mkdir(parents=True)
    torch.save(resnet.trunk.state_dict(), kept)
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(Backbone("resnet18", weights="imagenet").eval()(image), resnet(image))


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_takes_a_file_of_its_own_and_learns_in_all_its_layers(name: str, tmp_path: Path) -> None:
    """The file as published has a layer besides that named ImageNet's classes."""
    size = BACKBONES[name].smallest
    torch.manual_seed(0)
    given = Backbone(name)
    dense = {"fc.weight": torch.zeros(1000, given.features), "classifier.bias": torch.zeros(1000)}
    save_file({key: one.contiguous() for key, one in given.trunk.state_dict().items()} | dense, tmp_path / "own")
    torch.manual_seed(1)
    network = SliceClassifier(name, weights=str((tmp_path / "own").rename(tmp_path / "own.safetensors")))
    image = torch.rand(3, 3, size, size)
    torch.testing.assert_close(network.backbone.eval()(image), given.eval()(image))
    logits = network.train()(Batch.of_scan(image)).slice_logits
    assert logits.shape == (1, 3, 6)
    logits.square().sum().backward()
    assert [key for key, one in network.named_parameters() if one.grad is None] == []


@pytest.mark.real_data
def test_real_imagenet_weights_fill_mobilenet(real_ct: Path) -> None:
    path = real_ct.parent / "mri" / "weights" / "mobilenetv2_100_imagenet_features.safetensors"
    features = Backbone("mobilenetv2_100", weights=str(path)).eval()(torch.rand(1, 3, 64, 64))
    assert features.shape == (1, 1280)
    assert features.isfinite().all()


def test_an_unknown_backbone_gets_a_suggestion() -> None:
    with pytest.raises(RequestError, match="'resnet81' is unknown; did you mean 'resnet18'"):
        Backbone("resnet81")


def test_slices_that_are_too_small_are_refused(resnet: Backbone) -> None:
    with pytest.raises(RequestError, match="resnet18 needs slices of at least 32 pixels across, these have 24"):
        resnet(torch.rand(1, 3, 24, 24))


def test_a_lone_slice_is_normalised_by_what_was_learned(resnet: Backbone) -> None:
    image = torch.rand(1, 3, 32, 32)
    expected = resnet(image)
    counted = int(resnet.trunk.bn1.num_batches_tracked)
    torch.testing.assert_close(resnet.train()(image), expected)
    assert int(resnet.trunk.bn1.num_batches_tracked) == counted
    assert all(one.training for one in resnet.modules())
    resnet.eval()


@pytest.mark.parametrize("kind", [SliceClassifier, SliceSet])
def test_padded_slices_change_nothing_and_features_are_given(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    network = kind("resnet18", channels=2, findings=6, dropout=0.5).eval()
    images = torch.rand(2, 3, 2, 40, 40)
    images[1, 1:] = torch.nan
    outputs = network(Batch(images, torch.tensor([[True] * 3, [True, False, False]])))
    assert (outputs.scan_logits, outputs.maps) == (None, None)
    assert (outputs.slice_logits.shape, outputs.features.shape) == ((2, 3, 6), (2, 3, 512))
    for scan, length in ((0, 3), (1, 1)):
        alone, maps = network.read_scan(images[scan, :length])
        torch.testing.assert_close(outputs.slice_logits[scan, :length], alone, atol=1e-5, rtol=1e-4)
        assert maps is None
    assert outputs.slice_logits[1, 1:].abs().sum() == outputs.features[1, 1:].abs().sum() == 0


def test_the_cost_of_resnet18_is_the_published_one() -> None:
    """torchvision publishes 11,689,512 parameters and 1.814 G multiply-adds at 224 px with 1000 classes."""
    cost = cost_of(SliceClassifier("resnet18", findings=1000), channels=3, size=224)
    assert cost.parameters == 11_689_512
    assert cost.macs / 1e9 == pytest.approx(1.814, abs=5e-4)
