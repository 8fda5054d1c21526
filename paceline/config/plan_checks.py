"""What one line of a plan says about another: KPIs, calendars, roles, ramps, dates, targets.

In: the raw values of a tenant, well-shaped or not. Out: problems. Guarantee: as
``paceline.config.references``: what is broken itself is left out, so that everything else is still
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
from pydantic import TypeAdapter, ValidationError

from kpi.calendar.fiscal import FiscalCalendar
from kpi.definitions import Definition, DefinitionError, Mistake, compile_book
from paceline.config import document as doc
from paceline.config import plan_shapes as shape
from paceline.config import plan_state
from paceline.config.problems import meant
from paceline.config.rules import Places, check_rule
from paceline.config.shape import Shape
from paceline.config.source import Map, Path, Source
from paceline.config.targets import Scope, target_of
from paceline.config.words import minutes_of
from paceline.holidays import CalendarSpec, work_calendar
from paceline.holidays import check as check_country
from paceline.sql.amounts import amount
from paceline.sql.connections import ConnectionSettings
from paceline.sql.definitions import in_force, shipped
from schemas.meaning import MAX_DISTINCT, MAX_MEASURES, DeclaredMeasure

S = TypeVar("S", bound=Shape)
_FULL = 100
_CONNECTION: TypeAdapter[doc.Connection] = TypeAdapter(doc.Connection)


def check_plan(source: Source, tenant: Map, teams: set[str], reps: set[str]) -> None:
    """Report what does not fit together in a tenant's plan."""
    currency = str(tenant.get("currency"))
    measures = _measures(source, tenant, currency)
    definitions = _definitions(source, tenant, measures)
    known = {one.id: one for one in definitions}
    calendars, ramps = _named(tenant, "calendars"), _named(tenant, "ramps")
    roles = _named(tenant, "roles")
    _check_days(source, tenant)
    _check_reasons(source, tenant)
    _check_sources(source, tenant)
    _one_of(source, tenant, "calendar", calendars, "calendar")
    for role in maps(tenant, "roles"):
        _kpis(source, role, known)
        _one_of(source, role, "ramp", ramps, "ramp")
    for ramp in maps(tenant, "ramps"):
        _check_ramp(source, ramp, known, currency)
    for rule in maps(tenant, "rules"):
        check_rule(source, rule, Places(known, teams, reps))
    for rep in maps(tenant, "reps"):
        _kpis(source, rep, known)
        _one_of(source, rep, "role", roles, "role")
        _one_of(source, rep, "calendar", calendars, "calendar")
        _one_of(source, rep, "ramp", ramps, "ramp")
        _check_terms(source, rep)
    units = {one.id: one.unit for one in definitions}
    fiscal = _fiscal(tenant)
    if fiscal is not None:
        scope = Scope(str(tenant.get("id")), currency, fiscal, units, reps, teams)
        _check_targets(source, tenant, scope)


def shaped(kind: type[S], raw: Any) -> S | None:
    """The value, None where its shape is wrong, which is reported elsewhere."""
    try:
        return kind.model_validate(raw)
    except ValidationError:
        return None


def maps(above: Any, key: str) -> list[Map]:
    """The mappings of a list."""
    found = above.get(key) if isinstance(above, Map) else None
    return [one for one in found if isinstance(one, Map)] if isinstance(found, list) else []


def connections_of(tenant: Map) -> list[ConnectionSettings]:
    """Of the connections their stages, as far as they can be read."""
    found: list[ConnectionSettings] = []
    for one in maps(tenant, "connections"):
        try:
            stages = _CONNECTION.validate_python(one).stages
        except ValidationError:
            said = one.get("stages")
            stages = said if isinstance(said, dict) else {}
        steps = {name: tuple(inner) for name, inner in stages.items()}
        found.append(ConnectionSettings(currency="", zone="", stages=stages, steps=steps))
    return found


def _named(above: Any, key: str) -> set[str]:
    return {one["id"] for one in maps(above, key) if isinstance(one.get("id"), str)}


