"""Alembic's entry: migrates on the connection that ``paceline.sql.migrate`` hands over.

The transaction and the lock around it are the caller's, so nothing is committed here.
"""

from __future__ import annotations

from alembic import context

from paceline.sql.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite changes a column by copying the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
