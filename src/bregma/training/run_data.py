"""What a run learned from, so that it does not go on with other scans or other labels without anybody noticing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bregma.scan.errors import RequestError
from bregma.training.checkpoint import write_whole
from bregma.training.inputs import Inputs
from bregma.training.sampling import TrainingScan
from bregma.training.slice_cache import SliceCache

DATA = "data"
"""The key of a run's run.json."""


def data_of(training: Inputs, validation: Inputs) -> dict[str, dict[str, str | int]]:
    """How many scans, which, and what is known of them, as digests, for both parts."""
    return {
        name: {
            "count": len(part.scans),
            "scans": _digest(scan.series_uid.encode() for scan in part.scans),
            "labels": _digest(_known(scan) for scan in part.scans),
            "masks": _digest(_drawn(part.cache, part.scans)) if part.masks else "",
        }
        for name, part in (("training", training), ("validation", validation))
    }


def claim_data(run_json: Path, data: Mapping[str, Mapping[str, str | int]]) -> None:
    """Write down what a run learns from, or check that it still is what was written down.

    Args:
        run_json: the run's file; a run of an older version has no data in it and is given what there is now.
        data: of `data_of`.

    Raises:
        RequestError: scans, labels or masks have changed since the run began.
    """
    identity: dict[str, Any] = json.loads(run_json.read_text())
    before = identity.get(DATA)
    if before is None:
        write_whole(run_json, json.dumps(identity | {DATA: data}).encode())
    elif changes := [_change(name, before[name], part) for name, part in data.items() if before[name] != part]:
        raise RequestError(
            f"{run_json.parent} holds a run on other data: {'; '.join(changes)} since it began. Choose another folder "
            "to train on what there is now, or put the library and its split back as they were to go on"
        )


def _change(name: str, before: Mapping[str, str | int], now: Mapping[str, str | int]) -> str:
    if before["scans"] != now["scans"]:
        return f"the {name} part has other scans ({before['count']} then, {now['count']} now)"
    what = " and ".join(key for key in ("labels", "masks") if before[key] != now[key])
    return f"the {what} of the {name} part have changed"


def _known(scan: TrainingScan) -> bytes:
    arrays = (scan.value, scan.known, scan.mask_known, scan.scan_value, scan.scan_known)
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def _drawn(cache: SliceCache, scans: Sequence[TrainingScan]) -> list[bytes]:
    return [cache.read(scan.series_uid, 0, 0).mask_digest.encode() for scan in scans]


def _digest(parts: Iterable[bytes]) -> str:
    """SHA-256 over parts and their lengths."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
