"""Run by alembic: our migrations, under a version table of our own, on the connection we are given."""

from alembic import context

from sweep.storage.database import VERSION_TABLE
from sweep.storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    include_name=lambda name, kind, parents: kind != "table" or name in Table.metadata.tables,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
