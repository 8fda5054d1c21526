"""What happens to a request, in order: who, may they, what, durable, answer.

In: a request's headers and raw body. Out: an answer, or a ``Problem``. Guarantee: an answer of
2xx means that every event of the request is durable, or was so before (``"duplicate": true``);
what is authentic but unusable is a dead letter and no refusal, for CRMs ban and delete webhooks
that are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

from paceline import logs, metrics
from paceline.sql.keys import ApiKey
from schemas import dead, envelope, topics
from services.ingest import cloudevents, mapping, vendors
from services.ingest.connections import Book, Connection
from services.ingest.document import Unusable, parse
from services.ingest.problems import Problem
from services.ingest.records import NotDurable, Record
from services.ingest.replays import Replays
from services.ingest.signatures import Refused, SignedRequest, prove_any
from services.ingest.translation import Origin, Translation, letter_of

MAX_EVENTS: Final = 1000
MAX_VALUE: Final = 1_000_000
"""Kafka's own limit is little more; a record beyond it would hold up all that come after it."""
_partition_of = lru_cache(10_000)(topics.partition_of)
_log = logs.get_logger(__name__)

Answer = dict[str, Any]


class Durable(Protocol):
    """The durable path."""

    async def publish(self, records: list[Record]) -> None:
        """Return once all records are durable; ``NotDurable``."""
        ...


class Keys(Protocol):
    """Who holds an API key."""

    async def find(self, presented: str) -> ApiKey | None:
        """The key, if it is one and valid."""
        ...


class Incoming(msgspec.Struct, frozen=True):
    """A request, its body read. ``target``: path and query as they were sent."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without parameters; ``Problem`` where its charset is not UTF-8."""
        media, _, parameters = self.headers.get("content-type", "").lower().partition(";")
        charset = parameters.partition("charset=")[2].split(";")[0].strip(' "')
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise Problem(415, "unsupported_media_type", "content-type: the charset must be utf-8")
        return media.strip()


