"""ONNX: other lengths than the exported one, and a difference that is caught."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bregma.networks.radnet import RADnet
from bregma.training.export import TOLERANCE, compare, to_onnx


@pytest.fixture(scope="module")
def exported() -> tuple[RADnet, bytes]:
    torch.manual_seed(0)
    network = RADnet(growth=2, layers=1, hidden=3, branch=2)
    nn.init.normal_(network.head.weight, std=3.0)
    return network, to_onnx(network, channels=1, size=32, maps=True)


def scans(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.random((length, 1, 32, 32), dtype=np.float32) for length in lengths]


def test_other_lengths_than_the_exported_one(exported: tuple[RADnet, bytes]) -> None:
    network, onnx = exported
    assert compare(onnx, network, scans(1, 2, 3, 7, 40)) < TOLERANCE / 10


def test_a_difference_is_found(exported: tuple[RADnet, bytes]) -> None:
    network, onnx = exported
    changed = RADnet(growth=2, layers=1, hidden=3, branch=2)
    changed.load_state_dict(network.state_dict())
    with torch.no_grad():
        changed.head.bias += 0.05
    assert compare(onnx, changed, scans(3)) > TOLERANCE
