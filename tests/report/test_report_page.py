from __future__ import annotations

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bregma.models.predictor import Predictor
from bregma.reading import LeftOut, read_scan
from bregma.report.page import page_html, write_page
from bregma.report.pictures import montage, slices_that_matter, trace
from bregma.report.scout import scouts
from bregma.report.strip import HEIGHT, WIDTH, strip
from bregma.scan.study import Refusal, Remark
from bregma.scan.volume import Geometry, Scan, Volume
from tiny_models import CARD, head_scan, tiny_package
from tiny_packages import point, six_predictor


@pytest.fixture
def tiny(tmp_path: Path) -> Predictor:
    return Predictor(tiny_package(tmp_path / "tiny"), threads=1)


def picture(uri: str) -> np.ndarray:
    kind, content = uri.split(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("L"))


class Outside(HTMLParser):
    """Everything on a page that is fetched from elsewhere, and every tag left open."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(html: str) -> Outside:
    page = Outside()
    page.feed(html)
    assert page.open == []
    return page


def test_a_page_needs_nothing_from_outside(tiny: Predictor, tmp_path: Path) -> None:
    reading = read_scan(head_scan(bleeds={4: 14.0, 5: 14.0}), [tiny])
    write_page(tmp_path / "out" / "reading.html", reading, [tiny.package])
    html = (tmp_path / "out" / "reading.html").read_text()
    page = parsed(html)
    assert page.fetched
    assert all(address.startswith("data:image/webp;base64,") for address in page.fetched)
    assert page.scripts == 0
    assert "http" not in html
    assert "url(" not in html


def test_a_page_says_verdict_warnings_lesions_and_limits(tiny: Predictor) -> None:
    scan = head_scan(bleeds={4: 14.0, 5: 14.0}, warnings=(Remark("bone_kernel", "a sharp kernel"),))
    html = page_html(read_scan(scan, [tiny]), [tiny.package])
    words = [
        "<h1>Hemorrhage suspected</h1>",
        "not a medical device",
        "a sharp kernel",
        ">L1<",
        "It has seen no head.",
        tiny.package.digest,
        "2 slices, 10 mm",
    ]
    for word in words:
        assert word in html
    assert html.index("a sharp kernel") < html.index("Slices, foot to head")


def test_markup_in_a_file_is_only_words(tiny: Predictor) -> None:
    nasty = "<script>alert(1)</script>"
    scan = head_scan(warnings=(Remark("odd", nasty),), excluded=(Refusal("odd", nasty, (nasty,)),))
    scan = dataclasses.replace(scan, slices=tuple(dataclasses.replace(one, file=nasty) for one in scan.slices))
    html = page_html(read_scan(scan, [tiny]), [tiny.package])
    assert nasty not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("scan", "title"),
    [
        (head_scan(), "No hemorrhage found"),
        (head_scan(slices=1, bleeds={0: 14.0}), "Hemorrhage suspected"),
        (head_scan(warnings=(Remark("missing_slices", "2 slices are missing"),)), "Incomplete"),
        (head_scan(refusal=Refusal("not_head", "an abdomen")), "Not assessed"),
        (head_scan(with_geometry=False), "Incomplete"),
        (head_scan(bleeds={3: 14.0, 4: 14.0, 5: 14.0}, with_geometry=False), "Hemorrhage suspected"),
    ],
)
def test_every_kind_of_reading_has_a_page(tiny: Predictor, scan: Scan, title: str) -> None:
    html = page_html(read_scan(scan, [tiny]), [tiny.package])
    parsed(html)
    assert f"<h1>{title}</h1>" in html
    assert ("No hemorrhage found" in html) == (title == "No hemorrhage found")


def test_subtypes_have_their_own_table(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "two", findings=("any", "subdural"), card=dataclasses.replace(CARD, metrics=()))
    html = page_html(read_scan(head_scan(), [Predictor(package, threads=1)]), [package])
    assert "Subdural hemorrhage" in html


def page_of(scan: Scan, predictors: list[Predictor]) -> str:
    html = page_html(read_scan(scan, predictors), [one.package for one in predictors])
    parsed(html)
    return html


def test_named_subtypes_stand_beside_the_verdict_on_the_slices_and_at_the_lesion(tmp_path: Path) -> None:
    html = page_of(head_scan(bleeds={4: 14.0, 5: 14.0}), [six_predictor(tmp_path / "six", {"subdural": 0.4})])
    header = html[html.index("<header") : html.index("</header>")]
    assert "<b>subdural <i>1.00</i></b>" in header
    assert "epidural" not in header
    assert html.count('class="kind kind-') == 5
    assert "named from 0.40" in html
    assert html.count("no operating point, so never named") == 4
    # two slices in the montage, and the lesion
    assert html.count('<em class="kind-subdural">subdural 1.00</em>') == 3


def test_a_subtype_that_is_not_clear_is_said(tmp_path: Path) -> None:
    html = page_of(head_scan(bleeds={4: 14.0}), [six_predictor(tmp_path / "six", {"subdural": 1.0})])
    assert '<b class="unclear">Subtype not clear</b>' in html[: html.index("</header>")]
    assert "<td>not clear</td>" in html
    quiet = page_of(head_scan(), [six_predictor(tmp_path / "six", {"subdural": 1.0, "epidural": 1e-9})])
    assert "ubtype not clear" not in quiet
    assert "not reached, from 1.00" in quiet
    assert "reached, but the scan is not suspected, from 0.00" in quiet


def test_a_single_slice_has_subtypes_without_a_strip(tmp_path: Path) -> None:
    html = page_of(head_scan(slices=1, bleeds={0: 14.0}), [six_predictor(tmp_path / "six", {"subdural": 0.4})])
    assert "named from 0.40" in html
    assert 'class="lane"' not in html
    many = page_of(head_scan(slices=3, bleeds={0: 14.0}), [six_predictor(tmp_path / "six", {"subdural": 0.4})])
    assert many.count('class="lane"') == 5


def test_slices_that_reach_a_subtypes_point_are_in_full_colour(tmp_path: Path) -> None:
    points = (point("subdural", 0.4), point("subdural", 0.5, level="slice"))
    html = page_of(head_scan(bleeds={4: 14.0, 5: 14.0}), [six_predictor(tmp_path / "six", points=points)])
    assert html.count('class="bar reached"') == 2
    assert "slice 4, z 20.0 mm: 0.999, reached" in html


def test_a_reading_by_one_model_of_one_finding_has_no_words_on_subtypes(tiny: Predictor) -> None:
    html = page_of(head_scan(bleeds={4: 14.0}), [tiny])
    body = html[html.index("</style>") :]
    assert "ubtype" not in body
    assert "together" not in body


def test_models_that_read_together_and_those_left_out_are_named(tiny: Predictor, tmp_path: Path) -> None:
    six = six_predictor(tmp_path / "six", maps=False)
    scan = head_scan(bleeds={4: 14.0})
    assert "2 models together" in page_of(scan, [tiny, six])
    reading = read_scan(scan, [six], left_out=[LeftOut("torn", "package.json is not JSON")])
    html = page_html(reading, [six.package])
    parsed(html)
    assert "<b>Model left out</b> <code>torn</code> package.json is not JSON" in html
    assert "no model that took part draws a map" in html


def test_the_montage_shows_the_patients_left_on_the_right(tiny: Predictor) -> None:
    reading = read_scan(head_scan(bleeds={4: 14.0}), [tiny])
    (tile,) = montage(reading)
    assert (tile.index, tile.z_mm, tile.counted) == (4, 20.0, True)
    image = picture(tile.image)
    bright = np.argwhere(image > 200).mean(axis=0)
    # the bleed's middle is 30 mm to the left of the head's: 60 pixels of 0.5 mm
    middle = (tile.size - 1) / 2
    assert bright == pytest.approx([middle, middle + 60], abs=4)
    (outline,) = tile.outlines
    numbers = [float(number) for number in re.findall(r"[\d.]+", outline.path)]
    xs, ys = np.array(numbers[::2]), np.array(numbers[1::2])
    assert (xs.min() + xs.max()) / 2 == pytest.approx(bright[1], abs=4)
    assert (ys.min() + ys.max()) / 2 == pytest.approx(bright[0], abs=4)
    assert np.ptp(xs) == pytest.approx(2 * 14 / 0.5, abs=9)
    x, y, length = tile.view
    assert x <= middle - 128 <= middle + 128 <= x + length
    assert length < tile.size or y == 0


def test_slices_that_matter(tiny: Predictor) -> None:
    thin = read_scan(head_scan(slices=40, gap_mm=1.5, bleeds=dict.fromkeys(range(8, 33), 10.0) | {20: 14.0}), [tiny])
    chosen = slices_that_matter(thin)
    assert len(chosen) == 12
    assert chosen == sorted(chosen)
    assert {8, 20, 32} <= set(chosen) <= set(range(8, 33))
    negative = slices_that_matter(read_scan(head_scan(slices=30), [tiny]))
    assert len(negative) == 12
    assert (negative[0], negative[-1]) == (0, 29)
    refused = read_scan(head_scan(slices=3, refusal=Refusal("not_head", "an abdomen")), [tiny])
    assert slices_that_matter(refused) == [0, 1, 2]


def test_an_outline_goes_round_every_part() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:6, 3:9] = True
    mask[12:15, 12:15] = True
    assert trace(mask).count("M") == 2
    assert trace(np.zeros((4, 4), dtype=bool)) == ""


def test_the_strip_is_as_wide_as_the_slices_are_thick(tiny: Predictor) -> None:
    scan = head_scan(slices=5, bleeds={3: 14.0})
    old = scan.volume.geometry
    assert old is not None
    z = [0.0, 2.0, 4.0, 14.0, 24.0]
    origins = old.origins.copy()
    origins[:, 2] = z
    geometry = Geometry(80, 80, origins, old.along_row, old.along_column, old.pixel_mm)
    records = tuple(dataclasses.replace(one, z_mm=mm) for one, mm in zip(scan.slices, z, strict=True))
    uneven = dataclasses.replace(scan, slices=records, volume=Volume(scan.volume.values, geometry))
    drawn = strip(read_scan(uneven, [tiny]))
    assert drawn is not None
    widths = [bar.width for bar in drawn.bars]
    # each slice reaches half-way to its neighbours: 2, 2, 6, 10 and 10 mm of 30
    assert widths == pytest.approx([WIDTH * mm / 30 for mm in (2, 2, 6, 10, 10)])
    assert [bar.counted for bar in drawn.bars] == [False, False, False, True, False]
    assert drawn.bars[3].height == pytest.approx(HEIGHT, rel=0.01)
    assert drawn.runs[0].words == "1 slice, 10 mm"
    assert drawn.threshold == HEIGHT / 2
    assert [tick.words for tick in drawn.ticks] == ["0", "20"]
    assert drawn.bars[3].title.startswith("slice 3, z 14.0 mm: 0.99")


def test_without_geometry_the_strip_counts_slices(tiny: Predictor) -> None:
    drawn = strip(read_scan(head_scan(with_geometry=False), [tiny]))
    assert drawn is not None
    assert drawn.axis == "slice"
    assert [tick.words for tick in drawn.ticks] == [str(index) for index in range(10)]
    assert strip(read_scan(head_scan(refusal=Refusal("x", "y")), [tiny])) is None


def test_scouts_show_where_the_slices_lie(tiny: Predictor) -> None:
    reading = read_scan(head_scan(slices=20, bleeds={4: 14.0, 5: 14.0}), [tiny])
    side, front = scouts(reading)
    assert (side.marks, front.marks) == (("front", "back"), ("right", "left"))
    assert (side.width, side.height) == (160.0, 100.0)
    assert [(line.index, line.counted) for line in side.lines] == [(0, False), (4, True), (5, True), (19, False)]
    # slice 4 lies at z = 20; the canvas reaches from -2.5 to 97.5, head up
    assert (side.lines[1].y1, side.lines[1].y2) == (77.5, 77.5)
    (frame,) = front.frames
    assert frame.x + frame.width / 2 == pytest.approx(80 + 30, abs=3)
    image = picture(front.image)
    assert image.shape == (100, 160)
    assert image[50, 80] > 100
    assert image[50, 4] < 40


def test_scouts_follow_the_tilt(tiny: Predictor) -> None:
    scan = head_scan(slices=20)
    old = scan.volume.geometry
    assert old is not None
    angle = np.radians(15.0)
    down = np.array([0.0, np.cos(angle), -np.sin(angle)])
    tilted = Volume(scan.volume.values, Geometry(80, 80, old.origins, old.along_row, down, old.pixel_mm))
    side, _ = scouts(read_scan(dataclasses.replace(scan, volume=tilted), [tiny]))
    line = side.lines[0]
    assert (line.y2 - line.y1) / (line.x2 - line.x1) == pytest.approx(np.tan(angle), abs=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
def test_scouts_are_the_same_however_the_scan_is_stored(tiny: Predictor, mirrored: bool) -> None:
    scan = head_scan(slices=12, bleeds={4: 14.0})
    scan.volume.values[:, 10:30, 45:50] = 1000
    reading = read_scan(scan, [tiny])
    old = scan.volume.geometry
    assert old is not None
    turned = np.swapaxes(scan.volume.values, 1, 2)
    geometry = Geometry(80, 80, old.origins, old.along_column, old.along_row, old.pixel_mm)
    if mirrored:
        turned = turned[:, ::-1, ::-1]
        origins = old.origins + 158.0 * (old.along_row + old.along_column)
        geometry = Geometry(80, 80, origins, -old.along_column, -old.along_row, old.pixel_mm)
    other = read_scan(dataclasses.replace(scan, volume=Volume(turned.copy(), geometry)), [tiny])
    for one, two in zip(scouts(reading), scouts(other), strict=True):
        assert np.abs(picture(one.image).astype(int) - picture(two.image).astype(int)).max() <= 2
        assert [line.y1 for line in one.lines] == pytest.approx([line.y1 for line in two.lines])


def test_there_is_no_scout_of_what_is_not_axial_or_has_no_place(tiny: Predictor) -> None:
    assert scouts(read_scan(head_scan(with_geometry=False), [tiny])) == []
    assert scouts(read_scan(head_scan(slices=3), [tiny])) == []


def test_a_scan_without_anything_bright_is_shown_whole(tiny: Predictor) -> None:
    scan = head_scan(slices=3, refusal=Refusal("blank_image", "the images are blank"))
    scan.volume.values[:] = -1000
    tile = montage(read_scan(scan, [tiny]))[0]
    assert tile.view == (0, 0, tile.size)
