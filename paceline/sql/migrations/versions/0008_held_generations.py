"""Generations that are built beside the live one and wait to be released, or are discarded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("generations") as table:
        table.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("decision", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("decided_at", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("decision_published_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("generations") as table:
        for name in ("decision_published_at", "decided_at", "decision", "held"):
            table.drop_column(name)
