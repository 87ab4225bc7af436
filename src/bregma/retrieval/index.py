"""An index on disk: lesions as vectors, found again by nearness, exactly.

A folder with `index.json` and segments (files that are never changed). Every change writes its segment, then puts a new
`index.json` in the place of the old one, both flushed to the disk: after a crash the index is as it was before the
change or as it is after it, and what a call returned from is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from bregma.retrieval.array_file import check, damaged
from bregma.retrieval.bounds import Floats
from bregma.retrieval.changes import demand_new, living, to_join, without
from bregma.retrieval.entry import Entry
from bregma.retrieval.forms import form_named
from bregma.retrieval.manifest import NAME, Manifest, Part, read_manifest, write_manifest
from bregma.retrieval.match import Match
from bregma.retrieval.search import Query, search
from bregma.retrieval.segment import Segment, open_segment, write_segment
from bregma.retrieval.where import Where
from bregma.retrieval.writing import SUFFIX, only_writer, sweep
from bregma.scan.counted import counted
from bregma.scan.errors import RequestError

_TRIES = 5
"""How often a reader looks again when a writer replaced what it was about to open."""


class Index:
    """Vectors of one package, each with its entry.

    Safe to open in many processes; one of them writes at a time. An opened index sees its own changes at once and those
    of others after `refresh`.

    Attributes:
        folder: where it lies.
        manifest: what it consists of.
        segments: mapped.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest
        self.segments: tuple[Segment, ...]
        self.refresh()

    @classmethod
    def create(
        cls, folder: Path, *, digest: str, width: int, form: str = "float32", facts: Mapping[str, str] | None = None
    ) -> Self:
        """Make an empty index in a new or empty folder.

        Args:
            folder: where it shall lie.
            digest: of the package whose vectors it will hold.
            width: E, numbers per vector.
            form: how vectors are held for scanning: "float32", "pairs16" or "int8".
            facts: what a person should know of the package, such as its name.

        Raises:
            RequestError: the folder holds something, or there is no such form.
        """
        form_named(form)
        if width < 1 or not digest:
            raise RequestError(f"an index of vectors {width} wide by package {digest!r}; expected a width and a digest")
        if folder.exists() and not (folder.is_dir() and {path.name for path in folder.iterdir()} <= {f"{NAME}.part"}):
            raise RequestError(f"{folder.name!r} is not an empty folder; choose a new one for the index")
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, Manifest(digest, width, form, facts=dict(facts or {})))
        return cls(folder)

    @classmethod
    def open(cls, folder: Path, *, digest: str | None = None) -> Self:
        """Open an index.

        Args:
            folder: where it lies.
            digest: of the package that will make the queries; None to look only.

        Raises:
            RequestError: the folder is no index, or one of another package.
            LibraryError: it is damaged.
        """
        index = cls(folder)
        if digest is not None:
            index.demand(digest)
        return index

    def demand(self, digest: str) -> None:
        """Refuse vectors of another package: distances between vectors of two networks mean nothing.

        Raises:
            RequestError: the index holds those of another.
        """
        if digest != self.manifest.digest:
            raise RequestError(
                f"index {self.folder.name!r} holds vectors of package {self.manifest.digest[:16]}, not of "
                f"{digest[:16]}; use that package, or build an index with this one"
            )

    def refresh(self) -> None:
        """See what other processes have written."""
        for left in reversed(range(_TRIES)):
            manifest = read_manifest(self.folder)
            try:
                segments = tuple(open_segment(self.folder / part.name, part.dead) for part in manifest.parts)
            except FileNotFoundError as error:
                if not left:
                    raise damaged(Path(error.filename), "is missing") from error
                continue
            self.manifest, self.segments = manifest, segments
            return

    def __len__(self) -> int:
        return sum(part.living for part in self.manifest.parts)

    def cases(self) -> set[str]:
        """The cases that have entries."""
        found: set[str] = set()
        for segment in self.segments:
            codes = np.unique(segment.arrays["cases"][~segment.dead])
            found.update(name.decode() for name in segment.arrays["case_names"][codes].tolist())
        return found

    def entries(self, case: str | None = None) -> list[Entry]:
        """All entries, or those of a case, by case and number."""
        found: list[Entry] = []
        for segment in self.segments:
            rows = np.flatnonzero(~segment.dead) if case is None else segment.rows_of(case)
            found += [segment.entry(int(row)) for row in rows]
        return sorted(found, key=lambda entry: entry.key)

    def words(self) -> dict[str, set[str]]:
        """Criterion, or "modality" -> the terms that entries have, or had before they were deleted."""
        found: dict[str, set[str]] = {}
        for segment in self.segments:
            for name, terms in segment.words.items():
                found.setdefault(name, set()).update(terms)
        return found

    def vector(self, case: str, number: int) -> Floats:
        """(E,) the vector of an entry.

        Raises:
            RequestError: there is no such entry.
        """
        for segment in self.segments:
            for row in segment.rows_of(case, number):
                return np.asarray(segment.arrays["vectors"][row], dtype=np.float32)
        raise RequestError(f"index {self.folder.name!r} has no entry {number} of case {case}")

    def add(self, vectors: Floats, entries: Sequence[Entry], *, digest: str) -> None:
        """Add entries; when this returns they outlive a crash.

        Args:
            vectors: (n, E).
            entries: n, whose cases and numbers the index does not have.
            digest: of the package that made the vectors.

        Raises:
            RequestError: one of them does not fit, is there already or comes twice; nothing was added.
            LibraryError: another process is writing.
        """
        self._change(vectors, entries, digest=digest, instead=())

    def replace(self, vectors: Floats, entries: Sequence[Entry], *, digest: str) -> None:
        """Put entries in the place of all entries of their cases, at one stroke. Arguments and errors as in `add`."""
        self._change(vectors, entries, digest=digest, instead={entry.case for entry in entries})

    def delete(self, case: str, number: int | None = None) -> int:
        """Delete the entries of a case, or one of them, and say how many there were.

        Raises:
            LibraryError: another process is writing.
        """
        with only_writer(self.folder):
            self.refresh()
            parts = without(self.manifest.parts, self.segments, {case}, number)
            gone = sum(len(new.dead) - len(old.dead) for new, old in zip(parts, self.manifest.parts, strict=True))
            if gone:
                self._commit(replace(self.manifest, parts=tuple(part for part in parts if part.living)))
            return gone

    def compact(self) -> None:
        """Bring everything into one segment, without what was deleted: the fastest and smallest form.

        Raises:
            LibraryError: another process is writing.
        """
        with only_writer(self.folder):
            self.refresh()
            if len(self.segments) > 1 or any(part.dead for part in self.manifest.parts):
                self._write(self.manifest.parts, len(self.segments), [], np.empty((0, self.manifest.width), np.float32))

    def check(self) -> None:
        """Read everything and compare it with its checksums.

        Raises:
            LibraryError: something changed since it was written.
        """
        for segment in self.segments:
            check(segment.path, segment.file)

    def search(
        self,
        vector: Floats,
        *,
        patient: str | None,
        case: str | None = None,
        top: int = 10,
        where: Where | None = None,
        per_patient: bool = False,
        own_patient: bool = False,
    ) -> list[Match]:
        """The nearest entries, exactly, nearest first; ties in the order of case and number.

        Args:
            vector: (E,) by the package of the index.
            patient: whose lesion is asked about; None when nobody in the index can be the same person.
            case: the scan asked about, of which no entry is ever a hit.
            top: at most so many.
            where: conditions that hits meet.
            per_patient: only the nearest of each patient.
            own_patient: let other scans of the same patient be hits.

        Raises:
            RequestError: the vector does not fit, or `top` is not positive.
        """
        self._fitting(vector[None])
        if top < 1:
            raise RequestError(f"{top} hits were asked for; expected at least 1")
        out = None if own_patient else patient
        query = Query(np.asarray(vector, np.float32), top, out, case, where or Where(), per_patient)
        return search(self.segments, query)

    def _change(self, vectors: Floats, entries: Sequence[Entry], *, digest: str, instead: Iterable[str]) -> None:
        self.demand(digest)
        self._fitting(vectors)
        if len(vectors) != len(entries):
            raise RequestError(f"{counted(len(vectors), 'vector')} for {len(entries)} entries; expected one for each")
        if not entries:
            return
        with only_writer(self.folder):
            self.refresh()
            parts = without(self.manifest.parts, self.segments, set(instead))
            demand_new(entries, parts, self.segments)
            joined = to_join(parts, len(entries))
            self._write(parts, joined, entries, np.asarray(vectors, np.float32))

    def _fitting(self, vectors: Floats) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.manifest.width:
            raise RequestError(
                f"vectors have shape {vectors.shape}; index {self.folder.name!r} holds (n, {self.manifest.width})"
            )
        with np.errstate(over="ignore"):
            finite = np.isfinite(np.square(vectors, dtype=np.float32).sum(axis=1))
        if not finite.all():
            raise RequestError(
                f"{counted(int((~finite).sum()), 'vector')} of {len(vectors)} cannot be measured: not finite"
            )

    def _write(self, parts: Sequence[Part], joined: int, entries: Sequence[Entry], vectors: Floats) -> None:
        """Write a segment of new entries and the last `joined` parts, and make it part of the index."""
        kept = tuple(part for part in parts[: len(parts) - joined] if part.living)
        entries, vectors = living(parts, self.segments, joined, entries, vectors)
        name = f"{self.manifest.written:08d}{SUFFIX}"
        if entries:
            write_segment(self.folder / name, self.manifest.form, entries, vectors)
            kept += (Part(name, len(entries)),)
        self._commit(replace(self.manifest, parts=kept, written=self.manifest.written + 1))

    def _commit(self, manifest: Manifest) -> None:
        write_manifest(self.folder, manifest)
        self.refresh()
        sweep(self.folder, manifest)
