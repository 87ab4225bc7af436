"""Label tables: every row checked first, unknown left unknown, contradictions said."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from catalogue_scans import find, load, values_of, write_labels, write_scan
from PIL import Image

from bregma.catalogue.ingest import store_found
from bregma.catalogue.label_rows import COLUMNS, LabelTableError
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.scan.errors import RequestError
from bregma.scan.labels import Label, Level

HEADER = "series_uid,level,part,any,epidural,subdural,source,mask,contours"
DOCS = Path(__file__).parents[2] / "docs" / "labels.md"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Scans 1.2.0 and 1.2.1 of 3 x 8 x 10 pixels, 5 mm apart; see catalogue_scans.py."""
    for number in range(2):
        write_scan(tmp_path / "in", str(number), number)
    library = Library.create(tmp_path / "lib")
    store_found(library, find(tmp_path / "in"), load, workers=1)
    return library


def table(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_cells_become_statements_and_blanks_become_nothing(library: Library, tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "1.2.0,scan,,1,,0,reader:a,,",
        "1.2.0,slice,1.2.0.2,0.25,,,,,",
        "1.2.0,lesion,left,,,1,reader:a,,",
        "",
        "1.2.1,scan,,,,,reader:a,,",
    )
    report = import_labels(library, path, source="report")
    assert library.labels("1.2.0") == [
        Label("1.2.0", Level.SCAN, None, "any", 1.0, "reader:a"),
        Label("1.2.0", Level.SCAN, None, "subdural", 0.0, "reader:a"),
        Label("1.2.0", Level.SLICE, "1.2.0.2", "any", 0.25, "report"),
        Label("1.2.0", Level.LESION, "left", "subdural", 1.0, "reader:a"),
    ]
    assert library.labels("1.2.1") == []
    assert (report.rows, report.taken, report.scans, report.duplicates) == (4, 4, {"1.2.0"}, 0)
    assert report.labels[Level.SCAN, "subdural", False] == 1
    assert report.parts[Level.SLICE] == {("1.2.0", "1.2.0.2")}
    assert "1 slice, 1 lesion" in report.summary()
    assert "scan subdural: 0 present, 1 absent" in report.summary()


def test_the_same_table_again_changes_nothing(library: Library, tmp_path: Path) -> None:
    path = write_labels(tmp_path / "said", find(tmp_path / "in"))
    first = import_labels(library, path)
    labels, mask = library.labels("1.2.0"), library.mask("1.2.0")
    again = import_labels(library, path)
    assert (first.taken, first.masks, first.duplicates) == (6, 2, 0)
    assert (again.taken, again.masks, again.duplicates) == (0, 0, 8)
    assert library.labels("1.2.0") == labels
    np.testing.assert_array_equal(library.mask("1.2.0"), mask)


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (",scan,,1,,,a,,", "series_uid", "blank"),
        ("1.2.0,scam,,1,,,a,,", "level", "did you mean 'scan'"),
        ("1.2.0,scan,1.2.0.1,1,,,a,,", "part", "expected nothing"),
        ("1.2.0,slice,,1,,,a,,", "part", "expected the name of the slice"),
        ("1.2.0,lesion,,1,,,a,,", "part", "expected the name of the lesion"),
        ("1.2.0,scan,,yes,,,a,,", "any", "'yes' is no number"),
        ("1.2.0,scan,,,1.5,,a,,", "epidural", "'1.5'"),
        ("1.2.0,scan,,,,nan,a,,", "subdural", "'nan'"),
        ("1.2.0,scan,,1,,,,,", "source", "nobody is named"),
        ("1.2.0,scan,,1,,,a", "contours", "7 cells"),
        ("1.2.0,scan,,1,,,a,m.nii,[]", "contours", "one of them"),
        ("1.2.0,scan,,1,,,a,m.nii,", "mask", "no file 'm.nii'"),
        ("1.2.0,scan,,1,,,a,../secret.nii,", "mask", "leads out"),
        ("1.2.0,scan,,1,,,a,labels.csv,", "mask", "NIfTI"),
        ("1.2.0,lesion,x,1,,,a,,nonsense.json", "contours", "no file"),
        ("1.2.0,lesion,x,1,,,a,,{", "contours", "no JSON"),
        ("1.2.0,lesion,x,1,,,a,,{}", "contours", "expected a list"),
        ("1.2.0,lesion,x,1,,,a,,[3]", "contours", "outline 1 is no"),
    ],
)
def test_one_wrong_row_stops_the_whole_table(
    library: Library, tmp_path: Path, row: str, column: str, words: str
) -> None:
    (tmp_path.parent / "secret.nii").write_text("x")
    path = table(tmp_path, "1.2.0,scan,,1,,,a,,", row, "1.2.1,scan,,1,,,a,,")
    with pytest.raises(LabelTableError) as caught:
        import_labels(library, path)
    (problem,) = caught.value.problems
    assert (problem.row, problem.column) == (3, column)
    assert words in problem.reason
    assert f"row 3, column {column!r}" in str(caught.value)
    assert library.labels("1.2.0") == []
    assert library.labels("1.2.1") == []


