"""From drawn studies on disk through a real library to an evaluation."""

import pytest

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.catalogue.splits import make_split
from bregma.evaluation.evaluate import evaluate_package
from bregma.evaluation.report import page
from bregma.models.package import Package
from bregma.phantom import write_studies
from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import Window
from tiny_models import tiny_onnx, tiny_package


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("drawn")
    write_studies(folder, count=6, seed=3, size=96, slices=8)
    made = Library.create(folder / "library")
    import_scans(made, folder / "scans", workers=1)
    import_labels(made, folder / "labels.csv")
    make_split(made, "default", fractions={"train": 0.5, "test": 0.5}, seed=0)
    return made


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Calls a slice by the brightest spot between 0 and 4000 HU, which says nothing about blood."""
    settings = Preprocessing(windows=(Window(2000.0, 4000.0),), pixel_mm=4.0, field_of_view_mm=160.0, size=40)
    return tiny_package(
        tmp_path_factory.mktemp("models") / "tiny", onnx=tiny_onnx(gain=4.0, offset=-1.0), preprocessing=settings
    )


def test_drawn_studies_are_evaluated_with_their_masks(library: Library, package: Package) -> None:
    evaluation = evaluate_package(package, library, split="default", part="test", replicates=100)
    assert len(evaluation.scans) == 3
    scan, slices = evaluation.level("scan", "any"), evaluation.level("slice", "any")
    assert scan.cases == 3
    assert 1 <= scan.positives <= 2
    assert slices.cases == 24
    assert 0 < slices.positives < 24
    assert evaluation.lesions is not None
    assert evaluation.lesions.lesions >= 1
    assert evaluation.excluded == ()
    assert evaluation.leakage.checked_against == 3
    assert not evaluation.leakage.found
    assert evaluation.ceiling.counts.scans == scan.positives
    html = page(evaluation, library)
    assert html.count("data:image/png") > 6


def test_truth_of_the_library_is_the_truth_of_the_evaluation(library: Library, package: Package) -> None:
    evaluation = evaluate_package(package, library, split=None, part=None, replicates=50)
    for scan in evaluation.scans:
        value, known = library.slice_targets(scan.series_uid, "any")
        assert scan.slice_truth[:, 0].tolist() == value.tolist()
        assert scan.slice_known[:, 0].tolist() == known.tolist()
        assert scan.scan_truth == (library.scan_target(scan.series_uid, "any"),)
