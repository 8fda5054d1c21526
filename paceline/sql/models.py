"""The tables.

In: nothing. Out: SQLAlchemy's typed models. Guarantee: the same on SQLite and PostgreSQL, and equal
to what the migrations build (a test compares them). Instants are integer milliseconds UTC.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Checked at commit: one transaction may then write teams and reps in any order.
_DEFERRED: dict[str, Any] = {"deferrable": True, "initially": "DEFERRED"}


class Base(DeclarativeBase):
    """Names for constraints, so that a later migration can speak of them; types for annotations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: BigInteger(),
        str: Text(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        list[int]: JSON(),
        date: Date(),
    }


def _tenant() -> Mapped[str]:
    return mapped_column(ForeignKey("tenants.id", **_DEFERRED), primary_key=True)


class Tenant(Base):
    """One customer of ours. ``settings``: ``paceline.config.state.TenantSettings``."""

    __tablename__ = "tenants"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_zh: Mapped[str | None]
    zone: Mapped[str]
    settings: Mapped[dict[str, Any]]


class Team(Base):
    """A node of the tenant's tree of teams; the roots have no parent."""

    __tablename__ = "teams"
    tenant: Mapped[str] = _tenant()
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_zh: Mapped[str | None]
    parent_id: Mapped[str | None]
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "parent_id"], ["teams.tenant", "teams.id"], **_DEFERRED),
    )


class Rep(Base):
    """A person who sells. ``terms`` says what is dated; the columns beside it are the newest."""

    __tablename__ = "reps"
    tenant: Mapped[str] = _tenant()
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_zh: Mapped[str | None]
    team_id: Mapped[str]
    zone: Mapped[str | None]
    """IANA zone; None: the tenant's."""
    manages_team: Mapped[str | None]
    """The tree of teams that this person leads."""
    terms: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    """``paceline.sql.terms.Terms``; empty for a person whose teams and zones were never dated."""
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "team_id"], ["teams.tenant", "teams.id"], **_DEFERRED),
        ForeignKeyConstraint(["tenant", "manages_team"], ["teams.tenant", "teams.id"], **_DEFERRED),
    )


class Connection(Base):
    """A source of events; its id is in the webhook's address, so unique over all tenants."""

    __tablename__ = "connections"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id", **_DEFERRED), index=True)
    kind: Mapped[str]
    settings: Mapped[dict[str, Any]]
    """``paceline.sql.connections.ConnectionSettings``; of secrets only their variables' names."""
    enabled: Mapped[bool]


class RepOwner(Base):
    """A rep's id in a CRM. The key lets an owner belong to one rep at most."""

    __tablename__ = "rep_owners"
    tenant: Mapped[str] = _tenant()
    connection: Mapped[str] = mapped_column(
        ForeignKey("connections.id", **_DEFERRED), primary_key=True
    )
    owner_id: Mapped[str] = mapped_column(primary_key=True)
    rep_id: Mapped[str]
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "rep_id"], ["reps.tenant", "reps.id"], **_DEFERRED),
    )


class Generation(Base):
    """One meaning of a tenant's numbers; they only ever grow."""

    __tablename__ = "generations"
    tenant: Mapped[str] = _tenant()
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    meaning: Mapped[str]
    """``schemas.meaning.Meaning`` as JSON text: kept exactly as it was written."""
    created_at: Mapped[int]
    published_at: Mapped[int | None]
    """When its ``Activate`` record was acknowledged by Kafka; None: not yet."""
    held: Mapped[bool] = mapped_column(server_default=false())
    """It is not switched to before it is released."""
    decision: Mapped[str] = mapped_column(server_default="")
    """Of a held one: ``release``, ``discard``, or empty while it waits."""
    decided_at: Mapped[int | None]
    decision_published_at: Mapped[int | None]


class ConfigVersion(Base):
    """What was applied and when; ``version`` counts from 1 for each tenant."""

    __tablename__ = "config_versions"
    tenant: Mapped[str] = _tenant()
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    applied_at: Mapped[int]
    digest: Mapped[str]
    document: Mapped[str]


class PlanVersion(Base):
    """Counts the changes of all that a plan is made of: one row a tenant, moved by every writer."""

    __tablename__ = "plan_versions"
    tenant: Mapped[str] = _tenant()
    version: Mapped[int]
    changed_at: Mapped[int]