def test_all_problems_are_said_at_once(library: Library, tmp_path: Path) -> None:
    path = table(tmp_path, *["1.2.0,scan,,maybe,,,,,"] * 30)
    with pytest.raises(LabelTableError, match="60 problems") as caught:
        import_labels(library, path)
    assert "and 40 more" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("series_uid,level,part,subdral", "did you mean 'subdural'"),
        ("series_uid,part,any", "'level'.*missing"),
        ("series_uid,level,any,any", "2 times"),
        ("", "missing"),
    ],
)
def test_the_header_is_checked(library: Library, tmp_path: Path, header: str, words: str) -> None:
    with pytest.raises(LabelTableError, match=words):
        import_labels(library, table(tmp_path, header=header))


def test_a_file_that_is_no_table_is_a_wrong_request(library: Library, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        import_labels(library, tmp_path / "gone.csv")
    (tmp_path / "latin.csv").write_bytes(b"series_uid,level\n\xff\xfe,scan\n")
    with pytest.raises(RequestError, match="no UTF-8 CSV"):
        import_labels(library, tmp_path / "latin.csv")


def test_excel_and_its_byte_order_mark_are_welcome(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes("\ufeffseries_uid,level,any,source\r\n1.2.0,scan,1,a\r\n".encode())
    assert import_labels(library, path).taken == 1


def test_a_subtype_without_any_is_a_conflict(library: Library, tmp_path: Path) -> None:
    report = import_labels(library, table(tmp_path, "1.2.0,scan,,0,,1,a,,", "1.2.1,scan,,1,,1,a,,"))
    (conflict,) = report.conflicts
    assert (conflict.row, conflict.column) == (2, "any")
    assert "'any' is 0, but 'subdural' is 1" in conflict.reason
    assert library.labels("1.2.0") == []
    assert len(library.labels("1.2.1")) == 2
    assert "1 conflict, not taken" in report.summary()


def test_a_table_that_contradicts_itself_says_nothing(library: Library, tmp_path: Path) -> None:
    path = table(tmp_path, "1.2.0,scan,,1,,,a,,", "1.2.0,scan,,0,,,a,,", "1.2.0,scan,,0,,,b,,", "1.2.0,scan,,0,,,b,,")
    report = import_labels(library, path)
    assert [(problem.row, problem.column) for problem in report.conflicts] == [(3, "any")]
    assert report.duplicates == 1
    assert [(label.source, label.value) for label in library.labels("1.2.0")] == [("b", 0.0)]


def test_what_a_source_said_first_stays(library: Library, tmp_path: Path) -> None:
    import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,,"))
    report = import_labels(library, table(tmp_path, "1.2.0,scan,,0,,,a,,", "1.2.0,scan,,0,,,b,,"))
    assert "1 in the library" in report.conflicts[0].reason
    assert [(label.source, label.value) for label in library.labels("1.2.0")] == [("a", 1.0), ("b", 0.0)]
    assert library.scan_target("1.2.0", "any") == 0.5
    assert library.scan_target("1.2.0", "any", sources=["a"]) == 1.0


def test_a_model_is_no_truth_unless_asked(library: Library, tmp_path: Path) -> None:
    import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,model:abc,,"))
    assert library.scan_target("1.2.0", "any") is None
    assert library.scan_target("1.2.0", "any", sources=["model:abc"]) == 1.0


def test_what_the_library_does_not_have_is_reported(library: Library, tmp_path: Path) -> None:
    report = import_labels(
        library, table(tmp_path, "9.9,scan,,1,,,a,,", "1.2.0,slice,9,1,,,a,,", "1.2.0,scan,,1,,,a,,")
    )
    assert [(problem.row, problem.column) for problem in report.not_found] == [(2, "series_uid"), (3, "part")]
    assert report.taken == 1
    assert "2 rows about what the library does not have" in report.summary()


def test_slices_without_uids_go_by_number(tmp_path: Path) -> None:
    write_scan(tmp_path / "in", "0", 0, geometry=False)
    library = Library.create(tmp_path / "lib")
    store_found(library, find(tmp_path / "in"), load, workers=1)
    import_labels(library, table(tmp_path, "1.2.0,slice,2,1,,,a,,"))
    assert library.slice_targets("1.2.0", "any")[1].tolist() == [False, False, True]
    path = table(tmp_path, '1.2.0,lesion,x,1,,,a,,"[{""points"": [[0, 0, 0], [1, 0, 0], [0, 1, 0]]}]"')
    with pytest.raises(LabelTableError, match="no positions"):
        import_labels(library, path)


def test_what_a_model_drew_is_no_truth(library: Library, tmp_path: Path) -> None:
    import_labels(library, table(tmp_path, f'1.2.0,lesion,left,1,,,model:abc,,"{outline(*SQUARE)}"'))
    assert library.mask("1.2.0") is None
    assert [one.source for one in library.masks("1.2.0")] == ["model:abc"]


# Scan geometry: pixel (row, column) of slice d lies at x = -4 + 0.75 column, y = -5 + 0.5 row, z = 5 d.


def outline(*points: tuple[float, float, float], **more: str) -> str:
    return json.dumps([{"points": points, **more}]).replace('"', '""')


SQUARE = ((-1.9, -4.1, 5.0), (0.6, -4.1, 5.0), (0.6, -2.9, 5.0), (-1.9, -2.9, 5.0))
"""Holds the centres of rows 2 to 4 (y -4 to -3) and columns 3 to 6 (x -1.75 to 0.5) of slice 1."""


def test_an_outline_fills_the_pixels_whose_centres_it_holds(library: Library, tmp_path: Path) -> None:
    import_labels(library, table(tmp_path, f'1.2.0,lesion,left,,,1,a,,"{outline(*SQUARE)}"'))
    expected = np.zeros((3, 8, 10), dtype=bool)
    expected[1, 2:5, 3:7] = True
    for finding in ("any", "subdural"):
        np.testing.assert_array_equal(library.mask("1.2.0", finding), expected)
        assert library.slice_mask_known("1.2.0", finding).tolist() == [False, True, False]
    assert library.mask("1.2.0", "epidural") is None
    assert library.slice_targets("1.2.0", "subdural")[0].tolist() == [0, 1, 0]
    assert library.scan_target("1.2.0", "any") == 1


def test_slices_that_are_said_to_be_empty_have_a_known_empty_mask(library: Library, tmp_path: Path) -> None:
    import_labels(
        library,
        table(
            tmp_path,
            f'1.2.0,lesion,left,1,,,a,,"{outline(*SQUARE)}"',
            "1.2.0,slice,1.2.0.0,0,,,a,,",
            "1.2.1,scan,,0,,,a,,",
        ),
    )
    assert library.slice_mask_known("1.2.0").tolist() == [True, True, False]
    assert library.slice_mask_known("1.2.1").tolist() == [True, True, True]
    empty = library.mask("1.2.1", "subdural")
    assert empty is not None
    assert empty.shape == (3, 8, 10)
    assert not empty.any()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (outline(*((x, y, 50.0) for x, y, _ in SQUARE)), "outside the scan"),
        (outline(*SQUARE, slice="1.2.0.2"), "5.0 mm off the plane"),
        (outline(*SQUARE, slice="1.2.0.9"), "does not have"),
        (outline(*SQUARE[:2]), "3 or more"),
        (outline((0, 0, float("nan")), *SQUARE), "points"),
        (outline(("a", 0, 0), *SQUARE), "no numbers"),
        (outline(*SQUARE, colour="red"), "outline 1 is no"),
    ],
)
def test_outlines_that_do_not_fit_are_refused(library: Library, tmp_path: Path, cell: str, words: str) -> None:
    with pytest.raises(LabelTableError, match=words):
        import_labels(library, table(tmp_path, f'1.2.0,lesion,left,1,,,a,,"{cell}"'))


