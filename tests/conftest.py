"""What every test may use: where the real scans lie."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

REAL_DATA = Path(os.environ.get("BREGMA_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_configure() -> None:
    """Ctrl-C can be tested however the tests were started: a shell's background jobs ignore it, and so would ours."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on real scans skip where there are none."""
    if REAL_DATA.is_dir():
        return
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason=f"no real scans at {REAL_DATA}; set BREGMA_REAL_DATA"))


@pytest.fixture(scope="session")
def real_ct() -> Path:
    """The folder of real head CT."""
    return REAL_DATA / "ct"


@pytest.fixture(autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what the person running it has installed."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.delenv("BREGMA_MODELS", raising=False)
