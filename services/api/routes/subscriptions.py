"""Subscriptions: where alerts are delivered to, and the log of what was delivered.

In: requests with an administrator's key. Out: JSON by the shapes of ``answers.alerts``. Guarantee:
only the key's own tenant; a secret is shown once, to whoever made it; a URL that could never be
delivered to is refused when it is written, and judged again by its address at every delivery.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.alerting.secrets import new_secret
from paceline.sql import alerts as alerts_sql
from paceline.sql import inbox as inbox_sql
from paceline.sql.changes import Deed, settle
from paceline.sql.engine import reading, writing
from paceline.sql.models import Subscription
from schemas.alerts import Alert, RuleRef, SubjectRef
from services.api.access import Caller
from services.api.answers import docs_alerts as docs
from services.api.answers.alerts import (
    Attempt,
    Deliveries,
    DeliveryEntry,
    Replayed,
    SubscriptionEntry,
    SubscriptionList,
)
from services.api.context import Serving
from services.api.problems import not_found, unprocessable
from services.api.routes.admin import administrator
from services.api.routes.progress import json

router = APIRouter(prefix="/v1")
Admin = Annotated[Caller, Depends(administrator)]
Kind = Literal["webhook", "slack", "teams", "feishu", "dingtalk", "wecom"]

_MOST = 100
"""Subscriptions of a tenant."""
_LONGEST_URL = 2_000
_SECRETS_KEPT = 2


class Filters(BaseModel):
    """Which alerts it takes; empty: all. ``resolved``: told too when an alert is over."""

    rules: list[str] = []
    severities: list[Literal["info", "warning", "critical"]] = []
    subjects: list[Literal["rep", "team", "organisation", "source"]] = []
    resolved: bool = False


class Body(BaseModel):
    """A subscription as it is written."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind = "webhook"
    url: Annotated[str, Field(max_length=_LONGEST_URL)]
    secret: Annotated[str, Field(max_length=200)] | None = None
    """Of a chat that signs (飞书, 钉钉): the bot's. Of a webhook one is made."""
    filters: Filters = Filters()
    language: Literal["en", "zh"] = "en"
    enabled: bool = True


class Again(BaseModel):
    """What is sent again: some by their ids, or what is dead since an instant (ms UTC)."""

    ids: list[str] = []
    subscription: str | None = None
    since: int | None = None


@router.get("/subscriptions", **docs.SUBSCRIPTIONS)
async def every(caller: Admin, services: Serving) -> Response:
    """All of the tenant's."""
    async with reading(services.engine) as session:
        found = await alerts_sql.subscriptions(session, caller.org.tenant)
        return json(SubscriptionList(items=[_entry(one) for one in found]))


@router.put("/subscriptions/{id_}", **docs.SUBSCRIBE)
async def put(id_: str, body: Body, caller: Admin, services: Serving) -> Response:
    """Make a subscription what the body says; a new webhook's secret is in the answer, once."""
    _check(id_, body)
    tenant = caller.org.tenant
    shown: str | None = None
    async with writing(services.engine) as session:
        row = await alerts_sql.subscription(session, tenant, id_)
        before = None if row is None else _audited(row)
        if row is None:
            if len(await alerts_sql.subscriptions(session, tenant)) >= _MOST:
                raise unprocessable("too-many", f"a tenant has at most {_MOST} subscriptions")
            shown = new_secret() if body.kind == "webhook" else None
            row = Subscription(
                tenant=tenant,
                id=id_,
                sequence=0,
                created_at=services.clock(),
                secrets=[shown] if shown else [],
                author=_author(caller),
            )
            session.add(row)
        row.name, row.kind, row.url = body.name, body.kind, body.url
        row.filters = body.filters.model_dump()
        row.language = body.language
        if body.kind != "webhook" and body.secret is not None:
            row.secrets = [body.secret]
        if body.enabled and not row.enabled:
            row.failing_since = None
        row.enabled, row.why_disabled = body.enabled, ""
        await session.flush()
        await _audit(session, caller, id_, before, _audited(row))
        return json(_entry(row, shown))


@router.delete("/subscriptions/{id_}", **docs.UNSUBSCRIBE)
async def delete(id_: str, caller: Admin, services: Serving) -> Response:
    """Take a subscription away; what waits for it is dropped."""
    async with writing(services.engine) as session:
        row = await _found(session, caller, id_)
        before = _audited(row)
        await session.delete(row)
        await _audit(session, caller, id_, before, None)
        return json(_entry(row))


@router.post("/subscriptions/{id_}/rotate", **docs.ROTATE)
async def rotate(id_: str, caller: Admin, services: Serving) -> Response:
    """A new secret, shown once; the old one signs too until the next rotation."""
    async with writing(services.engine) as session:
        row = await _found(session, caller, id_)
        if row.kind != "webhook":
            raise unprocessable("not-signed", f"a {row.kind} bot's secret is the chat's", "PUT")
        made = new_secret()
        row.secrets = [made, *row.secrets][:_SECRETS_KEPT]
        await session.flush()
        await _audit(session, caller, id_, {"rotated": False}, {"rotated": True})
        return json(_entry(row, made))


