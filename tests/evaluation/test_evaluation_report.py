"""Rows, pictures and the page: what stands on them, and that the page needs nothing else."""

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from evaluation_world import Head, Memory, bleeding, blood_of
from PIL import Image

from bregma.evaluation import pictures, table
from bregma.evaluation.evaluate import evaluate_package
from bregma.evaluation.evaluation import Evaluation
from bregma.evaluation.intervals import wilson
from bregma.evaluation.measure import Measure
from bregma.evaluation.report import page
from bregma.models.package import Package
from bregma.scan.errors import RequestError
from tiny_models import tiny_package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return tiny_package(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def library() -> Memory:
    found = bleeding("1.2.3.found")
    found.mask = blood_of(found)
    truth = [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    missed = Head("1.2.3.missed", truth=truth, scan_truth=1.0, mask=blood_of(found))
    heads = [bleeding(f"1.2.3.p{i}", 2, 3 + i) for i in range(5)] + [Head(f"1.2.3.n{i}") for i in range(5)]
    silent = Head("1.2.3.silent", truth=[None] * 10, scan_truth=None)
    return Memory(found, missed, Head("1.2.3.alarm", {7: 12.0}), silent, *heads, bleeding("1.2.3.train", part="train"))


@pytest.fixture(scope="module")
def evaluation(package: Package, library: Memory) -> Evaluation:
    return evaluate_package(package, library, split="default", part="test", replicates=200)


def image(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_every_figure_is_a_row(evaluation: Evaluation) -> None:
    rows = table.rows(evaluation)
    assert all(len(row) == len(table.HEADER) for row in rows)
    by_name = {(row[0], row[1].split(" ")[0], row[2]): row for row in rows}
    assert by_name["scan any", "rule", "recall"][3] == "85.7 %"  # 6 of 7
    assert by_name["scan any", "rule", "recall"][4] == "48.7 to 97.4"  # Wilson
    assert by_name["scan any", "", "AUC"][5] == "7/13"
    assert by_name["scan any", "", "recall ceiling"][5] == "7/7"
    assert by_name["lesion any", "", "lesions found"][3] == "50.0 %"


def test_notes_say_what_was_left_out_and_that_patients_are_few(evaluation: Evaluation) -> None:
    notes = "\n".join(table.notes(evaluation))
    assert "any per scan: 7 of 13 positive, 13 patients; TP 6, FP 1, FN 1, TN 5 at rule 0.500." in notes
    assert "Lesions: 1 of 2 found, 0 false, on 2 scans with a mask." in notes
    assert "Not counted: 1 scan (any): nobody said whether it is there." in notes
    assert "Not counted: 10 slices of 1 scan (any): nobody said" in notes
    assert "No patient, study or pixels are shared with 1 scan of the other parts of split 'default'" in notes
    assert "Only 13 patients" in notes


def test_leakage_is_shouted(package: Package) -> None:
    memory = Memory(bleeding("a"), Head("q", patient="p"), Head("t", part="train", patient="p"))
    notes = table.warnings(evaluate_package(package, memory, split="default", part="test", replicates=50))
    assert notes[0].startswith("LEAKAGE: 1 patient, 0 studies, 0 scans by their pixels")
    whole = table.warnings(evaluate_package(package, memory, split=None, part=None, replicates=50))
    assert whole[0] == "Leakage was not checked: there is no other part to compare with."


@pytest.mark.parametrize(
    ("measure", "value", "interval"),
    [
        (Measure("accuracy", 63 / 77, wilson(63, 77)), "81.8 %", "71.8 to 88.8"),
        (Measure("auc", 0.91234), "0.912", "-"),
        (Measure("recall", None, reason="x"), "-", "-"),
    ],
)
def test_figures_as_text(measure: Measure, value: str, interval: str) -> None:
    assert table.value_text(measure) == value
    assert table.interval_text(measure) == interval


def test_pictures_have_something_on_them(evaluation: Evaluation) -> None:
    level = evaluation.level("scan", "any")
    drawn = [
        pictures.roc_picture(level),
        pictures.reliability_picture(level),
        pictures.confusion_picture(level, level.points[0]),
        pictures.histogram_picture(level),
    ]
    for png in drawn:
        pixels = image(png)
        assert pixels.shape == (462, 462, 3)
        assert (pixels < 128).any(axis=2).mean() > 0.002


def test_no_curve_without_two_kinds_of_cases(package: Package) -> None:
    alone = evaluate_package(package, Memory(Head("q")), split=None, part=None, replicates=20)
    with pytest.raises(RequestError, match="only one kind of case"):
        pictures.roc_picture(alone.level("scan", "any"))


def test_a_thumbnail_shows_the_brain_window_with_the_truth_outlined() -> None:
    hu = np.full((120, 60), 40, dtype=np.int16)
    hu[:60] = -1000
    truth = np.zeros((120, 60), dtype=bool)
    truth[80:100, 20:40] = True
    pixels = image(pictures.thumbnail(hu, truth))
    assert pixels.shape == (240, 120, 3)
    assert (pixels[50, 60] == 0).all()
    assert np.abs(pixels[150, 20] - 128).max() <= 1  # 40 HU is the middle of the brain window
    coloured = np.argwhere(pixels.max(axis=2) - pixels.min(axis=2) > 50)
    assert coloured.min(axis=0).tolist() == [160, 40]
    assert coloured.max(axis=0).tolist() == [199, 79]
    plain = image(pictures.thumbnail(hu, None))
    assert (plain.max(axis=2) == plain.min(axis=2)).all()


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_is_self_contained_and_says_what_matters(
    evaluation: Evaluation, library: Memory, package: Package, tmp_path: Path
) -> None:
    html = page(evaluation, library)
    (tmp_path / "page.html").write_text(html)
    links = Links()
    links.feed(html)
    assert all(source.startswith("data:image/png;base64,") for source in links.sources)
    assert "script" not in links.tags
    for words in ("tiny 1.0", package.digest, "recall ceiling", "missed: any per scan", "false alarm: any per scan"):
        assert words in html
    assert "85.7 %" in html
    assert len(links.sources) == 4 + 5 + 1 + len(evaluation.worst)  # and the FROC of the map


def test_the_page_lists_errors_without_a_library(evaluation: Evaluation) -> None:
    html = page(evaluation)
    assert "series 1.2.3.missed, slice" in html


def test_the_page_survives_a_library_without_labels(package: Package) -> None:
    memory = Memory(Head("u", truth=[None] * 10, scan_truth=None))
    html = page(evaluate_package(package, memory, split=None, part=None, replicates=20), memory)
    assert "None: every case is on the right side" in html


def test_words_from_outside_are_escaped(package: Package) -> None:
    memory = Memory(bleeding("<b>x</b>", truth=[0] * 10, scan_truth=0.0), Head("q"))
    html = page(evaluate_package(package, memory, split=None, part=None, replicates=20), memory)
    assert "<b>x</b>" not in html
    assert json.dumps("&lt;b&gt;x&lt;/b&gt;").strip('"') in html