class PlanItem(Base):
    """One version of a KPI, a declared measure, a calendar, a role or a ramp; never changed."""

    __tablename__ = "plan_items"
    tenant: Mapped[str] = _tenant()
    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[date]
    """The tenant's civil day on which it was written: it holds from then on."""
    created_at: Mapped[int]
    author: Mapped[str]
    gone: Mapped[bool]
    """It was taken away with this version, whose ``body`` is empty."""
    body: Mapped[dict[str, Any]]


class TargetRow(Base):
    """One version of a target; only its state is ever changed, and nothing is deleted."""

    __tablename__ = "targets"
    tenant: Mapped[str] = _tenant()
    id: Mapped[str] = mapped_column(primary_key=True)
    """Of KPI, subject and period, so the same over all versions."""
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kpi: Mapped[str]
    subject_kind: Mapped[str]
    subject: Mapped[str]
    first: Mapped[date]
    last: Mapped[date]
    """The period's first and last day."""
    base: Mapped[str]
    """A fraction as text, ``3/2``; money in minor units, durations in seconds."""
    stretch: Mapped[str | None]
    commit: Mapped[str | None]
    effective: Mapped[date | None]
    """A change within the period: from this day on. None: from the period's start."""
    change: Mapped[str]
    monthly: Mapped[list[int]]
    prorate: Mapped[bool]
    state: Mapped[str]
    note: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[int]
    __table_args__ = (Index(None, "tenant", "last", "first"),)


class AuditRow(Base):
    """Who changed what, when, and from what to what; written with the change itself."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id", **_DEFERRED))
    at: Mapped[int]
    actor: Mapped[str]
    """``file:NAME``, ``key:PREFIX LABEL`` or ``cli:NAME``."""
    action: Mapped[str]
    """``create``, ``change``, ``remove``, ``publish``, ``acknowledge``, ``withdraw``,
    ``erase``."""
    kind: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    __table_args__ = (Index(None, "tenant", "id"),)


class ApiKeyRow(Base):
    """An API key; of its secret only the hash is kept."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    """The short public prefix: safe to show and to log."""
    hash: Mapped[bytes]
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id", **_DEFERRED), index=True)
    label: Mapped[str]
    scopes: Mapped[list[str]]
    rep_id: Mapped[str | None]
    team_id: Mapped[str | None]
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]


class Incarnation(Base):
    """The logs that were ever seen, numbered in that order: replay follows it."""

    __tablename__ = "incarnations"
    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    incarnation: Mapped[str] = mapped_column(unique=True)
    first_seen: Mapped[int]


class Archived(Base):
    """Every accepted record of the log. ``tenant`` is empty for what concerns a whole partition."""

    __tablename__ = "archive"
    incarnation: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True, server_default="crm.events")
    """Which lane of the log: ``crm.events``, or ``crm.backfill`` for what was imported."""
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tenant: Mapped[str]
    event_id: Mapped[str]
    payload: Mapped[bytes]
    """The Kafka value, byte for byte."""


class ArchiveProgress(Base):
    """How far SQL follows the log: everything of the topic below ``next_offset`` is in it."""

    __tablename__ = "archive_progress"
    topic: Mapped[str] = mapped_column(primary_key=True)
    incarnation: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_offset: Mapped[int]


class DeadLetterRow(Base):
    """An event that could not be used; ``schemas.dead.DeadLetter``."""

    __tablename__ = "dead_letters"
    tenant: Mapped[str] = mapped_column(primary_key=True)
    """No foreign key: a letter may outlive its tenant, or belong to none."""
    id: Mapped[str] = mapped_column(primary_key=True)
    connection: Mapped[str]
    stage: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str]
    at: Mapped[int]
    payload: Mapped[bytes]
    content_type: Mapped[str]
    headers: Mapped[dict[str, Any]]
    replayed_at: Mapped[int | None]
    replays: Mapped[int] = mapped_column(default=0)
    __table_args__ = (Index(None, "tenant", "at", "id"),)


class FactBook(Base):
    """The facts of one tenant under one generation; a damaged one is written anew as an edition."""

    __tablename__ = "fact_books"
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str]
    generation: Mapped[int]
    edition: Mapped[int]
    partition: Mapped[int]
    state: Mapped[str]
    """``filling``: what came before its base is being put in from the archive; ``whole``; or
    ``damaged``: facts went missing, and the next edition takes its place."""
    base_log: Mapped[str]
    """The incarnation in which its live facts begin, and where in its two lanes."""
    base_live: Mapped[int]
    base_backfill: Mapped[int]
    created_at: Mapped[int]
    filled_at: Mapped[int | None]
    pruned_before: Mapped[int] = mapped_column(server_default="0")
    """Facts of flows before this instant are gone by the retention."""
    __table_args__ = (
        Index(None, "tenant", "generation", "edition", unique=True),
        Index(None, "partition", "state"),
    )


_BYTES = Text().with_variant(Text(collation="C"), "postgresql")
"""In the order of its bytes, as SQLite has it anyway: names are looked up by how they begin."""


class FactRow(Base):
    """By how much one event changed one measure of one owner at one instant."""

    __tablename__ = "facts"
    book: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    log: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The incarnation's number, see ``Incarnation``."""
    lane: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0: live, 1: backfill."""
    offset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entity: Mapped[str]
    owner: Mapped[str] = mapped_column(_BYTES)
    measure: Mapped[str] = mapped_column(_BYTES)
    at: Mapped[int]
    delta: Mapped[int]
    known_at: Mapped[int]
    # Everything is read from the index alone.
    __table_args__ = (
        Index("ix_facts_line", "book", "owner", "measure", "at", "known_at", "delta", "entity"),
        {"sqlite_with_rowid": False},
    )


class FactProgress(Base):
    """Up to where the facts of a lane of a log are in the books."""

    __tablename__ = "fact_progress"
    incarnation: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_offset: Mapped[int]


class PeriodLock(Base):
    """A closed period whose figures stand as they were; a new row for every locking."""

    __tablename__ = "period_locks"
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id", **_DEFERRED))
    label: Mapped[str]
    """``FY2026-Q3``, ``2026-11``."""
    first: Mapped[date]
    last: Mapped[date]
    locked_at: Mapped[int]
    author: Mapped[str]
    note: Mapped[str]
    generation: Mapped[int]
    unlocked_at: Mapped[int | None]
    unlocked_by: Mapped[str | None]
    __table_args__ = (Index(None, "tenant", "label", "id"),)


class LockedFigures(Base):
    """What the KPIs of one subject were when a period was locked."""

    __tablename__ = "locked_figures"
    lock: Mapped[int] = mapped_column(
        ForeignKey("period_locks.id", **_DEFERRED), primary_key=True, autoincrement=False
    )
    subject_kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    figures: Mapped[dict[str, Any]]
    """KPI -> its value as it was answered; null: it had none."""


class CurrencyRate(Base):
    """One version of a rate; the latest of its currency and day holds, and nothing is deleted."""

    __tablename__ = "currency_rates"
    tenant: Mapped[str] = _tenant()
    currency: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rate: Mapped[str | None]
    """Units of the tenant's currency for one unit, as a decimal; null: withdrawn."""
    author: Mapped[str]
    recorded_at: Mapped[int]


