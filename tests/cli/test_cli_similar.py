"""`bregma index` and `bregma similar` as a person runs them, with an embedder of known vectors: mean and spread."""

from __future__ import annotations

import json
import re
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import nibabel
import numpy as np
import pytest

from bregma.catalogue import ingest
from bregma.catalogue.library import Library
from bregma.cli import main
from bregma.io import find
from bregma.retrieval.index import Index
from bregma.scan.errors import LibraryError, RequestError
from bregma.scan.labels import Label, Level
from bregma.scan.tumour import TumourScan, VoxelBox, tumours_of_map
from bregma.scan.volume import Volume

pytestmark = pytest.mark.xdist_group("cli")

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "similar.schema.json").read_text())
BRIGHTNESS = {"a": 200, "b": 220, "c": 500, "d": 210}
"""Of the tumour in each scan; a is most like d, then like b, then like c."""
WHO = {"a": "one", "b": "two", "c": "three", "d": "one"}
TYPES = {"a": "glioma", "b": "meningioma", "c": "glioma", "d": "glioma"}
BOX = VoxelBox((2, 10, 12), (5, 18, 22))

Run = Callable[..., tuple[int, str, str]]


class Means:
    """Mean and standard deviation of a box."""

    name, digest, width = "means", "e" * 64, 2

    def embed(self, volume: Volume, boxes: Sequence[VoxelBox]) -> np.ndarray:
        parts = [volume.values[tuple(slice(*ends) for ends in zip(box.start, box.stop, strict=True))] for box in boxes]
        return np.array([[part.mean(), part.std()] for part in parts], np.float32)


