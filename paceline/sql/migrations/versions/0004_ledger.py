"""The ledger: the facts behind every number, in books by tenant and generation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BYTES = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _books()
    op.create_table(
        "facts",
        _number("book"),
        _number("log"),
        _number("lane"),
        _number("offset"),
        _number("n"),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("owner", _BYTES, nullable=False),
        sa.Column("measure", _BYTES, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("book", "log", "lane", "offset", "n", name=op.f("pk_facts")),
        sqlite_with_rowid=False,
    )
    line = ["book", "owner", "measure", "at", "known_at", "delta", "entity"]
    op.create_index("ix_facts_line", "facts", line)
    op.create_table(
        "fact_progress",
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        _number("partition"),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", "topic", "partition", name=op.f("pk_fact_progress")),
    )


def downgrade() -> None:
    for table in ("fact_progress", "facts", "fact_books"):
        op.drop_table(table)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def _books() -> None:
    op.create_table(
        "fact_books",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("base_log", sa.Text(), nullable=False),
        sa.Column("base_live", sa.BigInteger(), nullable=False),
        sa.Column("base_backfill", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("filled_at", sa.BigInteger(), nullable=True),
        sa.Column("pruned_before", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_books")),
    )
    unique = ["tenant", "generation", "edition"]
    op.create_index(
        op.f("ix_fact_books_tenant_generation_edition"), "fact_books", unique, unique=True
    )
    op.create_index(op.f("ix_fact_books_partition_state"), "fact_books", ["partition", "state"])
