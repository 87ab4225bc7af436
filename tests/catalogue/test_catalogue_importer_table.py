"""One's own scans with one's own table: by UID or by file, CSV or JSON, the same answer."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from data_set_folders import SLICES, head, write_head

from bregma.catalogue.importers.by_name import IMPORTERS
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.phantom.draw import draw
from bregma.phantom.nifti import write_nifti
from bregma.phantom.studies import study_parameters, write_studies
from bregma.scan.errors import RequestError
from bregma.scan.labels import Label, Level

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Scan 1.2.0, slices 1.2.0.1, ... and a series of another study without a label."""
    for number in range(2):
        write_head(
            tmp_path / "mine" / "scans" / str(number),
            [f"{index + 1}.dcm" for index in range(SLICES)],
            PatientID=f"someone-{number}",
            StudyInstanceUID=f"1.1.{number}",
            SeriesInstanceUID=f"1.2.{number}",
            SOPInstanceUID=f"1.2.{number}.{{name}}",
        )
    return tmp_path / "mine"


CSV = """series_uid,file,level,part,any,subdural,midline_shift,source
1.2.0,,scan,,1,,0,reader:a
,scans/0/3.dcm,slice,1.2.0.3,,1,,reader:b
9.9,,scan,,1,,,reader:a
,scans/7/1.dcm,scan,,1,,,reader:a
"""


def as_json(text: str) -> str:
    """A CSV as a list of objects: numbers as numbers, blank cells as null or left out."""
    objects = []
    for number, row in enumerate(csv.DictReader(text.splitlines())):
        cells: dict[str, object] = {
            name: float(cell) if cell in ("0", "1") else cell or None for name, cell in row.items()
        }
        objects.append({name: cell for name, cell in cells.items() if cell is not None} if number % 2 else cells)
    return json.dumps(objects)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_rows_name_a_scan_by_its_uid_or_by_a_file(library: Library, folder: Path, form: str) -> None:
    (folder / f"labels.{form}").write_text(CSV if form == "csv" else as_json(CSV))
    report = import_data_set(library, folder, "table", workers=1)
    assert library.labels("1.2.0") == [
        Label("1.2.0", Level.SCAN, None, "any", 1.0, "reader:a"),
        Label("1.2.0", Level.SCAN, None, "midline_shift", 0.0, "reader:a"),
        Label("1.2.0", Level.SLICE, "1.2.0.3", "subdural", 1.0, "reader:b"),
    ]
    assert library.labels("1.2.1") == []
    first = 4 if form == "csv" else 3  # the header is row 1 of a CSV
    assert sorted(str(problem) for problem in report.not_found.first) == [
        f"labels.{form} row {first}, column 'series_uid': series 9.9 is not in the library",
        f"labels.{form} row {first + 1}, column 'file': there is no scan of the file 'scans/7/1.dcm'",
    ]
    assert (report.stored, report.rows, report.taken, sum(report.refused.values())) == (2, 4, 3, 0)
    again = import_data_set(library, folder, "table", workers=1)
    assert (again.already, again.taken, again.duplicates) == (2, 0, 3)


