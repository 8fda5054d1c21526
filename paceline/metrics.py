"""The catalogue of metrics: every number that a process shows to Prometheus, by one name each.

In: what the services count. Out: Prometheus text, by ``exposition()``. Guarantee: labels
are bounded (outcomes, partitions, routes, statuses, reasons); no tenant, owner or entity is one.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

_FAST: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
"""Seconds; from a script in Redis to a broker that is failing over."""
_PATIENT: Final = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    15.0,
    60.0,
    300.0,
    3600.0,
)
"""Seconds; from a webhook to a changed number, catching up after an outage included."""
_SIZES: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)

# --- ingest ------------------------------------------------------------------------------------

INGEST_REQUESTS = Counter(
    "paceline_ingest_requests_total",
    "Webhook requests by outcome: accepted, or the stable code of the refusal.",
    ["connection_kind", "outcome"],
)
INGEST_EVENTS = Counter(
    "paceline_ingest_events_total",
    "Events that were acknowledged to a CRM, so that they must never be lost.",
    ["connection_kind"],
)
INGEST_SECONDS = Histogram(
    "paceline_ingest_request_seconds",
    "From the first byte of a webhook to its answer.",
    buckets=_FAST,
)
DEAD_LETTERS = Counter(
    "paceline_dead_letters_total",
    "Authentic events that could not be used, by stage (ingest, aggregate) and reason.",
    ["stage", "reason"],
)
PRODUCE_SECONDS = Histogram(
    "paceline_produce_seconds",
    "From handing a request's events to the producer until all in-sync replicas have them.",
    buckets=_FAST,
)
JOURNAL_BYTES = Gauge(
    "paceline_journal_bytes",
    "Size of the local journal; near its limit, webhooks are about to be refused with 503.",
)
JOURNAL_RECORDS = Gauge(
    "paceline_journal_records",
    "Records of the local journal that are not known to be in the log, archived and applied.",
)
JOURNAL_SYNC_SECONDS = Histogram(
    "paceline_journal_sync_seconds",
    "One group commit of the journal: write and fsync.",
    buckets=_FAST,
)

# --- aggregator --------------------------------------------------------------------------------

LAG_EVENTS = Gauge(
    "paceline_aggregator_lag_events",
    "Events of a partition that are in the log but not in the numbers.",
    ["partition"],
)
LAG_SECONDS = Gauge(
    "paceline_aggregator_lag_seconds",
    "How long ago the latest event in the numbers was received, while others wait; else 0.",
    ["partition"],
)
BATCH_EVENTS = Histogram(
    "paceline_aggregator_batch_events",
    "Events in one script.",
    buckets=_SIZES,
)
APPLY = Counter(
    "paceline_apply_total",
    "Answers of the fence: OK, FENCED, GAP, STALE, LOST, REBORN.",
    ["outcome"],
)
SCRIPT_SECONDS = Histogram(
    "paceline_apply_script_seconds",
    "One script in Redis, seen from the worker; other clients wait as long.",
    buckets=_FAST,
)
REBUILT_EVENTS = Counter(
    "paceline_rebuilt_events_total",
    "Events of the archive that were folded into generations beside the live ones.",
)
GENERATIONS_BUILDING = Gauge(
    "paceline_generations_building",
    "Generations of owned partitions that are being built, those included that are held.",
)
COMPUTE_SECONDS = Histogram(
    "paceline_apply_compute_seconds",
    "Taking the differences of a batch.",
    buckets=_FAST,
)
AGGREGATED_EVENTS = Counter(
    "paceline_aggregated_events_total",
    "Events whose effect is in the numbers, by kind: patch, control.",
    ["kind"],
)
ENTITIES_CACHED = Gauge(
    "paceline_entities_cached",
    "Entities in the worker's memory, over all its partitions.",
)
PARTITIONS_OWNED = Gauge(
    "paceline_partitions_owned",
    "Partitions that this worker has claimed.",
)
OUTBOX_RECORDS = Gauge(
    "paceline_outbox_records",
    "Records in Redis that wait to be relayed to Kafka.",
    ["partition"],
)
FACTS_OUTBOX_RECORDS = Gauge(
    "paceline_facts_outbox_records",
    "Messages of facts in Redis that wait to be relayed to Kafka, as far as one look sees them.",
    ["partition"],
)

# --- alerts ------------------------------------------------------------------------------------

ALERTS_LOOKED = Counter("paceline_alerts_looked_total", "Rules held against a subject's numbers.")
ALERTS_CHANGED = Counter(
    "paceline_alerts_changed_total", "Alerts that began or were over.", ["what"]
)
ALERT_ERRORS = Counter(
    "paceline_alert_errors_total", "Looks that failed; they are made again a minute later."
)
ALERTS_OUTBOX_RECORDS = Gauge(
    "paceline_alerts_outbox_records",
    "Messages of alerts in Redis that wait to be relayed to Kafka, as far as one look sees them.",
    ["partition"],
)

# --- notifier ----------------------------------------------------------------------------------

DELIVERIES_PLANNED = Counter("paceline_deliveries_planned_total", "Messages to be delivered.")
DELIVERY_ATTEMPTS = Counter(
    "paceline_delivery_attempts_total", "Attempts to deliver.", ["kind", "outcome"]
)
DELIVERY_SECONDS = Histogram(
    "paceline_delivery_seconds",
    "From the look that found an alert until its receiver took it.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600),
)

# --- ledger ------------------------------------------------------------------------------------

LEDGER_ROWS = Counter(
    "paceline_ledger_rows_total",
    "Rows written to SQL, by kind: archived, dead, facts.",
    ["kind"],
)
LEDGER_LAG_EVENTS = Gauge(
    "paceline_ledger_lag_events",
    "Records of a partition that are in the log but not in the archive.",
    ["partition"],
)
FACTS_LAG_RECORDS = Gauge(
    "paceline_facts_lag_records",
    "Messages of facts of a partition that are in the log but not in SQL.",
    ["partition"],
)
FACTS_LAG_SECONDS = Gauge(
    "paceline_facts_lag_seconds",
    "How long ago the latest facts in SQL were relayed, while others wait; else 0.",
    ["partition"],
)
BOOKS_FILLING = Gauge(
    "paceline_ledger_books_filling",
    "Generations of tenants whose facts are being filled in from the archive.",
)
LEDGER_COMMIT_SECONDS = Histogram(
    "paceline_ledger_commit_seconds",
    "One transaction of the archive.",
    buckets=_FAST,
)

# --- verification ------------------------------------------------------------------------------

VERIFY_DRIFT = Gauge(
    "paceline_verify_drift",
    "Places in Redis that differed from the archive at the last verification, by kind.",
    ["kind"],
)
VERIFY_TENANTS = Gauge(
    "paceline_verify_tenants",
    "Tenants at the last verification: right, wrong, unchecked.",
    ["outcome"],
)
VERIFY_AT = Gauge(
    "paceline_verify_timestamp_seconds",
    "When the last verification ended, seconds since 1970.",
)
VERIFY_SECONDS = Gauge(
    "paceline_verify_seconds",
    "How long the last verification took.",
)

# --- API ---------------------------------------------------------------------------------------

API_REQUESTS = Counter(
    "paceline_api_requests_total",
    "Requests by route template, never by path, and by status.",
    ["route", "status"],
)
API_SECONDS = Histogram(
    "paceline_api_request_seconds",
    "From a request to the start of its answer; a stream counts until its head is sent.",
    ["route"],
    buckets=_FAST,
)
SSE_CLIENTS = Gauge(
    "paceline_sse_clients",
    "Open event streams.",
)
SSE_CONFLATED = Counter(
    "paceline_sse_conflated_total",
    "Changes that a slow reader never saw, because a newer state of the same rep took their place.",
)
END_TO_END_SECONDS = Histogram(
    "paceline_end_to_end_seconds",
    "From the receipt of a webhook until the API learns that a number changed.",
    buckets=_PATIENT,
)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def exposition() -> bytes:
    """All metrics of this process in Prometheus's text format; serve it as ``CONTENT_TYPE``."""
    return generate_latest()
