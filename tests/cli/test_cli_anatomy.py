"""`bregma models` and `bregma read` with packages of places."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.cli import main
from bregma.models.anatomy_package import load_anatomy_package
from bregma.models.records import Json
from bregma.phantom import write_studies
from bregma.training.lesion_regions import lesion_regions
from tiny_models import tiny_package
from tiny_places import tiny_places

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two bleeding heads and the library `library` of them."""
    folder = tmp_path_factory.mktemp("drawn")
    write_studies(folder, count=2, seed=5, positive_share=1.0, size=96, slices=12)
    with Library.create(folder / "library") as library:
        import_scans(library, folder / "scans", workers=1)
        import_labels(library, folder / "labels.csv")
    return folder


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where packages are looked for; it holds one of places."""
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("bregma.models.package.BUNDLED", tmp_path / "none bundled")
    tiny_places(tmp_path / "models" / "named-otherwise")
    return tmp_path / "models"


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_packages_of_places_are_listed_and_damaged_ones_told(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_package(models / "a", name="a")
    assert run(monkeypatch, "models", "list") == 0
    said = capsys.readouterr().out
    assert "places" in said
    assert "names places, 4 reference cases" in said
    assert run(monkeypatch, "doctor") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "places: places" in line]
    assert line.split()[0] == "ok"
    assert "4 reference cases" in line
    (models / "torn").mkdir()
    (models / "torn" / "anatomy.json").write_text("{")
    assert run(monkeypatch, "models", "list") == 1
    assert "anatomy.json in 'torn' is not JSON" in capsys.readouterr().out
    assert run(monkeypatch, "doctor") == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("broken")]
    assert "model: torn" in line


@pytest.mark.parametrize("by_folder", [False, True])
def test_a_card_of_places_shows_cases_and_figures(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, by_folder: bool
) -> None:
    assert run(monkeypatch, "models", "show", models / "named-otherwise" if by_folder else "places") == 0
    lines = capsys.readouterr().out.splitlines()
    (frontal,) = [line.split() for line in lines if line.startswith("frontal region")]
    assert frontal == ["frontal", "region", "2", "0.500"]
    (weighted,) = [line for line in lines if line.startswith("weighted")]
    assert "0.750 (0.500 to 1.000)" in weighted
    assert any("ends here" in line for line in lines)


def test_another_package_is_shown_as_ever(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_package(models / "a", name="a")
    assert run(monkeypatch, "models", "show", "a") == 0
    assert "temperature" in capsys.readouterr().out
    assert run(monkeypatch, "models", "verify", "a") == 0


def test_a_package_of_places_is_verified(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models", "verify", "places") == 0
    said = capsys.readouterr().out
    assert "ok digests: places, 4 reference cases" in said
    assert "ok answer: runs; for an empty slice:" in said
    vectors = models / "named-otherwise" / "references.npy"
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"x")
    assert run(monkeypatch, "models", "verify", models / "named-otherwise") == 1
    assert "failed digests: references.npy" in capsys.readouterr().out


def test_extending_adds_every_lesion_with_a_place_once(
    models: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Library.open(drawn / "library") as library:
        wanted = {
            (record.series_uid, one.index, one.lesion): one.place
            for record in library.scans()
            for one in lesion_regions(library, record, midline_x_mm=None)
        }
    assert len(wanted) > 2
    out = tmp_path / "more"
    assert run(monkeypatch, "models", "extend", "places", "--library", drawn / "library", "--out", out) == 0
    assert f"has {len(wanted)} reference cases more, {len(wanted) + 4} in all" in capsys.readouterr().out
    extended = load_anatomy_package(out)
    added = {(one.series_uid, one.slice, one.lesion): one.place for one in extended.cases[4:]}
    assert added == wanted
    assert extended.card.extended_by == len(wanted)
    again = tmp_path / "again"
    assert run(monkeypatch, "models", "extend", out, "--library", drawn / "library", "--out", again) == 0
    assert f"has 0 reference cases more, {len(wanted) + 4} in all" in capsys.readouterr().out


def test_extending_from_a_library_without_places_is_an_error(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Library.create(tmp_path / "empty").close()
    words = ["models", "extend", "places", "--library", tmp_path / "empty", "--out", tmp_path / "out"]
    assert run(monkeypatch, *words) == 2
    assert "no lesion of the library has a known place" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [("place", "did you mean 'places'"), ("a", "has no anatomy.json")],
)
def test_what_is_no_package_of_places_is_an_error(
    models: Path,
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: str,
) -> None:
    tiny_package(tmp_path / "a", name="a")
    monkeypatch.chdir(tmp_path)
    given = ["models", "extend", name, "--library", drawn / "library", "--out", "out"]
    assert run(monkeypatch, *given) == 2
    assert words in capsys.readouterr().err


def test_a_reading_takes_a_package_of_places_by_name(
    models: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_package(models / "a", name="a")
    boxes, out = tmp_path / "boxes.json", tmp_path / "out.json"
    boxes.write_text('{"boxes_mm": [[[-10, -60, 0], [10, -40, 20]]]}')
    words = ["--anatomy", "places", "--region", boxes, "--json", out]
    assert run(monkeypatch, "read", drawn / "scans" / "study_00000", *words) == 0
    scan: Json = json.loads(out.read_text())["scans"][0]
    assert isinstance(scan, dict)
    assert scan["places_by"] == {
        "name": "places",
        "digest": load_anatomy_package(models / "named-otherwise").digest,
    }
