"""Values counted by the database are the targets of every scan, whatever was said at whatever level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from bregma.catalogue.library import Library
from bregma.catalogue.scan_values import OPEN, scan_values, settled
from bregma.catalogue.tables import LabelRow, MaskRow, PatientRow, SeriesRow, SliceRow, StudyRow
from bregma.scan.errors import RequestError
from bregma.scan.labels import Level
from bregma.scan.terms import FINDINGS

NAMES = [term.name for term in FINDINGS]
DEPTH = 3


def library_of(folder: Path, scans: int) -> Library:
    """Rows without pixels: scans of three slices, of one patient."""
    library = Library.create(folder)
    with Session(library.engine) as session, session.begin():
        session.add(PatientRow(id=1, pseudonym="P"))
        session.flush()
        session.add(StudyRow(id=1, study_uid="1", patient_id=1))
        session.flush()
        for number in range(1, scans + 1):
            session.add(
                SeriesRow(
                    id=number, series_uid=f"2.{number:04}", study_id=1, modality="CT", media="dicom", rows=1, columns=1,
                    facts={}, warnings=[], excluded=[], content="", files="", volume="", volume_bytes=0,
                )
            )  # fmt: skip
            session.flush()
            rows = [{"series_id": number, "index": k, "file": "", "sop_instance_uid": f"3.{k}"} for k in range(DEPTH)]
            session.execute(insert(SliceRow), [row | {"hu_check": "ok", "repaired": []} for row in rows])
    return library


def say(session: Session, rng: np.random.Generator, series_id: int) -> None:
    """Statements of up to three sources at every level, some of them about some slices only."""
    rows = {}
    for source in rng.choice(["a", "b", "model:x"], size=rng.integers(0, 4)):
        level = str(rng.choice(["scan", "slice", "slice", "lesion"]))
        parts = {"scan": [""], "lesion": ["l1", "l2"], "slice": [f"3.{k}" for k in range(DEPTH)]}[level]
        kept = parts if rng.random() < 0.6 else parts[:1]
        for term in NAMES if rng.random() < 0.5 else rng.choice(NAMES, size=2, replace=False):
            for part in kept:
                key = (level, part, str(term), str(source))
                rows[key] = float(rng.choice([0.0, 0.0, 0.0, 1.0, 0.5, 2 / 3]))
    if rows:
        names = ("level", "part", "term", "source")
        said = [
            {"series_id": series_id, **dict(zip(names, key, strict=True)), "value": value}
            for key, value in rows.items()
        ]
        session.execute(insert(LabelRow), said)
    if rng.random() < 0.15:
        known, present = rng.integers(0, 64, size=(2, DEPTH))
        drawn = {"known": known.tolist(), "present": (known & present).tolist()}
        session.add(MaskRow(series_id=series_id, source=str(rng.choice(["a", "m", "model:x"])), mask="", **drawn))


def test_every_value_is_the_target_of_the_scan(tmp_path: Path) -> None:
    library, rng = library_of(tmp_path / "lib", scans=150), np.random.default_rng(0)
    with Session(library.engine) as session, session.begin():
        for number in range(1, 151):
            say(session, rng, number)
    with Session(library.engine) as session:
        found = scan_values(session, NAMES)
    expected = {name: library.scan_targets(name) for name in NAMES}
    assert list(found) == sorted(found)
    known = 0
    for series_uid, values in found.items():
        truth = [expected[name][series_uid] for name in NAMES]
        assert values == pytest.approx([np.nan if one is None else one for one in truth], nan_ok=True)
        known += sum(one is not None for one in truth)
    assert 200 < known < 800  # both sorts are there


def test_numbers_settle_what_they_can() -> None:
    whole = {"any": (DEPTH, 0.0), "subdural": (DEPTH, 1.0)}
    assert settled({Level.SLICE: whole}, "any", DEPTH) == 0.0
    assert settled({Level.SLICE: whole}, "subdural", DEPTH) == 1.0
    assert settled({Level.SLICE: {"any": (1, 1.0)}}, "any", DEPTH) == 1.0
    assert settled({Level.SLICE: {"any": (1, 0.0)}}, "any", DEPTH) == OPEN  # the other slices decide
    assert settled({Level.SLICE: whole}, "epidural", DEPTH) == OPEN  # absent wherever `any` is
    assert settled({Level.SCAN: {"any": (1, 0.0)}, Level.SLICE: whole}, "subdural", DEPTH) == 0.0
    assert settled({Level.LESION: {"subdural": (2, 1.0)}}, "any", DEPTH) == 1.0
    assert settled({Level.LESION: {"subdural": (2, 1.0)}}, "epidural", DEPTH) is None


def test_an_unknown_finding_is_a_wrong_request(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", scans=1)
    with Session(library.engine) as session, pytest.raises(RequestError, match="did you mean 'subdural'"):
        scan_values(session, ["subdurall"])