def test_nifti_scans_are_named_by_their_files_and_masks_are_no_scans(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    phantom = draw(study_parameters(7, 0, 0.0, size=64, slices=SLICES))
    (folder / "masks").mkdir(parents=True)
    write_nifti(phantom, folder / "a.nii.gz")
    image = nibabel.load(folder / "a.nii.gz")
    mask = np.zeros(image.shape, np.uint8)
    mask[20:30, 20:30, 2] = 5
    nibabel.save(nibabel.Nifti1Image(mask, image.affine), folder / "masks" / "a.nii.gz")
    (folder / "labels.csv").write_text(
        "file,level,part,any,source,mask\na.nii.gz,scan,,1,reader:me,masks/a.nii.gz\na.nii.gz,slice,5,0,reader:me,\n"
    )
    report = import_data_set(library, folder, "table", workers=1)
    (scan,) = library.scans()
    assert (report.stored, report.masks, report.taken, report.not_found.count) == (1, 1, 2, 0)
    drawn = library.mask(scan.series_uid, "subdural")
    assert drawn is not None
    assert (int(drawn.sum()), int(drawn[2].sum())) == (100, 100)


def test_a_mask_that_cannot_be_drawn_costs_its_row_alone(library: Library, folder: Path) -> None:
    (folder / "labels.csv").write_text(
        "series_uid,level,any,source,mask\n1.2.0,scan,1,a,gone.nii\n1.2.1,scan,0,a,\n1.2.1,scan,1,b,\n"
    )
    report = import_data_set(library, folder, "table", workers=1)
    assert [str(problem) for problem in report.wrong.first] == [
        "labels.csv row 2, column 'mask': there is no file 'gone.nii' in the table's folder"
    ]
    assert library.labels("1.2.0") == []
    assert len(library.labels("1.2.1")) == 2


def test_rows_about_a_refused_scan_are_counted(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_head(folder, [f"{index}.dcm" for index in range(SLICES)], Modality="PT", SeriesInstanceUID="1.2.5")
    (folder / "labels.csv").write_text("file,level,any,source\n0.dcm,scan,1,a\n")
    report = import_data_set(library, folder, "table", workers=1)
    assert (report.stored, report.of_refused, report.rows) == (0, 1, 1)
    assert report.refused["not_ct"] == len(head())


def test_drawn_studies_are_a_table_too(library: Library, tmp_path: Path) -> None:
    write_studies(tmp_path / "heads", count=2, seed=3, size=64, slices=SLICES)
    report = import_data_set(library, tmp_path / "heads", "table", workers=1)
    assert (report.stored, report.not_found.count, report.wrong.count) == (2, 0, 0)
    assert report.labels[Level.SCAN, "any", True] == 1
    assert report.masks >= 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[", "it is no JSON"),
        ("{}", "it holds an object; expected a list of objects"),
        ("3", "it holds a number"),
        ('[{"level": "scan"}, "x"]', "row 2 is a text; expected an object"),
        ("[[]]", "row 1 is a list"),
    ],
)
def test_a_json_that_is_no_table_is_a_wrong_request(library: Library, folder: Path, content: str, words: str) -> None:
    (folder / "labels.json").write_text(content)
    with pytest.raises(RequestError, match=words):
        import_data_set(library, folder, "table")


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ({"series_uid": "1.2.0", "level": "scan", "any": 2, "source": "a"}, "any", "'2' is no number"),
        ({"series_uid": "1.2.0", "level": "scan", "any": True, "source": "a"}, "any", "'true' is no number"),
        ({"series_uid": "1.2.0", "level": "scan", "anny": 1, "source": "a"}, "anny", "did you mean 'any'"),
        ({"series_uid": "1.2.0", "any": 1, "source": "a"}, "level", "missing"),
        ({"level": "scan", "any": 1, "source": "a"}, "series_uid", "missing"),
        ({"series_uid": "1.2.0", "file": "scans/0/1.dcm", "level": "scan", "source": "a"}, "file", "one of them"),
        ({"series_uid": None, "level": "scan", "any": 1, "source": "a"}, "series_uid", "blank"),
        ({"series_uid": "1.2.0", "level": "scan", "any": 1}, "source", "nobody is named"),
    ],
)
def test_a_wrong_object_stops_before_anything_is_stored(
    library: Library, folder: Path, row: dict[str, object], column: str, words: str
) -> None:
    right = {"series_uid": "1.2.1", "level": "scan", "any": 1, "source": "a"}
    (folder / "labels.json").write_text(json.dumps([right, row]))
    with pytest.raises(LabelTableError) as caught:
        import_data_set(library, folder, "table", workers=1)
    (problem,) = caught.value.problems
    assert (problem.row, problem.column) == (2, column)
    assert words in problem.reason
    assert library.scans() == []


def test_a_folder_of_another_kind_is_said_to_be_so(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(LayoutError, match=r"it holds no labels.csv or labels.json; expected scans and one of"):
        import_data_set(library, folder, "table")
    (folder / "labels.csv").write_text("series_uid,level\n")
    with pytest.raises(LayoutError, match="there is no scan"):
        import_data_set(library, folder, "table")
    (folder / "labels.json").write_text("[]")
    with pytest.raises(LayoutError, match=r"it holds labels.csv and labels.json"):
        import_data_set(library, folder, "table")


def test_a_table_alone_finds_no_scan_by_its_file(library: Library, folder: Path) -> None:
    import_scans(library, folder / "scans", workers=1)
    (folder / "labels.csv").write_text("file,level,any,source\nscans/0/1.dcm,scan,1,a\n")
    with pytest.raises(LabelTableError, match="row 2, column 'file': only an import of scans together"):
        import_labels(library, folder / "labels.csv")


def test_the_documented_json_says_what_the_documented_csv_says(library: Library, tmp_path: Path) -> None:
    text = (DOCS / "labels.md").read_text()
    table = text.split("```csv\n")[1].split("```")[0]
    objects = json.loads(text.split("```json\n")[1].split("```")[0])
    rows = [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(table.splitlines())]
    as_text = [
        {name: cell if isinstance(cell, str) else json.dumps(cell) for name, cell in one.items()} for one in objects
    ]
    assert as_text == rows
    (tmp_path / "labels.json").write_text(json.dumps(objects))
    assert import_labels(library, tmp_path / "labels.json").rows == 4


def test_an_unknown_data_set_or_folder_is_a_wrong_request(library: Library, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="'rsna2018' is no data set; did you mean 'rsna2019'"):
        import_data_set(library, tmp_path, "rsna2018")
    with pytest.raises(RequestError, match="'gone' is no folder; give the folder of the data set table"):
        import_data_set(library, tmp_path / "gone", "table")


def test_every_data_set_is_documented() -> None:
    page = (DOCS / "how-to" / "data-sets.md").read_text()
    assert sorted(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == sorted(IMPORTERS)
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(IMPORTERS)
    (row,) = [line for line in (DOCS / "commands.md").read_text().splitlines() if line.startswith("| `--as` |")]
    assert set(re.findall(r"`(\w+)`", row)) == set(IMPORTERS)
