"""Bleeds of a library in an index, and beside the lesions of a reading, as a person asks for them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.cli import main
from bregma.models.lesions import find_lesions
from bregma.phantom import Phantom, Scanner, draw, sample_head, write_dicom, write_masks
from bregma.phantom.place_regions import lesion_places
from bregma.retrieval.index import Index
from tiny_models import tiny_package
from tiny_places import tiny_places

pytestmark = pytest.mark.xdist_group("cli")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three heads of one bleed each, their `library`, a package of places, one of readings, and `bleeds.index`."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "masks").mkdir()
    known, rows = {}, [["series_uid", "level", "part", "place", "source", "mask"]]
    for number, subtype in enumerate(("epidural", "intraparenchymal", "subdural")):
        phantom, place = head_with_one(subtype)
        uid, mask = phantom.series_uid, f"masks/{number}.nii.gz"
        write_dicom(phantom, folder / "scans" / f"study_{number:05d}")
        write_masks(phantom, folder / mask)
        rows += [[uid, "scan", "", "", "phantom", mask], [uid, "lesion", "L1", place, "phantom", ""]]
        known[uid] = {"subtype": subtype, "place": place}
    (folder / "truth.json").write_text(json.dumps(known))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with Library.create(folder / "library") as library:
        import_scans(library, folder / "scans", workers=1)
        import_labels(library, folder / "labels.csv")
    tiny_places(folder / "places")
    tiny_package(folder / "tiny")
    return folder


def head_with_one(subtype: str) -> tuple[Phantom, str]:
    """The first head whose blood is one connected bleed in a place that has a name, however heads are drawn."""
    scanner = Scanner(size=96, slices=12, spacing_mm=13.3)
    for seed in range(100):
        phantom = draw(sample_head(np.random.default_rng(seed), bleeds=[subtype], scanner=scanner))
        parts = find_lesions(phantom.masks[subtype].astype(np.float32), phantom.geometry)
        places = lesion_places(phantom)
        if len(parts) == 1 and "L1" in places:
            return phantom, places["L1"]
    raise AssertionError(f"no head of 100 has one {subtype} bleed")


@pytest.fixture
def run(made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(made)
    monkeypatch.setenv("COLUMNS", "400")

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return call


@pytest.fixture
def indexed(run: Run, made: Path) -> Path:
    folder = made / "bleeds.index"
    if not folder.exists():
        code, out, err = run("index", "add", "bleeds.index", "--library", "library", "--model", "places")
        assert (code, err) == (0, "")
        assert "3 lesions of 3 scans" in out
    return folder


def truth(made: Path) -> dict[str, dict[str, str]]:
    """Series -> subtype and place of its one lesion."""
    known: dict[str, dict[str, str]] = json.loads((made / "truth.json").read_text())
    return known


def test_outlined_bleeds_come_in_with_what_is_known_of_them(indexed: Path, made: Path) -> None:
    entries = Index.open(indexed).entries()
    assert {entry.case: dict(entry.labels) for entry in entries} == truth(made)
    assert {(entry.number, entry.modality) for entry in entries} == {(1, "CT")}
    for entry in entries:
        with Library.open(made / "library") as library:
            mask = library.mask(entry.case)
        assert mask is not None
        assert mask[entry.best_slice].sum() == mask.sum(axis=(1, 2)).max()


def test_what_is_there_is_passed_over(indexed: Path, run: Run) -> None:
    before = Index.open(indexed).manifest
    code, out, _ = run("index", "add", "bleeds.index", "--library", "library", "--model", "places")
    assert (code, "3 lesions of 3 scans" in out) == (0, True)
    assert [part.name for part in Index.open(indexed).manifest.parts] == [part.name for part in before.parts]


def test_a_reading_cites_the_other_two(indexed: Path, run: Run, made: Path) -> None:
    (made / "boxes.json").write_text('{"boxes_mm": [[[-10, -60, 0], [10, -40, 20]]]}')
    words = ["--anatomy", "places", "--similar", "bleeds.index", "--region", "boxes.json", "--model", "tiny"]
    code, out, _ = run("read", "scans/study_00000", *words, "--json", "out.json", "--html", "pages")
    assert code == 0
    assert "earlier case" in out
    (scan,) = json.loads((made / "out.json").read_text())["scans"]
    hits = scan["regions"][0]["similar"]
    assert {one["case"] for one in hits} == set(truth(made)) - {scan["series_uid"]}
    assert all(one["patient"] != scan["patient"] for one in hits)
    assert scan["similar_by"]["entries"] == 3
    (page,) = (made / "pages").iterdir()
    assert "earlier cases" in page.read_text()


def test_similar_shows_a_bleed_of_the_index(indexed: Path, run: Run, made: Path) -> None:
    asked = min(truth(made))
    words = ["--index", "bleeds.index", "--library", "library", "--html", "similar.html"]
    assert run("similar", asked, *words)[0] == 0
    page = (made / "similar.html").read_text()
    assert page.count("<image") == 3


def test_hits_can_be_asked_for_by_subtype(indexed: Path, run: Run, made: Path) -> None:
    asked, *others = sorted(truth(made))
    wanted = truth(made)[others[0]]["subtype"]
    code, *_ = run("similar", asked, "--index", "bleeds.index", "--where", f"subtype={wanted}", "--json", "hits.json")
    assert code == 0
    (query,) = json.loads((made / "hits.json").read_text())["queries"]
    assert {one["case"] for one in query["matches"]} == {
        case for case in others if truth(made)[case]["subtype"] == wanted
    }


def test_a_scan_from_a_path_comes_in_with_its_mask(run: Run, made: Path) -> None:
    values = np.full((6, 48, 48), -1000, np.int16)
    values[:, 6:42, 6:42] = 30
    mask = np.zeros(values.shape, np.uint8)
    mask[2:4, 14:20, 14:20] = 1
    for name, array in (("ct", values), ("mask", mask)):
        image = nibabel.Nifti1Image(array.transpose(2, 1, 0), np.diag([-4.0, -4.0, 5.0, 1.0]))
        nibabel.save(image, made / f"{name}.nii.gz")
    words = ["--path", "ct.nii.gz", "--mask", "mask.nii.gz", "--model", "places", "--label", "subtype=subdural"]
    code, out, _ = run("index", "add", "path.index", *words)
    assert (code, "1 lesion of 1 scan" in out) == (0, True)
    (entry,) = Index.open(made / "path.index").entries()
    assert (entry.labels, entry.modality) == ({"subtype": "subdural"}, "CT")
    assert entry.volume_ml == pytest.approx(72 * 16 * 5 / 1000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["read", "scans/study_00000", "--similar", "bleeds.index"], "add --anatomy FOLDER"),
        (["read", "scans/study_00000", "--similar", "gone", "--anatomy", "places"], "'gone' is no index"),
        (["index", "add", "x.index", "--path", "scans", "--mask", "m.nii", "--model", "places"], "holds 3 scans"),
        (
            ["similar", "scans/study_00000", "--index", "bleeds.index", "--model", "places", "--box", "1,1,1,2,2,2"],
            "ask about bleeds with bregma read",
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_an_error(indexed: Path, run: Run, words: list[str], said: str) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert said in " ".join(err.split())
