"""Alerts, who is told of them, and their deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column("useful", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_alerts"),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
            name="fk_alerts_tenant",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_index("ix_alerts_tenant_field", "alerts", ["tenant", "field"])
    op.create_index("ix_alerts_tenant_fired_at", "alerts", ["tenant", "fired_at"])
    op.create_index("ix_alerts_tenant_rule_fired_at", "alerts", ["tenant", "rule", "fired_at"])
    op.create_table(
        "alert_recipients",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "alert", "person", name="pk_alert_recipients"),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
            name="fk_alert_recipients_tenant",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_index(
        "ix_alert_recipients_tenant_person_told_at",
        "alert_recipients",
        ["tenant", "person", "told_at"],
    )
    op.create_table(
        "alert_notes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_notes"),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
            name="fk_alert_notes_tenant",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_index("ix_alert_notes_tenant_alert_id", "alert_notes", ["tenant", "alert", "id"])
    op.create_table(
        "subscriptions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("why_disabled", sa.Text(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_subscriptions"),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
            name="fk_subscriptions_tenant",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_table(
        "deliveries",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
            name="fk_deliveries_tenant",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_index("ix_deliveries_state_due_at", "deliveries", ["state", "due_at"])
    op.create_index("ix_deliveries_tenant_alert", "deliveries", ["tenant", "alert"])
    op.create_index(
        "ix_deliveries_tenant_person_state_done_at",
        "deliveries",
        ["tenant", "person", "state", "done_at"],
    )
    op.create_index(
        "ix_deliveries_tenant_subscription_sequence",
        "deliveries",
        ["tenant", "subscription", "sequence"],
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "delivery", "number", name="pk_delivery_attempts"),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
            name="fk_delivery_attempts_tenant",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_table(
        "mail_opt_outs",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "person", name="pk_mail_opt_outs"),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
            name="fk_mail_opt_outs_tenant",
            deferrable=True,
            initially="DEFERRED",
        ),
    )


def downgrade() -> None:
    for name in (
        "mail_opt_outs",
        "delivery_attempts",
        "deliveries",
        "subscriptions",
        "alert_notes",
        "alert_recipients",
        "alerts",
    ):
        op.drop_table(name)
