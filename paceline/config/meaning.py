"""Which part of a configuration the numbers depend on.

In: a tenant's state and the code version of ``kpi``. Out: ``schemas.meaning.Meaning``. Guarantee:
names, teams, targets, KPIs and secrets are not in it. An owner is, only where its zone differs
from the tenant's: mapping an unknown owner to a rep in the tenant's own zone changes no meaning.
"""

from __future__ import annotations

from kpi.civil import day_start
from paceline.config.state import RepState, TenantState
from paceline.sql.stored import TenantSettings
from schemas.envelope import owner_key
from schemas.meaning import ConnectionMeaning, Criterion, Disqualification, Meaning


def meaning_of(tenant: TenantState, code: int) -> Meaning:
    """What the tenant's numbers mean under this configuration."""
    settings = tenant.settings
    return Meaning(
        code=code,
        zone=tenant.zone,
        owner_zones=_owner_zones(tenant),
        connections={
            name: ConnectionMeaning(
                currency=source.settings.currency,
                stages=source.settings.stages,
                steps=source.settings.steps,
            )
            for name, source in sorted(tenant.connections.items())
        },
        stale_after_days=settings.stale_after_days,
        entity_retention_days=settings.entity_retention_days,
        credit=settings.credit,
        criteria={
            one.id: Criterion(field=one.field, values=one.values) for one in settings.criteria
        },
        disqualification=_disqualification(settings),
        measures=dict(sorted(tenant.measures.items())),
    )


def _disqualification(settings: TenantSettings) -> Disqualification | None:
    said = settings.disqualification
    if said is None:
        return None
    reasons = {text: one.id for one in said.reasons for text in one.values}
    return Disqualification(field=said.field, reasons=dict(sorted(reasons.items())))


def _owner_zones(tenant: TenantState) -> dict[str, tuple[tuple[int, str], ...]]:
    zones = {
        owner_key(*owner): spans
        for rep in tenant.reps.values()
        if (spans := _zones(rep, tenant.zone)) is not None
        for owner in rep.owners
    }
    return dict(sorted(zones.items()))


def _zones(rep: RepState, ordinary: str) -> tuple[tuple[int, str], ...] | None:
    """(from instant, zone): a civil day begins at its midnight in the new zone."""
    spans = [(0, ordinary)]
    for one in rep.terms.zones:
        begin = 0 if one.first is None else day_start(one.first, one.zone)
        if begin <= 0:
            spans = [(0, one.zone)]
        elif one.zone != spans[-1][1]:
            spans.append((begin, one.zone))
    return None if spans == [(0, ordinary)] else tuple(spans)
