"""Forecasts that people submit, and calls for help with a deal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forecasts",
        _id(),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("commit", sa.BigInteger(), nullable=False),
        sa.Column("best_case", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("overrode", sa.BigInteger(), nullable=True),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        _of_tenant("forecasts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecasts")),
    )
    found = ["tenant", "label", "subject_kind", "subject", "id"]
    op.create_index(op.f("ix_forecasts_tenant_label_subject_kind_subject_id"), "forecasts", found)
    op.create_table(
        "help_calls",
        _id(),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("deal", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        _of_tenant("help_calls"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_calls")),
    )
    op.create_index(op.f("ix_help_calls_tenant_rep_id"), "help_calls", ["tenant", "rep", "id"])


def downgrade() -> None:
    op.drop_table("help_calls")
    op.drop_table("forecasts")


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=True, nullable=False)


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant"],
        ["tenants.id"],
        name=op.f(f"fk_{table}_tenant"),
        initially="DEFERRED",
        deferrable=True,
    )
