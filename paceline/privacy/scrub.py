"""Scrubbing: an event without what it says about a person or a customer.

In: an event of the log, what the numbers rest on. Out: the same event without its other fields.
Guarantee: pure; folding the scrubbed events, and then the ``clearing`` patch, gives the same
contributions as before, and entities without the erased fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from schemas.envelope import PATCHED, TIMELINES, EntityPatch, Event, Scalar
from schemas.meaning import Meaning

ACCOUNT = "account"
"""The register that names the customer: it gets a pseudonym, for distinct customers are counted."""

_STRUCTURE = frozenset(
    (*TIMELINES, "currency", "type", "at", "minutes", "status", "deal", "new_customer")
)
"""Fields that built-in measures rest on; none of them names anybody."""


class NamedInMeasureError(ValueError):
    """A declared measure or criterion names the customer, so that a pseudonym would change it."""


class Eraser(msgspec.Struct, frozen=True, kw_only=True):
    """What is erased: every field but ``kept``; an account becomes ``pseudonym``."""

    kept: frozenset[str]
    pseudonym: str
    """Empty: accounts are erased like any other field."""

    def fields(self, fields: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The fields that stay; an account that was given stays as the pseudonym."""
        stay = {name: value for name, value in fields.items() if name in self.kept}
        if self.pseudonym and fields.get(ACCOUNT) not in (None, ""):
            stay[ACCOUNT] = self.pseudonym
        return stay

    def event(self, event: Event) -> Event:
        """The event without what is erased; the same object where there is nothing to erase."""
        patch = event.data
        if not isinstance(patch, EntityPatch):
            return event
        stay = self.fields(patch.fields)
        if stay == patch.fields:
            return event
        return msgspec.structs.replace(event, data=msgspec.structs.replace(patch, fields=stay))

    def clearing(self, names: Iterable[str]) -> dict[str, Scalar]:
        """The fields of the patch that takes these registers from an entity that is held.

        >>> one = Eraser(kept=frozenset({"currency"}), pseudonym="erased:7f")
        >>> one.clearing(["account", "currency", "name"])
        {'account': 'erased:7f', 'name': None}
        """
        return {
            name: (self.pseudonym or None) if name == ACCOUNT else None
            for name in sorted(names)
            if name not in self.kept
        }


def eraser_of(meanings: Iterable[Meaning], customer: str | None, pseudonym: str) -> Eraser:
    """What may go without moving a number of any of these meanings.

    Raises:
        NamedInMeasureError: one of them picks deals or activities by this very customer's name.
    """
    used: set[str] = set()
    for meaning in meanings:
        used |= _used(meaning)
        named = _naming(meaning, customer) if customer else None
        if named:
            raise NamedInMeasureError(
                f"{named} names the customer {customer!r}: take it out of the configuration and "
                "apply that first, or the erasure would change its numbers"
            )
    return Eraser(kept=(_STRUCTURE | used) - {ACCOUNT}, pseudonym=pseudonym)


def clearing_event(
    event: Event, fields: dict[str, Scalar], created: int | None, now: int, token: str
) -> Event:
    """The patch that clears an entity's registers now; ``event``: any earlier one of the entity.

    It names the creation, so that an activity which was forgotten meanwhile is refused as too late
    and not counted again.
    """
    patch = event.data
    assert isinstance(patch, EntityPatch)  # noqa: S101 - asked for with a patch
    return Event(
        id=f"erase:{token}:{event.subject or patch.id}",
        source="urn:paceline:erasure",
        type=PATCHED,
        tenant=event.tenant,
        connection=event.connection,
        subject=event.subject,
        data=EntityPatch(
            entity=patch.entity,
            id=patch.id,
            op="set",
            occurred_at=now,
            received_at=now,
            created_at=created,
            fields=fields,
        ),
    )


def _used(meaning: Meaning) -> set[str]:
    """Registers that declared measures, criteria and reasons read."""
    used = {criterion.field for criterion in meaning.criteria.values()}
    if meaning.disqualification is not None:
        used.add(meaning.disqualification.field)
    for measure in meaning.measures.values():
        used |= {one.field for one in measure.filters} | ({measure.of} if measure.of else set())
    return used


def _naming(meaning: Meaning, customer: str) -> str | None:
    for name, measure in meaning.measures.items():
        for one in measure.filters:
            if one.field == ACCOUNT and customer in {*map(str, one.in_), *map(str, one.not_in)}:
                return f"the measure {name}"
    for name, criterion in meaning.criteria.items():
        if criterion.field == ACCOUNT and customer in map(str, criterion.values):
            return f"the criterion {name}"
    return None
