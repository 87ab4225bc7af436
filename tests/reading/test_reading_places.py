"""Places in a reading: of lesions, of drawn regions, in JSON, table and page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bregma.catalogue.region_file import read_region_file
from bregma.models.anatomy_package import AnatomyCard, AnatomyPackage, ReferenceCase, write_anatomy_package
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.lesions import find_lesions
from bregma.models.name_lesions import name_lesions
from bregma.preprocessing.pipeline import Preprocessing
from bregma.preprocessing.region_views import RegionSettings
from bregma.scan.errors import RequestError
from bregma.scan.study import Series, Source
from bregma.scan.terms import ANATOMY
from bregma.scan.volume import Geometry, Scan, Volume

SETTINGS = RegionSettings(
    slices=Preprocessing(pixel_mm=4.0, field_of_view_mm=256.0), local_size=16, global_size=16, least_mm=40.0
)


def grey_centre() -> bytes:
    """A BaseNet whose embedding is the row and the column in which the whole slice is brighter than 0.7.

    Its own answer is "frontal region" in the front half of the slice and "occipital region" in the back half.
    """
    front = np.zeros((1, 1, 16, 16), np.float32)
    front[:, :, :8] = 1
    weight = np.zeros((2, 15), np.float32)
    weight[0, ANATOMY.index("frontal region")] = weight[1, ANATOMY.index("occipital region")] = 50
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
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, 16, 16]) for name in ("local", "whole")]
    answers = [
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 2]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 15]),
    ]
    given = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "grey_centre", ports, answers, given)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> AnatomyPackage:
    cases = tuple(
        ReferenceCase(f"1.{n}", f"patient{n % 2}", n, "L1", name)
        for n, name in enumerate(["frontal region", "occipital region"] * 2)
    )
    return write_anatomy_package(
        tmp_path_factory.mktemp("packages") / "places",
        card=AnatomyCard("places", "s", "t", "m", (), "0" * 64, "none", 2, ()),
        regions=SETTINGS,
        networks={"basenet.onnx": grey_centre()},
        vectors=np.tile(np.eye(2, dtype=np.float32), (2, 1)),
        cases=cases,
    )


def head(patient: str = "somebody") -> Scan:
    row, column = np.mgrid[:64, :64] - 31.5
    hu = np.where(np.hypot(row, column) < 24, 30, -1000) + np.zeros((3, 1, 1))
    origins = np.stack([np.full(3, -126.0), np.full(3, -126.0), 5.0 * np.arange(3)], axis=1)
    geometry = Geometry(64, 64, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (4.0, 4.0))
    series = Series(patient, "1.1", "1.2", "CT")
    return Scan(series, Source("scan", (), "dicom"), (), Volume(hu.astype(np.int16), geometry))


def lesion_map(rows: slice) -> np.ndarray:
    drawn = np.zeros((3, 64, 64), np.float32)
    drawn[1, rows, 28:36] = 1
    return drawn


@pytest.mark.parametrize(("rows", "name"), [(slice(12, 20), "frontal region"), (slice(44, 52), "occipital region")])
def test_a_lesion_gets_place_scores_and_neighbours(package: AnatomyPackage, rows: slice, name: str) -> None:
    scan = head()
    lesions = find_lesions(lesion_map(rows), scan.volume.geometry, midline_x_mm=0.0)
    (named,) = name_lesions(lesions, scan.volume, AnatomyPredictor(package, threads=1), patient="somebody")
    assert named.place is not None
    assert named.place.place == name
    assert sum(named.place.scores.values()) == pytest.approx(1)
    assert set(named.place.scores) == set(ANATOMY)
    assert [one.case.place for one in named.place.neighbours] == [name, name]
    assert named.place.neighbours[0].distance == pytest.approx(0, abs=1e-3)


def test_the_own_patient_is_never_cited(package: AnatomyPackage) -> None:
    scan = head("patient0")
    lesions = find_lesions(lesion_map(slice(12, 20)), scan.volume.geometry)
    (named,) = name_lesions(lesions, scan.volume, AnatomyPredictor(package, threads=1), patient="patient0")
    assert named.place is not None
    assert {one.case.patient for one in named.place.neighbours} <= {"patient1"}


def test_no_lesions_have_no_places(package: AnatomyPackage) -> None:
    assert name_lesions([], head().volume, AnatomyPredictor(package, threads=1), patient="") == ()


def test_boxes_in_mm_become_masks(tmp_path: Path) -> None:
    file = tmp_path / "boxes.json"
    # pixel 10 lies at -126 + 40 = -86 mm, pixel 12 at -78 mm; slice 1 at 5 mm
    file.write_text(json.dumps({"boxes_mm": [[[-86, -78, 5], [-78, -86, 5]]]}))
    (mask,) = read_region_file(file, head())
    assert np.argwhere(mask).min(axis=0).tolist() == [1, 10, 10]
    assert np.argwhere(mask).max(axis=0).tolist() == [1, 12, 12]
    assert mask.sum() == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ('{"box": []}', "boxes_mm"),
        ('{"boxes_mm": [[[0, 0], [1, 1]]]}', "holds boxes of shape"),
        ('{"boxes_mm": [[[900, 0, 0], [901, 1, 1]]]}', "without a pixel of this scan"),
    ],
)
def test_a_region_file_that_makes_no_sense_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "boxes.json"
    file.write_text(text)
    with pytest.raises(RequestError, match=words):
        read_region_file(file, head())


def test_a_mask_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be used"):
        read_region_file(tmp_path / "gone.nii", head())
