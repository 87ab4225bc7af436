"""ONNX: slice by slice, the same answers at any length, and a difference that is caught."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from bregma.models.engine import IMAGES, LOGITS, MAP, check_graph, memory_per_slice, open_session
from bregma.networks.radnet import RADnet
from bregma.training.export import TOLERANCE
from bregma.training.onnx_form import compare, to_onnx


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


def test_the_graph_works_slice_by_slice_and_says_so(exported: tuple[RADnet, bytes]) -> None:
    """Whatever has pixels happens within the loop; the LSTM stands after it."""
    session = open_session(exported[1])
    assert memory_per_slice(session)
    assert check_graph(session, channels=1, size=32, findings=1)
    graph = onnx.load_from_string(exported[1]).graph
    (body,) = (node.attribute[0].g for node in graph.node if node.op_type == "Loop")
    within, after = ({node.op_type for node in part.node} for part in (body, graph))
    assert {"Conv", "ConvTranspose"} <= within
    assert "LSTM" in after
    assert not after & {"Conv", "ConvTranspose", "AveragePool", "Relu", "BatchNormalization"}


def test_the_file_names_nothing_of_the_machine_and_is_the_same_again(exported: tuple[RADnet, bytes]) -> None:
    network, content = exported
    assert b".py" not in content
    assert to_onnx(network, channels=1, size=32, maps=True) == content


@pytest.mark.parametrize("attention", [False, True])
def test_without_a_sequence_every_slice_stands_for_itself(attention: bool) -> None:
    torch.manual_seed(1)
    network = RADnet(growth=2, layers=1, hidden=3, branch=2, attention=attention, sequence=False)
    content = to_onnx(network, channels=1, size=32, maps=attention)
    assert compare(content, network, scans(1, 4)) < TOLERANCE / 10
    session, (images,) = open_session(content), scans(4)
    assert [port.name for port in session.get_outputs()] == [LOGITS, MAP][: 1 + attention]
    together = session.run(None, {IMAGES: images})
    alone = session.run(None, {IMAGES: images[2:3]})
    for some, one in zip(together, alone, strict=True):
        np.testing.assert_array_equal(some[2:3], one)


def test_a_difference_is_found(exported: tuple[RADnet, bytes]) -> None:
    network, onnx = exported
    changed = RADnet(growth=2, layers=1, hidden=3, branch=2)
    changed.load_state_dict(network.state_dict())
    with torch.no_grad():
        changed.head.bias += 0.05
    assert compare(onnx, changed, scans(3)) > TOLERANCE
