"""Places in a reading: of lesions, of drawn regions, in JSON, table and page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from bregma.catalogue.region_file import read_region_file
from bregma.cli import main
from bregma.models.anatomy_package import AnatomyPackage
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.lesions import find_lesions
from bregma.models.name_lesions import name_lesions
from bregma.models.predictor import Predictor
from bregma.phantom import write_studies
from bregma.reading import Reading, read_scan, with_places
from bregma.report.contract import document, reading_entry
from bregma.report.page import write_page
from bregma.report.table import reading_table
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal, Series, Source
from bregma.scan.terms import ANATOMY
from bregma.scan.volume import Geometry, Scan, Volume
from tiny_models import head_scan, tiny_package
from tiny_places import tiny_places


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> AnatomyPackage:
    return tiny_places(tmp_path_factory.mktemp("packages") / "places")


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


@pytest.fixture(scope="module")
def reading(package: AnatomyPackage, tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """A head with one bleed to the patient's left, and a region drawn in front."""
    bleeding = Predictor(tiny_package(tmp_path_factory.mktemp("models") / "tiny"), threads=1)
    scan = head_scan(bleeds={4: 12.0, 5: 12.0, 6: 12.0})
    drawn = np.zeros(scan.volume.values.shape, bool)
    drawn[3, 20:26, 38:44] = True
    return with_places(read_scan(scan, [bleeding]), AnatomyPredictor(package, threads=1), [drawn])


def test_a_reading_names_its_lesions_and_what_was_drawn(reading: Reading, package: AnatomyPackage) -> None:
    assert reading.places_by is not None
    assert (reading.places_by.name, reading.places_by.digest) == ("places", package.digest)
    assert [one.id for one in reading.lesions] == ["L1"]
    assert reading.lesions[0].side == "left"
    assert reading.lesions[0].place is not None
    (region,) = reading.regions
    assert (region.id, region.slices, region.probabilities) == ("R1", (3,), {})
    assert region.place is not None
    assert region.place.place == "frontal region"


def test_the_contract_holds_places(reading: Reading) -> None:
    content = json.loads(json.dumps(document([reading_entry(reading)], [])))
    schema = json.loads((Path(__file__).parents[2] / "docs" / "contract.schema.json").read_text())
    jsonschema.validate(content, schema)
    (scan,) = content["scans"]
    place = scan["regions"][0]["place"]
    assert (place["name"], place["code"], place["scheme"]) == ("frontal region", "83251001", "SCT")
    assert len(place["scores"]) == 15
    assert place["neighbours"][0]["patient"].startswith("patient")
    assert scan["places_by"]["name"] == "places"
    assert scan["lesions"][0]["place"]["name"] in ANATOMY


def test_table_and_page_show_places(reading: Reading, tmp_path: Path) -> None:
    console = Console(width=200, file=io.StringIO())
    console.print(reading_table(reading))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "nearest case" in text
    assert "frontal region" in text
    assert "R1" in text
    page = tmp_path / "page.html"
    write_page(page, reading, [tiny_package(tmp_path / "tiny")])
    html = page.read_text()
    assert "most alike" in html
    assert "frontal region" in html


def test_a_refused_scan_gets_no_places(package: AnatomyPackage, tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    refused = read_scan(head_scan(refusal=Refusal("not_head_ct", "no head", (), "1.2.3")), [predictor])
    assert with_places(refused, AnatomyPredictor(package, threads=1)) is refused


def test_a_region_in_two_pieces_is_named_piece_by_piece(package: AnatomyPackage, tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    scan = head_scan()
    drawn = np.zeros(scan.volume.values.shape, bool)
    drawn[3, 20:26, 38:44] = drawn[3, 50:60, 38:44] = True
    named = with_places(read_scan(scan, [predictor]), AnatomyPredictor(package, threads=1), [drawn])
    assert [one.id for one in named.regions] == ["R1.1", "R1.2"]
    assert [one.place.place for one in named.regions if one.place] == ["occipital region", "frontal region"]


def test_the_command_names_a_drawn_box(
    package: AnatomyPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_studies(tmp_path / "heads", count=1, seed=0, positive_share=0.0, size=64, slices=6)
    tiny_package(tmp_path / "tiny")
    boxes, out = tmp_path / "boxes.json", tmp_path / "out.json"
    boxes.write_text('{"boxes_mm": [[[-10, -60, 0], [10, -40, 20]]]}')
    words = ["read", tmp_path / "heads" / "scans", "--model", tmp_path / "tiny", "--region", boxes, "--json", out]
    monkeypatch.setattr("sys.argv", ["bregma", *map(str, words), "--anatomy", str(package.folder)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    (scan,) = json.loads(out.read_text())["scans"]
    assert scan["regions"][0]["id"] == "R1"
    assert scan["regions"][0]["place"]["name"] in ANATOMY
    monkeypatch.setattr("sys.argv", ["bregma", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "add --anatomy FOLDER" in capsys.readouterr().err
