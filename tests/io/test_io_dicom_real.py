"""The real DICOM files beside the checkout: what is known of them is found, and the rest is said."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

from bregma.io.find import find_scans
from bregma.scan.study import Refusal, Status
from bregma.scan.volume import Scan

pytestmark = pytest.mark.real_data


def read(folder: Path) -> tuple[list[Scan], list[Refusal]]:
    found = list(find_scans(folder))
    return [one for one in found if isinstance(one, Scan)], [one for one in found if isinstance(one, Refusal)]


def codes(scan: Scan) -> set[str]:
    return {warning.code for warning in scan.warnings}


def plain_hu(path: Path) -> np.ndarray:
    """HU by pydicom alone, with what lies below air set to -1024."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = pydicom.dcmread(path, force=True)
        stored = image.pixel_array.astype(np.float64)
        hu = stored * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0))
    return np.maximum(hu, -1024)


def test_rsna_study(real_ct: Path) -> None:
    folder = real_ct / "rsna_study_unlabelled"
    (scan,), (table,) = read(folder)
    rows = sorted(csv.DictReader((folder / "labels.csv").read_text().splitlines()), key=lambda row: float(row["z_mm"]))
    assert [s.sop_instance_uid for s in scan.slices] == [row["sop_id"] for row in rows]
    np.testing.assert_allclose([s.z_mm for s in scan.slices], [float(row["z_mm"]) for row in rows], atol=0.001)
    geometry = scan.volume.geometry
    assert geometry is not None
    assert geometry.shape == (32, 512, 512)
    assert geometry.tilt_degrees == pytest.approx(10.998, abs=0.005)
    assert geometry.evenly_spaced
    assert geometry.gaps_mm == pytest.approx(np.full(31, 5.1), abs=0.01)
    assert scan.status is Status.ELIGIBLE
    assert table.code == "not_an_image"
    for index in (0, 15, 31):
        expected = plain_hu(folder / scan.slices[index].file)
        np.testing.assert_array_equal(scan.volume.values[index], expected)


def test_ge_head_has_uneven_gaps_and_a_tilt(real_ct: Path) -> None:
    (scan,), _ = read(real_ct / "ge_head_tilt")
    geometry = scan.volume.geometry
    assert geometry is not None
    assert geometry.tilt_degrees == pytest.approx(18.5, abs=0.01)
    assert not geometry.evenly_spaced
    gaps, counts = np.unique(np.round(geometry.gaps_mm, 2), return_counts=True)
    assert dict(zip(gaps.tolist(), counts.tolist(), strict=True)) == {1.14: 1, 4.22: 13, 7.38: 13}
    assert scan.status is Status.ELIGIBLE
    assert all(s.repaired == ("values below -1024 HU (padding) set to -1024",) for s in scan.slices)
    assert int(scan.volume.values.min()) == -1024
    np.testing.assert_array_equal(scan.volume.values[3], plain_hu(real_ct / "ge_head_tilt" / scan.slices[3].file))


def test_philips_study_sets_scouts_and_pages_aside(real_ct: Path) -> None:
    (scan,), refused = read(real_ct / "philips_phantom_study")
    assert scan.volume.values.shape == (28, 512, 512)
    assert [s.file for s in scan.slices] == [f"S2010/I{number}0" for number in range(1, 29)]
    said = {name: row.code for row in refused for name in row.files}
    assert said == {
        "S1000/I10": "localizer",
        "S4010/I10": "localizer",
        "S4010/I20": "localizer",
        "S4010/I30": "localizer",
        "S4010/I40": "dose_page",
        "S4010/I50": "dose_page",
        "S4010/I60": "screen_capture",
    }


def test_all_transfer_syntaxes_hold_the_same_values(real_ct: Path, tmp_path: Path) -> None:
    folder = real_ct / "transfer_syntaxes"
    toshiba = []
    for name in ("CT2_J2KR", "CT2_JLSL", "CT2_JPLL", "CT2_RLE"):
        (scan,), refused = read(folder / f"{name}.dcm")
        assert not refused
        assert codes(scan) == {"derived_image", "single_slice", "thick_slices"}
        np.testing.assert_array_equal(scan.volume.values[0], plain_hu(folder / f"{name}.dcm"))
        toshiba.append(scan.volume.values)
    for values in toshiba[1:]:
        np.testing.assert_array_equal(values, toshiba[0])
    raw, packed = (read(folder / f"cq500_693_{kind}.dcm")[0][0] for kind in ("UNCR", "J2KR"))
    np.testing.assert_array_equal(raw.volume.values, packed.volume.values)


def test_the_folder_of_transfer_syntaxes_takes_copies_once(real_ct: Path) -> None:
    scans, refused = read(real_ct / "transfer_syntaxes")
    assert not refused
    assert sorted(len(scan.excluded) for scan in scans) == [0, 0, 1, 2]
    assert {row.code for scan in scans for row in scan.excluded} == {"duplicate"}


def test_enhanced_ct_is_placed_by_its_functional_groups(real_ct: Path) -> None:
    (scan,), _ = read(real_ct / "transfer_syntaxes" / "enhanced_ct_2frames.dcm")
    assert scan.refusal is not None
    assert scan.refusal.code == "computed_map"
    assert [s.z_mm for s in scan.slices] == [-159.0, -149.0]
    assert [s.frame for s in scan.slices] == [0, 1]
    geometry = scan.volume.geometry
    assert geometry is not None
    assert geometry.along_row.tolist() == [-1.0, 0.0, 0.0]
    assert geometry.pixel_mm == (0.388672, 0.388672)


def test_single_rsna_slices(real_ct: Path) -> None:
    scans, _ = read(real_ct / "rsna_slices")
    assert len(scans) == 26
    for scan in scans:
        assert codes(scan) == {"single_slice"}
        assert scan.refusal is None
        assert not scan.wholly_covered
        np.testing.assert_array_equal(scan.volume.values[0], plain_hu(real_ct / "rsna_slices" / scan.slices[0].file))


def test_bare_secondary_captures_are_read_without_millimetres(real_ct: Path) -> None:
    scans, _ = read(real_ct / "ct_ich_slices")
    assert len(scans) == 24
    for scan in scans:
        assert scan.volume.geometry is None
        assert scan.slices[0].z_mm is None
        if scan.slices[0].file.startswith("image"):
            assert scan.status is Status.WITH_WARNINGS
            assert codes(scan) == {"modality_unknown", "no_rescale", "no_orientation", "single_slice"}
        else:
            assert scan.refusal is not None
            assert scan.refusal.code == "not_hounsfield"


def test_no_message_names_a_patient(real_ct: Path) -> None:
    for folder in ("rsna_slices", "ge_head_tilt", "ct_ich_slices"):
        for one in find_scans(real_ct / folder):
            if isinstance(one, Scan):
                assert one.series.patient.startswith("P")
                assert len(one.series.patient) == 14
