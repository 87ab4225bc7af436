"""`bregma compare`: what it prints and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bregma.catalogue.importers.cq500_table import COLUMNS
from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.cli.app import app
from bregma.phantom import write_studies
from bregma.scan.errors import BregmaError

LINES = """case,source,finding,value,age
1,report,any,1,30
2,report,any,0,70
3,report,any,1,66
4,report,any,0,30
1,reader:a,any,1,30
2,reader:a,any,1,70
3,reader:a,any,1,66
4,reader:a,any,0,30
1,model:a:b:c,any,0.8,30
2,model:a:b:c,any,0.4,70
3,model:a:b:c,any,0.3,66
"""


def run(*words: object) -> tuple[int, str]:
    """Exit code and what was printed."""
    result = CliRunner().invoke(app, ["compare", *map(str, words), "--replicates", "100"])
    if isinstance(result.exception, BregmaError):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(LINES)
    return tmp_path / "t.csv"


def test_a_table_a_page_and_a_document(table: Path, tmp_path: Path) -> None:
    html, out = tmp_path / "p.html", tmp_path / "p.json"
    code, said = run(
        "--reference", "report", "model:a:b:c", "reader:*", "--table", table, "--subgroup", "age", "--threshold",
        "model:a:b:c=0.35", "--prevalence", 0.2, "--scans-per-day", 40, "--html", html, "--json", out,
    )  # fmt: skip
    assert code == 0
    for words in (
        "any per scan",
        "reader:a",
        "differences",
        "agreement",
        "subgroups",
        "operating points",
        "expected day",
    ):
        assert words in said
    assert "model:a:b:c: 1 not answered." in said  # not an emoji
    assert "Reference: report: 2 positive, 2 negative, 0 without an answer, of 4 scans of 4 patients." in said
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    judged = json.loads(out.read_text(encoding="utf-8"))["findings"][0]["judged"]
    assert judged[0]["counts"] == {"tp": 1, "fp": 1, "fn": 1, "tn": 0}
    assert judged[1]["counts"] == {"tp": 2, "fp": 1, "fn": 0, "tn": 1}


def test_labels_of_a_library(tmp_path: Path) -> None:
    write_studies(tmp_path / "heads", count=2, seed=3, size=64, slices=8)
    with Library.create(tmp_path / "lib") as library:
        import_scans(library, tmp_path / "heads" / "scans", workers=1)
        import_labels(library, tmp_path / "heads" / "labels.csv")
        uids = [record.series_uid for record in library.scans()]
        rows = "".join(f"{uid},scan,,{n},reader:a\n" for n, uid in enumerate(uids))
        (tmp_path / "r.csv").write_text("series_uid,level,part,any,source\n" + rows)
        import_labels(library, tmp_path / "r.csv")
    code, said = run("--reference", "phantom", "reader:a", "--library", tmp_path / "lib")
    assert code == 0
    assert "of 2 scans of 2 patients" in said


def test_outlines_of_a_library(tmp_path: Path) -> None:
    """A reader who drew what the phantom is: everything found, nothing false, no difference of volumes."""
    write_studies(tmp_path / "heads", count=3, seed=3, size=64, slices=8, positive_share=1.0)
    table = tmp_path / "heads" / "labels.csv"
    with Library.create(tmp_path / "lib") as library:
        import_scans(library, tmp_path / "heads" / "scans", workers=1)
        import_labels(library, table)
        (tmp_path / "heads" / "reader.csv").write_text(table.read_text().replace(",phantom,", ",reader:a,"))
        import_labels(library, tmp_path / "heads" / "reader.csv")
    html, out = tmp_path / "p.html", tmp_path / "p.json"
    places = ("--library", tmp_path / "lib", "--level", "lesion", "--html", html, "--json", out)
    code, said = run("--reference", "phantom", "reader:a", *places)
    assert code == 0
    assert "100.0 %" in said
    (found,) = json.loads(out.read_text(encoding="utf-8"))["outlines"]
    assert found["lesions"] == found["found"] > 0
    assert found["false"] == 0
    assert "limit of agreement" in html.read_text()
    with pytest.raises(BregmaError, match="outlines, which lie in a library"):
        run("--reference", "phantom", "reader:a", "--level", "lesion", "--table", out)


def test_reads_of_cq500_from_an_imported_library(tmp_path: Path) -> None:
    """Two studies in the layout of CQ500: what the table says directly, the library says after an import."""
    write_studies(tmp_path / "heads", count=2, seed=3, size=64, slices=8)
    for number, scan in enumerate(sorted((tmp_path / "heads" / "scans").iterdir()), start=1):
        (tmp_path / "cq500").mkdir(exist_ok=True)
        scan.rename(tmp_path / "cq500" / f"CQ500CT{number}")
    said = {1: {"R1:ICH", "R2:ICH"}, 2: {"R2:ICH"}}
    lines = [",".join([f"CQ500-CT-{n}", *("01"[c in yes] for c in COLUMNS[1:])]) for n, yes in said.items()]
    (tmp_path / "cq500" / "reads.csv").write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    places = ["import", tmp_path / "cq500", "--as", "cq500", "--library", tmp_path / "lib", "--workers", 1]
    assert CliRunner().invoke(app, [str(word) for word in places]).exit_code == 0
    for place in (["--library", tmp_path / "lib"], ["--table", tmp_path / "cq500" / "reads.csv"]):
        out = tmp_path / "out.json"
        code, _ = run("--reference", "majority", "reader:cq500-2", *place, "--json", out)
        finding = json.loads(out.read_text(encoding="utf-8"))["findings"][0]
        assert code == 0
        assert finding["reference"]["positive"] == 1
        # the others agree on the second study only: no bleed, which the second reader calls one
        assert finding["judged"][0]["counts"] == {"tp": 0, "fp": 1, "fn": 0, "tn": 0}


@pytest.mark.parametrize("both", [True, False])
def test_labels_come_from_one_place(table: Path, both: bool) -> None:
    places = ["--table", table, "--library", table.parent] if both else []
    with pytest.raises(BregmaError, match="either --library or --table"):
        run("--reference", "report", "reader:a", *places)
