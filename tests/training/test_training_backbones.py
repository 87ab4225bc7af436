"""The recipes of the backbones, and a backbone from a recipe to a package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bregma.evaluation.imagenet import TOP1
from bregma.models.package import load_package
from bregma.models.predictor import Predictor
from bregma.networks.backbone import BACKBONES, Backbone
from bregma.networks.batch import Batch
from bregma.networks.slice_classifier import SliceClassifier
from bregma.training.onnx_form import compare, to_onnx
from bregma.training.recipe import load_recipe
from bregma.training.train import Run, train

RECIPES = (
    "vgg16",
    "resnet50",
    "inception_v3",
    "mobilenetv2",
    "xception",
    "efficientnet_b0",
    "efficientnet_b2",
    "efficientnet_b3",
    "resnet18",
)


def test_the_recipes_differ_in_name_and_backbone_only() -> None:
    rest, backbones = [], []
    for name in RECIPES:
        values = load_recipe(name).model_dump()
        assert values.pop("name") == name
        backbones.append(values["network"].pop("backbone"))
        rest.append(values)
    assert all(values == rest[0] for values in rest)
    assert set(backbones) == set(BACKBONES) - {"efficientnet_lite0"}, "which the segmenter takes"
    assert set(TOP1) == set(RECIPES)


def test_a_backbone_goes_from_recipe_to_package(drawn_library: Any, tmp_path: Path) -> None:
    weights = tmp_path / "somebody" / "first.safetensors"
    weights.parent.mkdir()
    save_file(Backbone("resnet18").trunk.state_dict(), weights)
    changes = {
        "preprocessing.pixel_mm": 6,
        "network.weights": str(weights),
        "optimizer.epochs": 1,
        "loop.save_every": 100,
    }
    folder = train(load_recipe("resnet18", changes), drawn_library, Run(tmp_path / "run"))
    package = load_package(folder)
    # ResNet-18 without the 512 x 1000 + 1000 of its classes, and 512 x 6 + 6 of the dense layer
    assert package.card.parameters == 11_689_512 - 513_000 + 3_078
    assert package.card.macs is not None
    assert '--set network.weights="first.safetensors"' in package.card.command
    assert any("first weights are those of first.safetensors" in limit for limit in package.card.limits)
    assert "somebody" not in (folder / "package.json").read_text(), "a card goes to others"
    answer = Predictor(package, threads=1).predict(torch.rand(5, 3, 48, 48).numpy())
    assert answer.probabilities.shape == (5, 6)
    assert answer.map is None


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobilenetv2_100", "inception_v3"])
def test_a_backbone_learns_a_step_and_is_served_as_it_is(backbone: str) -> None:
    torch.manual_seed(0)
    network, size = SliceClassifier(backbone), max(40, BACKBONES[backbone].smallest + 5)
    before = network.head.weight.detach().clone()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    outputs = network.train()(Batch.of_scan(torch.rand(2, 3, size, size)))
    outputs.slice_logits.square().sum().backward()
    optimizer.step()
    assert not torch.equal(before, network.head.weight)
    onnx = to_onnx(network, channels=3, size=size, maps=False)
    assert compare(onnx, network, [torch.rand(count, 3, size, size).numpy() for count in (1, 3)]) < 1e-4
