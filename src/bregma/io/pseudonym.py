"""Pseudonyms: the same patient has the same one on one installation, and nobody can work back from it.

HMAC-SHA256 of the patient id with a key of this installation: 32 random bytes in `~/.config/bregma/key` (made at the
first use, readable by its owner alone), or the text of the environment variable BREGMA_KEY where machines must agree.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import logging
import os
import secrets
from pathlib import Path

log = logging.getLogger(__name__)

KEY_VARIABLE = "BREGMA_KEY"


def pseudonym(patient_id: str) -> str:
    """The pseudonym of a patient: "P" and 13 letters and digits (64 bits)."""
    return _keyed(_installation_key(), patient_id.strip())


@functools.lru_cache(maxsize=1024)
def _keyed(key: bytes, patient_id: str) -> str:
    digest = hmac.new(key, patient_id.encode(), hashlib.sha256).digest()
    return "P" + base64.b32encode(digest[:8]).decode().rstrip("=")


def key_path() -> Path:
    """Where the installation's key lies (XDG base directories)."""
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "bregma" / "key"


def _installation_key() -> bytes:
    given = os.environ.get(KEY_VARIABLE)
    return given.encode() if given else _key_of(str(key_path()))


@functools.cache
def _key_of(path: str) -> bytes:
    """The key at a path, made there if there is none; for this process alone where nothing can be written."""
    file = Path(path)
    try:
        if not file.exists():
            _write_once(file, secrets.token_bytes(32))
        return file.read_bytes()
    except OSError as error:
        log.warning("no installation key can be kept (%s): pseudonyms will differ in the next run", error.strerror)
        return secrets.token_bytes(32)


def _write_once(file: Path, key: bytes) -> None:
    """Write a key unless another process was faster; whoever links first wins, and nobody sees half a key."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(key)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
