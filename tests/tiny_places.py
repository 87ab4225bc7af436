"""A package of places that a test can foretell: front half of the slice or back half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bregma.models.anatomy_package import AnatomyCard, AnatomyPackage, PlaceMetric, ReferenceCase, write_anatomy_package
from bregma.preprocessing.pipeline import Preprocessing
from bregma.preprocessing.region_views import RegionSettings
from bregma.scan.terms import ANATOMY

SETTINGS = RegionSettings(
    slices=Preprocessing(pixel_mm=4.0, field_of_view_mm=256.0), local_size=16, global_size=64, least_mm=40.0
)


def grey_centre() -> bytes:
    """A BaseNet whose embedding is the row and the column in which the whole slice is brighter than 0.7.

    Its own answer is "frontal region" in the front half of the slice and "occipital region" in the back half.
    """
    front = np.zeros((1, 1, 64, 64), np.float32)
    front[:, :, :32] = 1
    weight = np.zeros((2, 15), np.float32)
    weight[0, ANATOMY.index("frontal region")] = weight[1, ANATOMY.index("occipital region")] = 5000
    nodes = [
        helper.make_node("Greater", ["whole", "edge"], ["bright"]),
        helper.make_node("Cast", ["bright"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["grey", "front"], ["in_front"]),
        helper.make_node("Mul", ["grey", "back"], ["behind"]),
        helper.make_node("ReduceMean", ["in_front", "axes"], ["a"], keepdims=0),
        helper.make_node("ReduceMean", ["behind", "axes"], ["b"], keepdims=0),
        helper.make_node("Concat", ["a", "b"], ["embedding"], axis=1),
        helper.make_node("MatMul", ["embedding", "weight"], ["logits"]),
        helper.make_node("Identity", ["local"], ["unused"]),
    ]
    constants = {
        "edge": np.array(0.7, np.float32),
        "front": front,
        "back": 1 - front,
        "axes": np.array([2, 3], np.int64),
        "weight": weight,
    }
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, size, size])
        for name, size in (("local", 16), ("whole", 64))
    ]
    answers = [
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 2]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 15]),
    ]
    given = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "grey_centre", ports, answers, given)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def tiny_places(folder: Path) -> AnatomyPackage:
    """Four reference cases of two patients, at the two corners of the embedding."""
    cases = tuple(
        ReferenceCase(f"1.{n}", f"patient{n % 2}", n, "L1", name)
        for n, name in enumerate(["frontal region", "occipital region"] * 2)
    )
    figures = (PlaceMetric("f1", "weighted", 4, 0.75, 0.5, 1.0), PlaceMetric("recall", "frontal region", 2, 0.5))
    return write_anatomy_package(
        folder,
        card=AnatomyCard("places", "s", "t", "m", ("ends here",), "0" * 64, "none", 2, figures),
        regions=SETTINGS,
        networks={"basenet.onnx": grey_centre()},
        vectors=np.tile(np.eye(2, dtype=np.float32), (2, 1)),
        cases=cases,
    )
