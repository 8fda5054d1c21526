"""Mail: alerts to people, several in one message.

In: a person's deliveries. Out: one message, in text and HTML, and how that went. Guarantee: every
text of others is escaped in HTML; no header can be broken by a name; links are signed, and there
are none without a secret; who opted out, or has had the day's budget, is sent nothing now.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import make_msgid
from html import escape
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.civil import day_start, local_day
from paceline.alerting.links import Deed, Link, Links
from paceline.progress.reading.directory import SqlDirectory
from paceline.sql import alerts as sql
from paceline.sql.engine import reading
from paceline.sql.models import Delivery, Tenant
from paceline.sql.stored import TenantSettings
from schemas import alerts
from services.notifier.planning import hours_of
from services.notifier.times import next_digest
from services.notifier.words import Language, Text, text_of

_TIMEOUT_S = 20
_PERMANENT = 500
_DEEDS: dict[Language, dict[Deed, str]] = {
    "en": {
        "acknowledge": "I take care of it",
        "snooze": "Remind me tomorrow",
        "useful": "Useful",
        "not_useful": "Not useful",
    },
    "zh": {
        "acknowledge": "我来处理",
        "snooze": "明天再提醒",
        "useful": "有用",
        "not_useful": "没用",
    },
}
_UNSUBSCRIBE: dict[Language, str] = {"en": "No more e-mails", "zh": "不再接收邮件"}


class Sent(NamedTuple):
    """How it went."""

    ok: bool
    said: str
    final: bool = False
    """Trying again is no use."""
    status: int | None = None
    took_ms: int = 0
    put_off_until: int | None = None


class Server(NamedTuple):
    """A mail server."""

    host: str
    port: int
    tls: bool
    """From the first byte; otherwise STARTTLS where it is offered."""
    user: str | None
    password: str | None

    @classmethod
    def of(cls, url: str) -> Server:
        """Of ``smtp://user:password@host:587``; ``ValueError`` where it is none."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("PACELINE_SMTP must be smtp://host:587 or smtps://host:465")
        tls = parts.scheme == "smtps"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, parts.port or (465 if tls else 587), tls, user, password)