def _measures(source: Source, tenant: Map, currency: str) -> dict[str, DeclaredMeasure]:
    found: dict[str, DeclaredMeasure] = {}
    distinct = 0
    for place, raw in enumerate(maps(tenant, "measures")):
        if place == MAX_MEASURES:
            source.report(
                raw.path, f"more than {MAX_MEASURES} measures; each costs panes of its own"
            )
        said = shaped(shape.Measure, raw)
        if said is None:
            continue
        found[said.id] = plan_state.measure_of(said, currency)
        distinct += said.take == "distinct"
        if said.take == "distinct" and distinct == MAX_DISTINCT + 1:
            source.report(raw.path, f"more than {MAX_DISTINCT} distinct measures; take one out")
        for key, what in _measure_mistakes(said):
            source.report((*raw.path, key), what)
    return found


def _measure_mistakes(said: shape.Measure) -> Iterator[tuple[str, str]]:
    if (said.moment == "done") != (said.entity == "activity") and said.moment != "created":
        yield "moment", f"`{said.moment}` is no moment of an entity of kind `{said.entity}`"
    if (said.moment == "stage") != bool(said.stage):
        yield "stage", "with `moment: stage`, and only with it, `stage` names the stage"
    if said.take in ("sum", "mean", "distinct", "quantile") and not said.of:
        yield "take", f"`take: {said.take}` needs `of`: the field that it is taken of"
    if said.take == "count" and said.of:
        yield "of", "a count is of nothing; leave `of` out, or write `take: sum`"
    if said.moment == "open" and said.take not in ("count", "sum", "mean"):
        yield "take", "of open deals take `count`, `sum` or `mean`"
    if said.moment == "open" and said.take in ("sum", "mean") and said.of != "amount":
        yield "of", "of open deals only the `amount` is summed"


def _definitions(
    source: Source, tenant: Map, measures: dict[str, DeclaredMeasure]
) -> tuple[Definition, ...]:
    connections = connections_of(tenant)
    known = {one.id: one for one in shipped(connections)}
    own: dict[str, Definition] = {}
    places: dict[str, Path] = {}
    for raw in maps(tenant, "kpis"):
        said = shaped(shape.Kpi, raw)
        if said is not None and _whole(source, raw, said, known):
            own[said.id] = plan_state.definition_of(said, known.get(said.id))
            places[said.id] = raw.path
    own |= _composite(source, tenant, known.keys() | own.keys(), places)
    definitions = in_force(own, connections)
    try:
        compile_book(
            definitions,
            measures,
            # Where no stage is listed at all, nothing is known to be misspelt.
            stages={stage for one in connections for to in one.stages.values() for stage in to}
            or None,
            reasons=_named(tenant.get("disqualification"), "reasons"),
            criteria=_named(tenant.get("qualification"), "criteria"),
        )
    except DefinitionError as error:
        # What is broken itself is reported where it stands, not where it is named.
        broken = _named(tenant, "measures") - measures.keys() | _named(tenant, "kpis") - own.keys()
        for mistake in error.mistakes:
            if not any(f'"{name}"' in mistake.what for name in broken):
                _report(source, tenant, mistake, places)
    return definitions


def _whole(source: Source, raw: Map, said: shape.Kpi, known: dict[str, Definition]) -> bool:
    missing = [
        key
        for key in ("name", "unit", "formula")
        if said.id not in known and getattr(said, key) is None
    ]
    for key in missing:
        what = f"`{key}` is missing, for `{said.id}` is no shipped KPI that could give it"
        source.report(raw.path, f"{what}; {meant(said.id, known)}")
    return not missing


def _composite(
    source: Source, tenant: Map, known: set[str], places: dict[str, Path]
) -> dict[str, Definition]:
    raw = tenant.get("weights")
    if not isinstance(raw, Map) or not raw:
        return {}
    unknown = [kpi for kpi in raw if kpi not in known]
    for kpi in unknown:
        source.report((*raw.path, kpi), f"unknown KPI `{kpi}`; {meant(kpi, known)}", key=True)
    weights = {kpi: int(one) for kpi, one in raw.items() if isinstance(one, int)}
    if len(weights) == len(raw) and sum(weights.values()) != _FULL:
        source.report(raw.path, f"the weights sum to {sum(weights.values())}; they must sum to 100")
    if "composite" in places:
        source.report(raw.path, "`composite` is in `kpis` too; keep one of them")
    if unknown or not weights or min(weights.values()) < 1:
        return {}
    places["composite"] = raw.path
    return plan_state.kpis_of([], weights, {})


