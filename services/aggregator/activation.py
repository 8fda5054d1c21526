"""Activation: what the control records of generations do.

In: an activation, a release, a discard. Out: what it changes, as a blob for the fence. Guarantee: a
tenant's first generation is live with its activation; any later one is noted as to be built, which
goes on beside the live one (see ``services.aggregator.rebuild``), and the log is read on.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kpi.fold import Tenant
from schemas import keys, pending
from schemas.envelope import Activate, Discard, Event, Release
from schemas.facts import TenantFacts
from schemas.pending import Pending
from services.aggregator.blob import Blob
from services.aggregator.owned import Owned

Waiting = dict[str, Pending]
"""Text as it is stored -> what it says."""


async def obey(owned: Owned, control: Event) -> Blob:
    """What a control record of a generation changes."""
    live = (await owned.store.tenants([control.tenant]))[control.tenant]
    waiting = await owned.store.pending(control.tenant)
    blob = Blob(owned.partition)
    data = control.data
    assert isinstance(data, Activate | Release | Discard)  # noqa: S101 - asked for by its kind
    if live is None:
        if isinstance(data, Activate):
            switch(blob, control.tenant, Tenant(data.generation, data.meaning))
        return blob
    # Unless Redis went back since we looked: then something else is live, or to be built.
    meta = keys.tenant_meta(owned.partition, control.tenant)
    blob.generations.append((meta, str(live.generation)))
    check_all(blob, waiting)
    if data.generation <= live.generation:
        return blob
    if isinstance(data, Activate):
        one = Pending(
            tenant=control.tenant, generation=data.generation, meaning=data.meaning, held=data.held
        )
        if not any(_overtakes(other, one) for other in waiting.values()):
            _await(blob, one, waiting)
        return blob
    for one in waiting.values():
        if one.generation == data.generation and one.held:
            if isinstance(data, Release):
                _await(blob, msgspec.structs.replace(one, held=False), waiting)
            else:
                leave(blob, one.tenant, [one.generation])
    return blob


def switch(blob: Blob, tenant: str, target: Tenant) -> None:
    """Let a generation be the live one."""
    meaning = msgspec.json.encode(target.meaning).decode()
    meta = keys.tenant_meta(blob.partition, tenant)
    blob.sets.append((meta, [keys.LIVE, str(target.generation), keys.MEANING, meaning]))
    blob.members.append((keys.tenants(blob.partition), tenant))
    blob.told.append(TenantFacts(tenant, target.generation, []))


def check_all(blob: Blob, waiting: Waiting) -> None:
    """Let the fence answer STALE where Redis holds other texts."""
    for raw, one in waiting.items():
        field = keys.of_generation(one.tenant, one.generation)
        blob.generations.append((keys.pending(blob.partition), raw, field))


def leave(blob: Blob, tenant: str, generations: Iterable[int]) -> None:
    """Let generations go: they are not built any further, and their keys expire."""
    for generation in generations:
        field = keys.of_generation(tenant, generation)
        blob.gone.append((keys.pending(blob.partition), field))
        blob.sets.append((keys.leaving(blob.partition), [field, "1"]))


def _overtakes(other: Pending, one: Pending) -> bool:
    """Whether there is nothing to note any more: it was, or a later one is wanted already."""
    same = other.generation == one.generation
    return same or (other.generation > one.generation and not other.held)


def _await(blob: Blob, one: Pending, waiting: Waiting) -> None:
    """Note what is to be built; one that is held leaves an older one alone that is not."""
    field = keys.of_generation(one.tenant, one.generation)
    blob.sets.append((keys.pending(blob.partition), [field, pending.encode(one)]))
    older = [other for other in waiting.values() if other.generation < one.generation]
    leave(blob, one.tenant, [other.generation for other in older if other.held or not one.held])
