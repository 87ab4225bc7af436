"""What sources say, from a plain table, from the reads of CQ500 and from a library."""

from pathlib import Path

import numpy as np
import pytest
from source_tables import write_table

from bregma.catalogue.importers.cq500_table import COLUMNS, TERMS
from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.evaluation.sources.library_answers import library_answers
from bregma.evaluation.sources.table_answers import table_answers
from bregma.phantom import write_studies
from bregma.scan.errors import RequestError


def line(case: str, source: str, value: object, **more: object) -> dict[str, object]:
    return {"case": case, "source": source, "finding": "any", "value": value, **more}


def test_a_plain_table(tmp_path: Path) -> None:
    table = write_table(
        tmp_path / "t.csv",
        [
            line("2", "b", 0.25, patient="p", age=40),
            line("1", "a", 1, patient="p", age=41),
            line("2", "a", "", patient="p", age=40),
            line("1", "b", 0, patient="p", age=41),
            line("1", "b", 0, patient="p", age=41),
            {**line("1", "b", 1, patient="p", age=41), "finding": "subdural"},
        ],
    )
    (found,) = table_answers(table, level="scan", findings=["any"])
    assert found.sources == ("a", "b")
    assert [case.case for case in found.cases] == ["1", "2"]
    assert found.patients == ("p", "p")
    assert found.cases[1].facts == {"age": "40"}
    assert np.array_equal(found.values, [[1, np.nan], [0, 0.25]], equal_nan=True)
    everything = table_answers(table, level="scan", findings=[])
    assert [one.finding for one in everything] == ["any", "subdural"]


def test_lines_of_another_level_are_passed_over(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", [line("1", "a", 1, level="scan"), line("1#3", "a", 0, level="slice")])
    for level, case in (("scan", "1"), ("slice", "1#3")):
        (found,) = table_answers(table, level=level, findings=["any"])
        assert [one.case for one in found.cases] == [case]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (line("1", "a", "yes"), "row 3: value 'yes' is no number from 0 to 1"),
        (line("1", "a", 1.5), "row 3: value '1.5' is no number"),
        (line("", "a", 1), "row 3: case is blank"),
        (line("1", "a", 0), "row 3: a says 0 of case '1', and not so in a line before"),
        (line("1", "b", 1, patient="q"), "row 3: case '1' has another patient"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, wrong: dict[str, object], message: str) -> None:
    table = write_table(tmp_path / "t.csv", [line("1", "a", 1, patient=""), wrong])
    with pytest.raises(RequestError, match=r"t\.csv has 1 wrong lines") as error:
        table_answers(table, level="scan", findings=["any"])
    assert message in str(error.value)


def test_ten_wrong_lines_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("case,source,finding,value\n" + "1,a,any\n" * 13)
    with pytest.raises(RequestError, match="13 wrong lines") as error:
        table_answers(tmp_path / "t.csv", level="scan", findings=[])
    assert "row 2: 3 cells; the header has 4" in str(error.value)
    assert str(error.value).endswith("and 3 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has the columns none; expected case, source, finding, value"),
        ("case,source,value\n", "has the columns case, source, value"),
        ("case,source,finding,value,case\n", "each once"),
        ('case,source,finding,value\n"1,a', "is no UTF-8 CSV"),
    ],
)
def test_what_is_no_such_table_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(RequestError, match=message):
        table_answers(tmp_path / "t.csv", level="scan", findings=["any"])


def test_a_table_that_is_not_there_or_does_not_know_the_finding(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"there is no file 'gone\.csv'"):
        table_answers(tmp_path / "gone.csv", level="scan", findings=["any"])
    table = write_table(tmp_path / "t.csv", [line("1", "a", 1)])
    with pytest.raises(RequestError, match="says nothing about 'ani'; did you mean 'any'"):
        table_answers(table, level="scan", findings=["ani"])


def reads(tmp_path: Path, *studies: tuple[str, dict[str, str]]) -> Path:
    rows = [COLUMNS, *([{"name": name, **cells}.get(column, "0") for column in COLUMNS] for name, cells in studies)]
    (tmp_path / "reads.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")
    return tmp_path / "reads.csv"