def _report(source: Source, tenant: Map, mistake: Mistake, places: dict[str, Path]) -> None:
    path = places.get(mistake.kpi)
    if path is None:
        # A shipped KPI no longer holds: something of the tenant's took away what it rests on.
        where = (*tenant.path, "kpis")
        source.report(where, f"the shipped KPI `{mistake.kpi}` breaks: {mistake.what}", key=True)
        return
    what = f"character {mistake.position}: {mistake.what}" if mistake.position else mistake.what
    source.report((*path, mistake.field), what, character=mistake.position)


def _check_days(source: Source, tenant: Map) -> None:
    for raw in maps(tenant, "calendars"):
        said = shaped(shape.Calendar, raw)
        if said is None:
            continue
        if said.country is None and said.subdivision is not None:
            source.report(
                (*raw.path, "subdivision"), "a subdivision is of a country; add `country`"
            )
        elif said.country is not None and _country(source, raw, said.country, None):
            _country(source, raw, said.country, said.subdivision)
        hours = [minutes_of(one) or (0, 0) for one in said.hours]
        if any(later[0] < earlier[1] for earlier, later in pairwise(hours)):
            source.report((*raw.path, "hours"), "these hours overlap; write them in their order")
        try:
            work_calendar(_without_country(plan_state.calendar_of(said)), range(0))
        except ValueError as error:
            source.report(raw.path, str(error))


def _without_country(spec: CalendarSpec) -> CalendarSpec:
    return msgspec.structs.replace(spec, country=None, subdivision=None)


def _country(source: Source, raw: Map, country: str, subdivision: str | None) -> bool:
    try:
        check_country(country, subdivision)
    except ValueError as error:
        key = "subdivision" if subdivision else "country"
        source.report((*raw.path, key), str(error))
        return False
    return True


def _check_reasons(source: Source, tenant: Map) -> None:
    said = tenant.get("disqualification")
    ids: dict[str, Path] = {}
    texts: dict[str, Path] = {}
    for raw in maps(said, "reasons"):
        _once(source, ids, raw.get("id"), (*raw.path, "id"), "reason")
        values = raw.get("values")
        for place, text in enumerate(values if isinstance(values, list) else [values]):
            path = (
                (*raw.path, "values", place) if isinstance(values, list) else (*raw.path, "values")
            )
            if text is not None:
                _once(source, texts, str(text), path, "text")
    criteria: dict[str, Path] = {}
    for raw in maps(tenant.get("qualification"), "criteria"):
        _once(source, criteria, raw.get("id"), (*raw.path, "id"), "criterion")


def _once(source: Source, seen: dict[str, Path], said: Any, path: Path, kind: str) -> None:
    if isinstance(said, str) and (first := seen.setdefault(said, path)) is not path:
        source.report(path, f"{kind} `{said}` is already claimed in {source.where(first)}")


def _check_sources(source: Source, tenant: Map) -> None:
    said = tenant.get("sources")
    quiet = said.get("quiet_after") if isinstance(said, Map) else None
    if not isinstance(quiet, Map):
        return
    known = _named(tenant, "connections")
    for connection in quiet:
        if connection not in known:
            what = f"unknown connection `{connection}`; {meant(connection, known)}"
            source.report((*quiet.path, connection), what, key=True)


def _one_of(source: Source, above: Map, key: str, known: set[str], kind: str) -> None:
    said = above.get(key)
    if isinstance(said, str) and said not in known:
        source.report((*above.path, key), f"unknown {kind} `{said}`; {meant(said, known)}")


def _kpis(source: Source, above: Map, known: dict[str, Definition]) -> None:
    said = above.get("kpis")
    for place, kpi in enumerate(said if isinstance(said, list) else []):
        if isinstance(kpi, str) and kpi not in known:
            what = f"unknown KPI `{kpi}`; {meant(kpi, known)}"
            source.report((*above.path, "kpis", place), what)


