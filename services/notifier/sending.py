"""Sending: deliveries that are due, to where they go.

In: rows of deliveries. Out: attempts, and their outcomes as rows. Guarantee: a delivery is leased
while it is tried, and free again when whoever tried it died; it has one id over all attempts; an
endpoint that fails or is slow takes no more than its own few connections, so others need not wait.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import metrics
from paceline.logs import get_logger
from paceline.sql import alerts as sql
from paceline.sql.engine import reading, writing
from paceline.sql.models import Delivery, Subscription
from paceline.sql.patience import patiently
from schemas import alerts
from services.notifier.formats import KINDS, Message, Place, Verdict, judge, request
from services.notifier.mail import Mailer
from services.notifier.post import Answer, Poster
from services.notifier.schedule import (
    DISABLED_AFTER_S,
    GONE,
    THROTTLE_S,
    THROTTLED,
    Breaker,
    retry_after,
    wait_s,
)
from services.notifier.words import Language

log = get_logger(__name__)

LEASE_S = 60
AT_ONCE = 200
AT_A_TIME = 50
PER_ENDPOINT = 4
IDLE_S = 0.1
_FLUSH_S = 0.02

Endpoint = tuple[str, str]
"""(tenant, subscription)"""


@dataclass(slots=True)
class Sender:
    """Sends for one process."""

    engine: AsyncEngine
    poster: Poster
    mailer: Mailer | None = None
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = field(default=lambda: random.uniform(-1, 1))  # noqa: S311 - no secret
    _breakers: dict[Endpoint, Breaker] = field(default_factory=dict)
    _busy: Counter[Endpoint] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _outcomes: list[sql.Outcome] = field(default_factory=list)
    _known: dict[Endpoint, tuple[float, Subscription | None]] = field(default_factory=dict)

    async def send_for_ever(self) -> None:
        """Claim what is due and send it, again and again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flush_for_ever())
            while True:
                try:
                    started = await self.send()
                except (SQLAlchemyError, OSError) as error:
                    log.warning("sql_away", error=type(error).__name__)
                    started = 0
                await asyncio.sleep(0.005 if started else IDLE_S)

    async def send(self) -> int:
        """Begin to send what is due; how many."""
        room = AT_ONCE - len(self._tasks)
        if room <= 0:
            return 0
        now = self._now()
        busy = dict(self._busy) | {
            one: PER_ENDPOINT
            for one, breaker in self._breakers.items()
            if breaker.opens_at(self.clock()) > self.clock()
        }
        async with reading(self.engine) as session:
            wanted = await sql.due(session, now, busy, PER_ENDPOINT, min(room, AT_A_TIME))
        if not wanted:
            return 0
        async with writing(self.engine) as session:
            claimed = await sql.lease(session, wanted, now, now + LEASE_S * 1000)
        self.begin(claimed)
        return len(claimed)

    def room(self) -> Callable[[Endpoint], bool]:
        """Whether one more delivery may go to a place at once; each yes takes one of its places."""
        taken, left = Counter(self._busy), AT_ONCE - len(self._tasks)

        def may(place: Endpoint) -> bool:
            nonlocal left
            breaker = self._breakers.get(place)
            resting = breaker is not None and breaker.opens_at(self.clock()) > self.clock()
            if resting or left <= 0 or taken[place] >= PER_ENDPOINT:
                return False
            taken[place] += 1
            left -= 1
            return True

        return may

    def begin(self, leased: Sequence[Delivery]) -> None:
        """Send what is leased by this process, without waiting for it."""
        for one in leased:
            self._busy[sql.place_of(one)] += 1
            task = asyncio.create_task(self._send(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Until everything that was begun has ended; for tests and for an orderly end."""
        while self._tasks or self._outcomes:
            await self._flush()
            await asyncio.sleep(_FLUSH_S)

    async def _send(self, one: Delivery) -> None:
        try:
            if one.subscription is None:
                await self._mail(one)
            else:
                await self._post(one, (one.tenant, one.subscription))
        except Exception:
            log.exception("delivery", delivery=one.id)
        finally:
            self._busy[sql.place_of(one)] -= 1

    async def _post(self, one: Delivery, endpoint: Endpoint) -> None:
        found = await self._subscription(endpoint)
        if found is None or not found.enabled:
            self._end(one, sql.DROPPED, "the subscription is gone or disabled")
            return
        breaker = self._breakers.setdefault(endpoint, Breaker())
        if breaker.opens_at(self.clock()) > self.clock():
            self._put_off(one, breaker.opens_at(self.clock()), "its endpoint is resting")
            return
        breaker.begin(self.clock())
        kind = next(each for each in KINDS if each == found.kind)
        language: Language = "zh" if found.language == "zh" else "en"
        place = Place(kind, found.url, found.secrets, language)
        every = [one] if kind == "webhook" or one.what == "test" else await self._with_others(one)
        told = [alerts.decode(each.body) for each in every]
        message = Message(one.id, one.sequence, told, test=one.what == "test")
        at = self._now()
        answer = await self.poster.post(request(place, message, at))
        verdict = judge(kind, answer.status, answer.body) if answer.status else None
        ok = bool(verdict and verdict.ok)
        breaker.note(self.clock(), ok=ok)
        metrics.DELIVERY_ATTEMPTS.labels(kind, "ok" if ok else "failed").inc()
        if ok:
            metrics.DELIVERY_SECONDS.observe(max(0.0, self.clock() - told[0].at / 1000))
        elif answer.status in THROTTLED or (verdict and verdict.throttled):
            pause = retry_after(answer.retry_after, self.clock()) or THROTTLE_S
            breaker.throttle(self.clock() + pause)
        for each in every:
            self._judged(each, answer, verdict, at)
        await self._standing(endpoint, found, answer, at, ok=ok)

    async def _with_others(self, one: Delivery) -> list[Delivery]:
        """With everything else that waits for the same person or chat."""
        now = self._now()
        async with writing(self.engine) as session:
            return [one, *await sql.together(session, one, now, now + LEASE_S * 1000)]

    def _judged(self, one: Delivery, answer: Answer, verdict: Verdict | None, at: int) -> None:
        """What becomes of a delivery by an answer."""
        said = verdict.said if verdict else answer.error
        if verdict and verdict.ok:
            self._note(one, answer, at, sql.DELIVERED, at, said)
            return
        if answer.status == GONE:
            self._note(one, answer, at, sql.DEAD, at, "410: the endpoint is gone")
            return
        pause = retry_after(answer.retry_after, self.clock())
        wait = wait_s(one.attempts + 1, self.jitter(), pause)
        state = sql.DEAD if wait is None else sql.PENDING
        self._note(one, answer, at, state, at + round((wait or 0) * 1000), said)

    async def _standing(
        self, endpoint: Endpoint, found: Subscription, answer: Answer, at: int, *, ok: bool
    ) -> None:
        """What an answer means for the endpoint itself."""
        if ok:
            if found.failing_since is not None:
                await self._failing(endpoint, None)
        elif answer.status == GONE:
            await self._disable(endpoint, "it answered 410: it is gone")
        elif found.failing_since is None:
            await self._failing(endpoint, at)
        elif at - found.failing_since > DISABLED_AFTER_S * 1000:
            await self._disable(endpoint, "it failed for five days")

    async def _mail(self, one: Delivery) -> None:
        if self.mailer is None:
            self._end(one, sql.DROPPED, "no mail server is configured (PACELINE_SMTP)")
            return
        now = self._now()
        every = await self._with_others(one)
        sent = await self.mailer.send(one.tenant, one.person or "", every, now)
        for each in every:
            if sent.put_off_until is not None:
                self._put_off(each, sent.put_off_until / 1000, sent.said)
                continue
            state = sql.DELIVERED if sent.ok else sql.DEAD if sent.final else sql.PENDING
            wait = wait_s(each.attempts + 1, self.jitter())
            if state == sql.PENDING and wait is None:
                state = sql.DEAD
            due = now + round((wait or 0) * 1000)
            answer = Answer(sent.status, b"", "" if sent.ok else sent.said, "", sent.took_ms)
            self._note(each, answer, now, state, due, sent.said)

    def _note(
        self, one: Delivery, answer: Answer, at: int, state: str, due: int, said: str
    ) -> None:
        self._write(
            sql.Outcome(
                tenant=one.tenant,
                id=one.id,
                number=one.attempts + 1,
                at=at,
                took_ms=answer.took_ms,
                status=answer.status,
                error=answer.error,
                excerpt=answer.body.decode(errors="replace"),
                state=state,
                due_at=due,
                said=said,
            )
        )

    def _put_off(self, one: Delivery, until_s: float, said: str) -> None:
        self._uncounted(one, sql.PENDING, round(until_s * 1000), said)

    def _end(self, one: Delivery, state: str, said: str) -> None:
        self._uncounted(one, state, one.due_at, said)

    def _uncounted(self, one: Delivery, state: str, due: int, said: str) -> None:
        self._write(
            sql.Outcome(
                tenant=one.tenant,
                id=one.id,
                number=one.attempts,
                at=self._now(),
                took_ms=0,
                status=None,
                error="",
                excerpt="",
                state=state,
                due_at=due,
                said=said,
                counted=False,
            )
        )

    def _write(self, outcome: sql.Outcome) -> None:
        """Written soon, together with others: a transaction costs an fsync.

        Until then the lease keeps everybody else away, so the endpoint's place is free at once.
        """
        self._outcomes.append(outcome)

    async def _flush_for_ever(self) -> None:
        while True:
            await self._flush()
            await asyncio.sleep(_FLUSH_S)

    async def _flush(self) -> None:
        taken, self._outcomes = self._outcomes, []
        if not taken:
            return

        async def write() -> None:
            async with writing(self.engine) as session:
                await sql.note(session, taken)

        await patiently(write)

    async def _subscription(self, endpoint: Endpoint) -> Subscription | None:
        held = self._known.get(endpoint)
        if held is not None and self.clock() - held[0] < 1.0:
            return held[1]
        async with reading(self.engine) as session:
            found = await sql.subscription(session, *endpoint)
            session.expunge_all()
        self._known[endpoint] = (self.clock(), found)
        return found

    async def _failing(self, endpoint: Endpoint, since: int | None) -> None:
        async with writing(self.engine) as session:
            await sql.failing(session, *endpoint, since)
        self._known.pop(endpoint, None)

    async def _disable(self, endpoint: Endpoint, why: str) -> None:
        async with writing(self.engine) as session:
            disabled = await sql.disable(session, *endpoint, why)
            if disabled:
                await sql.notice(session, *endpoint, why, self._now())
        self._known.pop(endpoint, None)
        log.warning("subscription_disabled", tenant=endpoint[0], subscription=endpoint[1], why=why)

    def _now(self) -> int:
        return round(self.clock() * 1000)
