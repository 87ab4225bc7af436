"""Where things lie in a library folder."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.store import settle, write_new
from bregma.scan.errors import LibraryError, RequestError

FORMAT = 1
"""Version of the layout that this Bregma reads and writes."""


_UNSEALED = {"incoming", "volumes", "masks", *(f"catalogue.sqlite{end}" for end in ("", "-wal", "-shm", "-journal"))}
"""What lies in a folder whose making was cut short before library.json."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one library folder.

    Attributes:
        root: the folder.
        id: what ties the folder to its database.
    """

    root: Path
    id: str

    @property
    def incoming(self) -> Path:
        """Files that are being written."""
        return self.root / "incoming"

    @property
    def lock(self) -> Path:
        """The file whose lock says that an import is running."""
        return self.root / "import.lock"

    def new_file(self) -> Path:
        """A name in `incoming` that nobody else has."""
        return self.incoming / f"{os.getpid()}-{uuid.uuid4().hex}"

    def volume(self, digest: str) -> Path:
        """The file of a volume."""
        return self.root / "volumes" / digest[:2] / f"{digest}.hu"

    def mask(self, digest: str) -> Path:
        """The file of a mask."""
        return self.root / "masks" / digest[:2] / f"{digest}.mask"


def make_layout(root: Path) -> Layout:
    """Make a new library folder, or go on with one whose making was cut short.

    Raises:
        RequestError: the folder is a library already, or holds something else.
    """
    if (root / "library.json").exists():
        raise RequestError(f"{root} is a library already: open it, or choose another folder")
    if root.exists() and not (root.is_dir() and {path.name for path in root.iterdir()} <= _UNSEALED):
        raise RequestError(f"{root} is not an empty folder: choose a new one for the library")
    layout = Layout(root, uuid.uuid4().hex)
    for folder in (layout.incoming, root / "volumes", root / "masks"):
        folder.mkdir(parents=True, exist_ok=True)
    return layout


def seal_layout(layout: Layout) -> None:
    """Write library.json, the last step of making a library: without it the folder is none."""
    temporary = layout.new_file()
    write_new(temporary, json.dumps({"format": FORMAT, "id": layout.id}).encode())
    settle(temporary, layout.root / "library.json")


def read_layout(root: Path) -> Layout:
    """The layout of an existing library.

    Raises:
        RequestError: the folder is not a library.
        LibraryError: it is one of a format that this version does not know.
    """
    try:
        fields = json.loads((root / "library.json").read_text())
    except (OSError, ValueError) as error:
        raise RequestError(
            f"{root} is not a library: it has no readable library.json; create one with `bregma import PATH --library`"
        ) from error
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise LibraryError(f"library.json of {root} says {fields!r}; this Bregma reads format {FORMAT}")
    layout = Layout(root, str(fields["id"]))
    layout.incoming.mkdir(exist_ok=True)
    return layout