@router.post("/subscriptions/{id_}/test", **docs.TEST)
async def test(id_: str, caller: Admin, services: Serving) -> Response:
    """Send a test; the delivery log says how it went."""
    now = services.clock()
    tenant = caller.org.tenant
    alert = Alert(
        id=f"test_{id_}_{now}",
        sequence=0,
        what="fired",
        tenant=tenant,
        rule=RuleRef(
            id="test", version=1, name="This is a test", name_zh="这是一条测试", when="test"
        ),
        severity="info",
        subject=SubjectRef(
            kind="organisation", id=tenant, name=caller.org.name, name_zh=caller.org.name_zh
        ),
        period="",
        began_at=now,
        at=now,
        field="",
        held="",
    )
    planned = alerts_sql.Planned(id=f"msg_{id_}_{now}", subscription=id_, due_at=now)
    async with writing(services.engine) as session:
        await _found(session, caller, id_)
        await alerts_sql.plan(session, [(alert, planned)], now)
        found = await inbox_sql.deliveries(session, tenant, alert=alert.id)
        return json(_delivery(found[0], []))


@router.get("/deliveries", **docs.DELIVERIES)
async def deliveries(
    caller: Admin,
    services: Serving,
    subscription: str | None = None,
    alert: str | None = None,
    state: Literal["pending", "delivered", "dead", "dropped"] | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The delivery log, newest first, with every attempt and how its answer began."""
    tenant = caller.org.tenant
    async with reading(services.engine) as session:
        found = await inbox_sql.deliveries(
            session, tenant, subscription=subscription, alert=alert, state=state, limit=limit
        )
        tried = await inbox_sql.attempts(session, tenant, [one.id for one in found])
        logs: dict[str, list[Attempt]] = {}
        for one in tried:
            made = Attempt(
                number=one.number,
                at=one.at,
                took_ms=one.took_ms,
                status=one.status,
                error=one.error,
                excerpt=one.excerpt,
            )
            logs.setdefault(one.delivery, []).append(made)
        return json(Deliveries(items=[_delivery(one, logs.get(one.id, [])) for one in found]))


@router.post("/deliveries/replay", **docs.REPLAY)
async def replay(again: Again, caller: Admin, services: Serving) -> Response:
    """Send again: one, many, or all that is dead since an instant; ids stay the same."""
    async with writing(services.engine) as session:
        count = await inbox_sql.replay(
            session,
            caller.org.tenant,
            services.clock(),
            ids=again.ids,
            subscription=again.subscription,
            since=again.since,
        )
    return json(Replayed(replayed=count))


def _check(id_: str, body: Body) -> None:
    if not id_.replace("-", "").isalnum() or not id_.islower() or len(id_) > 63:  # noqa: PLR2004
        raise unprocessable("invalid-id", f"{id_!r} is no id", "a-z, 0-9 and -, at most 63")
    parts = urlsplit(body.url)
    try:
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host = ""
    if parts.scheme not in {"https", "http"} or not host or parts.username or parts.fragment:
        raise unprocessable(
            "invalid-url", "the URL must be https://host/… without user or fragment", "https://…"
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    public = address is None or address.is_global
    if parts.scheme == "http" and public and host != "localhost":
        raise unprocessable("invalid-url", "a public receiver must speak https", "https://…")
    for rule in body.filters.rules:
        if not rule.replace("-", "").isalnum():
            raise unprocessable("invalid-filter", f"{rule!r} is no rule", "/v1/admin/rules")


async def _found(session: AsyncSession, caller: Caller, id_: str) -> Subscription:
    row = await alerts_sql.subscription(session, caller.org.tenant, id_)
    if row is None:
        raise not_found("subscription")
    return row


async def _audit(
    session: AsyncSession,
    caller: Caller,
    id_: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    if before == after:
        return
    action: Literal["create", "change", "remove"] = "change"
    if before is None:
        action = "create"
    elif after is None:
        action = "remove"
    deed = Deed(action=action, kind="subscriptions", subject=id_, before=before, after=after)
    await settle(session, caller.org.tenant, _author(caller), [deed])


def _audited(row: Subscription) -> dict[str, Any]:
    """What the audit keeps: of a URL no more than the host, for chats put their key into it."""
    parts = urlsplit(row.url)
    return {
        "name": row.name,
        "kind": row.kind,
        "host": parts.hostname or "",
        "filters": row.filters,
        "language": row.language,
        "enabled": row.enabled,
    }


def _author(caller: Caller) -> str:
    return f"key:{caller.key.id} {caller.key.label}"


def _entry(row: Subscription, secret: str | None = None) -> SubscriptionEntry:
    return SubscriptionEntry(
        id=row.id,
        name=row.name,
        kind=row.kind,
        url=row.url if row.kind == "webhook" else _hidden(row.url),
        filters=row.filters,
        language=row.language,
        enabled=row.enabled,
        why_disabled=row.why_disabled,
        failing_since=row.failing_since,
        sequence=row.sequence,
        created_at=row.created_at,
        author=row.author,
        secret=secret,
    )


def _hidden(url: str) -> str:
    """A chat's address is its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/…"


def _delivery(row: Any, log: list[Attempt]) -> DeliveryEntry:
    names = [name for name in msgspec.structs.fields(DeliveryEntry) if name.name != "log"]
    return DeliveryEntry(**{name.name: getattr(row, name.name) for name in names}, log=log)
