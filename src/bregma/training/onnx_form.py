"""A network as one ONNX file that looks at one slice at a time, so that memory does not grow with the scan.

What sees a slice by itself is the body of an ONNX Loop; what reads along the scan follows the loop and sees the few
numbers that are left of every slice. A served network has `look` and `read_along` for the two, and `read_scan`, which
is one after the other.

The map that is served is the mean of the branches' logits. Each branch is trained to draw the same mask; the finest is
sharp and easily fooled, the coarsest sure and blurred.
Letters: D slices, C channels, S prepared size, K findings, E features, N slices seen at once.
"""

from __future__ import annotations

import copy
import logging
import warnings

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor, nn

from bregma.models.calibration import sigmoid
from bregma.models.engine import IMAGES, LOGITS, MAP, PLACES, open_session
from bregma.networks.sequence import reads_places
from bregma.scan.errors import PackageError

OPSET = 18

MEMORY = {"memory": "per slice"}
"""What the file says of itself; `models.engine.memory_per_slice` reads it."""

FEATURES, ONE_IMAGE, ONE_FEATURES, ONE_MAP = "features", "one_image", "one_features", "one_map"


class Look(nn.Module):
    """The part of a network that sees each slice by itself.

    Args:
        network: with `look`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(N, C, S, S) to (N, E) features, and (N, 1, S, S) logits of the mean map if there are maps."""
        features, maps = self.network.look(images)  # type: ignore[operator]  # a method of every served network
        return features if maps is None else (features, mean_map(maps))


class ReadAlong(nn.Module):
    """The part of a network that reads along the slices.

    Args:
        network: with `read_along`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, places: Tensor | None = None) -> Tensor:
        """(D, E) features, and (D, 2) places for a network that reads them, to (D, K) logits."""
        given = (features,) if places is None else (features, places)
        logits: Tensor = self.network.read_along(*given)  # type: ignore[operator]
        return logits


def mean_map(maps: tuple[Tensor, ...]) -> Tensor:
    """The map that is served: logits of the branches, averaged; the same shape as each."""
    return sum(maps[1:], maps[0]) / len(maps)


def to_onnx(network: nn.Module, *, channels: int, size: int, maps: bool) -> bytes:
    """The network in evaluation form as one ONNX file; the number of slices is free.

    Args:
        network: on any device; it is copied to the CPU.
        channels: C.
        size: S.
        maps: whether it draws.

    Raises:
        PackageError: this version of torch gives no ONNX program.
    """
    served = _on_cpu(network)
    image = torch.zeros(1, channels, size, size)
    look = export_graph(Look(served), {ONE_IMAGE: image}, [ONE_FEATURES, ONE_MAP] if maps else [ONE_FEATURES])
    width = look.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    places = {PLACES: torch.zeros(3, 2)} if reads_places(network) else {}
    along = export_graph(ReadAlong(served), {FEATURES: torch.zeros(3, width)} | places, [LOGITS], any_length=True)
    along = onnx.compose.add_prefix(along, "along_", rename_inputs=False, rename_outputs=False)
    findings = along.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    ports = {IMAGES: (channels, size, size), LOGITS: (findings,)} | ({MAP: (1, size, size)} if maps else {})
    model = helper.make_model(
        _whole_graph(_loop_body(look.graph, width, ports), along.graph, ports),
        opset_imports=look.opset_import,
        ir_version=look.ir_version,
        functions=[*look.functions, *along.functions],
    )
    helper.set_model_props(model, MEMORY)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def compare(onnx_form: bytes, network: nn.Module, scans: list[NDArray[np.float32]]) -> float:
    """Largest difference in probability between the network and its ONNX form, slices and maps.

    Args:
        onnx_form: from `to_onnx`.
        network: the same.
        scans: (D, C, S, S) each, of various lengths; where slices lie is drawn, as any place must do.
    """
    rng = np.random.default_rng(0)
    session, served, worst = open_session(onnx_form), _on_cpu(network), 0.0
    for images in scans:
        given = {IMAGES: images}
        if reads_places(network):
            given[PLACES] = rng.normal(size=(len(images), 2)).astype(np.float32)
        with torch.inference_mode():
            logits, maps = served.read_scan(*map(torch.from_numpy, given.values()))  # type: ignore[operator]
        expected = [logits] if maps is None else [logits, mean_map(maps)]
        for one, other in zip(expected, session.run(None, given), strict=True):
            worst = max(worst, float(np.abs(sigmoid(one.numpy()) - sigmoid(other)).max()))
    return worst


def _on_cpu(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).cpu().float().eval()


def export_graph(
    module: nn.Module, examples: dict[str, Tensor], outputs: list[str], *, any_length: bool = False
) -> onnx.ModelProto:
    """One part as an ONNX model, without the exporter's notes, which name files of this machine."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            module.eval(),
            tuple(examples.values()),
            input_names=list(examples),
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim("D", min=1, max=4096)},) * len(examples) if any_length else None,
        )
    if program is None:
        raise PackageError(f"torch {torch.__version__} gave no ONNX program; install the version that Bregma pins")
    model = program.model_proto
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.value_info):
        part.ClearField("metadata_props")
    return model


def _loop_body(look: onnx.GraphProto, width: int, ports: dict[str, tuple[int, ...]]) -> onnx.GraphProto:
    """Take slice number `slice` out of the images, look at it, and give back its features and map."""
    before = [
        helper.make_node("Unsqueeze", ["slice", "first_axis"], ["slice_row"]),
        helper.make_node("Gather", [IMAGES, "slice_row"], [ONE_IMAGE], axis=0),
    ]
    after = [
        helper.make_node("Identity", ["go_on"], ["goes_on"]),
        helper.make_node("Squeeze", [ONE_FEATURES, "first_axis"], ["kept_features"]),
    ]
    outputs = [
        helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("kept_features", TensorProto.FLOAT, [width]),
    ]
    if MAP in ports:
        after.append(helper.make_node("Squeeze", [ONE_MAP, "first_axis"], ["kept_map"]))
        outputs.append(helper.make_tensor_value_info("kept_map", TensorProto.FLOAT, ports[MAP]))
    inputs = [
        helper.make_tensor_value_info("slice", TensorProto.INT64, []),
        helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
    ]
    axis = helper.make_tensor("first_axis", TensorProto.INT64, [1], [0])
    return helper.make_graph([*before, *look.node, *after], "one_slice", inputs, outputs, [*look.initializer, axis])


def _whole_graph(body: onnx.GraphProto, along: onnx.GraphProto, ports: dict[str, tuple[int, ...]]) -> onnx.GraphProto:
    """The loop over the slices, then what reads along them."""
    gathered = [FEATURES, MAP] if MAP in ports else [FEATURES]
    nodes = [
        helper.make_node("Shape", [IMAGES], ["count_row"], start=0, end=1),
        helper.make_node("Squeeze", ["count_row"], ["count"]),
        helper.make_node("Loop", ["count", "always"], gathered, body=body),
        *along.node,
    ]
    images, *outputs = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["slices", *shape]) for name, shape in ports.items()
    )
    inputs = [images, *(port for port in along.input if port.name == PLACES)]
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    return helper.make_graph(nodes, "slice_by_slice", inputs, outputs, [*along.initializer, always])
