"""Earlier bleeds beside the lesions of a reading: vectors, entries, hits, in JSON, table and page."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from bregma.lesion_search import Bleeding, earlier_cases, lesion_entries
from bregma.models.anatomy_package import AnatomyPackage
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.lesion_vectors import lesion_vectors
from bregma.models.lesions import Lesion, find_lesions
from bregma.models.predictor import Predictor
from bregma.preprocessing.pipeline import Preprocessing
from bregma.reading import Reading, read_scan, with_places, with_similar
from bregma.report.contract import document, reading_entry
from bregma.report.page import page_html
from bregma.report.table import reading_table
from bregma.retrieval.entry import Entry
from bregma.retrieval.index import Index
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal
from bregma.scan.tumour import VoxelBox
from bregma.scan.volume import Geometry, Volume
from tiny_models import head_scan, tiny_package
from tiny_places import SETTINGS, tiny_places

BOX = VoxelBox((0, 0, 0), (1, 2, 3))
ME = Bleeding("1.2", "me", "CT", "20200131")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> AnatomyPackage:
    """Its embedding is (brightness in front, brightness behind) before it is brought to length 1."""
    return tiny_places(tmp_path_factory.mktemp("packages") / "places")


@pytest.fixture
def index(package: AnatomyPackage, tmp_path: Path) -> Index:
    """Five lesions in front, at 30 degrees and behind."""
    made = Index.create(tmp_path / "index", digest=package.digest, width=2)
    front, between, behind = (1.0, 0.0), (0.75**0.5, 0.5), (0.0, 1.0)
    vectors = np.array([front, between, behind, front, front], np.float32)
    names = [("9.1", "a"), ("9.2", "a"), ("9.3", "b"), ("9.4", "me"), ("1.2", "else")]
    labels = [{"subtype": "subdural", "place": "frontal region"}, {}, {}, {}, {}]
    cases = [Entry(case, 1, who, "CT", BOX, 0, labels=known) for (case, who), known in zip(names, labels, strict=True)]
    made.add(vectors, cases, digest=package.digest)
    return made


def head() -> Volume:
    row, column = np.mgrid[:64, :64] - 31.5
    hu = np.where(np.hypot(row, column) < 24, 30, -1000) + np.zeros((3, 1, 1))
    origins = np.stack([np.full(3, -126.0), np.full(3, -126.0), 5.0 * np.arange(3)], axis=1)
    geometry = Geometry(64, 64, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (4.0, 4.0))
    return Volume(hu.astype(np.int16), geometry)


def drawn(*blocks: tuple[int, slice, slice]) -> list[Lesion]:
    map_ = np.zeros((3, 64, 64), np.float32)
    for block in blocks:
        map_[block] = 1
    return find_lesions(map_, head().geometry)


FRONT, BEHIND = (1, slice(16, 24), slice(28, 36)), (1, slice(40, 48), slice(28, 36))


def test_a_vector_says_where_a_lesion_lies(package: AnatomyPackage) -> None:
    predictor = AnatomyPredictor(package, threads=1)
    for block, wanted in ((FRONT, [1, 0]), (BEHIND, [0, 1])):
        (vector,) = lesion_vectors(drawn(block), head(), predictor)
        assert vector == pytest.approx(wanted, abs=1e-6)
    assert lesion_vectors([], head(), predictor) == []


def test_slices_count_by_their_area(package: AnatomyPackage) -> None:
    # 8 rows of 8 columns in front, and 8 rows of 4 behind that touch them: 64 : 32, that is (2, 1) before length 1
    lesions = drawn((0, slice(24, 32), slice(28, 36)), (1, slice(32, 40), slice(28, 32)))
    (vector,) = lesion_vectors(lesions, head(), AnatomyPredictor(package, threads=1))
    assert vector == pytest.approx(np.array([2, 1]) / 5**0.5, abs=0.02)


def test_a_lesion_out_of_sight_has_no_vector_no_entry_and_no_hits(package: AnatomyPackage, index: Index) -> None:
    narrow = replace(package, regions=replace(SETTINGS, slices=Preprocessing(pixel_mm=4.0, field_of_view_mm=128.0)))
    predictor = AnatomyPredictor(narrow, threads=1)
    lesions = drawn((1, slice(0, 6), slice(0, 6)))
    assert lesion_vectors(lesions, head(), predictor) == [None]
    vectors, entries = lesion_entries(lesions, head(), ME, predictor)
    assert (vectors.shape, entries) == ((0, 2), [])
    assert earlier_cases(lesions, head(), ME, predictor, index).matches == {}


def test_an_entry_says_what_is_known(package: AnatomyPackage) -> None:
    known = {"L1": {"subtype": "subdural"}}
    lesions = drawn(FRONT, (2, slice(16, 24), slice(28, 30)))
    vectors, (entry,) = lesion_entries(lesions, head(), ME, AnatomyPredictor(package, threads=1), known)
    assert vectors.shape == (1, 2)
    assert (entry.key, entry.patient, entry.modality, entry.date) == (("1.2", 1), "me", "CT", "20200131")
    assert (entry.box, entry.best_slice) == (VoxelBox((1, 16, 28), (3, 24, 36)), 1)
    assert entry.labels == {"subtype": "subdural"}
    # 64 and 16 pixels of 16 mm2, 5 mm thick; 8 pixels of 4 mm across and along
    assert entry.volume_ml == pytest.approx(80 * 16 * 5 / 1000)
    assert entry.longest_mm == pytest.approx(32 * 2**0.5, rel=1e-3)


def test_hits_are_the_nearest_of_each_other_patient(package: AnatomyPackage, index: Index) -> None:
    found = earlier_cases(drawn(FRONT), head(), ME, AnatomyPredictor(package, threads=1), index)
    assert (found.package, found.entries) == (package.digest, 5)
    hits = found.matches["L1"]
    assert [hit.entry.case for hit in hits] == ["9.1", "9.3"]  # not of "me", not of scan 1.2, and one of "a"
    assert [hit.distance for hit in hits] == pytest.approx([0, 2**0.5], abs=1e-6)


def test_an_index_of_another_package_is_refused(package: AnatomyPackage, tmp_path: Path) -> None:
    other = Index.create(tmp_path / "other", digest="0" * 64, width=2)
    with pytest.raises(RequestError, match="holds vectors of package 0000000000000000"):
        earlier_cases(drawn(FRONT), head(), ME, AnatomyPredictor(package, threads=1), other)


@pytest.fixture
def reading(package: AnatomyPackage, index: Index, tmp_path: Path) -> Reading:
    """A head with one bleed, and a region drawn in front."""
    bleeding, places = Predictor(tiny_package(tmp_path / "tiny"), threads=1), AnatomyPredictor(package, threads=1)
    scan = head_scan(bleeds={4: 12.0, 5: 12.0, 6: 12.0})
    mask = np.zeros(scan.volume.values.shape, bool)
    mask[3, 20:26, 38:44] = True
    return with_similar(with_places(read_scan(scan, [bleeding]), places, [mask]), places, index)


def test_the_contract_holds_earlier_cases(reading: Reading, package: AnatomyPackage) -> None:
    content = json.loads(json.dumps(document([reading_entry(reading)], [])))
    schema = json.loads((Path(__file__).parents[2] / "docs" / "contract.schema.json").read_text())
    jsonschema.validate(content, schema)
    (scan,) = content["scans"]
    assert scan["similar_by"] == {"package": package.digest, "entries": 5}
    (region,) = scan["regions"]
    # nothing of this head's patient is in the index: all but the second of "a" are hits
    assert {one["case"] for one in region["similar"]} == {"1.2", "9.1", "9.3", "9.4"}
    assert [one["rank"] for one in region["similar"]] == [1, 2, 3, 4]
    first = next(one for one in region["similar"] if one["case"] == "9.1")
    assert first["labels"] == {"place": "frontal region", "subtype": "subdural"}
    assert first["distance"] == pytest.approx(0, abs=1e-6)
    assert len(scan["lesions"][0]["similar"]) == 4


def test_table_and_page_cite_them(reading: Reading) -> None:
    out = io.StringIO()
    Console(file=out, width=400).print(reading_table(reading))
    (line,) = [line for line in out.getvalue().splitlines() if line.split()[:1] == ["R1"]]
    assert "else L1 (distance 0.00)" in line  # of four at distance 0 the first by series UID
    page = page_html(reading, [])
    assert "<th>earlier cases</th>" in page
    assert "a L1, subdural, frontal region (0.00); " in page


def test_without_an_index_nothing_is_said(reading: Reading) -> None:
    plain = replace(reading, similar=None)
    entry = reading_entry(plain)
    assert entry["similar_by"] is None
    assert entry["regions"][0]["similar"] is None
    assert "earlier cases" not in page_html(plain, [])


def test_what_was_not_embedded_is_unknown_and_an_empty_index_has_none(reading: Reading, tmp_path: Path) -> None:
    assert reading.similar is not None
    page = page_html(replace(reading, similar=replace(reading.similar, matches={"R1": ()})), [])
    assert "none of another patient" in page
    assert "<td>unknown</td>" in page


def test_a_scan_that_was_not_read_stays_as_it_is(reading: Reading, package: AnatomyPackage, index: Index) -> None:
    refused = replace(reading.scan, refusal=Refusal("contrast", "it is after contrast", (), "1"))
    unread = replace(reading, scan=refused, similar=None)
    assert with_similar(unread, AnatomyPredictor(package, threads=1), index) is unread
