"""Topic names, partition counts, and the partitioner.

In: a tenant id. Out: its partition, equal to what Kafka's standard (murmur2) partitioner picks for
that key. Guarantee: the mapping never changes while the partition count is kept, which is fixed
when topics are created.
"""

from __future__ import annotations

EVENTS = "crm.events"
BACKFILL = "crm.backfill"
"""An organisation's history, imported: the slow lane beside ``EVENTS``, partition by partition."""
DEAD = "crm.dead"
FACTS = "kpi.facts"
"""What the numbers changed by, on its way to the ledger; partitioned as ``EVENTS`` is."""
ALERTS = "kpi.alerts"
"""Changes of alerts that are told, on their way to the notifier; partitioned as ``EVENTS`` is."""
INCARNATION = "paceline.incarnation"
"""Compacted, one partition: the id of this log, written by whoever creates the topics."""
INCARNATION_KEY = b"incarnation"

ALL = (EVENTS, BACKFILL, DEAD, FACTS, ALERTS, INCARNATION)

PARTITIONS_EMBEDDED = 8
PARTITIONS_PRODUCTION = 64

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (``org.apache.kafka.common.utils.Utils.murmur2``), unsigned."""
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for i in range(0, whole, 4):
        k = (int.from_bytes(data[i : i + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    return _finish(_tail(h, data[whole:]))


def _tail(h: int, rest: bytes) -> int:
    return ((h ^ int.from_bytes(rest, "little")) * _M) & _MASK if rest else h


def _finish(h: int) -> int:
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(tenant: str, partitions: int) -> int:
    """The default placement of a tenant, 0 <= p < partitions."""
    return (murmur2(tenant.encode()) & 0x7FFFFFFF) % partitions
