"""`bregma doctor`: is everything here that reading and training need, and if not, how to get it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from bregma.cli.output import console

MEMORY_GB = 4.0
DISK_GB = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        thing: what was looked at.
        ok: True fine, False broken, None missing but only needed for some commands.
        found: what was found.
        remedy: what to do; empty when nothing is to be done.
    """

    thing: str
    ok: bool | None
    found: str
    remedy: str = ""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)


def doctor() -> None:
    """Check decoders, engines, memory, disk and models, and say how to get what is missing.

    Example: `bregma doctor`
    """
    from rich.table import Table

    findings = [_python(), *_decoders(), _engine(), *_extras(), _memory(), _disk(), *_models()]
    table = Table(show_header=True, box=None, pad_edge=False)
    for title in ("", "looked at", "found", "what to do"):
        table.add_column(title)
    for finding in findings:
        mark = {True: "[green]ok[/]", False: "[red]broken[/]", None: "[yellow]missing[/]"}[finding.ok]
        table.add_row(mark, finding.thing, finding.found, finding.remedy)
    console().print(table)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    return Finding("Python", sys.version_info >= (3, 11), sys.version.split()[0], "")


def _decoders() -> list[Finding]:
    """Whether each lossless transfer syntax can be decoded here."""
    import pydicom.uid
    from pydicom.pixels.decoders.base import get_decoder

    syntaxes = (
        pydicom.uid.JPEGLosslessSV1,
        pydicom.uid.JPEGLSLossless,
        pydicom.uid.JPEG2000Lossless,
        pydicom.uid.RLELossless,
        pydicom.uid.DeflatedExplicitVRLittleEndian,
    )
    findings = []
    for syntax in syntaxes:
        decoder = get_decoder(syntax)
        plugins = ", ".join(decoder.available_plugins) if decoder.is_encapsulated else "built in"
        remedy = "" if decoder.is_available else "pip install python-gdcm"
        findings.append(Finding(f"decoder: {syntax.name}", decoder.is_available, plugins or "none", remedy))
    return findings


def _engine() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("onnxruntime")
    except PackageNotFoundError:
        return Finding("engine: ONNX Runtime", False, "not installed", "pip install onnxruntime")
    return Finding("engine: ONNX Runtime", True, found)


def _extras() -> list[Finding]:
    from importlib.metadata import version

    wanted = {"torch": "bregma train", "tensorboard": "TensorBoard curves of a training run"}
    findings = []
    for package, purpose in wanted.items():
        if importlib.util.find_spec(package) is None:
            findings.append(Finding(package, None, f"needed for {purpose}", "pip install 'bregma[train]'"))
        else:
            findings.append(Finding(package, True, version(package)))
    return findings


def _memory() -> Finding:
    gigabytes = _available_bytes() / 1e9
    enough = gigabytes >= MEMORY_GB
    remedy = "" if enough else f"reading wants 1 GB and training {MEMORY_GB:.0f} GB free"
    return Finding("memory free", True if enough else None, f"{gigabytes:.1f} GB, {os.cpu_count()} cores", remedy)


def _available_bytes() -> int:
    """What a program can have: on Linux with what the system only keeps for files, elsewhere what lies idle."""
    facts = Path("/proc/meminfo")
    if facts.is_file():
        rows = (line.split() for line in facts.read_text().splitlines())
        kibibytes = {row[0]: int(row[1]) for row in rows}.get("MemAvailable:")
        if kibibytes is not None:
            return kibibytes * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _disk() -> Finding:
    gigabytes = shutil.disk_usage(Path.cwd()).free / 1e9
    enough = gigabytes >= DISK_GB
    remedy = "" if enough else f"a library wants {DISK_GB:.0f} GB and more"
    return Finding("disk free here", True if enough else None, f"{gigabytes:.0f} GB", remedy)


def _models() -> list[Finding]:
    """Packages of bleeds, without which nothing is read, and packages of places."""
    from bregma.models.anatomy_installed import find_all_anatomy
    from bregma.models.package import find_all

    (whole, damaged), (places, damaged_places) = find_all(), find_all_anatomy()
    findings = [Finding(f"model: {each.name}", True, f"version {each.version}, {each.digest[:12]}") for each in whole]
    if not whole and not damaged:
        remedy = "train one (bregma train), or set BREGMA_MODELS to a folder of packages"
        findings.append(Finding("models", None, "none installed", remedy))
    remedy = "remove it or install it again"
    return [
        *findings,
        *(Finding(f"places: {one.card.name}", True, f"{len(one.cases)} reference cases") for one in places),
        *(Finding(f"model: {one.folder.name}", False, one.reason, remedy) for one in (*damaged, *damaged_places)),
    ]
