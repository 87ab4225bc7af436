"""INSTANCE 2022: outlines that do not tell the subtypes apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nifti_data_sets import bleeding, blood, healthy, write_instance, write_mask

from bregma.catalogue.importers.instance2022 import NAME, named
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.library import Library
from bregma.scan.terms import SUBTYPES


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


def uid(name: str) -> str:
    return named(Path(), name, "").series_uid


def test_blood_is_known_on_every_slice_and_its_subtype_where_there_is_none(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    report = import_data_set(
        library, write_instance(tmp_path / "in", {"001": phantom, "002": healthy()}), NAME, workers=1
    )
    assert (report.stored, report.masks, report.wrong.count) == (2, 2, 0)
    np.testing.assert_array_equal(library.mask(uid("001")), blood(phantom))
    marked = blood(phantom).any(axis=(1, 2))
    assert 0 < marked.sum() < len(marked)
    value, known = library.slice_targets(uid("001"), "any")
    assert known.all()
    np.testing.assert_array_equal(value, marked)
    for name in SUBTYPES:
        value, known = library.slice_targets(uid("001"), name)
        np.testing.assert_array_equal(known, ~marked)
        assert not value.any()
    assert library.scan_target(uid("001"), "any") == 1.0
    assert library.scan_target(uid("001"), "subdural") is None
    assert library.scan_target(uid("002"), "subdural") == 0.0


def test_each_volume_is_of_a_patient_of_its_own(library: Library, tmp_path: Path) -> None:
    import_data_set(library, write_instance(tmp_path / "in", {"001": healthy(), "002": healthy(1)}), NAME, workers=1)
    assert len(library.patients()) == 2


@pytest.mark.parametrize("name", ["train", "."])
def test_the_folder_may_have_another_name(library: Library, tmp_path: Path, name: str) -> None:
    made = write_instance(tmp_path / "in", {"001": bleeding()}) / "train_2"
    folder = made if name == "." else made.rename(made.with_name(name)).parent
    report = import_data_set(library, folder, NAME, workers=1)
    assert (report.stored, report.masks) == (1, 1)
    assert library.scan(uid("001")).shape == (10, 64, 64)


def test_a_mask_of_subtypes_is_not_one_of_this_data_set(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_instance(tmp_path / "in", {"001": phantom})
    write_mask(folder / "train_2" / "label" / "001.nii.gz", phantom, blood(phantom).astype(np.uint8) * 3, "LPS")
    report = import_data_set(library, folder, NAME, workers=1)
    assert [str(one) for one in report.wrong.first] == [
        "train_2/label/001.nii.gz: the mask holds the value 3; expected 0, 1"
    ]
    assert library.masks(uid("001")) == []


def test_another_folder_is_one_clear_error(library: Library, tmp_path: Path) -> None:
    (tmp_path / "in" / "train_2" / "data").mkdir(parents=True)
    with pytest.raises(LayoutError, match="no instance2022: there are no folders 'data' and 'label'; expected train_2"):
        import_data_set(library, tmp_path / "in", NAME)
