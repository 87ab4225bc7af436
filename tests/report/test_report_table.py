from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from bregma.models.predictor import Predictor
from bregma.reading import LeftOut, read_scan
from bregma.report.table import card_table, reading_table, refusal_table, scan_table
from bregma.scan.study import Refusal, Remark
from tiny_models import head_scan, tiny_package
from tiny_packages import six_predictor


@pytest.fixture
def tiny(tmp_path: Path) -> Predictor:
    return Predictor(tiny_package(tmp_path / "tiny"), threads=1)


def shown(table: RenderableType) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_a_positive_reading(tiny: Predictor) -> None:
    words = shown(reading_table(read_scan(head_scan(bleeds={4: 14.0, 5: 14.0}), [tiny])))
    assert "HEMORRHAGE SUSPECTED" in words
    assert "2 slices counted: 4 to 5" in words
    assert "foot     ██     head" in words
    assert "L1" in words
    assert "left" in words
    assert "2.000 mm pixels, 5.00 mm apart, axial, tilt 0.0 degrees" in words


def test_subtypes_have_a_line_each(tmp_path: Path) -> None:
    six = six_predictor(tmp_path / "six", {"subdural": 0.4, "epidural": 1.0})
    words = shown(reading_table(read_scan(head_scan(bleeds={4: 14.0, 5: 14.0}), [six])))
    assert "HEMORRHAGE SUSPECTED: subdural\n  score" in "\n".join(line.rstrip() for line in words.splitlines())
    lines = {line.split()[0]: line for line in words.splitlines() if line.strip()}
    assert lines["subdural"].split() == ["subdural", "1.00", "0.40", "named", "██"]
    assert lines["epidural"].split()[:5] == ["epidural", "1.00", "1.00", "not", "reached"]
    assert "never named" in lines["subarachnoid"]
    assert lines["L1"].split()[-2:] == ["subdural", "1.00"]


def test_what_is_not_clear_or_not_drawn_or_left_out_is_said(tmp_path: Path) -> None:
    six = six_predictor(tmp_path / "six", {"subdural": 1.0})
    scan = head_scan(bleeds={4: 14.0})
    words = shown(reading_table(read_scan(scan, [six])))
    assert "SUSPECTED: subtype not clear" in words
    assert words.count(" hemorrhage ") == 1
    blind = six_predictor(tmp_path / "blind", maps=False)
    words = shown(reading_table(read_scan(scan, [blind], left_out=[LeftOut("torn", "it is damaged")])))
    assert "no model that took part draws a map" in words
    assert "torn was left out: it is damaged" in words


def test_a_thin_scan_fits_the_line(tiny: Predictor) -> None:
    words = shown(
        reading_table(read_scan(head_scan(slices=200, gap_mm=0.7, bleeds=dict.fromkeys(range(9), 14.0)), [tiny]))
    )
    (line,) = (line for line in words.splitlines() if "foot" in line)
    assert line.index("head") == len("  foot ") + 67 + 1
    assert line.count("█") == 3


def test_what_was_not_assessed_says_why(tiny: Predictor) -> None:
    scan = head_scan(refusal=Refusal("not_head", "this is an abdomen", ("a", "b", "c")))
    words = shown(reading_table(read_scan(scan, [tiny])))
    assert "NOT ASSESSED: this is an abdomen" in words
    assert "foot" not in words


def test_an_inspection_shows_warnings_and_what_was_left_out() -> None:
    warning = Remark("bone_kernel", "a sharp kernel")
    scan = head_scan(warnings=(warning,), excluded=(Refusal("localizer", "a scout", ("s.dcm",)),))
    words = shown(scan_table(scan))
    assert "eligible with warnings" in words
    assert "warning (bone_kernel): a sharp kernel" in words
    assert f"  from {scan.files[0]}" in words
    assert "excluded (localizer): a scout [s.dcm]" in words
    assert "positions unknown" in shown(scan_table(head_scan(with_geometry=False)))
    assert "single slice" in shown(scan_table(head_scan(slices=1)))


def test_refusals_name_their_files() -> None:
    words = shown(refusal_table([Refusal("duplicate", "a second time", ("a", "b", "c", "d"))]))
    assert "a second time" in words
    assert "a, b and 2 more" in words


def test_square_brackets_are_words_and_no_markup(tiny: Predictor) -> None:
    scan = head_scan(warnings=(Remark("odd", "a [red]strange[/red] [/] name"),))
    assert "a [red]strange[/red] [/] name" in shown(reading_table(read_scan(scan, [tiny])))
    assert "[/x]" in shown(refusal_table([Refusal("odd", "[/x]", ("[/y]",))]))


def test_a_card_says_what_it_has_not_seen(tiny: Predictor) -> None:
    words = shown(card_table(tiny.package))
    assert "It has seen no head." in words
    assert tiny.package.digest in words
    assert "0.300 to 1.000" in words
    assert "highest F1" in words