def values() -> np.ndarray:
    mask = np.zeros((3, 8, 10), np.uint8)
    mask[1, 2:5, 3:7] = 5
    mask[2, 6, 8] = 1
    return mask


def write_nifti(path: Path, mask: np.ndarray, *, order: tuple[int, int, int] = (2, 1, 0), turned: bool = False) -> None:
    """The mask of the scan as NIfTI, axes stored in another order and the first one perhaps backwards."""
    affine = np.zeros((4, 4))  # RAS from (slice, row, column)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (0, 0, 5), (0, -0.5, 0), (-0.75, 0, 0)
    affine[:, 3] = (4, 5, 0, 1)
    stored, affine = mask.transpose(order), affine[:, [*order, 3]]
    if turned:
        affine[:, 3] += affine[:, 0] * (stored.shape[0] - 1)
        affine[:, 0] *= -1
        stored = stored[::-1]
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(stored), affine), path)


@pytest.mark.parametrize("order", [(2, 1, 0), (0, 1, 2), (1, 0, 2)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_nifti_mask_finds_its_pixels_in_any_order_of_axes(
    library: Library, tmp_path: Path, order: tuple[int, int, int], turned: bool
) -> None:
    write_nifti(tmp_path / "m.nii.gz", values(), order=order, turned=turned)
    report = import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,m.nii.gz,"))
    assert (report.masks, report.conflicts) == (1, [])
    np.testing.assert_array_equal(library.mask("1.2.0"), values() > 0)
    np.testing.assert_array_equal(library.mask("1.2.0", "subdural"), values() == 5)
    np.testing.assert_array_equal(library.mask("1.2.0", "epidural"), values() == 1)
    assert library.slice_mask_known("1.2.0", "intraventricular").tolist() == [True] * 3
    assert library.slice_targets("1.2.0", "epidural")[0].tolist() == [0, 0, 1]


def test_a_bleed_without_subtype_leaves_the_subtypes_unknown(library: Library, tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii", np.where(values() == 5, 255, 0).astype(np.uint8))
    import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,m.nii,"))
    assert library.slice_mask_known("1.2.0").tolist() == [True] * 3
    assert library.slice_mask_known("1.2.0", "subdural").tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: np.asarray(image.dataobj)[:9], "shape"),
        (lambda image: np.asarray(image.dataobj) + 7, "value 7"),
    ],
)
def test_a_nifti_mask_that_does_not_fit_is_refused(
    library: Library, tmp_path: Path, change: object, words: str
) -> None:
    write_nifti(tmp_path / "m.nii", values())
    image = nibabel.load(tmp_path / "m.nii")
    nibabel.save(nibabel.Nifti1Image(change(image).astype(np.uint8), image.affine), tmp_path / "n.nii")
    with pytest.raises(LabelTableError, match=words):
        import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,n.nii,"))


