"""Who turns lesions into vectors for `bregma index add`: a package of tumours (T1c) or of places (bleeds on CT)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bregma.scan.errors import RefusedError, RequestError

if TYPE_CHECKING:
    from bregma.catalogue.library import Library
    from bregma.models.anatomy_predictor import AnatomyPredictor
    from bregma.retrieval.embedder import Embedder, Vectors
    from bregma.retrieval.entry import Entry
    from bregma.scan.tumour import TumourScan

    Lesions = tuple[Vectors, list[Entry]]


class Indexer(Protocol):
    """A package behind what an index needs of it."""

    @property
    def name(self) -> str:
        """Of the package, for people."""
        ...

    @property
    def digest(self) -> str:
        """Of the package."""
        ...

    @property
    def width(self) -> int:
        """E, numbers per vector."""
        ...

    def series(self, library: Library) -> list[str]:
        """The series of a library that have lesions for it, in order of their UIDs."""
        ...

    def of_series(self, library: Library, series_uid: str) -> Lesions:
        """Vectors and entries of the lesions of one of them."""
        ...

    def of_path(self, path: Path, mask: Path, labels: Mapping[str, str]) -> Lesions:
        """The same of a scan from a path with a mask; every lesion of it gets the labels."""
        ...


def indexer_of(package: Path) -> Indexer:
    """The indexer of a package, by what kind of package it is.

    Raises:
        PackageError: the folder is no whole package.
    """
    from bregma.models.anatomy_installed import is_anatomy_folder

    if not is_anatomy_folder(package):
        from bregma.cli.tumour_inputs import embedder_of

        return TumourIndexer(embedder_of(package))
    from bregma.models.anatomy_package import load_anatomy_package
    from bregma.models.anatomy_predictor import AnatomyPredictor

    return BleedIndexer(AnatomyPredictor(load_anatomy_package(package)))


class TumourIndexer:
    """Outlined tumours, by a package of tumours."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.name, self.digest, self.width = embedder.name, embedder.digest, embedder.width

    def series(self, library: Library) -> list[str]:
        """See `Indexer`."""
        from bregma.cli.tumour_inputs import outlined

        return outlined(library)

    def of_series(self, library: Library, series_uid: str) -> Lesions:
        """See `Indexer`."""
        from bregma.cli.tumour_inputs import outlined_scan

        return self._embedded(outlined_scan(library, series_uid), library.scan(series_uid).modality)

    def of_path(self, path: Path, mask: Path, labels: Mapping[str, str]) -> Lesions:
        """See `Indexer`."""
        from bregma.cli.tumour_inputs import drawn_scan, one_scan

        return self._embedded(drawn_scan(one_scan(path), mask=mask, labels=labels), "MR")

    def _embedded(self, scan: TumourScan, modality: str) -> Lesions:
        from bregma.retrieval.measure import entries_of

        entries = entries_of(scan, modality=modality)
        return self.embedder.embed(scan.volume, [entry.box for entry in entries]), entries


class BleedIndexer:
    """Outlined bleeds, by a package of places."""

    def __init__(self, predictor: AnatomyPredictor) -> None:
        self.predictor = predictor
        package = predictor.package
        self.name, self.digest, self.width = package.card.name, package.digest, package.vectors.shape[1]

    def series(self, library: Library) -> list[str]:
        """See `Indexer`."""
        from bregma.lesion_search import outlined_bleeds

        return outlined_bleeds(library)

    def of_series(self, library: Library, series_uid: str) -> Lesions:
        """See `Indexer`."""
        from bregma.lesion_search import Bleeding, bleeds_of, lesion_entries

        record = library.scan(series_uid)
        date = record.facts.get("StudyDate")
        whose = Bleeding(series_uid, record.patient, record.modality, None if date is None else str(date))
        lesions, known = bleeds_of(library, series_uid)
        return lesion_entries(lesions, library.volume(series_uid), whose, self.predictor, known)

    def of_path(self, path: Path, mask: Path, labels: Mapping[str, str]) -> Lesions:
        """See `Indexer`.

        Raises:
            RequestError: the path holds no scan or several, or the mask does not fit.
            RefusedError: the scan cannot be read.
        """
        import numpy as np

        from bregma.catalogue.region_file import read_region_file
        from bregma.io import find
        from bregma.lesion_search import Bleeding, lesion_entries
        from bregma.models.lesions import find_lesions

        candidates = find.discover(path).candidates
        if len(candidates) != 1:
            raise RequestError(f"{path.name!r} holds {len(candidates)} scans; give the path of one")
        scan = find.load(candidates[0])
        if scan.refusal is not None:
            raise RefusedError(scan.refusal.code, f"{path.name!r} cannot be used: {scan.refusal.reason}")
        lesions = find_lesions(read_region_file(mask, scan)[0].astype(np.float32), scan.volume.geometry)
        series, date = scan.series, scan.series.facts.get("StudyDate")
        whose = Bleeding(series.series_uid, series.patient, series.modality, None if date is None else str(date))
        known = {lesion.id: labels for lesion in lesions}
        return lesion_entries(lesions, scan.volume, whose, self.predictor, known)