class Intake:
    """The request handlers, without HTTP."""

    def __init__(
        self,
        *,
        book: Book,
        keys: Keys,
        durable: Durable,
        public_url: str,
        partitions: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._book = book
        self._keys = keys
        self._durable = durable
        self._public_url = public_url
        self._partitions = partitions
        self._now_ms = now_ms
        self._replays = Replays(now_ms)

    async def connection(self, name: str) -> Connection:
        """The connection that webhooks may be posted to; ``Problem`` 404 where there is none."""
        found = await self._book.find(name)
        if found is None or found.kind == "cloudevents":
            raise Problem(404, "unknown_connection", "no connection takes webhooks at this address")
        return found

    async def webhook(self, connection: Connection, incoming: Incoming) -> Answer:
        """A signed webhook."""
        now = self._now_ms()
        once = self._proven(connection, incoming, now)
        self._check_usable(connection)
        _check_json(incoming.media_type)
        if once and self._replays.known(once):
            return {"accepted": 0, "dead": 0, "ignored": 0, "duplicate": True}
        origin = Origin(connection.tenant, connection.id, connection.zone, now)
        result = _translated(origin, connection, incoming.body)
        await self._make_durable(result, connection.kind)
        if once:
            self._replays.add(once)
        return _counts(result)

    def _proven(self, connection: Connection, incoming: Incoming, now: int) -> str:
        """The request's name within the clock skew, ``""`` where its scheme signs no time."""
        url = self._public_url + incoming.target
        signed = SignedRequest("POST", url, incoming.headers, incoming.body, now)
        try:
            if connection.problem is not None:
                raise Problem(
                    503,
                    "not_configured",
                    "a secret or the mapping of this connection is not usable: see the log",
                    retry_after_s=60,
                )
            proof = prove_any(connection.verifiers, signed)
        except Refused as e:
            _log.info("webhook_refused", connection=connection.id, code=e.code)
            raise Problem(401, "not_authentic", f"{e.code}: {e.detail}") from None
        return f"{connection.id} {proof.once}" if proof.once else ""

    def _check_usable(self, connection: Connection) -> None:
        if not connection.enabled:
            raise Problem(403, "disabled", "enable the connection in the configuration")
        if not self._book.active(connection.tenant):
            raise Problem(
                503,
                "not_active",
                "the tenant's configuration is not in the log yet: try again",
                retry_after_s=2,
            )

    async def events(self, incoming: Incoming) -> Answer:
        """CloudEvents under an API key."""
        key = await self.key(incoming.headers, "ingest")
        media_type = incoming.media_type
        if media_type not in (cloudevents.BATCH, cloudevents.STRUCTURED):
            _check_json(media_type)
        events = cloudevents.read(incoming.headers, media_type, incoming.body)
        _check_number(len(events))
        result, now = Translation(), self._now_ms()
        for event in events:
            connection = await self._of(key, event.connection)
            self._check_usable(connection)
            origin = Origin(connection.tenant, connection.id, connection.zone, now)
            _add(result, cloudevents.translate(origin, connection.mapping, event))
        await self._make_durable(result, "cloudevents")
        return _counts(result)

    async def _of(self, key: ApiKey, name: str) -> Connection:
        found = await self._book.find(name)
        if found is None or found.tenant != key.tenant:
            raise Problem(
                404,
                "unknown_connection",
                "the extension attribute connection, or the end of source, names no connection "
                "of this key's tenant",
            )
        return found

    async def key(self, headers: Mapping[str, str], scope: str) -> ApiKey:
        """The caller's key; ``Problem`` where there is none with that scope."""
        scheme, _, presented = headers.get("authorization", "").partition(" ")
        valid = scheme.lower() == "bearer" and presented.isascii()
        key = await self._keys.find(presented.strip()) if valid else None
        if key is None:
            raise Problem(401, "not_authentic", "authorization: send Bearer and a valid API key")
        if scope not in key.scopes:
            raise Problem(403, "not_allowed", f"the key lacks the scope {scope}")
        return key

    async def dry_run(self, name: str, incoming: Incoming) -> Answer:
        """What a body would become; nothing is produced."""
        key = await self.key(incoming.headers, "admin")
        connection = await self._of(key, name)
        origin = Origin(connection.tenant, connection.id, connection.zone, self._now_ms())
        return mapping.shown(_translated(origin, connection, incoming.body))

    async def _make_durable(self, result: Translation, kind: str) -> None:
        records = [self._event(event) for event in result.events]
        records += [self._letter(letter) for letter in result.dead]
        if records:
            try:
                await self._durable.publish(records)
            except NotDurable as e:
                raise Problem(503, "not_durable", e.detail, retry_after_s=e.retry_after_s) from None
        metrics.INGEST_EVENTS.labels(kind).inc(len(result.events))
        for letter in result.dead:
            metrics.DEAD_LETTERS.labels("ingest", letter.reason).inc()

    def _event(self, event: envelope.Event) -> Record:
        return self._record(topics.EVENTS, event.tenant, envelope.encode(event))

    def _letter(self, letter: dead.DeadLetter) -> Record:
        return self._record(topics.DEAD, letter.tenant, dead.encode(letter))

    def _record(self, topic: str, tenant: str, value: bytes) -> Record:
        if len(value) > MAX_VALUE:
            detail = "an event, or the dead letter of one, is too large: send smaller batches"
            raise Problem(413, "too_large", detail)
        return Record(topic, _partition_of(tenant, self._partitions), tenant.encode(), value)


def _translated(origin: Origin, connection: Connection, body: bytes) -> Translation:
    try:
        value = parse(body)
    except Unusable as why:
        return Translation(dead=[letter_of(origin, why, body)])
    _check_number(len(value) if isinstance(value, list) else 1)
    return vendors.translate(origin, connection, value)


def _add(whole: Translation, part: Translation) -> None:
    whole.events += part.events
    whole.dead += part.dead
    whole.ignored += part.ignored


def _check_number(events: int) -> None:
    if events > MAX_EVENTS:
        raise Problem(413, "too_many_events", f"a request has at most {MAX_EVENTS} events")


def _check_json(media_type: str) -> None:
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Problem(415, "unsupported_media_type", "content-type: send application/json")


def _counts(result: Translation) -> Answer:
    return {
        "accepted": len(result.events),
        "dead": len(result.dead),
        "ignored": result.ignored,
    }
