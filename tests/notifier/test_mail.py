"""Mail to people, taken by a real SMTP server."""

from __future__ import annotations

import asyncio
import email
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from paceline.alerting.links import Links
from paceline.progress.reading.directory import SqlDirectory
from paceline.sql import alerts as sql
from paceline.sql.engine import writing
from services.notifier.guard import Guard
from services.notifier.mail import Mailer, Server
from services.notifier.planning import delivery_id
from services.notifier.post import Poster
from services.notifier.sending import Sender
from tests.api import planning
from tests.api.world import World, founded, ms
from tests.notifier.conftest import alert
from tests.support.servers import RedisServer

LINKS = Links("a secret of the test's")
TUESDAY = "2026-11-24T15:00:00Z"
"""10:00 in New York."""


class Box:
    """What a mail server took; ``refuse`` is answered in its place."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.refuse = ""

    async def handle_DATA(  # noqa: N802 - the server calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """One message."""
        if self.refuse:
            return self.refuse
        raw = cast("bytes", envelope.content)
        self.taken.append(email.message_from_bytes(raw, policy=default))
        return "250 taken"


@pytest.fixture
async def box() -> AsyncIterator[tuple[Box, int]]:
    """A server on a free port."""
    made = Box()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(made, loop=loop), "127.0.0.1", 0)
    yield made, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def world(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[World]:
    """Acme; Maria and Grace have addresses."""
    async with founded(redis_server.url, tmp_path) as made:
        made.now = ms(TUESDAY)
        await planning.rep(made, "maria", email="maria@acme.example")
        await planning.rep(made, "grace", email="grace@acme.example", language="zh")
        await planning.setting(made, "alerting", {"budget": 2})
        yield made


@pytest.fixture
async def sender(world: World, box: tuple[Box, int]) -> AsyncIterator[Sender]:
    """A sender with a mailer."""
    directory = SqlDirectory(world.engine, ttl_s=0)
    server = Server.of(f"smtp://127.0.0.1:{box[1]}")
    mailer = Mailer(
        server, "alerts@acme.example", world.engine, directory, LINKS, "https://p.example"
    )
    poster = Poster(Guard())
    made = Sender(world.engine, poster, mailer, jitter=lambda: 0.0)
    made.clock = lambda: world.now / 1000
    yield made
    await poster.close()


async def plan(world: World, person: str, *numbers: int, **more: Any) -> None:
    """Alerts to a person, due now."""
    async with writing(world.engine) as session:
        for number in numbers:
            one = msgspec.structs.replace(alert(number), at=world.now, **more)
            planned = sql.Planned(
                id=delivery_id(one.id, one.what, f"mail:{person}"),
                person=person,
                due_at=world.now,
            )
            await sql.plan(session, [(one, planned)], world.now)


async def send(sender: Sender) -> None:
    """Everything that is due."""
    while await sender.send():
        await sender.settled()
    await sender.settled()


def text(message: EmailMessage, kind: str) -> str:
    """One of its bodies."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


async def test_what_comes_together_is_one_message_in_text_and_html(
    world: World, sender: Sender, box: tuple[Box, int]
) -> None:
    """Three alerts, one mail; every number that explains is in both bodies."""
    await plan(world, "maria", 1, 2, 3)
    await send(sender)
    (message,) = box[0].taken
    assert message["To"] == "maria@acme.example"
    assert message["Subject"] == "Maria Lopez · A rep's won amount is at risk, and 2 more"
    for kind in ("plain", "html"):
        body = text(message, kind)
        for number in ("2,000.00 USD", "21,000.00 USD", "10,000.00 USD", "1,727.27 USD"):
            assert number in body


async def test_it_speaks_the_readers_language_and_escapes_names(
    world: World, sender: Sender, box: tuple[Box, int]
) -> None:
    """中文 for Grace; a name with markup, and a line break that would be a header, stay text."""
    name = "<script>alert(1)</script>\r\nBcc: everybody@acme.example"
    subject = msgspec.structs.replace(alert().subject, name=name, name_zh=name)
    await plan(world, "grace", 1, subject=subject)
    await send(sender)
    (message,) = box[0].taken
    assert "销售代表成交金额有风险" in message["Subject"]
    assert message["Bcc"] is None
    html = text(message, "html")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert 'lang="zh-CN"' in html


async def test_its_links_do_what_they_say_for_this_person_alone(
    world: World, sender: Sender, box: tuple[Box, int]
) -> None:
    """Four deeds and the way out, each signed; one click is announced as the standard asks."""
    await plan(world, "maria", 1)
    await send(sender)
    (message,) = box[0].taken
    tokens = re.findall(r"https://p\.example/v1/links/(\S+)", text(message, "plain"))
    links = [LINKS.read(token) for token in tokens]
    assert [link and link.deed for link in links] == [
        "acknowledge",
        "snooze",
        "useful",
        "not_useful",
        "unsubscribe",
    ]
    assert {link and (link.tenant, link.person) for link in links} == {("acme", "maria")}
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_the_days_budget_is_kept_and_what_is_beyond_comes_with_the_next_digest(
    world: World, sender: Sender, box: tuple[Box, int]
) -> None:
    """Two messages a day: the third alert waits for 8:30 of the next workday."""
    for number in range(3):
        await plan(world, "maria", number)
        await send(sender)
        world.now += 60_000
    assert len(box[0].taken) == 2
    world.now = ms("2026-11-25T13:29:00Z")
    await send(sender)
    assert len(box[0].taken) == 2
    world.now = ms("2026-11-25T13:30:00Z")
    await send(sender)
    assert len(box[0].taken) == 3


async def test_who_opted_out_is_sent_nothing(
    world: World, sender: Sender, box: tuple[Box, int]
) -> None:
    """The inbox stays."""
    async with writing(world.engine) as session:
        await sql.opt_out(session, "acme", "maria", world.now)
    await plan(world, "maria", 1)
    await send(sender)
    assert box[0].taken == []


async def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    world: World, sender: Sender, box: tuple[Box, int]
) -> None:
    """451 comes back after five seconds, 550 never."""
    box[0].refuse = "451 busy"
    await plan(world, "maria", 1)
    await send(sender)
    box[0].refuse = ""
    world.now += 5_000
    await send(sender)
    assert len(box[0].taken) == 1
    box[0].refuse = "550 no such user"
    await plan(world, "grace", 2)
    await send(sender)
    box[0].refuse = ""
    world.now += 3_600_000
    await send(sender)
    assert len(box[0].taken) == 1
