from __future__ import annotations

import csv
import dataclasses
import errno
import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import bregma
from bregma.models.aggregate import INCOMPLETE, NOT_ASSESSED, NOTHING_FOUND, SUSPECTED
from bregma.models.lesions import Lesion
from bregma.models.predictor import Predictor
from bregma.reading import LeftOut, Reading, read_scan
from bregma.report.contract import document, hu_at, inspection, reading_entry, refusals_of, write_json
from bregma.report.slice_csv import COLUMNS, slice_rows, write_csv
from bregma.scan.errors import RequestError
from bregma.scan.regions import Box
from bregma.scan.study import Refusal, Remark, Status
from tiny_models import head_scan, tiny_package
from tiny_packages import six_predictor

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "contract.schema.json").read_text())
SCOUT = Refusal("localizer", "a scout view, not a slice", ("scout.dcm",), "1.2.3")
NOT_HEAD = Refusal("not_head", "the file names another part of the body", ("a.dcm", "b.dcm"), "1.2.3")


@pytest.fixture
def tiny(tmp_path: Path) -> Predictor:
    return Predictor(tiny_package(tmp_path / "tiny", findings=("any", "subdural")), threads=1)


def check(content: object) -> None:
    """Against the schema, and through text as a reader of the file would have it."""
    text = json.dumps(content, allow_nan=False)
    Draft202012Validator(SCHEMA).validate(json.loads(text))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def keys_of(schema: object) -> set[str]:
    """Every property that a schema knows, at any depth."""
    if isinstance(schema, list):
        return set().union(*(keys_of(item) for item in schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*(keys_of(item) for item in schema.values()))


def test_the_page_about_the_contract_names_every_key_and_verdict() -> None:
    page = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
    unexplained = {key for key in keys_of(SCHEMA) if f"`{key}" not in page and f".{key}`" not in page}
    assert unexplained == set()
    for verdict in (SUSPECTED, NOTHING_FOUND, INCOMPLETE, NOT_ASSESSED):
        assert f'| "{verdict}" |' in page
    assert SCHEMA["$defs"]["read"]["properties"]["scan"]["properties"]["verdict"]["enum"] == [
        SUSPECTED,
        NOTHING_FOUND,
        INCOMPLETE,
        NOT_ASSESSED,
    ]


def test_an_inspection_says_what_the_scan_is() -> None:
    scan = head_scan(slices=3, warnings=(Remark("thick_slices", "slices are thick"),), excluded=(SCOUT,))
    content = document([inspection(scan, [(30.0, 0.0, 5.0), (0.0, 0.0, 900.0)])], refusals_of(scan))
    check(content)
    assert content == {
        "bregma": bregma.__version__,
        "scans": [
            {
                "study_uid": "1.2",
                "series_uid": "1.2.3",
                "patient": "P0001",
                "modality": "CT",
                "status": "eligible with warnings",
                "warnings": [{"code": "thick_slices", "message": "slices are thick"}],
                "geometry": {
                    "slices": 3,
                    "rows": 80,
                    "columns": 80,
                    "pixel_mm": [2.0, 2.0],
                    "tilt_degrees": 0.0,
                    "orientation": "axial",
                    "evenly_spaced": True,
                },
                "slices": [
                    {
                        "index": index,
                        "file": f"slices/00{index}.dcm",
                        "frame": None,
                        "sop_instance_uid": f"1.2.3.{index}",
                        "z_mm": 5.0 * index,
                        "gap_mm": 5.0 if index < 2 else None,
                        "repaired": [],
                        "probabilities": {},
                    }
                    for index in range(3)
                ],
                "points": [{"mm": [30.0, 0.0, 5.0], "hu": 30}, {"mm": [0.0, 0.0, 900.0], "hu": None}],
            }
        ],
        "refused": [
            {"code": "localizer", "reason": "a scout view, not a slice", "files": ["scout.dcm"], "series_uid": "1.2.3"}
        ],
    }


def test_a_reading_adds_what_the_models_say(tiny: Predictor) -> None:
    reading = read_scan(head_scan(bleeds={4: 14.0, 5: 14.0}), [tiny], load_seconds=0.25)
    entry = reading_entry(reading)
    check(document([entry], []))
    assert json.loads(json.dumps(entry["models"])) == [
        {
            "name": "tiny",
            "version": "1.0",
            "digest": tiny.package.digest,
            "findings": ["any", "subdural"],
            "map": True,
        }
    ]
    assert entry["models_left_out"] == []
    assert entry["scan"]["subtypes"] == []
    assert entry["scan"]["operating_points"] == {
        "any": {"scan": 0.5, "slice": 0.5, "reached": True},
        "subdural": {"scan": None, "slice": None, "reached": None},
    }
    assert entry["scan"]["verdict"] == SUSPECTED
    assert entry["scan"]["rule"] == {"run_slices": 3, "run_mm": 4.5, "threshold": 0.5}
    assert entry["scan"]["probabilities"]["any"] == pytest.approx(0.99945, abs=1e-4)
    assert [one["probabilities"]["any"] > 0.5 for one in entry["slices"]] == [index in (4, 5) for index in range(10)]
    assert set(entry["slices"][0]["probabilities"]) == {"any", "subdural"}
    (lesion,) = entry["lesions"]
    assert (lesion["id"], lesion["side"], lesion["slices"]) == ("L1", "left", [4, 5])
    assert lesion["box_mm"][0][2] == 20.0
    assert entry["seconds"]["load"] == 0.25


def test_subtypes_their_points_and_who_was_left_out(tmp_path: Path) -> None:
    six = six_predictor(tmp_path / "six", {"subdural": 0.4, "epidural": 1.0})
    torn = LeftOut("torn", "package.json is not JSON")
    entry = reading_entry(read_scan(head_scan(bleeds={4: 14.0}), [six], left_out=[torn]))
    check(document([entry], []))
    assert entry["models_left_out"] == [{"name": "torn", "reason": "package.json is not JSON"}]
    assert entry["scan"]["subtypes"] == ["subdural"]
    points = entry["scan"]["operating_points"]
    assert points["subdural"] == {"scan": 0.4, "slice": None, "reached": True}
    assert points["epidural"] == {"scan": 1.0, "slice": None, "reached": False}
    assert points["subarachnoid"]["reached"] is None
    (lesion,) = entry["lesions"]
    assert (lesion["subtype"], lesion["subtype_probability"]) == ("subdural", pytest.approx(0.99945, abs=1e-4))
    assert all(len(one["probabilities"]) == 6 for one in entry["slices"])


def test_a_file_of_an_older_bregma_keeps_the_contract(tiny: Predictor) -> None:
    entry = reading_entry(read_scan(head_scan(bleeds={4: 14.0}), [tiny]))
    del entry["models_left_out"]
    for key in ("subtypes", "operating_points"):
        del entry["scan"][key]
    for model in entry["models"]:
        del model["findings"], model["map"]
    for lesion in entry["lesions"]:
        del lesion["subtype"], lesion["subtype_probability"]
    check(document([entry], []))


def test_every_kind_of_scan_keeps_the_contract(tiny: Predictor) -> None:
    missing = Remark("missing_slices", "slices are missing")
    kinds = {
        NOTHING_FOUND: head_scan(),
        INCOMPLETE: head_scan(warnings=(missing,)),
        NOT_ASSESSED: head_scan(refusal=NOT_HEAD, excluded=(SCOUT,)),
        SUSPECTED: head_scan(bleeds={1: 14.0, 2: 14.0, 3: 14.0}, with_geometry=False),
    }
    for verdict, scan in kinds.items():
        entry = reading_entry(read_scan(scan, [tiny]), [(0.0, 0.0, 10.0)])
        assert entry["scan"]["verdict"] == verdict
        check(document([entry, inspection(scan)], refusals_of(scan)))
    check(document([reading_entry(read_scan(head_scan(slices=1, bleeds={0: 14.0}), [tiny]))], []))


def test_a_scan_that_is_not_eligible_stands_among_the_refused_too(tiny: Predictor) -> None:
    scan = head_scan(refusal=NOT_HEAD, excluded=(SCOUT,))
    assert refusals_of(scan) == [SCOUT, NOT_HEAD]
    entry = reading_entry(read_scan(scan, [tiny]))
    assert entry["status"] == Status.NOT_ELIGIBLE
    assert entry["scan"]["probabilities"] == {}
    assert all(one["probabilities"] == {} for one in entry["slices"])


def test_without_geometry_nothing_is_said_in_millimetres() -> None:
    entry = inspection(head_scan(with_geometry=False), [(0.0, 0.0, 0.0)])
    assert entry["geometry"]["slices"] == 10
    assert [entry["geometry"][key] for key in ("pixel_mm", "tilt_degrees", "orientation", "evenly_spaced")] == [
        None
    ] * 4
    assert entry["points"] == [{"mm": [0.0, 0.0, 0.0], "hu": None}]


def test_the_nearest_pixel_answers() -> None:
    scan = head_scan(slices=3)
    scan.volume.values[1, 40, 55] = 77
    # pixel (row 40, column 55) of slice 1 lies at x = -79 + 2 * 55 = 31, y = 1, z = 5
    assert hu_at(scan.volume, (31.0, 1.0, 5.0)) == 77
    assert hu_at(scan.volume, (31.9, 0.1, 7.4)) == 77
    assert hu_at(scan.volume, (32.1, 1.0, 5.0)) == 30
    assert hu_at(scan.volume, (31.0, 1.0, 7.6)) == 30
    assert hu_at(scan.volume, (79.9, 79.9, 0.0)) == -1000
    assert hu_at(scan.volume, (80.1, 0.0, 0.0)) is None


def test_numbers_are_finite_or_null(tiny: Predictor) -> None:
    reading = read_scan(head_scan(), [tiny])
    block = np.ones((1, 1, 1), dtype=bool)
    odd = Lesion(
        "L1", Box((-0.00001, 0, 0), (1, 1, 1)), float("nan"), None, (0,), {"any": 0.123456789}, (0, 0, 0), block
    )
    (lesion,) = reading_entry(dataclasses.replace(reading, lesions=(odd,)))["lesions"]
    assert lesion["volume_ml"] is None
    assert str(lesion["box_mm"][0][0]) == "0.0"
    assert lesion["probabilities"] == {"any": 0.123457}


def test_the_file_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "out.json"
    write_json(target, document([inspection(head_scan())], []))
    check(json.loads(target.read_text()))
    assert [path.name for path in target.parent.iterdir()] == ["out.json"]
    with pytest.raises(RequestError, match=r"'x\.json' cannot be read or written"):
        write_json(target / "x.json", {})


def test_a_file_that_found_no_room_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, text: str, **_options: object) -> int:
        path.write_bytes(text.encode()[: len(text) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(RequestError, match=r"'x\.json' cannot be written .*free some space"):
        write_json(tmp_path / "x.json", {"a": 1})
    assert list(tmp_path.iterdir()) == []


def test_csv_has_a_row_per_slice(tiny: Predictor, tmp_path: Path) -> None:
    readings: list[Reading] = [
        read_scan(head_scan(bleeds={4: 14.0}), [tiny]),
        read_scan(head_scan(slices=2, refusal=NOT_HEAD), [tiny]),
    ]
    write_csv(tmp_path / "out.csv", [row for reading in readings for row in slice_rows(reading)])
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 12
    assert [row["index"] for row in rows if row["counted"] == "1"] == ["4"]
    assert float(rows[4]["any"]) == pytest.approx(0.99945, abs=1e-4)
    assert rows[4]["epidural"] == ""
    assert (rows[9]["gap_mm"], rows[9]["z_mm"]) == ("", "45.000")
    assert (rows[10]["verdict"], rows[10]["any"], rows[10]["counted"]) == (NOT_ASSESSED, "", "")
