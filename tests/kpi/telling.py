"""Telling a history in few words, and reading a number from it twice: as stored, and as recounted.

In: changes written one after another, times as ``2026-03-28 10:00`` UTC. Out: numbers that the
folding and the oracle agree on; a disagreement fails the test that asked.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from kpi.reading import next_month
from schemas.envelope import EntityKind, EntityPatch, Op, Scalar
from schemas.meaning import (
    Category,
    ConnectionMeaning,
    Credit,
    Criterion,
    DeclaredMeasure,
    Disqualification,
    Meaning,
)
from tests.oracle.folding import folded
from tests.oracle.plain import Recount, Told

CRM = "hubspot-main"
DAY = 86_400_000

STAGES: dict[str, dict[str, Category]] = {
    "*": {
        "lead": "open",
        "demo": "open",
        "qualified": "qualified",
        "offer": "qualified",
        "signed": "won",
        "lost to rival": "lost",
        "unfit": "disqualified",
    },
    "renewals": {"due": "qualified", "renewed": "won", "signed": "lost"},
}
STEPS = {
    "*": ("lead", "demo", "qualified", "offer", "signed", "lost to rival", "unfit"),
    "renewals": ("due", "renewed", "signed"),
}


def meaning(
    *,
    zone: str = "UTC",
    currency: str = "USD",
    owner_zones: dict[str, tuple[tuple[int, str], ...]] | None = None,
    stale_after_days: int | None = 30,
    credit: Credit = "owner",
    criteria: dict[str, Criterion] | None = None,
    disqualification: Disqualification | None = None,
    measures: dict[str, DeclaredMeasure] | None = None,
) -> Meaning:
    """A tenant with one CRM."""
    return Meaning(
        code=1,
        zone=zone,
        owner_zones=owner_zones or {},
        connections={CRM: ConnectionMeaning(currency=currency, stages=STAGES, steps=STEPS)},
        stale_after_days=stale_after_days,
        credit=credit,
        criteria=criteria or {},
        disqualification=disqualification,
        measures=measures or {},
    )


USUAL = meaning()


def ms(when: str) -> int:
    """``2026-03-28 10:00`` UTC in milliseconds."""
    return round(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000)


class Story:
    """What a CRM told, change by change; every event gets an id of its own unless one is given."""

    def __init__(self, *, under: Meaning = USUAL) -> None:
        self.meaning = under
        self.told: list[Told] = []

    def deal(self, when: str, op: Op = "set", **fields: Scalar) -> Story:
        """One change of the deal 9001."""
        return self.change("deal", "9001", when, op, **fields)

    def activity(self, when: str, op: Op = "create", **fields: Scalar) -> Story:
        """One change of the activity 77."""
        return self.change("activity", "77", when, op, **fields)

    def change(
        self, kind: EntityKind, vendor_id: str, when: str, op: Op, **fields: Scalar
    ) -> Story:
        """One change of any entity."""
        at = ms(when)
        patch = EntityPatch(
            entity=kind, id=vendor_id, op=op, occurred_at=at, received_at=at, fields=fields
        )
        return self.tell(f"evt-{len(self.told) + 1}", patch)

    def tell(self, event: str, patch: EntityPatch) -> Story:
        """One patch under an event id of the test's choice."""
        self.told.append((event, CRM, patch))
        return self

    def flow(self, owner: str, measure: str, month: str) -> int:
        """A flow in a month of the owner, ``2026-03``."""
        first = date.fromisoformat(f"{month}-01")
        return self.between(
            owner, measure, first, date.fromordinal(next_month(first).toordinal() - 1)
        )

    def on(self, owner: str, measure: str, day: str) -> int:
        """A flow on one civil day of the owner."""
        return self.between(owner, measure, date.fromisoformat(day), date.fromisoformat(day))

    def between(self, owner: str, measure: str, first: date, last: date) -> int:
        """A flow, both days included; the same in every order."""
        recounted = Recount(self.told, self.meaning).value(f"{CRM}/{owner}", measure, first, last)
        for told in (self.told, self.told[::-1]):
            stored = folded(told, self.meaning).value(f"{CRM}/{owner}", measure, first, last)
            assert stored == recounted
        return recounted

    def level(self, owner: str, measure: str, day: str) -> int:
        """A gauge at the end of a civil day of the owner; the same in every order."""
        at = date.fromisoformat(day)
        recounted = Recount(self.told, self.meaning).level(f"{CRM}/{owner}", measure, at)
        for told in (self.told, self.told[::-1]):
            assert folded(told, self.meaning).level(f"{CRM}/{owner}", measure, at) == recounted
        return recounted
