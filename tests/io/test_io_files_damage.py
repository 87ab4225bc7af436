"""Files damaged at random end in a scan or a refusal, never in another error, and quickly."""

from __future__ import annotations

import contextlib
import gzip
import io
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bregma.io.entry import Entry
from bregma.io.files import list_entries
from bregma.io.nifti import load_nifti
from bregma.io.png import load_png_folder
from bregma.scan.errors import RefusedError

RELAXED = settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
HEAD = np.random.default_rng(0).integers(-1000, 1000, (12, 10, 4)).astype(np.int16)
NIFTI_1 = nib.Nifti1Image(HEAD, np.diag([-1.0, -1, 3, 1])).to_bytes()
NIFTI_2 = nib.Nifti2Image(HEAD, np.diag([-1.0, -1, 3, 1])).to_bytes()
SIDECAR = b'{"window": {"center": 40, "width": 80}, "pixel_mm": [0.5, 0.4], "slice_mm": 5.0, "rotate": 90}'

damage = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=6)
"""Where, what is written there, and how many bytes it replaces."""


def picture() -> bytes:
    stream = io.BytesIO()
    Image.fromarray((HEAD[..., 0] % 256).astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


def broken(content: bytes, changes: list[tuple[float, bytes, int]], *, within: int) -> bytes:
    for place, new, length in changes:
        at = int(place * min(within, len(content)))
        content = content[:at] + new + content[at + length :]
    return content


def entry(name: str, content: bytes) -> Entry:
    return Entry(name, len(content), None, lambda: content)


@RELAXED
@given(changes=damage, kind=st.sampled_from([NIFTI_1, NIFTI_2]), packed=st.booleans(), after=st.booleans())
def test_damaged_nifti(changes: list[tuple[float, bytes, int]], kind: bytes, packed: bool, after: bool) -> None:
    content = kind if packed and after else broken(kind, changes, within=540)
    if packed:
        content = gzip.compress(content)
        content = broken(content, changes, within=len(content)) if after else content
    try:
        scan = load_nifti(entry("a.nii", content), Path())
    except RefusedError:
        return
    assert scan.volume.values.dtype == np.int16
    assert len(scan.slices) == len(scan.volume.values)


@RELAXED
@given(changes=damage, sidecar=damage, which=st.sampled_from(["picture", "sidecar"]))
def test_damaged_pictures(
    changes: list[tuple[float, bytes, int]], sidecar: list[tuple[float, bytes, int]], which: str
) -> None:
    content = broken(picture(), changes, within=80) if which == "picture" else picture()
    known = broken(SIDECAR, sidecar, within=len(SIDECAR)) if which == "sidecar" else SIDECAR
    try:
        scan = load_png_folder([entry("a.png", content)], entry("scan.json", known), Path())
    except RefusedError:
        return
    assert scan.volume.values.ndim == 3


@RELAXED
@given(changes=damage)
def test_damaged_archives(tmp_path: Path, changes: list[tuple[float, bytes, int]]) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.nii", NIFTI_1)
        archive.writestr("b/c.png", picture())
    content = stream.getvalue()
    (tmp_path / "a.zip").write_bytes(broken(content, changes, within=len(content)))
    entries, refused = list_entries(tmp_path / "a.zip")
    assert all(one.reason for one in refused)
    for one in entries:
        with contextlib.suppress(RefusedError):
            assert len(one.read()) == one.size
