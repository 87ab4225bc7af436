"""Opening the database: SQLite in the library folder, or any URL that SQLAlchemy knows; one schema, one history."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from bregma.scan.errors import LibraryError, RequestError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0002"
"""The migration that this version's tables are made of."""

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_MS = 30_000
"""How long a writer waits for another one before SQLite gives up."""


def sqlite_url(folder: Path) -> str:
    """The default database of a library folder."""
    return f"sqlite:///{folder.resolve() / 'catalogue.sqlite'}"


def connect(url: str) -> Engine:
    """An engine for a database URL; SQLite in WAL mode, with foreign keys, durable at each commit.

    Raises:
        RequestError: the URL is none, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise RequestError(f"not a database URL that SQLAlchemy knows ({error.__class__.__name__})") from error
    except ModuleNotFoundError as error:
        raise RequestError(f"the database driver {error.name!r} is not installed: pip install {error.name}") from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def migrate(engine: Engine) -> None:
    """Bring a database, also an empty one, to the tables of this version.

    Raises:
        LibraryError: the database was made by a newer Bregma.
    """
    version = revision(engine)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise LibraryError(f"the catalogue has schema {version}; this Bregma knows {HEAD}: install a newer Bregma")
    from alembic import command  # only needed once per library

    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> Config:
    """Alembic's configuration, without an ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def revision(engine: Engine) -> str | None:
    """The migration that a database is at; None for an empty one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def unusable(folder: Path, error: OperationalError) -> LibraryError:
    """What to say when the database stops answering: a full disk, a medium that cannot be written, a lost server.

    The driver's own words are told of SQLite only; those about a server may hold its address and account.
    """
    said = str(error.orig) if isinstance(error.orig, sqlite3.Error) else type(error.orig).__name__
    return LibraryError(
        f"the catalogue of {folder.name!r} cannot be read or written ({said}); what was reported as stored is there: "
        "free some space or mend the database, then give the same command again"
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's own connection
    connection.isolation_level = None  # BEGIN is ours, see _begin_sqlite
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:  # noqa: ANN401  SQLAlchemy passes its Connection
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")  # no lock upgrade half-way, so no deadlock