class Mailer:
    """Sends mail for one process."""

    def __init__(
        self,
        server: Server,
        sender: str,
        engine: AsyncEngine,
        directory: SqlDirectory,
        links: Links | None = None,
        page: str = "",
    ) -> None:
        """``links`` and ``page``: what a message's links are signed with, and begin with."""
        self._server = server
        self._sender = sender
        self._engine = engine
        self._directory = directory
        self._links = links if page else None
        self._page = page

    async def send(
        self, tenant: str, person: str, deliveries: Sequence[Delivery], now: int
    ) -> Sent:
        """All of them in one message."""
        known = await self._directory.org(tenant)
        rep = known.org.reps.get(person) if known else None
        if known is None or rep is None or not rep.terms.email:
            return Sent(ok=False, said="this person has no e-mail address", final=True)
        hours = hours_of(known, person)
        midnight = day_start(local_day(now, hours.zone), hours.zone)
        async with reading(self._engine) as session:
            if await sql.opted_out(session, tenant, person):
                return Sent(ok=False, said="this person opted out", final=True)
            had = await sql.told_since(session, tenant, person, midnight)
            row = await session.get(Tenant, tenant)
            raw = row.settings if row else {}
        settings = msgspec.convert(raw, TenantSettings).alerting
        if had >= settings.budget:
            until = next_digest(settings, hours, now)
            return Sent(ok=False, said="beyond the day's budget", put_off_until=until)
        language: Language = rep.terms.language or "en"
        message = self._message(tenant, person, rep.terms.email, deliveries, language)
        return await self._deliver(message)

    def _message(
        self,
        tenant: str,
        person: str,
        address: str,
        deliveries: Sequence[Delivery],
        language: Language,
    ) -> EmailMessage:
        told = [alerts.decode(one.body) for one in deliveries]
        texts = [text_of(one, language) for one in told]
        message = EmailMessage()
        message["Subject"] = _subject(texts, language)
        message["From"] = self._sender
        message["To"] = address
        message["Message-ID"] = make_msgid(deliveries[0].id, domain="paceline.invalid")
        deeds = [self._deeds(tenant, person, one.id, language) for one in told]
        out = self._link(tenant, "", person, "unsubscribe")
        if out:
            message["List-Unsubscribe"] = f"<{out}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        plain = "\n\n".join(
            "\n".join(
                [f"[{one.severity}] {one.title}", *one.lines, *(f"{w}: {u}" for w, u in links)]
            )
            for one, links in zip(texts, deeds, strict=True)
        )
        message.set_content(plain + (f"\n\n{_UNSUBSCRIBE[language]}: {out}" if out else "") + "\n")
        message.add_alternative(_html(texts, deeds, out, language), subtype="html")
        return message

    def _deeds(
        self, tenant: str, person: str, alert: str, language: Language
    ) -> list[tuple[str, str]]:
        found = (
            (word, self._link(tenant, alert, person, deed))
            for deed, word in _DEEDS[language].items()
        )
        return [(word, link) for word, link in found if link]

    def _link(self, tenant: str, alert: str, person: str, deed: Deed) -> str:
        if self._links is None:
            return ""
        return f"{self._page}/v1/links/{self._links.token(Link(tenant, alert, person, deed))}"

    async def _deliver(self, message: EmailMessage) -> Sent:
        began = time.monotonic()
        server = self._server
        try:
            _, said = await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                use_tls=server.tls,
                username=server.user,
                password=server.password,
                timeout=_TIMEOUT_S,
            )
        except aiosmtplib.SMTPResponseException as error:
            final = error.code >= _PERMANENT
            told = f"{error.code} {error.message}"[:300]
            return Sent(ok=False, said=told, final=final, status=error.code, took_ms=_ms(began))
        except aiosmtplib.SMTPRecipientsRefused as refused:
            code = refused.recipients[0].code
            return Sent(
                ok=False,
                said=f"{code} the address was refused",
                final=code >= _PERMANENT,
                status=code,
                took_ms=_ms(began),
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            return Sent(ok=False, said=f"{type(error).__name__}"[:300], took_ms=_ms(began))
        return Sent(ok=True, said=f"250 {said}"[:200], status=250, took_ms=_ms(began))


def _subject(texts: Sequence[Text], language: Language) -> str:
    more = len(texts) - 1
    title = " ".join(texts[0].title.split())
    if not more:
        return title
    return f"{title}，另有 {more} 条" if language == "zh" else f"{title}, and {more} more"


def _said(text: Text) -> list[str]:
    return [f"[{text.severity}] {text.title}", *text.lines]


def _html(
    texts: Sequence[Text],
    deeds: Sequence[Sequence[tuple[str, str]]],
    out: str,
    language: Language,
) -> str:
    parts = []
    for text, links in zip(texts, deeds, strict=True):
        lines = "".join(f"<p style='margin:4px 0'>{escape(one)}</p>" for one in text.lines)
        clicks = " · ".join(f'<a href="{escape(url)}">{escape(word)}</a>' for word, url in links)
        parts.append(
            "<section style='margin:0 0 20px;padding:12px 16px;border-left:4px solid #b4530a'>"
            f"<h2 style='font-size:16px;margin:0 0 6px'>{escape(text.title)}</h2>"
            f"<p style='margin:0 0 6px;color:#555'>{escape(text.severity)}</p>{lines}"
            f"<p style='margin:8px 0 0'>{clicks}</p></section>"
        )
    foot = f'<p><a href="{escape(out)}">{_UNSUBSCRIBE[language]}</a></p>' if out else ""
    body = "".join(parts) + foot
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}">'
        "<meta charset=utf-8><body style='font-family:sans-serif;max-width:640px'>"
        f"{body}</body></html>"
    )


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
