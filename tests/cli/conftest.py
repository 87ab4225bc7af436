"""Every command is tested at its own width."""

from __future__ import annotations

import pytest

from bregma.cli.output import console, errors


@pytest.fixture(autouse=True)
def own_consoles() -> None:
    """No test prints to the console that an earlier one made, which keeps the width it had then."""
    console.cache_clear()
    errors.cache_clear()