def test_reads_of_cq500_as_written(tmp_path: Path) -> None:
    """A subtype without `any` stays as it was written, and a blank is no statement."""
    table = reads(
        tmp_path,
        ("CQ500-CT-1", {"R1:ICH": "1", "R2:ICH": ""}),
        ("CQ500-CT-2", {"R3:SDH": "1", "R1:Fracture": "1"}),
    )
    bleed, subdural, fracture = table_answers(table, level="scan", findings=["any", "subdural", "fracture"])
    assert bleed.sources == ("reader:cq500-1", "reader:cq500-2", "reader:cq500-3")
    assert np.array_equal(bleed.values, [[1, 0], [np.nan, 0], [0, 0]], equal_nan=True)
    assert subdural.values.tolist() == [[0, 0], [0, 0], [0, 1]]
    assert fracture.of("reader:cq500-1").tolist() == [0, 1]
    assert len(table_answers(table, level="scan", findings=[])) == len(TERMS)


def test_a_study_that_is_there_twice_with_other_reads_is_wrong(tmp_path: Path) -> None:
    table = reads(tmp_path, ("CQ500-CT-1", {"R1:ICH": "1"}), ("CQ500-CT-1", {}))
    with pytest.raises(RequestError, match="row 3: reader:cq500-1 says 0 of CQ500-CT-1"):
        table_answers(table, level="scan", findings=["any"])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Four drawn studies, labelled by the phantom; a reader spoke of two of them, once against the phantom."""
    folder = tmp_path_factory.mktemp("drawn")
    write_studies(folder, count=4, seed=3, size=64, slices=8)
    made = Library.create(folder / "library")
    import_scans(made, folder / "scans", workers=1)
    import_labels(made, folder / "labels.csv")
    uids = [record.series_uid for record in made.scans()]
    lines = [
        "series_uid,level,part,any,fracture,source",
        f"{uids[0]},scan,,1,1,reader:a",
        f"{uids[1]},scan,,0,,reader:a",
    ]
    (folder / "reader.csv").write_text("\n".join(lines) + "\n")
    import_labels(made, folder / "reader.csv")
    return made


def test_labels_of_a_library_source_by_source(library: Library) -> None:
    bleed, fracture = library_answers(library, level="scan", findings=["any", "fracture"], volumes=True)
    assert bleed.sources == ("phantom", "reader:a")
    uids = [record.series_uid for record in library.scans()]
    assert [case.case for case in bleed.cases] == uids
    assert np.array_equal(bleed.of("reader:a"), [1, 0, np.nan, np.nan], equal_nan=True)
    assert bleed.of("phantom").tolist() == [library.scan_target(uid, "any", sources=["phantom"]) for uid in uids]
    assert (fracture.sources, fracture.values.tolist()) == (("reader:a",), [[1.0]])
    for case, there in zip(bleed.cases, bleed.of("phantom"), strict=True):
        assert case.facts["scanner"] == "Bregma Phantom"
        assert case.facts["slice_thickness_mm"] > 0
        assert ("bleed_volume_ml" in case.facts) == bool(there)


def test_slices_of_a_library(library: Library) -> None:
    (found,) = library_answers(library, level="slice", findings=["any"])
    assert len(found.cases) == 32
    assert len(set(found.patients)) == 4
    first = library.scans()[0].series_uid
    here = [case.case.startswith(first) for case in found.cases]
    assert found.of("phantom")[here].tolist() == library.slice_targets(first, "any", sources=["phantom"])[0].tolist()
    second = [case.case.startswith(library.scans()[1].series_uid) for case in found.cases]
    assert found.of("reader:a")[second].tolist() == [0.0] * 8  # the scan is without, so its slices are
    (none,) = library_answers(library, level="slice", findings=["fracture"])
    assert none.cases == ()


def test_a_word_that_is_no_finding_is_an_error(library: Library) -> None:
    with pytest.raises(RequestError, match="'subdurall' is neither a finding nor a sign; did you mean 'subdural'"):
        library_answers(library, level="scan", findings=["subdurall"])
