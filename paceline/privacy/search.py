"""Searching the archive: which entities belong to a customer, and everything said about them.

In: archived records of one tenant. Out: entity keys, then their events. Guarantee: a deal that ever
named the customer belongs to it, and so does every activity of such a deal; nothing of another
tenant is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.envelope import EntityPatch, Event, entity_key

ACCOUNT = "account"


@dataclass(slots=True)
class Search:
    """What is looked for, and what was found so far; ``look`` at every event, then ``found``."""

    customer: str | None = None
    """The account's name or id, as the CRM sends it."""
    entities: frozenset[str] = frozenset()
    """Entity keys that are asked for by themselves."""
    _own: set[str] = field(default_factory=set)
    _deals: dict[str, set[str]] = field(default_factory=dict)
    """Entity key of an activity -> the deals that it ever named."""

    def look(self, event: Event) -> None:
        """Note what one event says."""
        patch = event.data
        if not isinstance(patch, EntityPatch):
            return
        key = entity_key(patch.entity, event.connection, patch.id)
        account = patch.fields.get(ACCOUNT)
        if key in self.entities:
            self._own.add(key)
        if self.customer is not None and account is not None and str(account) == self.customer:
            self._own.add(key)
        deal = patch.fields.get("deal")
        if patch.entity == "activity" and deal not in (None, ""):
            named = entity_key("deal", event.connection, str(deal))
            self._deals.setdefault(key, set()).add(named)

    def found(self) -> frozenset[str]:
        """The entities that belong to whoever is looked for."""
        named = {key for key, deals in self._deals.items() if not deals.isdisjoint(self._own)}
        return frozenset(self._own | named)


def key_of(event: Event) -> str | None:
    """The entity that an event is about; None for a control record."""
    patch = event.data
    if not isinstance(patch, EntityPatch):
        return None
    return entity_key(patch.entity, event.connection, patch.id)


def earliest_creation(events: Iterable[Event]) -> int | None:
    """When an entity was created, by its events, ms UTC; None where none of them says."""
    told = []
    for event in events:
        patch = event.data
        if isinstance(patch, EntityPatch):
            if patch.created_at is not None:
                told.append(patch.created_at)
            elif patch.op == "create":
                told.append(patch.occurred_at)
    return min(told, default=None)