def test_a_nifti_mask_beside_the_scan_is_refused(library: Library, tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii", values())
    image = nibabel.load(tmp_path / "m.nii")
    affine = image.affine.copy()
    affine[0, 3] += 3.0
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), affine), tmp_path / "n.nii")
    with pytest.raises(LabelTableError, match=r"3\.0 mm beside"):
        import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,n.nii,"))


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
def test_a_single_slice_has_its_mask_too(tmp_path: Path, order: tuple[int, int, int]) -> None:
    write_scan(tmp_path / "in", "0", 0)
    np.save(tmp_path / "in" / "0.npy", values_of(0)[:1])
    library = Library.create(tmp_path / "lib")
    store_found(library, find(tmp_path / "in"), load, workers=1)
    write_nifti(tmp_path / "m.nii", values()[1:2], order=order)
    import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,m.nii,"))
    np.testing.assert_array_equal(library.mask("1.2.0"), values()[1:2] > 0)


def test_without_positions_a_mask_of_the_same_shape_will_do(tmp_path: Path) -> None:
    write_scan(tmp_path / "in", "0", 0, geometry=False)
    library = Library.create(tmp_path / "lib")
    store_found(library, find(tmp_path / "in"), load, workers=1)
    image = nibabel.Nifti1Image(values().transpose(2, 1, 0), None)
    nibabel.save(image, tmp_path / "m.nii")
    nibabel.save(nibabel.Nifti1Image(values()[:2].transpose(2, 1, 0), None), tmp_path / "n.nii")
    with pytest.raises(LabelTableError, match="shape"):
        import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,n.nii,"))
    import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,m.nii,"))
    np.testing.assert_array_equal(library.mask("1.2.0"), values() > 0)


def test_a_mask_lies_only_on_a_scan_that_says_as_much_of_itself(library: Library, tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(values().transpose(2, 1, 0), None), tmp_path / "m.nii")
    with pytest.raises(LabelTableError, match="copy the scan's affine into the mask"):
        import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,m.nii,"))
    write_scan(tmp_path / "more", "7", 0, geometry=False)
    store_found(library, find(tmp_path / "more"), load, workers=1)
    write_nifti(tmp_path / "n.nii", values())
    with pytest.raises(LabelTableError, match="set the mask's sform and qform codes to 0"):
        import_labels(library, table(tmp_path, "1.2.7,scan,,1,,,a,n.nii,"))


