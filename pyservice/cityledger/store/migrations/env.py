"""Entry point of Alembic, with the connection that ``store.engine.migrate`` passes in."""

from __future__ import annotations

from alembic import context

from cityledger.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
