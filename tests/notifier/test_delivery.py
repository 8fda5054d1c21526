"""Deliveries against receivers that answer, refuse, hang up, redirect, and never end."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from paceline.sql import models
from paceline.sql.engine import reading
from services.notifier import post as posting
from tests.notifier.conftest import Post, alert
from tests.notifier.farm import answering, dropping, endless, farm, gibberish, silent
from tests.support.need import require_program


async def test_a_delivery_is_verified_by_an_independent_implementation(post: Post) -> None:
    """The standard's own library takes it, by either of two secrets, and refuses a changed byte."""
    async with farm(answering) as (good,):
        old, new = await post.subscribe(
            "crm",
            good.url,
            secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "c2VjcmV0" * 4],
        )
        post.clock[0] = time.time()
        await post.plan(alert(), "crm")
        await post.send()
    (got,) = good.got
    for secret in (old, new):
        said = Webhook(secret).verify(got.body, got.headers)
        assert (said["type"], said["sequence"], said["format"]) == ("alert.fired", 1, 1)
        assert said["data"]["id"] == "alr_0001"
        assert said["data"]["figure"]["expected"] == 1_000_000
        assert "held" not in said["data"]
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(got.body.replace(b"maria", b"marta"), got.headers)
    assert len(got.body) < 20_000


async def test_a_failure_is_tried_again_by_the_schedule_under_one_id(post: Post) -> None:
    """0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 10 h; then it is a dead letter."""
    async with farm(answering) as (bad,):
        bad.answers = [(500, {}, b"no luck today")]
        await post.subscribe("crm", bad.url)
        await post.plan(alert(), "crm")
        for number, wait in enumerate((0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)):
            if wait:
                post.later(wait - 1)
                await post.send()
                assert len(bad.got) == number
                post.later(1)
            await post.send()
            assert len(bad.got) == number + 1
        post.later(100_000)
        await post.send()
    assert len(bad.got) == 8
    assert len({one.id for one in bad.got}) == 1
    one = await post.delivery("crm")
    assert (one.state, one.attempts, one.said) == ("dead", 8, "500")


@pytest.mark.parametrize("after", ["120", "Mon, 18 May 2026 12:02:00 GMT"])
async def test_retry_after_is_honoured(post: Post, after: str) -> None:
    """A number or a date; and others to the same place wait too."""
    async with farm(answering) as (busy,):
        busy.answers = [(429, {"Retry-After": after}, b""), (204, {}, b"")]
        await post.subscribe("crm", busy.url)
        await post.plan(alert(1), "crm")
        await post.send()
        await post.plan(alert(2), "crm")
        post.later(119)
        await post.send()
        assert len(busy.got) == 1
        post.later(2)
        await post.send()
    ids = sorted(one.said["data"]["id"] for one in busy.got)
    assert ids == ["alr_0001", "alr_0001", "alr_0002"]


async def test_gone_disables_at_once_and_the_administrators_are_told(post: Post) -> None:
    """410: nothing is sent there any more."""
    async with farm(answering) as (gone,):
        gone.answers = [(410, {}, b"")]
        await post.subscribe("crm", gone.url)
        await post.plan(alert(1), "crm")
        await post.send()
        await post.plan(alert(2), "crm")
        await post.send()
    assert len(gone.got) == 1
    found = await post.subscription("crm")
    assert (found.enabled, found.why_disabled) == (False, "it answered 410: it is gone")
    async with reading(post.engine) as session:
        told = list(await session.scalars(select(models.AlertRecipient.person)))
        rules = list(await session.scalars(select(models.AlertRow.rule)))
    assert (told, rules) == ([""], ["subscription-disabled"])


async def test_five_days_of_failure_disable(post: Post) -> None:
    """Not one bad day, but five."""
    async with farm(dropping) as (bad,):
        await post.subscribe("crm", bad.url)
        for day in range(7):
            await post.plan(alert(day + 1), "crm")
            await post.send()
            assert (await post.subscription("crm")).enabled == (day < 6)
            post.later(24 * 3600)


async def test_a_redirect_is_not_followed(post: Post) -> None:
    """Not even to where deliveries may go."""
    async with farm(answering, answering) as (moved, other):
        moved.answers = [(302, {"Location": other.url}, b"")]
        await post.subscribe("crm", moved.url)
        await post.plan(alert(), "crm")
        await post.send()
    assert (len(moved.got), other.got) == (1, [])
    assert (await post.delivery("crm")).said == "302"


