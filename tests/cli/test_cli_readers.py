"""`bregma readers` as a person runs it."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.cli import main
from bregma.evaluation.mrmc.roe_metz import HIGH, simulate
from bregma.phantom import write_studies

pytestmark = pytest.mark.xdist_group("cli")


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 0
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = simulate(np.random.default_rng(0), HIGH, readers=4, negatives=30, positives=30, aucs=(0.75, 0.85))
    path = tmp_path_factory.mktemp("readers") / "study.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reader", "treatment", "case", "truth", "rating"])
        for t, r, k in np.ndindex(study.ratings.shape):
            where = study.readers[r], study.treatments[t], study.cases[k]
            writer.writerow([*where, int(study.truth[k]), f"{study.ratings[t, r, k]:.3f}"])
        writer.writerow(["reader 1", "first", "not read", 0, ""])
    return path


def test_a_study_is_printed_and_written(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "study.json"
    code, out, _ = run(capsys, monkeypatch, "readers", table, "--json", target, "--plan", 0.1)
    written = json.loads(target.read_text())
    assert code == 0
    assert "empirical AUC: 60 cases, 30 positive (Obuchowski-Rockette, jackknife covariances" in out
    assert f"p {written['test']['p']:.4f} (random readers and random cases)" in out
    assert f"{written['means'][1]['mean']['value']:.4f}" in out
    assert [row["readers"] for row in written["plan"]][:3] == [3, 4, 5]
    assert written["components"]["design"] == "readers crossed with treatments"
    assert written["means"][0]["readers"]["reader 1"]["df"] is None


@pytest.mark.parametrize("options", [("--method", "dbm"), ("--covariance", "delong"), ("--covariance", "bootstrap")])
def test_other_ways_say_nearly_the_same(
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, str],
) -> None:
    found = []
    for words in ((), options):
        target = tmp_path / f"{len(words)}.json"
        assert run(capsys, monkeypatch, "readers", table, "--json", target, *words)[0] == 0
        found.append(json.loads(target.read_text())["test"])
    assert found[1]["p"] == pytest.approx(found[0]["p"], rel=1e-6 if "dbm" in options else 0.35)


def test_fixed_readers_and_a_threshold(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--merit", "specificity", "--threshold", 1, "--fixed-readers")
    code, out, _ = run(capsys, monkeypatch, "readers", table, *words)
    assert code == 0
    assert "specificity at rating >= 1" in out
    assert "chi-squared" in out
    assert "(fixed readers and random cases)" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--merit", "recall"), "there is no figure of merit 'recall'"),
        (("--fixed-readers", "--fixed-cases"), "nothing to test"),
        (("--method", "dbm", "--covariance", "delong"), "pseudovalues are a jackknife"),
    ],
)
def test_wrong_requests(
    table: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    code, _, err = run(capsys, monkeypatch, "readers", table, *words)
    assert code == 2
    assert sentence in err


HEAD = "reader,treatment,case,truth,rating\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("reader,case,truth\n", "has no column 'rating'"),
        (HEAD, "there is no read"),
        (HEAD + "a,x,1,yes,3\n", "row 2: truth is 'yes'; expected 0 or 1"),
        (HEAD + "a,x,1,1,3\na,x,2,1,high\n", "row 3: rating is 'high'; expected a number"),
        (HEAD + "a,x,1,1,nan\n", "rating nan is no number"),
        (HEAD + ",x,1,1,3\n", "row 2: reader or case is blank"),
        (HEAD + "a,x,1,1,3\na,x,1,1,4\n", "is there twice, with ratings 3 and 4"),
        (HEAD + "a,x,1,1,3\nb,x,1,0,4\n", "case '1' is said to be positive and negative"),
        ("patient," + HEAD + "p,a,x,1,1,3\nq,b,x,1,1,4\n", "case '1' is said to be of 'p' and 'q'"),
    ],
)
def test_wrong_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    code, _, err = run(capsys, monkeypatch, "readers", path)
    assert code == 2
    assert sentence in err


def test_one_treatment_needs_no_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        f"{reader},{case},{case % 2},{(case * 7 + place) % 5}"
        for place, reader in enumerate("ab")
        for case in range(12)
    ]
    path = tmp_path / "one.csv"
    path.write_text("reader,case,truth,rating\n" + "\n".join(rows) + "\n")
    code, out, _ = run(capsys, monkeypatch, "readers", path)
    assert code == 0
    assert "One treatment: nothing to compare" in out


def test_a_table_that_is_not_there_or_no_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.csv"
    path.write_bytes(b"\xff\xfe\x00\x81")
    for each, sentence in (
        (path, "cannot be read as a table"),
        (tmp_path / "absent.csv", "there is no file 'absent.csv'"),
    ):
        code, _, err = run(capsys, monkeypatch, "readers", each)
        assert code == 2
        assert sentence in err


SOURCES = "case,patient,source,finding,value\n"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Two readers, alone and aided, and a report that does not know of the last scan."""
    rng, lines = np.random.default_rng(0), []
    for case in range(60):
        there = case % 2
        lines += [f"{case},p{case},report,any,{there}"] if case < 59 else []
        for reader in ("reader:a", "reader:b"):
            for source, shift in ((reader, 0.2), (f"{reader}+model", 0.5)):
                lines.append(
                    f"{case},p{case},{source},any,{min(1.0, max(0.0, 0.3 + shift * there + 0.2 * rng.normal()))}"
                )
    path = tmp_path / "sources.csv"
    path.write_text(SOURCES + "\n".join(lines) + "\n")
    return path


