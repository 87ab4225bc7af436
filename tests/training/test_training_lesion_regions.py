"""From a label table and masks to regions with places, through a library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.phantom import write_studies
from bregma.phantom.draw import draw
from bregma.phantom.place_regions import lesion_places
from bregma.phantom.studies import study_parameters
from bregma.scan.labels import Label, Level
from bregma.scan.place_votes import places_said
from bregma.training.lesion_regions import lesion_regions


def said(part: str, place: str, source: str, value: float = 1.0) -> Label:
    return Label("1.2", Level.LESION, part, place, value, source)


def test_the_place_that_most_sources_name_counts() -> None:
    labels = [
        said("L1", "thalamus", "reader:a"),
        said("L1", "thalamus", "reader:b"),
        said("L1", "brainstem", "reader:c"),
        said("L2", "thalamus", "reader:a"),
        said("L2", "brainstem", "reader:b"),
        said("L3", "brainstem", "model:abc"),
        said("L4", "any", "reader:a"),
        said("L5", "thalamus", "reader:a", 0.0),
    ]
    assert places_said(labels) == {"L1": "thalamus"}


def test_a_model_does_not_outvote_a_reader() -> None:
    labels = [said("L1", "thalamus", "reader:a"), *(said("L1", "brainstem", f"model:{n}") for n in "abc")]
    assert places_said(labels) == {"L1": "thalamus"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("phantoms")
    write_studies(folder, count=2, seed=6, positive_share=1.0, size=96, slices=12)
    library = Library.create(folder / "library")
    import_scans(library, folder / "scans", workers=1)
    import_labels(library, folder / "labels.csv")
    return library


def test_a_library_of_phantoms_knows_where_its_lesions_lie(library: Library) -> None:
    drawn = {}
    for number in range(2):
        phantom = draw(study_parameters(6, number, 1.0, size=96, slices=12))
        drawn[phantom.series_uid] = phantom
    for record in library.scans():
        phantom = drawn[record.series_uid]
        regions = lesion_regions(library, record, midline_x_mm=0.0)
        assert {region.lesion: region.place for region in regions} == lesion_places(phantom)
        blood = np.stack(list(phantom.masks.values())).any(axis=0)
        whole = np.zeros_like(blood)
        for region in regions:
            whole[region.index] |= region.mask
        assert (whole & ~blood).sum() == 0
        assert whole.sum() > 0.9 * blood.sum()
        assert {region.side for region in regions} <= {"left", "right", "both", "midline"}


def test_a_scan_without_places_has_no_regions(library: Library, tmp_path: Path) -> None:
    bare = Library.create(tmp_path / "bare")
    write_studies(tmp_path / "negative", count=1, seed=1, positive_share=0.0, size=64, slices=4)
    import_scans(bare, tmp_path / "negative" / "scans", workers=1)
    assert lesion_regions(bare, bare.scans()[0], midline_x_mm=None) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("lesion,L1,talamus", "'talamus' is no place; did you mean 'thalamus'"),
        ("scan,,thalamus", "'thalamus' at level 'scan'; a place is said of a lesion"),
    ],
)
def test_a_place_is_checked(library: Library, tmp_path: Path, row: str, words: str) -> None:
    uid = library.scans()[0].series_uid
    (tmp_path / "labels.csv").write_text(f"series_uid,level,part,place,source\n{uid},{row},reader:a\n")
    with pytest.raises(LabelTableError, match=words):
        import_labels(library, tmp_path / "labels.csv")