async def test_an_endless_body_is_not_read_to_its_end(post: Post) -> None:
    """200 is 200: the excerpt is kept, the rest is left."""
    async with farm(endless) as (chatty,):
        await post.subscribe("crm", chatty.url)
        await post.plan(alert(), "crm")
        await post.send()
    assert (await post.delivery("crm")).state == "delivered"


async def test_what_is_no_http_is_a_failure_in_words(post: Post) -> None:
    """The delivery log says what came."""
    async with farm(gibberish) as (odd,):
        await post.subscribe("crm", odd.url)
        await post.plan(alert(), "crm")
        await post.send()
    one = await post.delivery("crm")
    assert (one.state, one.attempts) == ("pending", 1)
    assert "ProtocolError" in one.said


async def test_a_receiver_that_never_answers_is_left(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time-out; here it is short."""
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.2)
    async with farm(silent) as (slow,):
        await post.subscribe("crm", slow.url)
        await post.plan(alert(), "crm")
        await post.send()
    assert (await post.delivery("crm")).said == "no answer within 0.2 s"


async def test_dead_endpoints_do_not_delay_the_others(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty alerts to five places, one of which never answers: the others have theirs."""
    monkeypatch.setattr(posting, "TIMEOUT_S", 2.0)
    async with farm(silent, *[answering] * 4) as receivers:
        for number, one in enumerate(receivers):
            await post.subscribe(f"place-{number}", one.url)
        places = [f"place-{number}" for number in range(len(receivers))]
        for number in range(40):
            await post.plan(alert(number + 1), *places)
        began = time.monotonic()
        while any(len(one.got) < 40 for one in receivers[1:]):
            await post.sender.send()
            await post.sender._flush()
            await asyncio.sleep(0.005)
        assert len(receivers[0].got) <= 4
        assert time.monotonic() - began < 2.0
        await post.sender.settled()


async def test_sequence_numbers_grow_by_place(post: Post) -> None:
    """A receiver can drop what is stale."""
    async with farm(answering) as (good,):
        await post.subscribe("crm", good.url)
        for number in range(5):
            await post.plan(alert(number + 1), "crm")
            await post.plan(alert(number + 1), "crm")
        await post.send()
    assert sorted(one.said["sequence"] for one in good.got) == [1, 2, 3, 4, 5]


async def test_who_died_while_sending_leaves_it_to_the_next_under_the_same_id(post: Post) -> None:
    """A lease ends after a minute; the receiver may have it twice, under one id."""
    async with farm(answering) as (good,):
        await post.subscribe("crm", good.url)
        await post.plan(alert(), "crm")
        claimed = await post.sender.send()
        assert claimed == 1
        for task in list(post.sender._tasks):
            task.cancel()
        post.sender._outcomes.clear()
        post.sender._busy.clear()
        await post.send()
        assert (await post.delivery("crm")).state == "pending"
        post.later(61)
        await post.send()
    assert (await post.delivery("crm")).state == "delivered"
    assert len({one.id for one in good.got}) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(post: Post, tmp_path: Path) -> None:
    """Nothing is sent: the body would be read by whoever stands in between."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    openssl = require_program("openssl", package="openssl")
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x"]
    made = await asyncio.create_subprocess_exec(
        openssl, *words, "-keyout", str(key), "-out", str(certificate), stderr=subprocess.DEVNULL
    )
    assert await made.wait() == 0
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with farm(answering, tls=tls) as (impostor,):
        await post.subscribe("crm", impostor.url.replace("http:", "https:"))
        await post.plan(alert(), "crm")
        await post.send()
    assert impostor.got == []
    assert "CERTIFICATE_VERIFY_FAILED" in (await post.delivery("crm")).said


async def test_what_waits_for_a_chat_is_one_message(post: Post) -> None:
    """A digest of thirty is one post, not thirty."""
    async with farm(answering) as (chat,):
        chat.answers = [(200, {}, b"ok")]
        await post.subscribe("chat", chat.url, kind="slack")
        for number in range(30):
            await post.plan(alert(number + 1), "chat")
        await post.send()
    assert len(chat.got) <= 4
    assert (await post.delivery("chat")).state == "delivered"