ALONE, AIDED = "alone=reader:a,reader:b", "aided=reader:a+model,reader:b+model"


def test_sources_of_a_table_are_a_study(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "study.json"
    words = ("--table", sources, "--reference", "report", "--treatment", ALONE, "--treatment", AIDED, "--json", target)
    code, out, _ = run(capsys, monkeypatch, "readers", *words)
    assert code == 0
    assert "empirical AUC: 59 cases, 29 positive (Obuchowski-Rockette, jackknife covariances" in out
    assert "alone - aided" in out
    assert "Left out: 1 that were read" in out
    assert "reader:a is reader:a and reader:a+model; reader:b is reader:b and reader:b+model." in out
    written = json.loads(target.read_text())
    assert written["sources"]["readers"] == {f"reader:{x}": [f"reader:{x}", f"reader:{x}+model"] for x in "ab"}
    assert written["differences"][0]["difference"]["value"] < 0


def test_slices_of_a_library_are_a_study_over_patients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers of the phantom's slices, one of whom left a scan out."""
    write_studies(tmp_path / "heads", count=4, seed=3, size=64, slices=8, positive_share=1.0)
    with Library.create(tmp_path / "lib") as library:
        import_scans(library, tmp_path / "heads" / "scans", workers=1)
        import_labels(library, tmp_path / "heads" / "labels.csv")
        rows = ["series_uid,level,part,any,source"]
        for number, record in enumerate(library.scans()):
            values, _ = library.slice_targets(record.series_uid, "any")
            for one, value in zip(record.slices, values, strict=True):
                wrong = one.index == number
                rows.append(f"{record.series_uid},slice,{one.sop_instance_uid},{int(value) ^ wrong},reader:a")
                if number:
                    rows.append(f"{record.series_uid},slice,{one.sop_instance_uid},{int(value)},reader:b")
        (tmp_path / "r.csv").write_text("\n".join(rows) + "\n")
        import_labels(library, tmp_path / "r.csv")
    words = ("readers", "reader:a", "reader:b", "--reference", "phantom", "--library", tmp_path / "lib")
    code, out, err = run(capsys, monkeypatch, *words, "--level", "slice")
    assert code == 0, err
    assert "32 cases of 4 patients" in out
    assert "8 reads missing" in out
    assert "jackknife over patients" in out
    assert "each is left out with all of his" in out
    code, _, err = run(capsys, monkeypatch, *words, "--level", "slice", "--covariance", "delong")
    assert code == 2
    assert "32 cases are of 4 patients" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("reader:a",), "what is true? Give --reference"),
        (("reader:a", "--reference", "reader:a"), "made of the same reads"),
        (("reader:a", "--reference", "majority"), "made of the same reads"),
        (("reader:c", "--reference", "report"), "there is no source 'reader:c'; did you mean"),
        (("reader:a", "--reference", "report", "--finding", "anny"), "did you mean 'any'"),
        (("--reference", "report"), "no source is named"),
        (("--reference", "report", "--treatment", ALONE, "--treatment", "aided=model"), "there is no source 'model'"),
    ],
)
def test_wrong_requests_of_sources(
    sources: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    code, _, err = run(capsys, monkeypatch, "readers", "--table", sources, *words)
    assert code == 2
    assert sentence in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "nothing is given; expected the CSV of one study"),
        (("a.csv", "b.csv"), "a.csv, b.csv is given"),
        (("a.csv", "--reference", "report"), "are about sources of a --library or a --table"),
    ],
)
def test_a_study_is_one_table_or_sources(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    code, _, err = run(capsys, monkeypatch, "readers", *words)
    assert code == 2
    assert sentence in err
