"""The archive keeps two lanes of the log: the live one, and the backfill of imports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rekey(["incarnation", "topic", "partition", "offset"], add=True)


def downgrade() -> None:
    op.execute("DELETE FROM archive WHERE topic <> 'crm.events'")
    op.execute("DELETE FROM archive_progress WHERE topic = 'crm.backfill'")
    _rekey(["incarnation", "partition", "offset"], add=False)


def _rekey(columns: list[str], *, add: bool) -> None:
    # SQLite copies the table for another primary key, once; PostgreSQL builds the index anew.
    with op.batch_alter_table("archive") as archive:
        archive.drop_constraint("pk_archive", type_="primary")
        if add:
            topic = sa.Column("topic", sa.Text(), server_default="crm.events", nullable=False)
            archive.add_column(topic)
        else:
            archive.drop_column("topic")
        archive.create_primary_key("pk_archive", columns)
