"""Targets, KPIs, calendars, roles, ramps, dated terms of reps, and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant"],
        ["tenants.id"],
        name=op.f(f"fk_{table}_tenant"),
        initially="DEFERRED",
        deferrable=True,
    )


def upgrade() -> None:
    # A plain ADD COLUMN on both databases: the table is not copied, its rows stay where they are.
    op.add_column("reps", sa.Column("terms", sa.JSON(), server_default="{}", nullable=False))
    op.create_table(
        "plan_versions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        _of_tenant("plan_versions"),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_plan_versions")),
    )
    op.create_table(
        "plan_items",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        _of_tenant("plan_items"),
        sa.PrimaryKeyConstraint("tenant", "kind", "id", "version", name=op.f("pk_plan_items")),
    )
    op.create_table(
        "targets",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kpi", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("stretch", sa.Text(), nullable=True),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("effective", sa.Date(), nullable=True),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("monthly", sa.JSON(), nullable=False),
        sa.Column("prorate", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _of_tenant("targets"),
        sa.PrimaryKeyConstraint("tenant", "id", "version", name=op.f("pk_targets")),
    )
    op.create_index(op.f("ix_targets_tenant_last_first"), "targets", ["tenant", "last", "first"])
    op.create_table(
        "audit",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        _of_tenant("audit"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_tenant_id"), "audit", ["tenant", "id"])


def downgrade() -> None:
    # Dropping a table drops its indexes.
    for table in ("audit", "targets", "plan_items", "plan_versions"):
        op.drop_table(table)
    op.drop_column("reps", "terms")
