"""How Alembic reaches the database: on the connection that it is handed, or as SQL text for a named dialect."""

from __future__ import annotations

from alembic import context

from bregma.catalogue.tables import Table

connection = context.config.attributes.get("connection")
if connection is not None:
    context.configure(connection=connection, target_metadata=Table.metadata)
else:
    dialect = context.config.attributes["dialect"]
    context.configure(dialect_name=dialect, target_metadata=Table.metadata, literal_binds=True)
with context.begin_transaction():
    context.run_migrations()