def test_a_mask_may_be_a_link_as_scans_may_be(library: Library, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    write_nifti(tmp_path / "store" / "m.nii", values())
    folder = tmp_path / "said"
    folder.mkdir()
    (folder / "m.nii").symlink_to(tmp_path / "store" / "m.nii")
    assert import_labels(library, table(folder, "1.2.0,scan,,1,,,a,./m.nii,")).masks == 1
    for path in ("x/../../store/m.nii", str(tmp_path / "store" / "m.nii")):
        with pytest.raises(LabelTableError, match="leads out of the table's folder"):
            import_labels(library, table(folder, f"1.2.0,scan,,1,,,b,{path},"))


def test_a_mask_across_the_scan_is_refused(library: Library, tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii", values())
    image = nibabel.load(tmp_path / "m.nii")
    turn = np.eye(4)
    turn[:2, :2] = [[np.sqrt(0.5), -np.sqrt(0.5)], [np.sqrt(0.5), np.sqrt(0.5)]]
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), turn @ image.affine), tmp_path / "n.nii")
    with pytest.raises(LabelTableError, match="do not run along"):
        import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,a,n.nii,"))


def test_a_mask_against_its_row_is_a_conflict(library: Library, tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii", values())
    report = import_labels(library, table(tmp_path, "1.2.0,scan,,1,0,,a,m.nii,"))
    assert "'epidural' is drawn, but the row says 0" in report.conflicts[0].reason
    assert library.mask("1.2.0") is None


def test_png_masks_join_slice_by_slice_and_table_by_table(library: Library, tmp_path: Path) -> None:
    for index in (1, 2):
        Image.fromarray(values()[index]).save(tmp_path / f"{index}.png")
    import_labels(library, table(tmp_path, "1.2.0,slice,1.2.0.1,1,,,a,1.png,"))
    assert library.slice_mask_known("1.2.0").tolist() == [False, True, False]
    report = import_labels(library, table(tmp_path, "1.2.0,slice,1.2.0.2,1,,,a,2.png,"))
    assert report.masks == 1
    assert library.slice_mask_known("1.2.0").tolist() == [False, True, True]
    np.testing.assert_array_equal(library.mask("1.2.0"), values() > 0)
    Image.fromarray(values()[2]).save(tmp_path / "1.png")
    report = import_labels(library, table(tmp_path, "1.2.0,slice,1.2.0.1,1,,,a,1.png,"))
    assert "drawn differently" in report.conflicts[0].reason
    np.testing.assert_array_equal(library.mask("1.2.0"), values() > 0)
    Image.new("L", (10, 9)).save(tmp_path / "big.png")
    Image.new("RGB", (10, 8)).save(tmp_path / "colour.png")
    (tmp_path / "text.png").write_text("x")
    for name, words in (("big", "9 x 10"), ("colour", "8-bit grey"), ("text", "as a PNG")):
        with pytest.raises(LabelTableError, match=words):
            import_labels(library, table(tmp_path, f"1.2.0,slice,1.2.0.1,1,,,b,{name}.png,"))
    with pytest.raises(LabelTableError, match="a PNG is one slice"):
        import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,b,1.png,"))


def test_a_lesion_mask_is_what_its_row_says(library: Library, tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii", (values() == 5).astype(np.uint8))
    import_labels(library, table(tmp_path, "1.2.0,lesion,left,,,1,a,m.nii,"))
    np.testing.assert_array_equal(library.mask("1.2.0", "subdural"), values() == 5)
    assert library.mask("1.2.0", "epidural") is None
    assert library.slice_mask_known("1.2.0", "subdural").tolist() == [False, True, False]


def test_the_documented_table_is_the_table(library: Library, tmp_path: Path) -> None:
    text = DOCS.read_text()
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(COLUMNS)
    example, _tumours = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    (tmp_path / "labels.csv").write_text(example)
    report = import_labels(library, tmp_path / "labels.csv")
    assert (report.rows, report.conflicts, report.not_found, report.masks) == (4, [], [], 1)
    mask = library.mask("1.2.0")
    assert mask is not None
    assert mask.any()


def test_a_library_knows_who_spoke(library: Library, tmp_path: Path) -> None:
    assert library.sources() == []
    import_labels(library, table(tmp_path, "1.2.0,scan,,1,,,report,,", "1.2.1,scan,,0,,,reader:a,,"))
    assert library.sources() == ["reader:a", "report"]
