"""Which machine this is, for figures of time: a second means nothing without it."""

from __future__ import annotations

import platform
from pathlib import Path

from bregma.models.engine import cores
from bregma.scan.counted import counted

_CPUINFO = Path("/proc/cpuinfo")


def machine() -> str:
    """Such as "2 cores of Intel(R) Xeon(R) CPU @ 2.20GHz"."""
    return f"{counted(cores(), 'core')} of {_processor()}"


def _processor() -> str:
    """The name that Linux gives, or what Python knows elsewhere."""
    if _CPUINFO.is_file():
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine() or "an unnamed processor"
