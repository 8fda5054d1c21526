"""What one line of a file says about another: references, duplicates, cycles.

In: the raw values, well-shaped or not. Out: problems. Guarantee: works on half-broken files too, so
that these mistakes are reported together with those of shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paceline.config.plan_checks import check_plan, maps
from paceline.config.problems import meant
from paceline.config.source import Int, Map, Path, Source

Seen = dict[Any, Path]


def check(source: Source) -> None:
    """Report every wrong reference, duplicate and cycle of the file."""
    tenants: Seen = {}
    connections: Seen = {}
    for tenant in maps(source.data, "tenants"):
        _first(source, tenants, tenant, "tenant")
        for connection in maps(tenant, "connections"):
            _first(source, connections, connection, "connection")
        check_tenant(source, tenant)


def check_tenant(source: Source, tenant: Map) -> None:
    """The same for one tenant alone."""
    teams = _teams(source, tenant)
    connections = {c["id"] for c in maps(tenant, "connections") if isinstance(c.get("id"), str)}
    reps: Seen = {}
    owners: Seen = {}
    for rep in maps(tenant, "reps"):
        _first(source, reps, rep, "rep")
        for key in ("team", "manages"):
            _refer(source, rep, key, teams, "team")
            for dated in maps(rep, "teams" if key == "team" else key):
                _refer(source, dated, "team", teams, "team")
        _check_owners(source, rep, connections, owners)
    for key in ("measures", "kpis", "calendars", "roles", "ramps", "rules"):
        seen: Seen = {}
        for one in maps(tenant, key):
            _first(source, seen, one, key.removesuffix("s"))
    check_plan(source, tenant, teams, set(reps))


def _teams(source: Source, tenant: Map) -> set[str]:
    parents: dict[str, str | None] = {}
    places: dict[str, Map] = {}
    seen: Seen = {}
    for team, above in _walk(tenant, None):
        if _first(source, seen, team, "team"):
            parents[team["id"]] = _parent(source, team, above)
            places[team["id"]] = team
    for team in places.values():
        _refer(source, team, "parent", set(parents), "team")
    _check_cycles(source, parents, places)
    return set(parents)


def _walk(above: Map, parent: str | None) -> Iterator[tuple[Map, str | None]]:
    for team in maps(above, "teams"):
        yield team, parent
        here = team.get("id")
        yield from _walk(team, here if isinstance(here, str) else parent)


def _parent(source: Source, team: Map, above: str | None) -> str | None:
    said = team.get("parent")
    if above is None or said is None:
        return above or (said if isinstance(said, str) else None)
    if said != above:
        source.report(
            (*team.path, "parent"), f"this team stands inside `{above}`; leave `parent` out"
        )
    return above


def _check_cycles(source: Source, parents: dict[str, str | None], places: dict[str, Map]) -> None:
    reported: set[str] = set()
    for team in parents:
        circle = _circle(team, parents)
        if circle and not reported & set(circle):
            reported |= set(circle)
            way = " -> ".join([*circle, circle[0]])
            what = f"teams contain each other: {way}; leave one `parent` out"
            source.report((*places[team].path, "parent"), what)


def _circle(team: str, parents: dict[str, str | None]) -> list[str]:
    way = [team]
    above = parents[team]
    while above is not None and above not in way:
        way.append(above)
        above = parents.get(above)
    return way if above == team else []


def _check_owners(source: Source, rep: Map, connections: set[str], owners: Seen) -> None:
    for connection, ids in _map(rep, "owners").items():
        path = (*rep.path, "owners", connection)
        if connection not in connections:
            what = f"unknown connection `{connection}`; {meant(connection, connections)}"
            source.report(path, what, key=True)
        if isinstance(ids, list):
            for i, owner in enumerate(ids):
                _own(source, owners, (connection, _text(owner)), (*path, i))
        else:
            _own(source, owners, (connection, _text(ids)), path)


def _own(source: Source, owners: Seen, owner: tuple[str, str], path: Path) -> None:
    first = owners.setdefault(owner, path)
    if first is not path:
        what = f"owner `{owner[1]}` of `{owner[0]}` already belongs to the rep in"
        source.report(path, f"{what} {source.where(first)}; an owner belongs to one rep")


def _first(source: Source, seen: Seen, thing: Map, kind: str) -> bool:
    found = thing.get("id")
    if not isinstance(found, str):
        return False
    path = (*thing.path, "id")
    first = seen.setdefault(found, path)
    if first is path:
        return True
    place = source.where(first)
    source.report(path, f"{kind} id `{found}` is already used in {place}; ids are unique")
    return False


def _refer(source: Source, thing: Map, key: str, known: set[str], kind: str) -> None:
    said = thing.get(key)
    if isinstance(said, str) and said not in known:
        source.report((*thing.path, key), f"unknown {kind} `{said}`; {meant(said, known)}")


def _text(value: Any) -> str:
    return value.text if isinstance(value, Int) else str(value)


def _map(above: Map, key: str) -> Map:
    found = above.get(key)
    return found if isinstance(found, Map) else Map()
