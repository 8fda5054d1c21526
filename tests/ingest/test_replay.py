"""Dead letters once more: as if today's configuration had been there when they arrived."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from paceline.sql.connections import Connection, ConnectionSettings, Mapping, Rule
from schemas import envelope
from schemas.dead import DeadLetter
from schemas.envelope import EntityPatch, Event
from services.ingest import cloudevents, vendors
from services.ingest.cloudevents import CloudEvent
from services.ingest.connections import connection_of
from services.ingest.document import parse
from services.ingest.replay import remap
from services.ingest.translation import Origin, Translation, letter_of
from tests.ingest.test_durable import arrived
from tests.ingest.world import SECRET, as_json, github_headers, won
from tests.support.servers import RedisServer, Tansu, until
from tests.support.stack import Stack

NOW = 1_790_000_000_000
VISIT = {"id": 7, "at": NOW, "rep": "42", "price": 19.90, "serial": 10**30}


def configured(kind: Any, **settings: Any) -> Connection:
    """A connection of acme as SQL has it."""
    found = ConnectionSettings(currency="USD", zone="America/New_York", **settings)
    return Connection(id="source", tenant="acme", kind=kind, enabled=True, settings=found)


def visits(events: str = "visits[]", type_: str = "'visit'", at: str = "at") -> Mapping:
    """How visits are mapped."""
    rule = Rule(
        entity="activity",
        id="id",
        op="create",
        occurred_at=at,
        fields={"type": type_, "owner": "rep", "price": "price"},
    )
    return Mapping(events=events, rules=(rule,))


def translated(connection: Connection, body: Any) -> Translation:
    """What a webhook becomes, received at ``NOW``."""
    ready = connection_of(connection, {})
    return vendors.translate(Origin("acme", "source", ready.zone, NOW), ready, parse(as_json(body)))


def only_letter(result: Translation) -> DeadLetter:
    """The one letter of a translation."""
    (letter,) = result.dead
    return letter


@pytest.mark.parametrize(
    ("wrong", "body"),
    [
        (visits(type_="'house call'"), {"visits": [VISIT]}),
        (visits(events="@"), {"visits": [VISIT]}),
        (visits(events="length(visits, `1`)"), {"visits": [VISIT, {**VISIT, "id": 8}]}),
    ],
)
def test_a_corrected_mapping_gives_what_the_first_try_would_have(wrong: Mapping, body: Any) -> None:
    """A wrong field, events looked for in the wrong place, an expression that fails."""
    letter = only_letter(translated(configured("json", mapping=wrong), body))
    right = configured("json", mapping=visits())
    assert remap(letter, right) == translated(right, body).events


def test_what_has_no_time_of_its_own_keeps_the_time_of_its_first_receipt() -> None:
    """A replay a week later is no later news."""
    wrong = configured("json", mapping=visits(type_="'house call'", at=""))
    letter = only_letter(translated(wrong, {"visits": [VISIT]}))
    (event,) = remap(letter, configured("json", mapping=visits(at="")))
    assert isinstance(event.data, EntityPatch)
    assert (event.data.occurred_at, event.data.received_at) == (NOW, NOW)


def test_a_hubspot_event_of_another_portal_counts_once_the_portal_is_put_right() -> None:
    """The id is the one that it would have had."""
    letter = only_letter(translated(configured("hubspot", portal="1"), [won(NOW)]))
    assert letter.reason == "wrong_portal"
    right = configured("hubspot", portal="62515")
    assert remap(letter, right) == translated(right, [won(NOW)]).events


def test_a_cloud_event_keeps_its_id_its_source_and_its_time() -> None:
    """Unmapped at first, or mapped wrongly, then mapped rightly."""
    attributes = {"id": "v-7", "source": "/apps/source", "type": "visit", "specversion": "1.0"}
    origin = Origin("acme", "source", connection_of(configured("cloudevents"), {}).zone, NOW)
    event = CloudEvent(attributes, parse(as_json({"visits": [VISIT]})))
    right = configured("cloudevents", mapping=visits())
    expected = cloudevents.translate(origin, connection_of(right, {}).mapping, event).events
    assert expected[0].source == "/apps/source"
    assert remap(only_letter(cloudevents.translate(origin, None, event)), right) == expected
    wrong = connection_of(configured("cloudevents", mapping=visits(type_="'house call'")), {})
    letter = only_letter(cloudevents.translate(origin, wrong.mapping, event))
    assert remap(letter, right) == expected


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        (visits(type_="'house call'"), "unmappable: field type: not one of"),
        (visits(events="nowhere[]"), "ignored: no rule or property of today's configuration"),
        (visits(events="visits[] |"), "events: 'visits\\[] |' is not JMESPath"),
    ],
)
def test_a_letter_that_is_still_unusable_says_why(mapping: Mapping, why: str) -> None:
    """Nothing is sent, and nothing is marked as sent."""
    letter = only_letter(
        translated(configured("json", mapping=visits(events="@")), {"visits": [VISIT]})
    )
    with pytest.raises(ValueError, match=why):
        remap(letter, configured("json", mapping=mapping))


def test_a_body_is_replayed_whole_or_not_at_all() -> None:
    """What is sent is marked, so the other half would be forgotten."""
    bodies = {"visits": [VISIT, {**VISIT, "id": ""}]}
    letter = only_letter(translated(configured("json", mapping=visits(events="@")), bodies))
    with pytest.raises(ValueError, match="1 of 2 events; unmappable: field id"):
        remap(letter, configured("json", mapping=visits()))


def test_bytes_that_are_no_json_stay_a_letter() -> None:
    """Nobody can map them."""
    ready = connection_of(configured("json", mapping=visits()), {})
    with pytest.raises(ValueError, match="not JSON") as caught:
        parse(b"{")
    letter = letter_of(Origin("acme", "source", ready.zone, NOW), caught.value, b"{")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not JSON"):
        remap(letter, configured("json", mapping=visits()))


CONFIGURATION = """\
version: 1
tenants:
  - id: replay-acme
    name: Acme
    zone: America/New_York
    currency: USD
    connections:
      - id: replay-visits
        kind: json
        secret: {env: VISITS_SECRET}
        signatures: [github]
        mapping:
          events: visits[]
          rules:
            - entity: activity
              op: create
              id: id
              occurred_at: at
              fields: {type: TYPE, owner: rep}
