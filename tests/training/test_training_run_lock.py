"""Two processes never train into one folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bregma.scan.errors import RequestError
from bregma.training.run_lock import alone_in

HOLD = """
import sys
from pathlib import Path
from bregma.training.run_lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_in_use_is_refused_until_its_process_is_gone_however_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RequestError, match="another process is training in 'run'"), alone_in(folder):
            pass
        other.kill()
    with alone_in(folder):
        pass
