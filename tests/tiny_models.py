"""Hand-made ONNX models whose answers are known, and packages and scans around them.

The network's logit of a slice is gain * max(image) + offset; its map is the same for every pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration
from bregma.models.card import Card, Metric
from bregma.models.operating_points import OperatingPoint
from bregma.models.package import Package, write_package
from bregma.preprocessing.pipeline import Preprocessing
from bregma.preprocessing.window import Window
from bregma.scan.study import Remark, Series, Slice, Source
from bregma.scan.volume import Geometry, Scan, Volume

SETTINGS = Preprocessing(windows=(Window(40.0, 80.0),), pixel_mm=4.0, field_of_view_mm=160.0, size=40)
"""One channel, 40 x 40 pixels of 4 mm: 0 HU is 0, 80 HU is 1."""

CARD = Card(
    summary="Says whether the brightest pixel of a slice is bright.",
    intended_use="Tests only.",
    trained_on="nothing: made by hand",
    measured_on="nothing",
    limits=("It has seen no head.",),
    recipe="tiny",
    recipe_digest="0" * 64,
    command="pytest tests/models",
    metrics=(Metric("recall", "scan", "any", "three made-up scans", 1.0, 0.3, 1.0),),
)

POINT = OperatingPoint("f1", "slice", "any", 0.5, 1.0, 1.0, 1.0, "highest F1")


def tiny_onnx(
    *,
    gain: float = 40.0,
    offset: float = -30.0,
    findings: int = 1,
    channels: int = 1,
    size: int | str = 40,
    maps: bool = True,
    blur: bool = False,
    input_name: str = "images",
    operator: str = "ReduceMax",
    metadata: dict[str, str] | None = None,
    places: bool = False,
    places_width: int = 2,
) -> bytes:
    """A model file; `blur` adds half of each neighbouring slice's logit, as a sequence network would.

    With `places` it has that second input, and adds a slice's height (dm) and 10 times its spacing (cm) to its logit.
    """
    image = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["D", channels, size, size])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["D", findings])
    drawn = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["D", 1, size, size])
    constants = [
        helper.make_tensor("gain", TensorProto.FLOAT, [], [gain]),
        helper.make_tensor("offset", TensorProto.FLOAT, [], [offset]),
        helper.make_tensor("times", TensorProto.INT64, [2], [1, findings]),
        helper.make_tensor("column", TensorProto.INT64, [1], [1]),
        helper.make_tensor("row", TensorProto.INT64, [3], [1, 1, -1]),
        helper.make_tensor("back", TensorProto.INT64, [2], [-1, 1]),
        helper.make_tensor("kernel", TensorProto.FLOAT, [1, 1, 3], [0.5, 1.0, 0.5]),
    ]
    nodes = [
        helper.make_node(operator, [input_name], ["brightest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["brightest", "column"], ["one"]),
        helper.make_node("Mul", ["one", "gain"], ["steep"]),
        helper.make_node("Add", ["steep", "offset"], ["plain"]),
    ]
    if blur:
        nodes += [
            helper.make_node("Reshape", ["plain", "row"], ["line"]),
            helper.make_node("Conv", ["line", "kernel"], ["soft"], pads=[1, 1]),
            helper.make_node("Reshape", ["soft", "back"], ["mixed"]),
        ]
    said = "mixed" if blur else "plain"
    inputs = [image]
    if places:
        inputs.append(helper.make_tensor_value_info("places", TensorProto.FLOAT, ["D", places_width]))
        constants.append(helper.make_tensor("shares", TensorProto.FLOAT, [places_width, 1], [1.0, 10.0][:places_width]))
        nodes += [helper.make_node("MatMul", ["places", "shares"], ["there"])]
        nodes += [helper.make_node("Add", [said, "there"], ["placed"])]
    nodes.append(helper.make_node("Tile", ["placed" if places else said, "times"], ["logits"]))
    if maps:
        nodes += [
            helper.make_node("ReduceMax", [input_name], ["flat"], axes=[1], keepdims=1),
            helper.make_node("Mul", ["flat", "gain"], ["lifted"]),
            helper.make_node("Add", ["lifted", "offset"], ["map"]),
        ]
    graph = helper.make_graph(nodes, "tiny", inputs, [logits, drawn] if maps else [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    return model.SerializeToString()


def tiny_package(
    folder: Path,
    *,
    onnx: bytes | None = None,
    name: str = "tiny",
    card: Card = CARD,
    rule: Rule | None = None,
    findings: tuple[str, ...] = ("any",),
    temperature: float = 1.0,
    preprocessing: Preprocessing = SETTINGS,
) -> Package:
    """A whole package around a hand-made model: slices with anything above 60 HU are positive."""
    return write_package(
        folder,
        onnx=onnx or tiny_onnx(findings=len(findings)),
        name=name,
        version="1.0",
        card=card,
        preprocessing=preprocessing,
        findings=findings,
        rule=rule or Rule(),
        operating_points=(POINT,),
        calibration=Calibration(temperature),
    )


def head_scan(
    *,
    slices: int = 10,
    gap_mm: float = 5.0,
    bleeds: dict[int, float] | None = None,
    warnings: tuple[Remark, ...] = (),
    with_geometry: bool = True,
    **parts: object,
) -> Scan:
    """A head of 30 HU, 128 mm across, skull-less, in air; `bleeds` puts 75 HU on slices: radius in mm by index.

    The bleeds lie 30 mm to the patient's left of the middle. Pixels of 2 mm, 80 x 80; the head's centre is at LPS 0, 0.
    """
    grid = (np.arange(80) - 39.5) * 2.0
    y, x = np.meshgrid(grid, grid, indexing="ij")
    values = np.full((slices, 80, 80), -1000, dtype=np.int16)
    values[:, np.hypot(x, y) < 64] = 30
    for index, radius in (bleeds or {}).items():
        values[index][np.hypot(x - 30, y) < radius] = 75
    origins = np.array([[-79.0, -79.0, gap_mm * index] for index in range(slices)])
    geometry = Geometry(80, 80, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (2.0, 2.0))
    last = slices - 1
    records = tuple(
        Slice(
            index=index,
            file=f"slices/{index:03d}.dcm",
            frame=None,
            sop_instance_uid=f"1.2.3.{index}",
            z_mm=gap_mm * index if with_geometry else None,
            gap_mm=gap_mm if with_geometry and index < last else None,
        )
        for index in range(slices)
    )
    series = Series("P0001", "1.2", "1.2.3", "CT", {"Manufacturer": "Phantom"})
    source = Source(Path("somewhere"), tuple(record.file for record in records), "dicom")
    volume = Volume(values, geometry if with_geometry else None)
    return Scan(series, source, records, volume, warnings, **parts)  # type: ignore[arg-type]