"""


@pytest.fixture
def stack(tmp_path: Path, tansu: Tansu, redis_server: RedisServer) -> Iterator[Stack]:
    """Ingest and ledger alone."""
    stack = Stack(
        tmp_path / "stack",
        tansu.bootstrap,
        redis_server.url,
        {"VISITS_SECRET": SECRET},
        idempotent=False,
    )
    stack.services = {name: stack.services[name] for name in ("ledger", "ingest")}
    with stack:
        yield stack


def test_a_visit_that_was_mapped_wrongly_arrives_once_the_mapping_is_right(
    stack: Stack, tansu: Tansu
) -> None:
    """Posted, dead, listed, shown, refused again, corrected, replayed twice: one visit.

    webhook -> crm.dead -> ledger -> dead list|show -> apply -> dead replay -> crm.events
    """
    stack.apply(CONFIGURATION.replace("TYPE", "kind"))
    assert _post_visit(stack) == {"accepted": 0, "dead": 1, "ignored": 0}
    until(lambda: _listed(stack) != "", 30, "the letter in SQL")
    letter, at, place, reason, *_ = _listed(stack).split("  ")
    assert (place, reason) == ("ingest/replay-visits", "unmappable")
    assert "field type: not one of call, custom" in _listed(stack)
    shown = stack.paceline("dead", "show", letter, "-t", "replay-acme")
    assert json.loads(shown.splitlines()[-1])["kind"] == "house call"
    assert "still unusable: unmappable: field type" in _refused(stack, letter)
    assert _events(tansu) == []
    stack.apply(CONFIGURATION.replace("TYPE", "\"'visit'\""))
    _replay(stack, letter)
    (first,) = _events(tansu)
    _replay(stack, letter)
    assert "replayed 2x" in _listed(stack)
    assert _events(tansu) == [first, first]
    assert isinstance(first.data, EntityPatch)
    assert first.data.fields == {"type": "visit", "owner": "42"}
    received = datetime.fromtimestamp(first.data.received_at // 1000, UTC)
    assert received == datetime.fromisoformat(at)


def _replay(stack: Stack, letter: str) -> None:
    said = stack.paceline("dead", "replay", letter, "-t", "replay-acme")
    assert said == f"{letter}: 1 events sent again\n"


def _post_visit(stack: Stack) -> Any:
    """As the application does: again until ingest knows the connection."""
    path = f"{stack.ingest}/v1/webhooks/replay-visits"
    visit = {"id": 7, "at": NOW // 1000 - 40_000_000, "rep": "42", "kind": "house call"}
    body = as_json({"visits": [visit]})
    answers: list[httpx.Response] = []

    def taken() -> bool:
        answers.append(httpx.post(path, content=body, headers=github_headers(body)))
        return answers[-1].status_code == 200

    until(taken, 30, "the tenant to be active")
    return answers[-1].json()


def _listed(stack: Stack) -> str:
    return stack.paceline("dead", "list", "-t", "replay-acme")


def _refused(stack: Stack, letter: str) -> str:
    command = [sys.executable, "-m", "paceline.cli", "dead", "replay", letter, "-t", "replay-acme"]
    done = subprocess.run(
        ["/usr/bin/env", *(f"{k}={v}" for k, v in stack.environ.items()), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    return done.stderr


def _events(tansu: Tansu) -> list[Event]:
    found = [envelope.decode(value) for value in asyncio.run(arrived(tansu.bootstrap))]
    patches = [e for e in found if isinstance(e.data, EntityPatch)]
    return [e for e in patches if e.tenant == "replay-acme"]
