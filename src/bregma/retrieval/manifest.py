"""What an index consists of: one small file, replaced as a whole, so that a change happens or does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bregma.io.durable import settle, write_new
from bregma.scan.errors import LibraryError, RequestError

FORMAT = 1
"""Version of the layout that this Bregma reads and writes."""

NAME = "index.json"


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of an index.

    Attributes:
        name: of its file.
        rows: in it.
        dead: rows that were deleted since, rising.
    """

    name: str
    rows: int
    dead: tuple[int, ...] = ()

    @property
    def living(self) -> int:
        """Rows that count."""
        return self.rows - len(self.dead)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index consists of.

    Attributes:
        digest: of the package that made its vectors; vectors of another never get in.
        width: E.
        form: how the vectors are held for scanning, a name from `forms.FORMS`.
        written: how many segments were ever begun; the next takes this number.
        parts: the segments.
        facts: what a person should know, such as the name of the package.
    """

    digest: str
    width: int
    form: str
    written: int = 0
    parts: tuple[Part, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the one before; when this returns it outlives a power cut."""
    fields = {"format": FORMAT, **asdict(manifest), "facts": dict(manifest.facts)}
    temporary = folder / f"{NAME}.part"
    write_new(temporary, json.dumps(fields, separators=(",", ":")).encode())
    settle(temporary, folder / NAME)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an index.

    Raises:
        RequestError: the folder is no index.
        LibraryError: the file is damaged, or of a format that this version does not know.
    """
    try:
        text = (folder / NAME).read_bytes()
    except OSError as error:
        raise RequestError(f"{folder.name!r} is no index; make one with `bregma index add`") from error
    try:
        fields = json.loads(text)
        found = fields.pop("format")
        parts = tuple(Part(one["name"], one["rows"], tuple(one["dead"])) for one in fields.pop("parts"))
        manifest = Manifest(**fields, parts=parts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LibraryError(f"{NAME} of index {folder.name!r} cannot be read; restore it, or build it again") from error
    if found != FORMAT:
        raise LibraryError(f"index {folder.name!r} has format {found}; this Bregma reads format {FORMAT}")
    return manifest
