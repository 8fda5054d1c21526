"""Which part of a configuration the numbers depend on.

In: a tenant's state and the code version of ``kpi``. Out: ``schemas.meaning.Meaning``. Guarantee:
names, teams, reps and secrets are not in it. An owner is, only where its zone differs from the
tenant's: mapping an unknown owner to a rep in the tenant's own zone changes no meaning.
"""

from __future__ import annotations

from paceline.config.state import RepState, TenantState
from schemas.envelope import owner_key
from schemas.meaning import ConnectionMeaning, Meaning


def meaning_of(tenant: TenantState, code: int) -> Meaning:
    """What the tenant's numbers mean under this configuration."""
    return Meaning(
        code=code,
        zone=tenant.zone,
        owner_zones=_owner_zones(tenant),
        connections={
            name: ConnectionMeaning(
                currency=source.settings.currency, stages=source.settings.stages
            )
            for name, source in sorted(tenant.connections.items())
        },
        stale_after_days=tenant.settings.stale_after_days,
        entity_retention_days=tenant.settings.entity_retention_days,
    )


def _owner_zones(tenant: TenantState) -> dict[str, tuple[tuple[int, str], ...]]:
    zones = {
        owner_key(*owner): ((0, zone),)
        for rep in tenant.reps.values()
        if (zone := _own_zone(rep, tenant)) is not None
        for owner in rep.owners
    }
    return dict(sorted(zones.items()))


def _own_zone(rep: RepState, tenant: TenantState) -> str | None:
    return None if rep.zone == tenant.zone else rep.zone
