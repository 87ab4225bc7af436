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


def test_a_latent_reference_of_readers_judges_a_model_but_none_of_three(tmp_path: Path) -> None:
    """Three readers who agree on all but one case each; the model says what two of three say."""
    lines = ["case,source,finding,value"]
    for case in range(40):
        there = case % 2
        said = {f"reader:{name}": there ^ (case == wrong) for wrong, name in enumerate("abc")}
        lines += [f"{case},{source},any,{value}" for source, value in {**said, "model:m": there}.items()]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    code, said = run("--reference", "latent", "model:m", "--table", tmp_path / "t.csv", "--json", tmp_path / "o.json")
    assert code == 0
    (found,) = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))["findings"]
    assert found["judged"][0]["counts"] == {"tp": 20, "fp": 0, "fn": 0, "tn": 20}
    assert "Reference: latent of reader:a, reader:b, reader:c: 20 positive" in said
    with pytest.raises(BregmaError, match="2 others would be left, and a latent reference needs 3"):
        run("--reference", "latent", "reader:a", "--table", tmp_path / "t.csv")


def test_an_adjudicator_decides_where_readers_differ(table: Path, tmp_path: Path) -> None:
    rows = "".join(f"{case},reader:b,any,{value},{age}\n" for case, value, age in ((1, 1, 30), (2, 0, 70), (3, 0, 66)))
    table.write_text(LINES + rows)
    out = tmp_path / "o.json"
    code, _ = run("--reference", "adjudicated:report", "model:a:b:c", "--table", table, "--json", out)
    assert code == 0
    (found,) = json.loads(out.read_text(encoding="utf-8"))["findings"]
    # both say 1 of the first; a says 1 and b 0 of the next two, where the report says 0 and 1; a alone read the last
    assert (found["reference"]["positive"], found["reference"]["negative"]) == (2, 2)
    assert found["judged"][0]["counts"] == {"tp": 1, "fp": 0, "fn": 1, "tn": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report", "reader:b"), "there is no source 'reader:b'; did you mean 'reader:a'"),
        (("reprt", "reader:a"), "there is no reference 'reprt'; did you mean 'report'"),
        (("adjudicated", "reader:a"), "did you mean 'adjudicated:"),
        (("report", "reader:a", "--finding", "anny"), "says nothing about 'anny'; did you mean 'any'"),
        (
            ("report", "reader:a", "--subgroup", "agee"),
            "no case has a fact 'agee' .* there are age; did you mean 'age'",
        ),
        (("report", "reader:a", "--subgroup", "zip"), "no case has a fact 'zip' to make subgroups of; known: age"),
        (("report", "reader:a", "--threshold", "reader:a=3"), "threshold 'reader:a=3' is out of reach"),
    ],
)
def test_wrong_words_say_what_was_meant(table: Path, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(BregmaError, match=message):
        run("--reference", *words, "--table", table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no file 'w.csv'"),
        ("", "table w.csv has the columns none; expected case, source, finding, value"),
        ("case,source,finding,value\n", "w.csv has no line in which somebody says something of a scan"),
        ("case,source,finding,value,level\n1,a,any,1,slice\n", "w.csv has no line .* of a scan"),
        ("case,source,finding,value\n1,a,any,1\n", "no case has a fact 'age' .*nothing is known of these cases"),
    ],
)
def test_wrong_tables_say_what_is_wrong(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "w.csv").write_text(text)
    with pytest.raises(BregmaError, match=message):
        run("--reference", "a", "a", "--table", tmp_path / "w.csv", "--subgroup", "age")


def test_the_reads_of_cq500_are_of_scans(tmp_path: Path) -> None:
    (tmp_path / "reads.csv").write_text(",".join(COLUMNS) + "\n")
    with pytest.raises(BregmaError, match=r"reads of CQ500 .* are of scans; there is none of a slice"):
        run("--reference", "majority", "reader:*", "--table", tmp_path / "reads.csv", "--level", "slice")


def test_long_names_keep_a_row_on_a_line(table: Path) -> None:
    name = "model:" + "a-long-name-" * 8
    table.write_text(LINES.replace("model:a:b:c", name))
    _, said = run("--reference", "report", name, "reader:a", "--table", table)
    assert sum(line.startswith(name) and "AUC" not in line for line in said.splitlines()) >= 1
    assert "…" not in said
