"""New reference cases for a package of places, from the lesions of a library: without training and without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.models.anatomy_package import AnatomyPackage, ReferenceCase, extend_anatomy_package
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.neighbours import Vectors
from bregma.preprocessing.pipeline import place
from bregma.preprocessing.region_views import view_region
from bregma.scan.errors import RequestError
from bregma.training.lesion_regions import lesion_regions


def extend_places(predictor: AnatomyPredictor, library: Library, folder: Path) -> AnatomyPackage:
    """Write the predictor's package with every lesion of a library whose place is known as a reference case.

    Args:
        predictor: of the package to extend.
        library: whose lesions are added; those that are in the package already stay as they are.
        folder: of the new package.

    Raises:
        RequestError: no lesion of the library has a place.
    """
    vectors, cases = [], []
    for record in library.scans():
        of_scan, known = _embedded(predictor, library, record)
        vectors.append(of_scan)
        cases += known
    if not cases:
        raise RequestError("no lesion of the library has a known place; import labels with places (docs/labels.md)")
    return extend_anatomy_package(predictor.package, np.concatenate(vectors), tuple(cases), folder)


def _embedded(predictor: AnatomyPredictor, library: Library, record: ScanRecord) -> tuple[Vectors, list[ReferenceCase]]:
    regions = lesion_regions(library, record, midline_x_mm=None)
    if not regions:
        return np.zeros((0, predictor.package.vectors.shape[1]), np.float32), []
    volume, settings = library.volume(record.series_uid), predictor.package.regions
    where = place(volume, settings.slices)
    views = [view_region(volume.values[one.index], one.mask, where, settings) for one in regions]
    cases = [ReferenceCase(record.series_uid, record.patient, one.index, one.lesion, str(one.place)) for one in regions]
    return predictor.embed(views), cases
