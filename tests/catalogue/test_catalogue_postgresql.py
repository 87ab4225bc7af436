"""The same code on a real PostgreSQL server: one started for the tests, or BREGMA_TEST_POSTGRESQL=postgresql+pg8000://..."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from catalogue_scans import find, load, values_of, write_labels, write_scan
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from bregma.catalogue.ingest import store_found
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.catalogue.splits import make_split
from bregma.catalogue.tables import Table

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
"""Where Debian puts a server's programs."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The server that BREGMA_TEST_POSTGRESQL names, or one of our own behind a socket that only this machine sees."""
    if given := os.environ.get("BREGMA_TEST_POSTGRESQL"):
        yield given
        return
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL on this machine: install it, or set BREGMA_TEST_POSTGRESQL to a URL")
    folder = Path(tempfile.mkdtemp(prefix="bregma-", dir="/tmp"))  # a socket's path has 107 letters at most
    owner = "postgres" if os.geteuid() == 0 else None  # PostgreSQL does not run as root
    if owner:
        shutil.chown(folder, owner)
    run = partial(subprocess.run, cwd=folder, user=owner, check=True, capture_output=True, timeout=120)
    control = [PROGRAMS / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]
    try:
        run([PROGRAMS / "initdb", "-D", folder / "data", "-A", "trust", "-U", "bregma", "--no-sync"])
        run([*control, "-o", f"-k {folder} -h ''", "start"])
        try:
            yield f"postgresql+pg8000://bregma@/postgres?unix_sock={folder}/.s.PGSQL.5432"
        finally:
            run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """A database of its own on the server, dropped afterwards."""
    name = f"bregma_test_{uuid.uuid4().hex[:8]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def test_a_library_lives_on_postgresql(tmp_path: Path, url: str) -> None:
    for number in range(6):
        write_scan(tmp_path / "in", str(number), number)
    with Library.create(tmp_path / "lib", url) as library:
        with library.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
        assert len(store_found(library, find(tmp_path / "in"), load, workers=1).stored) == 6
        assert len(store_found(library, find(tmp_path / "in"), load, workers=1).already) == 6
        table = write_labels(tmp_path / "said", find(tmp_path / "in"))
        first, again = import_labels(library, table), import_labels(library, table)
        assert (first.taken, first.masks, again.duplicates) == (18, 6, 24)
        make_split(library, "default", fractions={"train": 0.5, "test": 0.5}, seed=0)
    with Library.open(tmp_path / "lib", url) as library:
        assert len(library.scans("default", "train")) == 3
        np.testing.assert_array_equal(library.volume("1.2.3").values, values_of(3))


def test_three_imports_at_once_on_postgresql(tmp_path: Path, url: str) -> None:
    for number in range(20):
        write_scan(tmp_path / "in", str(number), number, patient=f"patient-{number // 4}")
    Library.create(tmp_path / "lib", url).close()
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(3)

    def run() -> None:
        ready.wait()
        with Library.open(tmp_path / "lib", url) as own:
            store_found(own, find(tmp_path / "in"), load, workers=1)

    runs = [fork.Process(target=run) for _ in range(3)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert [one.exitcode for one in runs] == [0, 0, 0]
    with Library.open(tmp_path / "lib", url) as library:
        assert len(library.scans()) == 20
