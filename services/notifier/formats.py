"""Formats: an alert as a webhook or a chat wants it, and what the answer means.

In: an alert, a subscription. Out: a request. Guarantee: pure; texts of others are escaped for each
format; no body is over 20 kB; a chat that answers 200 with an error in its body has failed.

Sources: Standard Webhooks; the vendors' pages on incoming webhooks and custom bots (Slack, Teams'
adaptive cards, 飞书, 钉钉, 企业微信).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from paceline.progress.reading.windows import rfc3339
from schemas.alerts import Alert
from services.notifier import signing
from services.notifier.words import Language, Text, text_of

Kind = Literal["webhook", "slack", "teams", "feishu", "dingtalk", "wecom"]
KINDS: tuple[Kind, ...] = ("webhook", "slack", "teams", "feishu", "dingtalk", "wecom")
FORMAT = 1
"""Version of the webhook's body."""
MOST_BYTES = 20_000
_WECOM_BYTES = 4_096
_THROTTLED = {"dingtalk": (130101,), "wecom": (45009,), "feishu": (9499, 11232)}
"""What chats answer, with 200, to whoever sends too much."""


class Request(NamedTuple):
    """What is posted."""

    url: str
    headers: dict[str, str]
    body: bytes


class Message(NamedTuple):
    """What a request is made of."""

    id: str
    """The same over all attempts."""
    sequence: int
    alerts: Sequence[Alert]
    """Several: a digest."""
    test: bool = False


class Place(NamedTuple):
    """Where it goes."""

    kind: Kind
    url: str
    secrets: Sequence[str]
    language: Language


def request(place: Place, message: Message, at_ms: int) -> Request:
    """The request of one attempt; only the signature depends on when it is made."""
    if place.kind == "webhook":
        return _webhook(place, message, at_ms)
    text = _text(message, place.language)
    made = _CHATS[place.kind](text)
    url = place.url
    if place.secrets and place.kind == "feishu":
        made |= signing.feishu(place.secrets[0], at_ms // 1000)
    if place.secrets and place.kind == "dingtalk":
        url += signing.dingtalk(place.secrets[0], at_ms)
        url = url if "?" in url else url.replace("&", "?", 1)
    return Request(url, {"content-type": "application/json"}, msgspec.json.encode(made))


class Verdict(NamedTuple):
    """What an answer means."""

    ok: bool
    throttled: bool
    said: str


def judge(kind: Kind, status: int, body: bytes) -> Verdict:
    """Whether it was taken; chats say so in the body."""
    said = f"{status}"
    if not 200 <= status < 300:  # noqa: PLR2004 - as HTTP counts
        return Verdict(ok=False, throttled=False, said=said)
    code = _code(kind, body)
    if code:
        throttled = code in _THROTTLED.get(kind, ())
        return Verdict(ok=False, throttled=throttled, said=f"{status}, code {code}")
    return Verdict(ok=True, throttled=False, said=said)


def _code(kind: Kind, body: bytes) -> int:
    field = {"feishu": "code", "dingtalk": "errcode", "wecom": "errcode"}.get(kind)
    if field is None:
        return 0
    try:
        found = msgspec.json.decode(body)
        return int(found.get(field, 0))
    except (ValueError, TypeError, AttributeError):
        return -1


def _webhook(place: Place, message: Message, at_ms: int) -> Request:
    (alert,) = message.alerts
    data = msgspec.to_builtins(alert)
    for inner in ("field", "held"):
        data.pop(inner, None)
    kind = "test" if message.test else alert.what
    body = msgspec.json.encode(
        {
            "type": f"alert.{kind}",
            "timestamp": rfc3339(alert.at),
            "format": FORMAT,
            "sequence": message.sequence,
            "data": data,
        }
    )
    headers = signing.headers(place.secrets, message.id, at_ms // 1000, body)
    return Request(place.url, {"content-type": "application/json"} | headers, body)


def _text(message: Message, language: Language) -> Text:
    texts = [text_of(one, language) for one in message.alerts]
    if len(texts) == 1:
        (text,) = texts
        return text._replace(title=f"[test] {text.title}") if message.test else text
    title = f"{len(texts)} 条提醒" if language == "zh" else f"{len(texts)} alerts"
    lines = [f"{one.severity} · {one.title}: {one.lines[0]}" for one in texts]
    return Text(title, lines, texts[0].severity)


def _slack(text: Text) -> dict[str, Any]:
    title, lines = _slack_text(text.title), [_slack_text(one) for one in text.lines]
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*"[:3000]}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:3000]}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": text.severity}]},
    ]
    return {"text": title[:3000], "blocks": blocks}


def _slack_text(text: str) -> str:
    """As Slack asks: these three alone, and nothing that mentions anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(text: Text) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "TextBlock",
                "text": _markdown(text.title),
                "weight": "Bolder",
                "size": "Medium",
                "wrap": True,
            },
            *({"type": "TextBlock", "text": _markdown(one), "wrap": True} for one in text.lines),
            {"type": "TextBlock", "text": text.severity, "isSubtle": True, "wrap": True},
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _feishu(text: Text) -> dict[str, Any]:
    body = "\n".join(_markdown(one) for one in text.lines)
    return {
        "msg_type": "interactive",
        "card": {
            "header": {"title": {"tag": "plain_text", "content": text.title}},
            "elements": [
                {"tag": "div", "text": {"tag": "lark_md", "content": body}},
                {
                    "tag": "note",
                    "elements": [{"tag": "plain_text", "content": text.severity}],
                },
            ],
        },
    }


def _dingtalk(text: Text) -> dict[str, Any]:
    lines = [f"#### {_markdown(text.title)}", *(_markdown(one) for one in text.lines)]
    body = "\n\n".join([*lines, text.severity])
    return {"msgtype": "markdown", "markdown": {"title": text.title, "text": body}}


def _wecom(text: Text) -> dict[str, Any]:
    lines = [f"**{_markdown(text.title)}**", *(f"> {_markdown(one)}" for one in text.lines)]
    body = "\n".join([*lines, text.severity]).encode()[:_WECOM_BYTES]
    return {"msgtype": "markdown", "markdown": {"content": body.decode(errors="ignore")}}


_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~@])")


def _markdown(text: str) -> str:
    """Escaped, so that a customer's name neither formats anything nor mentions anybody."""
    return _SPECIAL.sub(r"\\\1", text)


_CHATS: Mapping[Kind, Callable[[Text], dict[str, Any]]] = {
    "slack": _slack,
    "teams": _teams,
    "feishu": _feishu,
    "dingtalk": _dingtalk,
    "wecom": _wecom,
}
