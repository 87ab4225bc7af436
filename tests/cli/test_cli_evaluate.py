"""`bregma evaluate` as a person runs it: figures, several packages, seeds, pages, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.cli.app import app
from bregma.evaluation.intervals import wilson
from bregma.phantom import write_studies
from bregma.scan.errors import BregmaError
from tiny_models import tiny_package

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn heads with their labels, and a package that calls the brightest pixel a bleed."""
    root = tmp_path_factory.mktemp("evaluate")
    write_studies(root / "heads", count=8, seed=3, size=64, slices=8)
    with Library.create(root / "lib") as library:
        import_scans(library, root / "heads" / "scans", workers=1)
        import_labels(library, root / "heads" / "labels.csv")
    tiny_package(root / "tiny")
    return root


def run(*words: object) -> tuple[int, str]:
    """Exit code and what was printed."""
    result = CliRunner().invoke(app, ["evaluate", *map(str, words), "--replicates", "100"])
    if isinstance(result.exception, BregmaError):
        raise result.exception
    return result.exit_code, result.output


def test_a_package_is_measured_on_the_whole_library(world: Path, tmp_path: Path) -> None:
    html, out = tmp_path / "page.html", tmp_path / "page.json"
    words = (world / "tiny", "--library", world / "lib", "--split", "all", "--html", html, "--json", out)
    code, said = run(*words)
    assert code == 0
    with Library.open(world / "lib") as library:
        positive = sum(library.scan_target(one.series_uid, "any") == 1 for one in library.scans())
    assert f"any per scan: {positive} of 8 positive, 8 patients" in said
    assert html.read_text(encoding="utf-8").startswith("<!")
    (evaluation,) = json.loads(out.read_text(encoding="utf-8"))["evaluations"]
    scans = next(one for one in evaluation["levels"] if one["level"] == "scan")
    counts, (_, recall, *_) = scans["points"][0]["counts"], scans["points"][0]["measures"]
    assert sum(counts.values()) == 8
    expected = wilson(counts["tp"], positive)  # one scan a patient
    assert recall["interval"] == {"low": expected.low, "high": expected.high, "method": "wilson"}
    slices = next(one for one in evaluation["levels"] if one["level"] == "slice")
    assert slices["points"][0]["measures"][1]["interval"]["method"] == "wilson over patients"
    assert "Only 8 patients" in said


def test_the_same_seed_says_the_same_and_another_nearly(world: Path, tmp_path: Path) -> None:
    written = []
    for number, seed in enumerate((0, 0, 1)):
        out = tmp_path / f"{number}.json"
        run(world / "tiny", "--library", world / "lib", "--split", "all", "--seed", seed, "--json", out)
        levels = json.loads(out.read_text(encoding="utf-8"))["evaluations"][0]["levels"]
        written.append({m["name"]: m for one in levels if one["level"] == "slice" for m in one["measures"]})
    assert written[0] == written[1]
    assert written[0]["brier"]["value"] == written[2]["brier"]["value"]
    assert written[0]["brier"]["interval"] != written[2]["brier"]["interval"]


def test_packages_are_compared_with_the_first(world: Path, tmp_path: Path) -> None:
    out, common = tmp_path / "two.json", ("--library", world / "lib", "--split", "all")
    code, said = run(world / "tiny", world / "tiny", *common, "--json", out)
    assert code == 0
    assert "differences to tiny, paired" in said
    document = json.loads(out.read_text(encoding="utf-8"))
    assert len(document["evaluations"]) == 2
    differences = [d for table in document["comparisons"] for c in table["comparisons"] for d in c["differences"]]
    assert {d["value"] for d in differences} <= {0.0, None}
    alone = next(one for one in document["evaluations"][0]["levels"] if one["level"] == "scan")["measures"][0]
    compared = next(one for one in document["comparisons"] if one["level"] == "scan")["groups"][0][1][0]["measure"]
    assert compared["interval"] == alone["interval"]


def test_seeds_of_a_recipe_are_one_model(world: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        shutil.copytree(world / "tiny", tmp_path / f"mine-{seed}" / "package")
    packages = [tmp_path / f"mine-{seed}" / "package" for seed in (0, 1)]
    code, said = run(*packages, "--group", "--library", world / "lib", "--split", "all", "--details")
    assert code == 0
    assert "mine (2 seeds)" in said
    assert "means over seeds" in said


def test_a_part_of_a_split_and_what_leaks(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "lib", tmp_path / "lib")
    words = ("split", "--library", tmp_path / "lib", "--train", 0.5, "--validation", 0, "--test", 0.5)
    assert CliRunner().invoke(app, [str(word) for word in words]).exit_code == 0
    code, said = run(world / "tiny", "--library", tmp_path / "lib", "--specificity", 0.8)
    assert code == 0
    assert "4 patients" in said
    assert "No patient, study or pixels are shared" in said
    with pytest.raises(BregmaError, match="there is no split 'mine'; known: default"):
        run(world / "tiny", "--library", tmp_path / "lib", "--split", "mine:test")
    with pytest.raises(BregmaError, match="split 'default' has no part 'tset'; did you mean 'test'"):
        run(world / "tiny", "--library", tmp_path / "lib", "--split", "tset")


def test_what_cannot_be_asked(world: Path, tmp_path: Path) -> None:
    common = ("--library", world / "lib", "--split", "all")
    for words, message in (
        (("nobody", *common), "no package called 'nobody'"),
        ((world / "tiny", *common, "--specificity", 1.5), "specificity is 1.5; expected a share between 0 and 1"),
        ((world / "tiny", "--library", tmp_path), "is not a library"),
        ((world / "tiny", "--library", world / "lib"), "there is no split 'default'"),
        ((world / "tiny", *common, "--json", tmp_path), "is a folder; name a file in it"),
    ):
        with pytest.raises(BregmaError, match=message):
            run(*words)
