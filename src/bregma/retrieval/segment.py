"""Entries with their vectors in one file that is never changed: columns to filter by, and each entry in full.

Letters: n rows, C criteria.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.retrieval.array_file import ArrayFile, read_arrays, write_arrays
from bregma.retrieval.bounds import Arrays, Floats
from bregma.retrieval.entry import Entry, from_json, to_json
from bregma.retrieval.forms import form_named
from bregma.retrieval.where import DATE, MODALITY, SIZES, Where

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One file of an index, and which of its rows were deleted since.

    Attributes:
        path: the file.
        form: name of the form in which its vectors are scanned.
        words: criterion -> its terms in order; code 0 is unknown, code c is term c - 1.
        arrays: "vectors" (n, E) float32, "norms" (n,), "reach" (1,), those of the form; "patient_names", "case_names"
            (sorted bytes); "patients", "cases", "numbers" (n,); "volume_ml", "longest_mm", "date" (n,) with NaN or 0
            for unknown; "words" (C, n) codes; "json" bytes and "json_ends" (n,).
        dead: (n,) rows that were deleted.
        file: for checking.
    """

    path: Path
    form: str
    words: dict[str, list[str]]
    arrays: Arrays
    dead: Mask
    file: ArrayFile

    def __len__(self) -> int:
        return len(self.dead)

    def entry(self, row: int) -> Entry:
        """One entry in full."""
        ends = self.arrays["json_ends"]
        start = int(ends[row - 1]) if row else 0
        return from_json(self.arrays["json"][start : int(ends[row])].tobytes())

    def case(self, row: int) -> bytes:
        """The case of a row."""
        return bytes(self.arrays["case_names"][self.arrays["cases"][row]])

    def patient(self, row: int) -> bytes:
        """The patient of a row."""
        return bytes(self.arrays["patient_names"][self.arrays["patients"][row]])

    def code_of(self, names: str, wanted: str | None) -> int:
        """The code of a patient or case in this segment; -1 when it has none of it.

        Args:
            names: "patient_names" or "case_names".
            wanted: a pseudonym or series UID.
        """
        table = self.arrays[names]
        if wanted is None:
            return -1
        place = int(np.searchsorted(table, wanted.encode()))
        return place if place < len(table) and bytes(table[place]) == wanted.encode() else -1

    def rows_of(self, case: str, number: int | None = None) -> Rows:
        """The living rows of a case, or of one of its tumours."""
        code = self.code_of("case_names", case)
        found = (self.arrays["cases"] == code) & ~self.dead
        if number is not None:
            found &= self.arrays["numbers"] == number
        return np.flatnonzero(found)

    def fitting(self, where: Where) -> Mask | None:
        """(n,) the rows that meet the conditions, deleted ones among them; None when there are no conditions."""
        fit: Mask | None = None
        for name, terms in where.words.items():
            known = self.words.get(name, [])
            codes = [known.index(term) + 1 for term in sorted(terms) if term in known]
            column = self.arrays["words"][list(self.words).index(name)] if codes else None
            part = np.zeros(len(self), np.bool_) if column is None else np.equal(column, codes[0])
            for code in codes[1:]:
                part |= column == code
            fit = part if fit is None else fit & part
        for name, span in where.ranges.items():
            column = self.arrays[name]
            part = (column >= span.low) & (column <= span.high) & (column > 0 if name == DATE else column == column)
            fit = part if fit is None else fit & part
        return fit


def write_segment(path: Path, form: str, entries: Sequence[Entry], vectors: Floats) -> None:
    """Write entries and their vectors; the file is on the disk, whole, when this returns.

    Args:
        path: a new file.
        form: a name from `forms.FORMS`.
        entries: n, at least one.
        vectors: (n, E) finite.
    """
    lengths = np.square(vectors, dtype=np.float64).sum(axis=1)
    said = [{MODALITY: entry.modality, **entry.labels} for entry in entries]
    words = {
        name: sorted({one[name] for one in said if name in one}) for name in sorted({k for one in said for k in one})
    }
    texts = [to_json(entry) for entry in entries]
    patients, of_patient = np.unique(np.array([one.patient.encode() for one in entries]), return_inverse=True)
    cases, of_case = np.unique(np.array([one.case.encode() for one in entries]), return_inverse=True)
    arrays: dict[str, NDArray[Any]] = {
        "vectors": vectors,
        "norms": lengths.astype(np.float32),
        "reach": np.sqrt(lengths.max(keepdims=True)),
        **form_named(form).encode(vectors),
        "patient_names": patients,
        "patients": of_patient.astype(np.int32),
        "case_names": cases,
        "cases": of_case.astype(np.int32),
        "numbers": np.array([one.number for one in entries], np.int64),
        "words": np.stack([_codes(said, name, terms) for name, terms in words.items()]),
        **{name: _sizes(getattr(one, name) for one in entries) for name in SIZES},
        DATE: np.array([int(one.date or 0) for one in entries], np.int32),
        "json": np.frombuffer(b"".join(texts), np.uint8),
        "json_ends": np.cumsum([len(text) for text in texts]),
    }
    write_arrays(path, {"form": form, "words": words}, arrays)


def open_segment(path: Path, dead: Sequence[int] = ()) -> Segment:
    """Map a segment. Errors as in `array_file.read_arrays`.

    Args:
        path: a file that `write_segment` made.
        dead: rows that were deleted.
    """
    file = read_arrays(path)
    gone = np.zeros(len(file.arrays["norms"]), np.bool_)
    gone[list(dead)] = True
    return Segment(path, file.facts["form"], file.facts["words"], file.arrays, gone, file)


def _codes(said: Sequence[dict[str, str]], name: str, terms: Sequence[str]) -> NDArray[np.uint16]:
    codes = {term: code for code, term in enumerate(terms, start=1)}
    return np.array([codes.get(one.get(name, ""), 0) for one in said], np.uint16)


def _sizes(sizes: Iterable[float | None]) -> Floats:
    return np.array([np.nan if size is None else size for size in sizes], np.float32)
