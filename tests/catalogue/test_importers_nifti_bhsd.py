"""BHSD: outlined volumes, sorted volumes, and patients that RSNA 2019 has too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_set_folders import write_rsna, write_rsna_table
from nifti_data_sets import bleeding, blood, classes, healthy, write_bhsd, write_mask, write_scan

from bregma.catalogue.importers.bhsd import NAME, named
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.library import Library
from bregma.io.pseudonym import pseudonym
from bregma.scan.labels import Label, Level
from bregma.scan.terms import SUBTYPES

ONE, TWO, OTHER = "ID_0000000a_ID_000000000a", "ID_0000000a_ID_000000000b", "ID_0000000c_ID_000000000c"
IMAGES, MASKS = "label_192/images", "label_192/ground truths"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


def uid(name: str) -> str:
    return named(Path(), name, f"{name}.nii.gz").series_uid


@pytest.mark.parametrize("axes", ["LAS", "RPI", "LPS", "SAR"])
def test_each_finding_lies_where_it_was_drawn_however_the_file_is_stored(
    library: Library, tmp_path: Path, axes: str
) -> None:
    phantom = bleeding()
    report = import_data_set(library, write_bhsd(tmp_path / "in", {ONE: phantom}, axes), NAME, workers=1)
    assert (report.stored, report.slices, report.rows, report.masks) == (1, 10, 1, 1)
    record = library.scan(uid(ONE))
    np.testing.assert_array_equal(library.volume(uid(ONE)).values, phantom.volume.values)
    for name in SUBTYPES:
        np.testing.assert_array_equal(library.mask(uid(ONE), name), phantom.masks[name])
        value, known = library.slice_targets(uid(ONE), name)
        np.testing.assert_array_equal(value, phantom.masks[name].any(axis=(1, 2)))
        assert known.all()
    np.testing.assert_array_equal(library.mask(uid(ONE)), blood(phantom))
    assert record.geometry is not None
    clot = record.geometry.to_patient(np.argwhere(library.mask(uid(ONE), "intraparenchymal")).astype(float))
    crescent = record.geometry.to_patient(np.argwhere(library.mask(uid(ONE), "subdural")).astype(float))
    assert clot[:, 0].min() > 0  # x runs to the patient's left
    assert crescent[:, 0].max() < 0
    assert library.scan_target(uid(ONE), "subdural") == 1.0
    assert library.scan_target(uid(ONE), "epidural") == 0.0


def test_the_names_hold_patient_and_study(library: Library, tmp_path: Path) -> None:
    scans = {ONE: bleeding(), TWO: healthy(), OTHER: healthy(1), "mine": healthy(2)}
    import_data_set(library, write_bhsd(tmp_path / "in", scans), NAME, workers=1)
    patients = library.patients()
    assert len(patients) == 3
    assert patients[pseudonym("ID_0000000a")] == sorted([uid(ONE), uid(TWO)])
    assert library.scan(uid(TWO)).study_uid == "ID_000000000b"


def test_a_patient_of_rsna_2019_stays_one_patient(library: Library, tmp_path: Path) -> None:
    rsna = write_rsna(tmp_path / "rsna", studies=1)
    write_rsna_table(rsna, {})
    import_data_set(library, rsna, "rsna2019", workers=1)
    import_data_set(library, write_bhsd(tmp_path / "in", {"ID_00000000_ID_0000000000": healthy()}), NAME, workers=1)
    ((_, series),) = library.patients().items()
    assert len(series) == 2


def test_sorted_scans_are_known_as_a_whole(library: Library, tmp_path: Path) -> None:
    folder = write_bhsd(tmp_path / "in", {ONE: bleeding()})
    write_scan(folder / "unlabel_2000" / "anybleed" / f"{TWO}.nii.gz", bleeding(1))
    write_scan(folder / "unlabel_2000" / "nobleed" / f"{OTHER}.nii.gz", healthy(1))
    report = import_data_set(library, folder, NAME, workers=1)
    assert library.labels(uid(TWO)) == [Label(uid(TWO), Level.SCAN, None, "any", 1.0, "dataset:bhsd")]
    assert not library.slice_targets(uid(TWO), "any")[1].any()
    assert library.scan_target(uid(TWO), "subdural") is None
    value, known = library.slice_targets(uid(OTHER), "subdural")
    assert known.all()
    assert not value.any()
    assert report.labels[Level.SCAN, "any", True] == report.labels[Level.SCAN, "any", False] == 1


def test_a_second_import_changes_nothing(library: Library, tmp_path: Path) -> None:
    folder = write_bhsd(tmp_path / "in", {ONE: bleeding(), OTHER: healthy()})
    import_data_set(library, folder, NAME, workers=1)
    before = [(scan, library.statements(scan.series_uid).labels) for scan in library.scans()]
    mask = library.mask(uid(ONE))
    report = import_data_set(library, folder, NAME, workers=1)
    assert (report.stored, report.already, report.taken, report.masks, report.duplicates) == (0, 2, 0, 0, 2)
    assert [(scan.series_uid, said) for scan, said in before] == [
        (scan.series_uid, library.statements(scan.series_uid).labels) for scan in library.scans()
    ]
    np.testing.assert_array_equal(library.mask(uid(ONE)), mask)


def test_the_folder_of_the_outlined_scans_will_do(library: Library, tmp_path: Path) -> None:
    folder = write_bhsd(tmp_path / "in", {ONE: bleeding()})
    report = import_data_set(library, folder / "label_192", NAME, workers=1)
    assert (report.stored, report.masks, report.wrong.count) == (1, 1, 0)


def test_what_does_not_fit_is_said_and_the_rest_is_taken(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_bhsd(tmp_path / "in", {ONE: phantom, "shape": phantom, "nine": phantom, "lost": phantom})
    wrong = classes(phantom)
    wrong[4, 5, 6] = 9
    write_mask(folder / MASKS / "nine.nii.gz", phantom, wrong)
    write_mask(folder / MASKS / "shape.nii.gz", phantom, classes(phantom)[:, :, :50])
    write_mask(folder / MASKS / "stray.nii.gz", phantom, classes(phantom))
    (folder / MASKS / "lost.nii.gz").unlink()
    write_scan(folder / IMAGES / f"{ONE}.nii", phantom)
    (folder / IMAGES / "readme.txt").write_text("the data set")
    (folder / IMAGES / ".DS_Store").write_text("not looked at")
    report = import_data_set(library, folder, NAME, workers=1)
    said = "\n".join(str(problem) for problem in report.wrong.first)
    assert report.wrong.count == 4
    assert f"{MASKS}/nine.nii.gz: the mask holds the value 9; expected 0, 1, 2, 3, 4, 5" in said
    assert f"{MASKS}/shape.nii.gz: the mask has shape (10, 64, 50)" in said
    assert f"{IMAGES}/lost.nii.gz: there is no mask of this name in {MASKS}" in said
    assert f"{IMAGES}/{ONE}.nii.gz: there is {IMAGES}/{ONE}.nii too" in said
    assert [str(problem) for problem in report.not_found.first] == [
        f"{MASKS}/stray.nii.gz: there is no scan of this name in {IMAGES}"
    ]
    assert report.refused == {"not_an_image": 1}
    assert (report.stored, report.masks) == (4, 1)
    np.testing.assert_array_equal(library.mask(uid(ONE)), blood(phantom))
    for name in ("shape", "nine", "lost"):
        assert library.masks(uid(name)) == []


def test_a_damaged_volume_costs_only_itself(library: Library, tmp_path: Path) -> None:
    folder = write_bhsd(tmp_path / "in", {ONE: bleeding(), OTHER: healthy()})
    (folder / IMAGES / f"{ONE}.nii.gz").write_bytes(b"\x1f\x8bnot gzip")
    report = import_data_set(library, folder, NAME, workers=1)
    assert report.refused == {"corrupt_gzip": 1}
    assert (report.stored, report.masks, report.of_refused) == (1, 1, 1)


def test_a_mask_that_does_not_say_how_it_lies_is_not_laid_on_a_scan_that_does(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_bhsd(tmp_path / "in", {ONE: phantom, OTHER: phantom}, axes="LAS")
    write_mask(folder / MASKS / f"{OTHER}.nii.gz", phantom, classes(phantom), affine=False)
    report = import_data_set(library, folder, NAME, workers=1)
    assert [problem.table for problem in report.wrong.first] == [f"{MASKS}/{OTHER}.nii.gz"]
    assert "copy the scan's affine" in report.wrong.first[0].reason
    np.testing.assert_array_equal(library.mask(uid(ONE)), blood(phantom))
    assert library.masks(uid(OTHER)) == []


def test_a_mask_stored_along_other_axes_than_its_scan_is_turned(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_bhsd(tmp_path / "in", {ONE: phantom}, axes="LAS")
    write_mask(folder / MASKS / f"{ONE}.nii.gz", phantom, classes(phantom), axes="SPR")
    import_data_set(library, folder, NAME, workers=1)
    np.testing.assert_array_equal(library.mask(uid(ONE), "subdural"), phantom.masks["subdural"])


@pytest.mark.parametrize("there", [(), ("images",), ("label_192/ground truths",)])
def test_another_folder_is_one_clear_error(library: Library, tmp_path: Path, there: tuple[str, ...]) -> None:
    (tmp_path / "in").mkdir()
    for name in there:
        (tmp_path / "in" / name).mkdir(parents=True)
    with pytest.raises(LayoutError, match="this folder is no bhsd: there are no folders 'images' and 'ground truths'"):
        import_data_set(library, tmp_path / "in", NAME)


def test_an_empty_data_set_is_empty(library: Library, tmp_path: Path) -> None:
    for name in (IMAGES, MASKS):
        (tmp_path / "in" / name).mkdir(parents=True)
    report = import_data_set(library, tmp_path / "in", NAME)
    assert (report.stored, report.rows, report.wrong.count) == (0, 0, 0)