def _check_ramp(source: Source, raw: Map, known: dict[str, Definition], currency: str) -> None:
    said = shaped(shape.Ramp, raw)
    if said is None:
        return
    for kpi, steps in said.kpis.items():
        path = (*raw.path, "kpis", kpi)
        if kpi not in known and kpi != "*":
            source.report(path, f"unknown KPI `{kpi}`; {meant(kpi, known)}", key=True)
        elif steps.percent is not None:
            for place, text in enumerate(steps.percent):
                per_cent = text.removesuffix("%").rstrip()
                _amount(source, (*path, "percent", place), per_cent, "count", currency)
        elif kpi == "*":
            source.report(path, "amounts have no unit here; name the KPI, or write `percent`")
        else:
            for place, text in enumerate(steps.absolute or []):
                _amount(source, (*path, "absolute", place), text, known[kpi].unit, currency)
    for place, gate in enumerate(said.gates):
        path = (*raw.path, "gates", place)
        if gate.kpi not in known:
            what = f"unknown KPI `{gate.kpi}`; {meant(gate.kpi, known)}"
            source.report((*path, "kpi"), what)
        else:
            unit = known[gate.kpi].unit
            _amount(source, (*path, "at_least"), gate.at_least, unit, currency)


def _amount(source: Source, path: Path, text: str, unit: Any, currency: str) -> None:
    try:
        amount(text, unit, currency)
    except ValueError as error:
        source.report(path, str(error))


def _check_terms(source: Source, raw: Map) -> None:
    said = shaped(doc.Rep, raw)
    if said is None:
        return
    _check_stays(source, (*raw.path, "teams"), said.teams, "memberships")
    _check_managed(source, (*raw.path, "manages"), said.manages or [])
    first_days = [one.from_ for one in said.zones]
    for place, day in enumerate(first_days):
        if day in first_days[:place]:
            what = f"two zones from {day}; give each a day of its own"
            source.report((*raw.path, "zones", place), what)
    if said.hired and said.left and said.left < said.hired:
        source.report((*raw.path, "left"), f"left before hired on {said.hired}; turn them round")
    if said.ramp and said.hired is None:
        source.report((*raw.path, "ramp"), "a ramp begins on the day of hire; add `hired`")
    for place, away in enumerate(said.leave):
        if away.to and away.to < away.from_:
            source.report((*raw.path, "leave", place, "to"), f"this is before {away.from_}")


def _check_managed(source: Source, path: Path, said: list[shape.DatedTeam]) -> None:
    for place, one in enumerate(said):
        if one.from_ and one.to and one.to < one.from_:
            source.report((*path, place, "to"), f"this is before {one.from_}")


def _check_stays(source: Source, path: Path, said: list[shape.DatedTeam], what: str) -> None:
    """One team a day: each ends where the next begins, or before."""
    _check_managed(source, path, said)
    order = sorted(range(len(said)), key=lambda n: (said[n].from_ is not None, said[n].from_))
    for earlier, later in pairwise(order):
        begin, end = said[later].from_, said[earlier].to
        if begin == said[earlier].from_ or begin is None:
            sentence = f"two {what} begin together; give the later one its own `from`"
            source.report((*path, later), sentence)
        elif end is not None and end >= begin:
            sentence = f"{what} overlap: `{said[earlier].team}` lasts to {end}"
            source.report((*path, later, "from"), f"{sentence}; a rep is in one team a day")


def _fiscal(tenant: Map) -> FiscalCalendar | None:
    said = shaped(shape.Fiscal, tenant.get("fiscal", {}))
    return None if said is None else plan_state.fiscal_of(said)


def _check_targets(source: Source, tenant: Map, scope: Scope) -> None:
    seen: dict[tuple[str, Any], Path] = {}
    for raw in maps(tenant, "targets"):
        said = shaped(shape.Target, raw)
        if said is None:
            continue
        target, mistakes = target_of(said, scope)
        for key, what in mistakes:
            source.report((*raw.path, key), what)
        if target is not None:
            first = seen.setdefault((target.id, target.begins), raw.path)
            if first is not raw.path:
                what = f"the same target is already in {source.where(first)}"
                source.report(raw.path, f"{what}; a change within the period has `effective`")