def write_scan(folder: Path, name: str) -> Path:
    values = np.full((6, 40, 40), 30, np.int16)
    values[:, 5:35, 5:35] += np.arange(30, dtype=np.int16)[None, None]
    values[:, :3] = -1000
    values[BOX.start[0] : BOX.stop[0], BOX.start[1] : BOX.stop[1], BOX.start[2] : BOX.stop[2]] = BRIGHTNESS[name]
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), np.diag([-1.0, -1.0, 5.0, 1.0]))
    folder.mkdir(exist_ok=True)
    nibabel.save(image, folder / f"{name}.nii.gz")
    return folder / f"{name}.nii.gz"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A library of four scans; name -> series UID."""
    uids: dict[str, str] = {}
    with Library.create(tmp_path / "lib") as library:
        for name in BRIGHTNESS:
            uids[name] = ingest.import_scans(library, write_scan(tmp_path / "scans", name)).stored[0]
    names = {uid: name for name, uid in uids.items()}

    def load_tumour_scan(library: Library, uid: str) -> TumourScan:
        if uid not in names:
            raise RequestError("nobody outlined it")
        volume, name = library.volume(uid), names[uid]
        numbers = np.zeros(volume.values.shape, np.uint8)
        numbers[volume.values == BRIGHTNESS[name]] = 1
        tumours = tumours_of_map(numbers, {1: {"type": TYPES[name]}})
        return TumourScan(uid, WHO[name], volume, numbers, tumours, "20200102")

    give(
        monkeypatch, "bregma.catalogue.tumours", load_tumour_scan=load_tumour_scan, tumour_scans=lambda _: sorted(names)
    )
    give(monkeypatch, "bregma.models.tumour_embedder", load_tumour_embedder=lambda _path: Means())
    monkeypatch.setattr(find, "load_mr", find.load, raising=False)
    return uids


def give(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(members)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def indexed(world: dict[str, str], run: Run) -> dict[str, str]:
    code, out, err = run("index", "add", "made.index", "--library", "lib", "--model", "package")
    assert (code, err) == (0, "")
    assert "4 lesions of 4 scans" in out
    return world


def test_sources_that_contradict_each_other_are_warned_of_once(
    world: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def labels(_: Library, uid: str) -> list[Label]:
        said = {"reader:one": "type:glioma", "reader:two": "type:meningioma"} if uid == world["b"] else {}
        return [Label(uid, Level.LESION, "1", term, 1.0, source) for source, term in said.items()]

    monkeypatch.setattr(Library, "labels", labels)
    code, _, err = run("index", "add", "made.index", "--library", "lib", "--model", "package")
    assert (code, err.count("warning")) == (0, 1)
    assert "on 1 label," in err
    assert f"series {world['b']}, type of tumour 1: glioma or meningioma; kept as unknown" in err
    assert "--replace" in err


def answer(run: Run, uids: dict[str, str], *words: object) -> list[str]:
    """The names of the hits."""
    assert run("similar", *words, "--index", "made.index", "--json", "out.json")[0] == 0
    document = json.loads(Path("out.json").read_text())
    jsonschema.validate(document, SCHEMA)
    names = {uid: name for name, uid in uids.items()}
    return [names[match["case"]] for query in document["queries"] for match in query["matches"]]


def test_ones_own_patient_is_left_out_unless_asked_for(indexed: dict[str, str], run: Run) -> None:
    assert answer(run, indexed, indexed["a"]) == ["b", "c"]
    assert answer(run, indexed, indexed["a"], "--own-patient") == ["d", "b", "c"]
    assert answer(run, indexed, indexed["a"], "--where", "type=glioma") == ["c"]
    assert answer(run, indexed, indexed["b"]) == ["d", "a", "c"]
    assert answer(run, indexed, indexed["b"], "--per-patient") == ["d", "c"]
    assert answer(run, indexed, indexed["b"], "--top", 1) == ["d"]
    assert answer(run, indexed, indexed["b"], "--where", "longest_mm=99..") == []


@pytest.mark.parametrize(
    ("condition", "note"),
    [
        ("type=gliom", "no lesion of the index has type=gliom; did you mean 'glioma'?"),
        ("typ=glioma", "the index says nothing of 'typ'; did you mean 'type'?"),
        ("longest_mm=99..", None),
    ],
)
def test_no_hit_is_explained(indexed: dict[str, str], run: Run, condition: str, note: str | None) -> None:
    code, _, err = run("similar", indexed["b"], "--index", "made.index", "--where", condition)
    notes = [f"note: {note}"] if note else []
    assert (code, err.splitlines()) == (0, [*notes, "note: no other lesion in the index meets the conditions"])


def test_a_hit_can_be_copied_and_asked_about(
    indexed: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    code, out, err = run("similar", indexed["a"], "--index", "made.index")
    assert (code, err) == (0, "")
    assert {indexed["b"], indexed["c"]} <= set(out.split())


def test_the_json_says_what_is_known(indexed: dict[str, str], run: Run) -> None:
    answer(run, indexed, indexed["b"])
    document = json.loads(Path("out.json").read_text())
    query = document["queries"][0]
    assert document["index"] == {"package": "e" * 64, "width": 2, "entries": 4}
    assert query["box"] == [[2, 10, 12], [5, 18, 22]]
    assert (query["labels"], query["date"], query["volume_ml"]) == ({"type": "meningioma"}, "20200102", 1.2)
    assert query["matches"][0]["distance"] == pytest.approx(10.0)
    assert [match["rank"] for match in query["matches"]] == [1, 2, 3]


def test_a_scan_from_outside_by_box_and_by_mask(indexed: dict[str, str], run: Run, tmp_path: Path) -> None:
    path = tmp_path / "scans" / "a.nii.gz"
    stored = nibabel.load(path)
    mask = np.asarray(stored.dataobj) == BRIGHTNESS["a"]
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), stored.affine), tmp_path / "mask.nii.gz")
    for words in (("--box", "2,10,12,5,18,22"), ("--mask", "mask.nii.gz")):
        assert answer(run, indexed, path, "--model", "package", *words) == ["d", "b", "c"]


def test_a_gallery_shows_query_and_hits_with_outlines(indexed: dict[str, str], run: Run, tmp_path: Path) -> None:
    words = ("similar", indexed["b"], "--index", "made.index", "--library", "lib", "--html", "similar.html")
    code, out, _ = run(*words)
    page = (tmp_path / "similar.html").read_text()
    assert code == 0
    assert "page: similar.html" in out
    assert len(re.findall("<figure", page)) == 4
    assert len(re.findall("data:image/webp;base64", page)) == 4
    assert len(re.findall(r'<path d="M[^"]+Z"', page)) == 4
    assert "distance 10.000" in page
    assert "type meningioma" in page
    assert "http" not in page.replace("http-equiv", "")


def test_without_a_library_the_gallery_says_that_there_are_no_pixels(
    indexed: dict[str, str], run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "scans" / "a.nii.gz"
    words = ("--box", "2,10,12,5,18,22", "--model", "package", "--index", "made.index", "--html", "similar.html")
    assert run("similar", path, *words)[0] == 0
    page = (tmp_path / "similar.html").read_text()
    assert page.count("no pixels at hand") == 3
    assert len(re.findall("data:image/webp;base64", page)) == 1


def test_a_stopped_run_goes_on(world: dict[str, str], run: Run) -> None:
    first = sorted(world.values())[0]
    assert run("index", "add", "made.index", "--library", "lib", "--model", "p", "--scan", first)[0] == 0
    before = Index.open(Path("made.index")).vector(first, 1)
    assert "4 lesions" in run("index", "add", "made.index", "--library", "lib", "--model", "p")[1]
    assert Index.open(Path("made.index")).vector(first, 1).tolist() == before.tolist()
    assert "4 lesions" in run("index", "add", "made.index", "--library", "lib", "--model", "p", "--replace")[1]


def test_one_broken_scan_does_not_cost_the_others(
    world: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = sys.modules["bregma.catalogue.tumours"].load_tumour_scan

    def broken(library: Library, uid: str) -> Any:
        if uid == world["c"]:
            raise LibraryError("its file is damaged")
        return load(library, uid)

    monkeypatch.setattr(sys.modules["bregma.catalogue.tumours"], "load_tumour_scan", broken)
    code, out, err = run("index", "add", "made.index", "--library", "lib", "--model", "p")
    assert code == 1
    assert "3 lesions of 3 scans" in out
    assert "its file is damaged" in err


def test_showing_and_deleting(indexed: dict[str, str], run: Run) -> None:
    code, out, _ = run("index", "show", "made.index", "--check")
    assert code == 0
    for words in (
        f"package    means {'e' * 16}\n",
        "2 wide, scanned as float32",
        "4 of 4 scans of 3 patients",
        "glioma 3, meningioma 1; unknown 0",
    ):
        assert words in out
    assert "as it was written" in out
    assert run("index", "delete", "made.index", indexed["b"], "--number", 9)[0] == 1
    code, out, _ = run("index", "delete", "made.index", indexed["b"])
    assert (code, out.strip()) == (0, "1 lesion deleted, 3 left")
    assert answer(run, indexed, indexed["a"]) == ["c"]
    code, _, err = run("index", "delete", "made.index", "nobody")
    assert code == 1
    assert "nothing of nobody" in err


def test_one_scan_from_a_path_with_its_labels(indexed: dict[str, str], run: Run, tmp_path: Path) -> None:
    BRIGHTNESS["e"] = 300
    try:
        path = write_scan(tmp_path / "more", "e")
    finally:
        del BRIGHTNESS["e"]
    stored = nibabel.load(path)
    mask = (np.asarray(stored.dataobj) == 300).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(mask, stored.affine), tmp_path / "mask.nii.gz")
    words = ("--model", "p", "--path", path, "--mask", "mask.nii.gz", "--label", "type=schwannoma")
    assert "5 lesions" in run("index", "add", "made.index", *words)[1]
    code, out, _ = run("similar", indexed["c"], "--index", "made.index", "--where", "type=schwannoma")
    assert code == 0
    assert "schwannoma" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("index", "add", "made.index", "--model", "p"), "give either --library, or --path with --mask"),
        (("index", "add", "made.index", "--model", "p", "--path", "x"), "give either --library"),
        (("index", "add", "made.index", "--model", "p", "--library", "lib", "--scan", "9"), "series 9 has no outlined"),
        (("index", "show", "nowhere"), "is no index"),
        (("similar", "nobody", "--index", "made.index"), "neither a path nor a series in index"),
        (("similar", "nobody", "--index", "made.index", "--box", "1"), "belong to the path of a scan"),
        (("similar", "scans/a.nii.gz", "--index", "made.index"), "give either --box or --mask"),
        (("similar", "scans/a.nii.gz", "--index", "made.index", "--box", "1,2"), "six whole numbers"),
        (("similar", "scans/a.nii.gz", "--index", "made.index", "--box", "2,1,1,1,2,2"), "is empty"),
        (("similar", "scans/a.nii.gz", "--index", "made.index", "--box", "0,0,0,9,2,2"), r"ends at \(9, 2, 2\)"),
        (("similar", "scans/a.nii.gz", "--index", "made.index", "--box", "0,0,0,1,2,2"), "add --model"),
        (("similar", "scans", "--index", "made.index", "--box", "0,0,0,1,2,2"), "holds 4 scans"),
        (("similar", "nobody", "--index", "made.index", "--where", "type"), "cannot be read; expected NAME="),
    ],
)
def test_wrong_requests(indexed: dict[str, str], run: Run, words: tuple[str, ...], sentence: str) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert re.search(sentence, " ".join(err.split()))


def test_another_package_is_refused(indexed: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    other = type("Other", (Means,), {"digest": "f" * 64})
    monkeypatch.setattr(sys.modules["bregma.models.tumour_embedder"], "load_tumour_embedder", lambda _path: other())
    for words in (
        ("index", "add", "made.index", "--library", "lib", "--model", "p"),
        ("similar", "scans/a.nii.gz", "--index", "made.index", "--model", "p", "--box", "2,10,12,5,18,22"),
    ):
        code, _, err = run(*words)
        assert code == 2
        assert "use that package" in " ".join(err.split())
