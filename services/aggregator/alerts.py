"""Alerts: what a look record does, and when the owner writes one.

In: who is due, the numbers as they stand at the record. Out: states, messages and plans, written by
the fence together with the position. Guarantee: whoever reads the record again finds the same and
gives it the same id; while SQL is away, or the numbers are being put back, nothing is decided and
everybody stays due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.civil import local_day
from kpi.organisation import team_on
from paceline import metrics
from paceline.alerting.keeping import Outcome, advance, decode, encode
from paceline.alerting.looking import Looker, Moment, everybody, rules_by_kind
from paceline.alerting.message import DRIVERS, driver_of, message
from paceline.alerting.seen import Kind, Seen, Whom
from paceline.progress.reading.directory import Known, SqlDirectory
from paceline.progress.reading.selection import memberships_of, of_rep, of_team
from paceline.progress.teller import SwitchedError
from paceline.sql import alerts as alerts_sql
from paceline.sql.engine import reading
from paceline.sql.items import tenants_with_rules
from schemas import alerts, keys
from schemas.alerts import Driver
from schemas.topics import partition_of
from services.aggregator.blob import Blob, now_ms
from services.aggregator.fence import Place
from services.aggregator.worker import Worker

log = structlog.get_logger()

AT_ONCE = 200
"""So many are looked at by one record: the next one takes the others."""
GROUP_MS = 5_000
"""A team's numbers change with everybody's: it is looked at so often at most."""
AFTER_ERROR_MS = 60_000
PLAN_S = 1.0
_MEMBERS = 1_000
Command = tuple[str, str, list[str]]
_AWAY = (SQLAlchemyError, OSError, TimeoutError, SwitchedError)


class _Due(NamedTuple):
    """A member of the sorted set."""

    member: str
    kind: str
    subject: str


@dataclass(slots=True)
class Alerts:
    """Looks at the numbers of one Redis."""

    redis: Redis
    directory: SqlDirectory
    looker: Looker

    async def look(self, p: int, at: int, place: Place) -> Blob:
        """All that the look changes; nothing where nothing can be decided now."""
        blob = Blob(p)
        blob.clock(at)
        if await self.redis.hexists(keys.partition_meta(p), keys.RESTORING):
            return blob
        for tenant, due in (await self._due(p, at)).items():
            try:
                await self._tenant(blob, tenant, due, at, place)
            except _AWAY as error:
                log.warning("alerts wait", partition=p, tenant=tenant, error=repr(error))
            except RedisError:
                raise
            except Exception:
                # Whatever it is, the numbers must go on; these are looked at again in a while.
                log.exception("alerts", partition=p, tenant=tenant)
                metrics.ALERT_ERRORS.inc()
                _put_off(blob, p, due, at + AFTER_ERROR_MS)
        return blob

    async def _due(self, p: int, at: int) -> dict[str, list[_Due]]:
        raw = await self.redis.zrange(
            keys.due(p),
            "-inf",
            at,
            byscore=True,
            offset=0,
            num=AT_ONCE,
        )
        found: dict[str, list[_Due]] = {}
        for one in raw:
            member = one.decode() if isinstance(one, bytes) else str(one)
            tenant, kind, subject = keys.parts_of_due(member)
            found.setdefault(tenant, []).append(_Due(member, kind, subject))
        return found

    async def _tenant(
        self, blob: Blob, tenant: str, due: Sequence[_Due], at: int, place: Place
    ) -> None:
        p = blob.partition
        known = await self.directory.org(tenant)
        if known is None or not known.plan.rules:
            blob.done.extend((keys.due(p), one.member) for one in due)
            return
        whom, late, groups = _whom(known, due, at)
        seen = await self.looker.look(known, whom, Moment(at))
        raw = await self._states(p, tenant, seen)
        live = int(await self.redis.hget(keys.tenant_meta(p, tenant), keys.LIVE) or 0)
        again: dict[Whom, int] = {}
        states: list[str] = []
        told: list[tuple[Seen, Outcome]] = []
        where = f"{place.incarnation}:{p}:{place.position}"
        for one, held in zip(seen, raw, strict=True):
            outcome = advance(decode(held), one, at, where, generation=live, late=one.whom in late)
            states += [one.field, encode(outcome.kept)]
            again[one.whom] = min(outcome.again, again.get(one.whom, outcome.again))
            if outcome.told:
                told.append((one, outcome))
        drivers = await self._drivers(known, told, at)
        for one, outcome in told:
            self._tell(blob, tenant, one, outcome, at, place, drivers.get(one.whom))
        blob.done.extend((keys.due(p), one.member) for one in due)
        blob.due.extend(
            (keys.due(p), str(when), keys.look_at(tenant, *who)) for who, when in again.items()
        )
        blob.due.extend(
            (keys.due(p), str(at + GROUP_MS), keys.look_at(tenant, *who)) for who in groups
        )
        if states:
            blob.sets.append((keys.alert_states(p, tenant), states))
        metrics.ALERTS_LOOKED.inc(len(seen))

    async def _states(self, p: int, tenant: str, seen: Sequence[Seen]) -> list[bytes | None]:
        if not seen:
            return []
        fields = [one.field for one in seen]
        found = await self.redis.hmget(keys.alert_states(p, tenant), fields)
        return [None if one is None else bytes(one) for one in found]  # type: ignore[arg-type]

    def _tell(
        self,
        blob: Blob,
        tenant: str,
        seen: Seen,
        outcome: Outcome,
        at: int,
        place: Place,
        driver: Driver | None,
    ) -> None:
        for told in outcome.told:
            made = message(tenant, seen, told, at, place.position, driver)
            made = msgspec.structs.replace(made, held=encode(outcome.kept))
            blob.outbox.append((keys.alerts(blob.partition), alerts.encode(made).decode()))
            metrics.ALERTS_CHANGED.labels(told.change.what).inc()

    async def _drivers(
        self, known: Known, told: Iterable[tuple[Seen, Outcome]], at: int
    ) -> dict[Whom, Driver]:
        """What to talk about with each rep that something begins for."""
        wanted = {
            one.whom: one
            for one, outcome in told
            if one.whom.kind == "rep"
            and one.rule.kpi
            and not one.rule.once
            and any(each.change.what == "fired" for each in outcome.told)
        }
        kpis = tuple(kpi for kpi, _ in DRIVERS.values() if kpi in known.kpis.book.compiled)
        found: dict[Whom, Driver] = {}
        for whom, one in wanted.items():
            rep = known.org.reps[whom.id]
            question = Moment(at).question(known, one.rule.period)
            own = await self.looker.whole(known, of_rep(rep), question, kpis)
            team = await self.looker.whole(known, of_team(known, rep.team), question, kpis)
            driver = driver_of(own, team, len(known.org.members(rep.team)))
            if driver is not None:
                found[whom] = driver
        return found


def _whom(known: Known, due: Iterable[_Due], at: int) -> tuple[list[Whom], set[Whom], set[Whom]]:
    """Whom to look at, of whom what is found is no news, and which groups changed with them."""
    whom: list[Whom] = []
    late: set[Whom] = set()
    groups: set[Whom] = set()
    kinds = rules_by_kind(known)
    for one in due:
        if one.kind not in {"owner", "late"}:
            whom.append(Whom(cast("Kind", one.kind), one.subject))
            continue
        connection, _, owner = one.subject.partition("/")
        rep = known.org.rep_of(connection, owner)
        if "organisation" in kinds:
            groups.add(Whom("organisation", known.org.tenant))
        if rep is None:
            continue
        mine = Whom("rep", rep.id)
        whom.append(mine)
        if one.kind == "late":
            late.add(mine)
        if "team" in kinds:
            day = local_day(at, rep.zone)
            team: str | None = team_on(memberships_of(known.plan, rep), day) or rep.team
            while team is not None and team in known.org.teams:
                groups.add(Whom("team", team))
                team = known.org.teams[team].parent
    return whom, late, groups - set(whom)


def _put_off(blob: Blob, p: int, due: Iterable[_Due], until: int) -> None:
    for one in due:
        blob.done.append((keys.due(p), one.member))
        blob.due.append((keys.due(p), str(until), one.member))


@dataclass(slots=True)
class Planner:
    """Notices tenants whose rules, targets or people changed, and has everybody looked at."""

    redis: Redis
    directory: SqlDirectory
    engine: AsyncEngine
    partitions: int

    async def commands(self, p: int, wanted: Iterable[str], now: int) -> list[Command]:
        """What brings a partition's plan up to date; ``wanted``: its tenants with rules."""
        raw = await self.redis.hgetall(keys.watched(p))
        planned = {_text(name): _text(digest) for name, digest in raw.items()}
        tenants = set(wanted)
        found: list[Command] = [
            ("HDEL", keys.watched(p), [tenant]) for tenant in planned.keys() - tenants
        ]
        for tenant in sorted(tenants):
            known = await self.directory.org(tenant)
            if known is None or planned.get(tenant) == known.digest:
                continue
            if tenant not in planned:
                found += await self._restored(p, tenant)
            members = [keys.look_at(tenant, *whom) for whom in everybody(known)]
            for low in range(0, len(members), _MEMBERS):
                scored = [text for one in members[low : low + _MEMBERS] for text in (str(now), one)]
                found.append(("ZADD", keys.due(p), ["LT", *scored]))
            found.append(("HSET", keys.watched(p), [tenant, known.digest]))
        return found

    async def _restored(self, p: int, tenant: str) -> list[Command]:
        """The states that were told of, where Redis holds none: it was lost, or is new."""
        async with reading(self.engine) as session:
            kept = await alerts_sql.states(session, tenant)
        name = keys.alert_states(p, tenant)
        return [("HSETNX", name, [one, held]) for one, held in kept.items()]


async def plan_for_ever(worker: Worker, planner: Planner) -> None:
    """Bring the plans of the partitions owned up to date, again and again."""
    while True:
        try:
            async with reading(planner.engine) as session:
                tenants = await tenants_with_rules(session)
            for partition in list(worker.partitions.values()):
                mine = [
                    one
                    for one in tenants
                    if partition_of(one, planner.partitions) == partition.number
                ]
                commands = await planner.commands(partition.number, mine, now_ms())
                if commands:
                    await partition.fence.write(partition.number, partition.epoch, commands)
        except (*_AWAY, RedisError) as error:
            log.warning("plan of alerts", error=repr(error))
        await asyncio.sleep(PLAN_S)


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
