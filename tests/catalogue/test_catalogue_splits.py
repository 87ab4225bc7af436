"""Splits: by patient, alike in prevalence, the same from the same seed, kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from bregma.catalogue.library import Library
from bregma.catalogue.splits import make_split, split_report
from bregma.catalogue.tables import LabelRow, PatientRow, SeriesRow, StudyRow
from bregma.scan.errors import RequestError

FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}


def library_of(folder: Path, *, patients: int, positive: float, unknown: int = 0, scans: int = 2) -> Library:
    """A library of rows without pixels: every patient has some scans, of which the first may be positive."""
    library = Library.create(folder)
    rng = np.random.default_rng(0)
    with Session(library.engine) as session, session.begin():
        for number in range(patients):
            patient = PatientRow(pseudonym=f"P{number:04}")
            session.add(patient)
            session.flush()
            for index in range(scans):
                study = StudyRow(study_uid=f"1.{number}.{index}", patient_id=patient.id)
                session.add(study)
                session.flush()
                series = SeriesRow(
                    series_uid=f"2.{number}.{index}", study_id=study.id, modality="CT", media="dicom", rows=1,
                    columns=1, facts={}, warnings=[], excluded=[], content="", files=f"{number}.{index}", volume="",
                    volume_bytes=0,
                )  # fmt: skip
                session.add(series)
                session.flush()
                if number >= unknown:
                    value = float(index == 0 and rng.random() < positive)
                    row = {"series_id": series.id, "level": "scan", "part": "", "term": "any", "source": "r"}
                    session.execute(insert(LabelRow), [row | {"value": value}])
    return library


def members(library: Library, name: str) -> dict[str, set[str]]:
    return {part: {scan.patient for scan in library.scans(name, part)} for part in FRACTIONS}


def test_patients_are_in_one_part_and_parts_are_alike(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=200, positive=0.3)
    report = make_split(library, "default", fractions=FRACTIONS, seed=1)
    assert {name: part.patients for name, part in report.parts.items()} == {"train": 140, "validation": 30, "test": 30}
    assert report.shared_patients == 0
    assert report.imbalance < 2.0
    parts = members(library, "default")
    assert set.union(*parts.values()) == {f"P{number:04}" for number in range(200)}
    assert sum(len(patients) for patients in parts.values()) == 200
    assert len(library.scans("default")) == 400
    assert sum(part.scans for part in report.parts.values()) == 400
    assert all(part.positive + part.negative == part.scans for part in report.parts.values())
    assert "train: 140 patients, 280 scans" in report.summary()


def test_patients_of_whom_nothing_is_known_are_shared_out_too(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=20, positive=0.5, unknown=10, scans=1)
    report = make_split(library, "half", fractions={"train": 0.5, "test": 0.5}, seed=0)
    assert {name: part.unknown for name, part in report.parts.items()} == {"train": 5, "test": 5}


def test_the_same_seed_is_the_same_split_and_another_is_another(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=60, positive=0.3, scans=1)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_split(library, name, fractions=FRACTIONS, seed=seed)
    assert members(library, "a") == members(library, "b") != members(library, "c")
    assert library.splits() == ["a", "b", "c"]


def test_a_split_is_kept_until_it_is_replaced(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=60, positive=0.3, scans=1)
    first = make_split(library, "default", fractions=FRACTIONS, seed=1)
    assert make_split(library, "default", fractions=FRACTIONS, seed=1) == first
    with pytest.raises(RequestError, match=r"split .default. already \(seed 1; .*another name, or --replace"):
        make_split(library, "default", fractions=FRACTIONS, seed=2)
    assert split_report(library, "default") == first
    second = make_split(library, "default", fractions=FRACTIONS, seed=2, replace=True)
    assert second.seed == 2
    assert library.splits() == ["default"]


def test_a_part_of_nothing_is_left_out(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=10, positive=0.5, scans=1)
    report = make_split(library, "two", fractions={"train": 0.7, "validation": 0.3, "test": 0.0}, seed=0)
    assert list(report.parts) == ["train", "validation"]
    with pytest.raises(RequestError, match="no part 'test'"):
        library.scans("two", "test")


def test_few_patients_are_all_placed(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=3, positive=0.5, scans=1)
    report = make_split(library, "few", fractions=FRACTIONS, seed=0)
    assert sum(part.patients for part in report.parts.values()) == 3


@pytest.mark.parametrize("fractions", [{"train": 0.7}, {"train": 1.2, "test": -0.2}, {}])
def test_fractions_that_are_no_shares_are_a_wrong_request(tmp_path: Path, fractions: dict[str, float]) -> None:
    library = library_of(tmp_path / "lib", patients=3, positive=0.5, scans=1)
    with pytest.raises(RequestError, match="sum to 1"):
        make_split(library, "default", fractions=fractions, seed=0)


def test_without_patients_there_is_nothing_to_split(tmp_path: Path) -> None:
    library = Library.create(tmp_path / "lib")
    with pytest.raises(RequestError, match="import scans first"):
        make_split(library, "default", fractions=FRACTIONS, seed=0)


def test_an_unknown_split_is_a_wrong_request(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=10, positive=0.5, scans=1)
    make_split(library, "default", fractions=FRACTIONS, seed=0)
    with pytest.raises(RequestError, match="did you mean 'default'"):
        library.scans("defualt")
    with pytest.raises(RequestError, match="did you mean 'train'"):
        library.scans("default", "trian")
    with pytest.raises(RequestError, match="did you mean 'default'"):
        split_report(library, "defualt")


def with_subtypes(folder: Path, patients: int = 300) -> Library:
    """One scan a patient; epidural in 2 % of them, subdural in 20 %, known in half of them only; no other label."""
    library = library_of(folder, patients=patients, positive=0.0, unknown=patients, scans=1)
    rng = np.random.default_rng(7)
    with Session(library.engine) as session, session.begin():
        for number in range(patients):
            row = {"series_id": number + 1, "level": "scan", "part": "", "source": "r"}
            labels = {"epidural": float(number % 50 == 0)}
            if number % 2:
                labels["subdural"] = float(rng.random() < 0.2)
            session.execute(insert(LabelRow), [row | {"term": term, "value": has} for term, has in labels.items()])
    return library


def test_all_findings_are_alike_in_the_parts_over_the_scans_that_know_them(tmp_path: Path) -> None:
    library = with_subtypes(tmp_path / "lib")
    report = make_split(library, "default", fractions={"train": 0.5, "test": 0.5}, seed=0)
    assert {name: part.findings["epidural"].positive for name, part in report.parts.items()} == {"train": 3, "test": 3}
    assert {name: part.findings["epidural"].known for name, part in report.parts.items()} == {"train": 150, "test": 150}
    assert {name: part.findings["subdural"].known for name, part in report.parts.items()} == {"train": 75, "test": 75}
    assert set(report.gaps) == {"any", "epidural", "subdural"}  # any is known where one of them is
    assert report.gaps["epidural"] == 0.0
    train, test = (part.findings["subdural"] for part in report.parts.values())
    assert report.gaps["subdural"] == pytest.approx(100 * abs(train.positive / 75 - test.positive / 75))
    assert report.imbalance == max(report.gaps.values()) < 1.4  # one scan of 75
    assert report.parts["train"].findings["intraventricular"].prevalence is None


def test_a_subset_is_divided_and_the_rest_is_in_no_part(tmp_path: Path) -> None:
    library = with_subtypes(tmp_path / "lib")
    report = make_split(library, "tenth", fractions={"train": 0.8, "validation": 0.2}, subset=0.5, seed=0)
    assert [part.patients for part in report.parts.values()] == [120, 30]
    assert (report.left_out.patients, report.left_out.scans) == (150, 150)
    assert report.left_out.findings["epidural"].positive == 3
    assert len(library.scans("tenth")) == 150
    assert "in no part: 150 patients, 150 scans" in report.summary()


@pytest.mark.parametrize("subset", [0.0, -0.1, 1.1])
def test_a_subset_that_is_no_share_is_a_wrong_request(tmp_path: Path, subset: float) -> None:
    library = library_of(tmp_path / "lib", patients=3, positive=0.5, scans=1)
    with pytest.raises(RequestError, match="subset is"):
        make_split(library, "default", fractions=FRACTIONS, seed=0, subset=subset)


def test_patients_under_whose_names_the_same_pixels_lie_stay_together(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=60, positive=0.3, scans=2)
    chain = {"2.0.0": "a", "2.20.1": "a", "2.20.0": "b", "2.40.0": "b", "2.5.0": "c", "2.5.1": "c"}
    with Session(library.engine) as session, session.begin():
        for series_uid, volume in chain.items():
            session.execute(update(SeriesRow).where(SeriesRow.series_uid == series_uid).values(volume=volume))
    for seed in range(5):
        report = make_split(library, f"s{seed}", fractions={"train": 0.5, "test": 0.5}, seed=seed)
        parts = [{scan.patient for scan in library.scans(f"s{seed}", part)} for part in report.parts]
        assert any({"P0000", "P0020", "P0040"} <= part for part in parts)
        assert report.together == 3  # patient 5 has the same pixels twice, and nobody else has them
    assert "patients kept together, because their pixels are the same: 3" in report.summary()


def test_sources_that_contradict_each_other_leave_a_scan_unknown(tmp_path: Path) -> None:
    library = library_of(tmp_path / "lib", patients=10, positive=0.0, scans=1)
    with Session(library.engine) as session, session.begin():
        row = {"series_id": 1, "level": "scan", "part": "", "term": "any", "source": "s", "value": 1.0}
        session.execute(insert(LabelRow), [row])
    report = make_split(library, "all", fractions={"train": 1.0}, seed=0)
    assert report.parts["train"].findings["any"].known == 9
    assert report.parts["train"].unknown == 1
    assert report.gaps == {}
    assert report.imbalance == 0.0


def test_parts_of_which_no_bleed_is_known_say_so(tmp_path: Path) -> None:
    """Such as MR scans of tumours."""
    library = library_of(tmp_path / "lib", patients=4, positive=0.0, unknown=4, scans=1)
    said = make_split(library, "default", fractions={"train": 0.5, "test": 0.5}, seed=0).summary()
    assert "  train: 2 patients, 2 scans (nothing known of bleeds)" in said
