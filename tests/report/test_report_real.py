"""Real scans through reading and report: whatever they are, the contract holds and a page can be drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from bregma.io.codes import CODES
from bregma.io.find import find_scans
from bregma.models.aggregate import NOTHING_FOUND
from bregma.models.predictor import Predictor
from bregma.reading import read_scan
from bregma.report.contract import document, reading_entry, refusals_of
from bregma.report.page import page_html
from bregma.scan.study import Refusal
from tiny_models import tiny_package

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "contract.schema.json").read_text())


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("folder", "scans"), [("rsna_study_unlabelled", 1), ("philips_phantom_study", 1), ("ge_head_tilt", 1)]
)
def test_a_real_study_keeps_the_contract(real_ct: Path, tmp_path: Path, folder: str, scans: int) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    entries, refused = [], []
    for found in find_scans(real_ct / folder):
        if isinstance(found, Refusal):
            refused.append(found)
            continue
        reading = read_scan(found, [predictor])
        entries.append(reading_entry(reading, [(0.0, 0.0, 0.0)]))
        refused += refusals_of(found)
        html = page_html(reading, [predictor.package])
        assert re.search(r'(?:href|src)="(?!data:image/webp;base64,)', html) is None
        assert len(html) < 2_000_000
    content = json.loads(json.dumps(document(entries, refused), allow_nan=False))
    Draft202012Validator(SCHEMA).validate(content)
    assert len(entries) == scans
    said = [*content["refused"], *(warning for entry in entries for warning in entry["warnings"])]
    assert {one["code"] for one in said} <= set(CODES)


@pytest.mark.real_data
def test_a_single_real_slice_is_never_called_negative(real_ct: Path, tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    slices = sorted((real_ct / "rsna_slices").rglob("*.dcm"))[:4]
    assert slices
    for path in slices:
        for found in find_scans(path):
            assert not isinstance(found, Refusal)
            reading = read_scan(found, [predictor])
            assert reading.verdict.word != NOTHING_FOUND
