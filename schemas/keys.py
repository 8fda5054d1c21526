"""The catalogue of Redis keys. All of a partition share the hash tag ``{p}``: one script's reach.

In: partition, tenant, generation, owner key. Out: key names. Guarantee: tenants, generations and
owners cannot collide, whatever characters a CRM puts into an owner id: those are percent-encoded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import quote
from zlib import crc32

ENTITY_BUCKETS: Final = 4096

# Fields of {p}:meta
EPOCH: Final = "epoch"
INCARNATION: Final = "incarnation"
RESTORING: Final = "restoring"
"""Set while the partition's numbers are being put back from the archive."""
EVICTED: Final = "evicted"
"""The instant (ms) up to which quiet activities were last forgotten."""
BUILD: Final = "build"
"""The lane of scripts that build a generation: it has no offsets, its place is ``building``."""
LEFT: Final = "left"
"""The log that was followed before, and up to where its facts were told, JSON; until it is told."""
CLOCK: Final = "clock"
"""Greatest instant (ms) that the partition's log has spoken of: receipt of an event, or a tick."""

# Fields of {p}:<tenant>:meta
LIVE: Final = "live"
"""The live generation, a decimal integer."""
MEANING: Final = "meaning"
"""The live generation's meaning, JSON."""


def partition_meta(p: int) -> str:
    """Hash: epoch, incarnation, clock, and next offset per topic."""
    return f"{{{p}}}:meta"


def next_offset(topic: str) -> str:
    """Field of the partition's meta: the first offset of a topic that is not in the numbers yet."""
    return f"next:{topic}"


def facts_told(topic: str) -> str:
    """Field of the partition's meta: up to where the facts of a topic went into the outbox."""
    return f"facts:{topic}"


def tenant_meta(p: int, tenant: str) -> str:
    """Hash: live generation, its meaning, and ``seen:<connection>`` -> last receipt (ms)."""
    return f"{{{p}}}:{tenant}:meta"


def seen(connection: str) -> str:
    """Field of the tenant's meta: receipt (ms UTC) of the connection's last event."""
    return f"seen:{connection}"


def counted(outcome: str) -> str:
    """Field of the tenant's meta: how many events had an outcome such as ``too_late``."""
    return f"n:{outcome}"


def versions(p: int, tenant: str) -> str:
    """Hash: owner key -> log offset of the owner's last change."""
    return f"{{{p}}}:{tenant}:v"


def past_versions(p: int, tenant: str) -> str:
    """Hash: owner key -> log offset of the last change that moved a number of a closed day.

    Closed is a civil day before the owner's today by the wall clock of whoever counted it; from an
    hour before midnight the day counts as closed already. While it stands still (and incarnation,
    epoch and live generation with it), what was read of closed days is still true.
    """
    return f"{{{p}}}:{tenant}:pv"


def entity_bucket(entity: str) -> int:
    """The bucket of an entity key: small hashes are stored compactly."""
    return crc32(entity.encode()) % ENTITY_BUCKETS


def entities(p: int, tenant: str, generation: int, bucket: int) -> str:
    """Hash: entity key -> packed entity."""
    return f"{{{p}}}:{tenant}:{generation}:e:{bucket}"


def panes(p: int, tenant: str, generation: int, owner: str, grain: str, span: str) -> str:
    """Hash: measure and pane -> integer, for one owner key, grain and span (see ``kpi.panes``)."""
    return f"{owner_panes(p, tenant, generation, owner)}:{grain}:{span}"


def owner_panes(p: int, tenant: str, generation: int, owner: str) -> str:
    """What the names of all pane hashes of an owner begin with; grain and span follow."""
    return f"{{{p}}}:{tenant}:{generation}:w:{_quoted(owner)}"


@lru_cache(maxsize=65_536)
def _quoted(owner: str) -> str:
    return quote(owner, safe="/")


def tenants(p: int) -> str:
    """Set: the tenants that ever had a generation in this partition."""
    return f"{{{p}}}:tenants"


def generation(p: int, tenant: str, generation: int) -> str:
    """Pattern of every key of one generation, for deleting or expiring it."""
    return f"{{{p}}}:{tenant}:{generation}:*"


def pending(p: int) -> str:
    """Hash: ``of_generation`` -> a generation that is to be built, JSON (``schemas.pending``)."""
    return f"{{{p}}}:pending"


def leaving(p: int) -> str:
    """Hash: ``of_generation`` -> ``1``, of generations whose keys are to go."""
    return f"{{{p}}}:leaving"


def of_generation(tenant: str, generation: int) -> str:
    """Field of the two above."""
    return f"{generation}:{tenant}"


def building(p: int, tenant: str, generation: int) -> str:
    """Hash: how far a generation that is being built has got; see ``schemas.pending.Progress``."""
    return f"{{{p}}}:{tenant}:{generation}:build"


def changes(p: int) -> str:
    """Capped stream: which owners of which tenant changed, in the order of the log."""
    return f"{{{p}}}:changes"


def dead(p: int) -> str:
    """Outbox stream: events the aggregator could not use, on their way to ``crm.dead``."""
    return f"{{{p}}}:dead"


def alerts(p: int) -> str:
    """Outbox stream: changes of alerts, on their way to ``kpi.alerts``."""
    return f"{{{p}}}:alerts"


def alerts_sent(p: int) -> str:
    """Hash: ``log`` and ``id``: up to where the outbox of alerts was sent, into which log."""
    return f"{{{p}}}:alerts:sent"


def alert_states(p: int, tenant: str) -> str:
    """Hash: ``rule|subject|period|...`` -> the state of an alert, JSON (``kpi.alerts.Held``)."""
    return f"{{{p}}}:{tenant}:alerts"


def watched(p: int) -> str:
    """Hash: tenant with rules of alerts -> digest of the plan that its looks were planned by."""
    return f"{{{p}}}:watched"


def due(p: int) -> str:
    """Sorted set: whom to look at -> when, ms UTC; 0: an owner whose numbers have changed."""
    return f"{{{p}}}:due"


_SEPARATOR = "\x1f"


def touch(tenant: str, owner: str, *, late: bool) -> str:
    """Member of ``due``: an owner whose numbers have changed; ``late``: by an import."""
    return _SEPARATOR.join((tenant, "late" if late else "owner", owner))


def look_at(tenant: str, kind: str, subject: str) -> str:
    """Member of ``due``: a subject whose alerts may change by the clock alone."""
    return _SEPARATOR.join((tenant, kind, subject))


def parts_of_due(member: str) -> tuple[str, str, str]:
    """(tenant, ``owner``, ``late`` or the kind of subject, its id) of a member of ``due``."""
    tenant, kind, subject = member.split(_SEPARATOR, 2)
    return tenant, kind, subject


def facts(p: int) -> str:
    """Outbox stream: what the numbers changed by, on its way to ``kpi.facts``."""
    return f"{{{p}}}:facts"