class ForecastRow(Base):
    """What somebody stood for of a period's end; append-only, the latest of a subject holds."""

    __tablename__ = "forecasts"
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id", **_DEFERRED))
    subject_kind: Mapped[str]
    subject: Mapped[str]
    label: Mapped[str]
    """The period's."""
    commit: Mapped[int]
    """Minor units of the tenant's currency, cumulative: what is won included."""
    best_case: Mapped[int]
    note: Mapped[str]
    role: Mapped[str]
    """``rep``: for oneself; ``manager``: for somebody else, over what they said."""
    author: Mapped[str]
    overrode: Mapped[int | None]
    """The submission of somebody else that this one was put over."""
    submitted_at: Mapped[int]
    __table_args__ = (Index(None, "tenant", "label", "subject_kind", "subject", "id"),)


class HelpCall(Base):
    """Somebody asks for the manager's help with a deal."""

    __tablename__ = "help_calls"
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id", **_DEFERRED))
    deal: Mapped[str]
    """Entity key."""
    rep: Mapped[str]
    text: Mapped[str]
    author: Mapped[str]
    asked_at: Mapped[int]
    answer: Mapped[str | None]
    answered_by: Mapped[str | None]
    answered_at: Mapped[int | None]
    __table_args__ = (Index(None, "tenant", "rep", "id"),)


