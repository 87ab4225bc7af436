"""A folder of files whose digests stand in its document: written whole or not at all, read and checked.

The document is a JSON file with "format", what the package says of itself, "files" (name -> SHA-256) and "digest" over
all of that. Nothing in such a folder is ever executed or unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import mkdtemp

from bregma.models.manifest import digest_of
from bregma.models.records import Json, object_of
from bregma.scan.errors import PackageError, RequestError


def write_folder(
    folder: Path, document: str, said: dict[str, Json], files: Mapping[str, bytes], *, known: Collection[str] = ()
) -> str:
    """Write a package; one with the same files that was there before is replaced.

    Args:
        folder: of the package.
        document: name of the JSON file.
        said: what stands in it, "format" among it.
        files: name -> content, besides the document.
        known: further names that such a package may have, so that one which has them is replaced too.

    Returns:
        The digest.

    Raises:
        RequestError: the folder holds something that is no part of such a package.
    """
    sums: dict[str, Json] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    whole: dict[str, Json] = {**said, "files": sums}
    digest = digest_of(whole)
    write_files(folder, {**files, document: signed(whole, digest)}, known=known)
    return digest


def signed(said: dict[str, Json], digest: str) -> bytes:
    """A document with its digest, as it stands in the file."""
    return (json.dumps({**said, "digest": digest}, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_files(folder: Path, files: Mapping[str, bytes], *, known: Collection[str] = ()) -> None:
    """Write a folder of files whole or not at all, in place of one of such files.

    Args:
        folder: its parent is made when it is not there.
        files: name -> content.
        known: further names that the folder may hold already.

    Raises:
        RequestError: the folder holds something else.
    """
    if folder.exists() and {path.name for path in folder.iterdir()} - {*files, *known}:
        raise RequestError(f"folder {folder.name!r} holds files that are no part of a package; choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        for name, content in files.items():
            with (part / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        part.chmod(0o755)
        if folder.exists():
            folder.rename(part.with_suffix(".old"))
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(part.with_suffix(".old"), ignore_errors=True)


def read_folder(folder: Path, document: str, *, form: int) -> tuple[dict[str, Json], dict[str, bytes], str]:
    """Read a package and check every digest.

    Args:
        folder: of the package.
        document: name of the JSON file.
        form: the format that is known here.

    Returns:
        What the document says, the content of every file, and the digest.

    Raises:
        PackageError: a file is missing or was changed, or the format is another.
    """
    said = _document(folder, document)
    digest = said.pop("digest", None)
    if said.get("format") != form:
        raise PackageError(f"{document} in {folder.name!r} has format {said.get('format')!r}; this Bregma reads {form}")
    if digest != digest_of(said):
        raise PackageError(f"{document} in {folder.name!r} does not match its digest; install the package again")
    sums = object_of(said.pop("files", None), f"{document} files")
    return said, {name: _part(folder / name, str(sha256)) for name, sha256 in sums.items()}, str(digest)


def _document(folder: Path, name: str) -> dict[str, Json]:
    try:
        return object_of(json.loads((folder / name).read_bytes()), name)
    except OSError as error:
        raise PackageError(f"folder {folder.name!r} has no readable {name}; expected a package") from error
    except ValueError as error:
        raise PackageError(f"{name} in {folder.name!r} is not JSON ({error}); install the package again") from error


def _part(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PackageError(f"package {path.parent.name!r} has no readable {path.name}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PackageError(f"{path.name} of package {path.parent.name!r} was changed; install it again")
    return content
