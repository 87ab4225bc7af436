"""One schema and one history for both databases."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from bregma.catalogue.database import HEAD, alembic_config, connect, migrate, revision, sqlite_url
from bregma.catalogue.library import Library
from bregma.catalogue.tables import Table
from bregma.scan.errors import LibraryError, RequestError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty SQLite database."""
    engine = connect(sqlite_url(tmp_path))
    yield engine
    engine.dispose()


def test_the_migrations_end_at_the_tables(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    assert revision(engine) == HEAD == ScriptDirectory.from_config(alembic_config()).get_current_head()
    migrate(engine)


def test_the_migrations_can_be_taken_back(engine: Engine) -> None:
    migrate(engine)
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with engine.connect() as connection:
        left = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    assert left == ["alembic_version"]


def test_the_same_migrations_are_postgresql() -> None:
    config = alembic_config()
    config.attributes["dialect"] = "postgresql"
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    sql = config.output_buffer.getvalue()
    for table in Table.metadata.tables.values():
        assert f"CREATE TABLE {table.name} (" in sql
        for column in CreateTable(table).columns:
            name = column.element.name
            assert f" {name} " in sql or f'"{name}" ' in sql
        assert str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert "TIMESTAMP WITH TIME ZONE" in sql
    assert "DOUBLE PRECISION" in sql


def test_sqlite_is_durable_and_keeps_its_references(engine: Engine) -> None:
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert found == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_database_of_a_newer_bregma_is_left_alone(tmp_path: Path) -> None:
    Library.create(tmp_path / "lib").close()
    engine = create_engine(sqlite_url(tmp_path / "lib"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(LibraryError, match="schema 9999"):
        Library.open(tmp_path / "lib")


@pytest.mark.parametrize("url", ["nonsense", "nosuchdatabase://host/name"])
def test_a_wrong_url_is_a_wrong_request(tmp_path: Path, url: str) -> None:
    with pytest.raises(RequestError, match="URL"):
        Library.create(tmp_path / "lib", url)
    assert not (tmp_path / "lib").exists()


def test_a_missing_driver_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="pip install"):
        Library.create(tmp_path / "lib", "mysql+mysqlconnector://host/name")