class AlertRow(Base):
    """An alert: what it said when it began, and what became of it."""

    __tablename__ = "alerts"
    tenant: Mapped[str] = _tenant()
    id: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str]
    rule_version: Mapped[int]
    severity: Mapped[str]
    subject_kind: Mapped[str]
    subject: Mapped[str]
    period: Mapped[str]
    began_at: Mapped[int]
    fired_at: Mapped[int]
    resolved_at: Mapped[int | None]
    late: Mapped[bool]
    body: Mapped[bytes]
    """The message that began it (``schemas.alerts.Alert``), JSON."""
    field: Mapped[str]
    held: Mapped[str]
    """The state that its latest message led to: what restores it."""
    held_at: Mapped[int]
    acknowledged_at: Mapped[int | None]
    acknowledged_by: Mapped[str | None]
    snoozed_until: Mapped[int | None]
    useful: Mapped[int]
    """How many said that it was useful, less those who said that it was not."""
    __table_args__ = (
        Index(None, "tenant", "fired_at"),
        Index(None, "tenant", "rule", "fired_at"),
        Index(None, "tenant", "field"),
    )


class AlertRecipient(Base):
    """A person's inbox: who is told of an alert, since when, and by which step of escalation."""

    __tablename__ = "alert_recipients"
    tenant: Mapped[str] = _tenant()
    alert: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    """A rep's id; empty: the administrators."""
    told_at: Mapped[int]
    """Not before: an escalation lies ahead, and is taken back by an acknowledgement."""
    cancelled: Mapped[bool] = mapped_column(server_default=false())
    __table_args__ = (Index(None, "tenant", "person", "told_at"),)


class AlertNote(Base):
    """What somebody did with an alert; append-only."""

    __tablename__ = "alert_notes"
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(ForeignKey("tenants.id", **_DEFERRED))
    alert: Mapped[str]
    at: Mapped[int]
    author: Mapped[str]
    kind: Mapped[str]
    """``acknowledge``, ``snooze``, ``comment``, ``useful``, ``not_useful``."""
    text: Mapped[str]
    __table_args__ = (Index(None, "tenant", "alert", "id"),)


class Subscription(Base):
    """Where alerts are delivered to: a webhook or a team chat."""

    __tablename__ = "subscriptions"
    tenant: Mapped[str] = _tenant()
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    """``webhook``, ``slack``, ``teams``, ``feishu``, ``dingtalk``, ``wecom``."""
    url: Mapped[str]
    secrets: Mapped[list[str]]
    """The newest first; several while they are being exchanged."""
    filters: Mapped[dict[str, Any]]
    language: Mapped[str]
    enabled: Mapped[bool]
    why_disabled: Mapped[str]
    failing_since: Mapped[int | None]
    sequence: Mapped[int]
    """Of the latest message."""
    created_at: Mapped[int]
    author: Mapped[str]


class Delivery(Base):
    """One message to one place, and how far it is."""

    __tablename__ = "deliveries"
    tenant: Mapped[str] = _tenant()
    id: Mapped[str] = mapped_column(primary_key=True)
    """The same however often it is planned: of alert, change and place."""
    alert: Mapped[str]
    what: Mapped[str]
    """``fired``, ``resolved``, ``test``."""
    subscription: Mapped[str | None]
    person: Mapped[str | None]
    """Of an e-mail."""
    sequence: Mapped[int]
    body: Mapped[bytes]
    """What the message is made of: ``schemas.alerts.Alert``, JSON."""
    state: Mapped[str]
    """``pending``, ``delivered``, ``dead``, ``dropped``."""
    attempts: Mapped[int]
    due_at: Mapped[int]
    leased_until: Mapped[int]
    created_at: Mapped[int]
    done_at: Mapped[int | None]
    said: Mapped[str]
    """The last answer, in a line."""
    __table_args__ = (
        Index(None, "state", "due_at"),
        Index(None, "tenant", "subscription", "sequence"),
        Index(None, "tenant", "person", "state", "done_at"),
        Index(None, "tenant", "alert"),
    )


class DeliveryAttempt(Base):
    """One attempt to deliver."""

    __tablename__ = "delivery_attempts"
    tenant: Mapped[str] = _tenant()
    delivery: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    took_ms: Mapped[int]
    status: Mapped[int | None]
    """HTTP's, or the mail server's; null: there was no answer."""
    error: Mapped[str]
    excerpt: Mapped[str]
    """How the answer began."""


class MailOptOut(Base):
    """A person who takes no e-mail any more; the inbox stays."""

    __tablename__ = "mail_opt_outs"
    tenant: Mapped[str] = _tenant()
    person: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int]
