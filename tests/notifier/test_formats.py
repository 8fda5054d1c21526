"""Each chat's format, checked by a local server as the vendor would."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas.alerts import Driver
from services.notifier.formats import Kind, Message, Place, judge, request
from tests.notifier.conftest import NOON, Post, alert
from tests.notifier.farm import Receiver, answering, farm, raw

SECRET = "SEC000111222"


def block(kind: str) -> dict[str, Any]:
    """A text of Slack."""
    return {
        "type": "object",
        "required": ["type", "text"],
        "properties": {"type": {"const": kind}, "text": {"maxLength": 3000, "minLength": 1}},
    }


SLACK = {
    "type": "object",
    "required": ["text", "blocks"],
    "properties": {
        "text": {"type": "string", "minLength": 1},
        "blocks": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "oneOf": [
                    {
                        "required": ["type", "text"],
                        "properties": {"type": {"const": "section"}, "text": block("mrkdwn")},
                    },
                    {
                        "required": ["type", "elements"],
                        "properties": {
                            "type": {"const": "context"},
                            "elements": {"type": "array", "maxItems": 10, "items": block("mrkdwn")},
                        },
                    },
                ]
            },
        },
    },
}
TEAMS = {
    "required": ["type", "attachments"],
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "minItems": 1,
            "items": {
                "required": ["contentType", "content"],
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "content": {
                        "required": ["type", "version", "body"],
                        "properties": {
                            "type": {"const": "AdaptiveCard"},
                            "version": {"const": "1.4"},
                            "body": {
                                "items": {
                                    "required": ["type", "text"],
                                    "properties": {"type": {"const": "TextBlock"}},
                                }
                            },
                        },
                    },
                },
            },
        },
    },
}


def check_slack(_path: str, said: Any) -> bytes:
    """As Slack: `ok`, or the name of what is wrong."""
    Draft202012Validator(SLACK).validate(said)
    return b"ok"


def check_teams(_path: str, said: Any) -> bytes:
    """As Teams' workflow."""
    Draft202012Validator(TEAMS).validate(said)
    return b""


def check_feishu(_path: str, said: Any) -> bytes:
    """The signature's key is timestamp and secret, and nothing is signed."""
    key = f"{said['timestamp']}\n{SECRET}".encode()
    expected = base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode()
    assert said["sign"] == expected
    assert said["msg_type"] == "interactive"
    assert said["card"]["header"]["title"]["tag"] == "plain_text"
    assert all(one["tag"] in {"div", "note"} for one in said["card"]["elements"])
    return b'{"code":0,"msg":"success"}'


def check_dingtalk(path: str, said: Any) -> bytes:
    """The signature is in the address; the text must not be too long."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    text = f"{query['timestamp']}\n{SECRET}".encode()
    digest = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
    assert query["sign"] == base64.b64encode(digest).decode()
    assert query["access_token"] == "t0k"
    assert said["msgtype"] == "markdown"
    assert said["markdown"]["title"]
    assert len(said["markdown"]["text"].encode()) < 20_000
    return b'{"errcode":0,"errmsg":"ok"}'


def check_wecom(_path: str, said: Any) -> bytes:
    """At most 4,096 bytes of UTF-8."""
    assert said["msgtype"] == "markdown"
    assert 0 < len(said["markdown"]["content"].encode()) <= 4_096
    return b'{"errcode":0,"errmsg":"ok"}'


VENDORS: dict[Kind, Callable[[str, Any], bytes]] = {
    "slack": check_slack,
    "teams": check_teams,
    "feishu": check_feishu,
    "dingtalk": check_dingtalk,
    "wecom": check_wecom,
}


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_chat_takes_what_it_is_sent(post: Post, kind: Kind, language: str) -> None:
    """Names that would format or mention are escaped; the numbers that explain are there."""
    wrong: list[Exception] = []

    async def vendor(
        one: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        got = await one.read(reader)
        try:
            said = VENDORS[kind](got.path, json.loads(got.body))
            writer.write(raw(200, {"content-type": "application/json"}, said))
        except Exception as error:  # noqa: BLE001 - whatever the vendor would refuse
            wrong.append(error)
            writer.write(raw(400, {}, b""))
        await writer.drain()

    async with farm(vendor) as (chat,):
        url = chat.url + ("?access_token=t0k" if kind == "dingtalk" else "")
        await post.subscribe("chat", url, kind=kind, secrets=[SECRET], language=language)
        made = alert()
        subject = msgspec.structs.replace(made.subject, name="<!channel> *Bob* [x](http://y)")
        driver = Driver(topic="volume", kpi="opportunities_created", value=2, team=6.5)
        await post.plan(msgspec.structs.replace(made, subject=subject, driver=driver), "chat")
        await post.send()
    assert not wrong
    assert (await post.delivery("chat")).state == "delivered"
    body = chat.got[0].body.decode()
    plain = kind in {"feishu", "dingtalk"}  # their title is text and nothing else
    assert body.count("<!channel>") == (language == "en" and plain)
    text = json.dumps(json.loads(body), ensure_ascii=False).replace("\\", "")
    for number in ("2,000.00 USD", "21,000.00 USD", "10,000.00 USD", "1,727.27 USD", "6.5"):
        assert number in text
    assert ("有风险" if language == "zh" else "at risk") in text


@pytest.mark.parametrize(
    ("kind", "body", "throttled"),
    [
        ("feishu", b'{"code":19021,"msg":"sign match fail"}', False),
        ("dingtalk", b'{"errcode":310000,"errmsg":"sign not match"}', False),
        ("dingtalk", b'{"errcode":130101,"errmsg":"send too fast"}', True),
        ("wecom", b'{"errcode":45009,"errmsg":"api freq out of limit"}', True),
        ("wecom", b"<html>", False),
    ],
)
def test_an_error_in_the_body_of_a_200_is_an_error(
    kind: Kind,
    body: bytes,
    throttled: bool,  # noqa: FBT001 - of the table
) -> None:
    """These chats answer 200 whatever happens."""
    verdict = judge(kind, 200, body)
    assert (verdict.ok, verdict.throttled) == (False, throttled)


async def test_a_chat_that_refuses_is_tried_again(post: Post) -> None:
    """And not called delivered."""
    async with farm(answering) as (chat,):
        chat.answers = [(200, {}, b'{"errcode":310000}'), (200, {}, b'{"errcode":0}')]
        await post.subscribe("chat", chat.url, kind="wecom")
        await post.plan(alert(), "chat")
        await post.send()
        assert (await post.delivery("chat")).said == "200, code 310000"
        post.later(5)
        await post.send()
    assert (await post.delivery("chat")).state == "delivered"


def test_a_body_stays_small_whatever_the_names() -> None:
    """20 kB for webhooks' receivers, 4,096 bytes for 企业微信, cut between characters."""
    subject = msgspec.structs.replace(alert().subject, name_zh="玛" * 3_000)
    long = msgspec.structs.replace(alert(), subject=subject)
    message = Message("msg_1", 1, [long])
    wecom = request(Place("wecom", "https://x.example", (), "zh"), message, NOON)
    assert len(json.loads(wecom.body)["markdown"]["content"].encode()) <= 4_096
