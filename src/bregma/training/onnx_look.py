"""The part of a package's ONNX file that looks at one slice: taken out as a model of its own, and put back changed.

It is the body of the loop that `onnx_form` writes, without the nodes that take a slice out of the scan and keep what
was seen of it. Letters: C channels, S prepared size, E features.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx
from onnx import TensorProto, helper

from bregma.models.engine import IMAGES
from bregma.scan.errors import PackageError
from bregma.training.onnx_form import ONE_FEATURES, ONE_IMAGE, ONE_MAP

_AROUND = {"slice_row", ONE_IMAGE, "goes_on", "kept_features", "kept_map"}
"""What the loop's own nodes give."""

_OWN = {"first_axis"}
"""The loop's own constants."""


def change_look(content: bytes, change: Callable[[onnx.ModelProto], onnx.ModelProto]) -> bytes:
    """A model file in which the part that looks at one slice is another.

    Args:
        content: from `onnx_form.to_onnx`.
        change: from that part, (1, C, S, S) to (1, E) and a (1, 1, S, S) map if there is one, to one with the same
            inputs and outputs.

    Raises:
        PackageError: the file has no such loop.
    """
    model = onnx.load_from_string(content)
    body = _body(model)
    changed = change(_look(model, body))
    own = [node for node in body.node if set(node.output) & _AROUND]
    before, after = (
        [node for node in own if first is bool(set(node.output) & {"slice_row", ONE_IMAGE})] for first in (True, False)
    )
    constants = [one for one in body.initializer if one.name in _OWN]
    nodes = [*before, *changed.graph.node, *after]
    for field in (body.node, body.initializer, body.value_info):
        del field[:]
    body.node.extend(nodes)
    body.initializer.extend([*changed.graph.initializer, *constants])
    known = {one.domain for one in model.opset_import}
    model.opset_import.extend(one for one in changed.opset_import if one.domain not in known)
    return bytes(model.SerializeToString(deterministic=True))


def _body(model: onnx.ModelProto) -> onnx.GraphProto:
    for node in model.graph.node:
        for attribute in node.attribute if node.op_type == "Loop" else ():
            if attribute.name == "body":
                return attribute.g
    raise PackageError("model.onnx has no loop over slices, as `bregma train` writes it; export it with this Bregma")


def _look(model: onnx.ModelProto, body: onnx.GraphProto) -> onnx.ModelProto:
    shapes = {port.name: [one.dim_value for one in port.type.tensor_type.shape.dim] for port in body.output}
    images = next(port for port in model.graph.input if port.name == IMAGES)
    channels, height, width = (one.dim_value for one in images.type.tensor_type.shape.dim[1:])
    outputs = [helper.make_tensor_value_info(ONE_FEATURES, TensorProto.FLOAT, [1, *shapes["kept_features"]])]
    if "kept_map" in shapes:
        outputs.append(helper.make_tensor_value_info(ONE_MAP, TensorProto.FLOAT, [1, 1, height, width]))
    return helper.make_model(
        helper.make_graph(
            [node for node in body.node if not set(node.output) & _AROUND],
            "look",
            [helper.make_tensor_value_info(ONE_IMAGE, TensorProto.FLOAT, [1, channels, height, width])],
            outputs,
            [one for one in body.initializer if one.name not in _OWN],
        ),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
        functions=model.functions,
    )
