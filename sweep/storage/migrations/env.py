"""Alembic's environment: run our migrations with a version table of their own on the given connection."""

from alembic import context

from sweep.storage.database import VERSION_TABLE
from sweep.storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    include_name=lambda name, kind, parents: kind != "table" or name in Table.metadata.tables,
    render_as_batch=True,  # SQLite can alter most tables only by copying them
)
with context.begin_transaction():
    context.run_migrations()
