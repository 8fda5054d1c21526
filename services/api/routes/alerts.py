"""Alerts: what fired, for whom, what was done with it; backtests of rules; links in messages.

In: requests. Out: JSON by the shapes of ``answers.alerts``. Guarantee: a key sees the alerts of
whom it may see, a rep's own and those in the rep's inbox; a deed is written under the key's name; a
link does the one thing that it was signed for.
"""

from __future__ import annotations

import asyncio
import html
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, ValidationError
from sse_starlette import EventSourceResponse

from kpi.alerts import Rule
from kpi.alerts.shipped import SHIPPED
from paceline.alerting.backtest import UntestableError, backtest
from paceline.alerting.links import Links
from paceline.alerting.looking import Looker
from paceline.config import plan_shapes
from paceline.config.rules import rule_of
from paceline.sql import alerts as alerts_sql
from paceline.sql import inbox as sql
from paceline.sql.engine import reading, writing
from paceline.sql.models import AlertRow
from schemas import alerts
from services.api.access import Caller
from services.api.answers import docs_alerts as docs
from services.api.answers.alerts import (
    AlertEntry,
    Alerts,
    Note,
    Precisions,
    RulePrecision,
)
from services.api.context import Asking, Services, Serving, identify, presented_key, still
from services.api.problems import ProblemError, not_found, unprocessable
from services.api.routes.admin import administrator
from services.api.routes.progress import json

router = APIRouter(prefix="/v1")

Admin = Annotated[Caller, Depends(administrator)]
Deed = Literal["acknowledge", "snooze", "comment", "useful", "not_useful"]

_DAY_MS = 86_400_000
_PRECISION_DAYS = 90
_POLL_S = 0.5
_LATE_MS = 2_000
"""An alert is dated by the look that found it, and is here a moment later."""
_LONGEST_SNOOZE = 30 * _DAY_MS


class Doing(BaseModel):
    """What somebody does with an alert; ``until`` of a snooze, ms UTC."""

    deed: Deed
    text: Annotated[str, Field(max_length=2_000)] = ""
    until: int | None = None


class Trial(BaseModel):
    """A rule in the file's shape, and the days to play it through."""

    rule: dict[str, Any]
    first: date
    last: date


@router.get("/alerts", **docs.ALERTS)
async def every(
    caller: Asking,
    services: Serving,
    state: Annotated[Literal["open", "all"], Query(description="open: not dealt with")] = "all",
    inbox: Annotated[
        Literal["mine", "all"], Query(description="mine: what this key's person is told of")
    ] = "all",
    rule: str = "",
    severity: str = "",
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Alerts, newest first."""
    now = services.clock()
    wanted = _wanted(caller, inbox=inbox == "mine")._replace(
        open_only=state == "open", rule=rule, severity=severity, after=_after(after)
    )
    async with reading(services.engine) as session:
        rows = await sql.page(session, wanted, now, limit + 1)
        notes = await sql.notes(session, caller.org.tenant, [row.id for row in rows])
        count = await sql.count_open(session, wanted._replace(after=None), now)
        by_alert: dict[str, list[Note]] = {}
        for note in notes:
            made = Note(at=note.at, author=note.author, kind=note.kind, text=note.text)
            by_alert.setdefault(note.alert, []).append(made)
    shown = [_entry(row, now, by_alert.get(row.id, [])) for row in rows[:limit]]
    more = f"{rows[limit - 1].fired_at}.{rows[limit - 1].id}" if len(rows) > limit else None
    return json(Alerts(items=shown, next=more, open=count))


@router.get("/alerts/precision", **docs.PRECISION)
async def precision(caller: Asking, services: Serving) -> Response:
    """What of each rule's alerts was useful, of the last ninety days."""
    caller.need_tenant()
    since = services.clock() - _PRECISION_DAYS * _DAY_MS
    async with reading(services.engine) as session:
        rows = await sql.precision(session, caller.org.tenant, since)
    items = [
        RulePrecision(
            rule=rule,
            fired=fired,
            acknowledged=acknowledged,
            useful=useful,
            not_useful=not_useful,
            precision=useful / (useful + not_useful) if useful + not_useful else None,
        )
        for rule, fired, acknowledged, useful, not_useful in rows
    ]
    return json(Precisions(items=items))


@router.post("/alerts/backtest", **docs.BACKTEST)
async def play(trial: Trial, caller: Admin, services: Serving) -> Response:
    """When a rule would have told whom; nothing is written."""
    id_ = str(trial.rule.get("id", "trial"))
    rule = _rule(caller, id_, trial.rule)
    looker = Looker(services.teller, services.reader)
    try:
        found = await backtest(
            looker, services.directory.around, caller.known, id_, rule, trial.first, trial.last
        )
    except UntestableError as error:
        raise unprocessable("untestable", str(error)) from None
    return json(found)


@router.get("/alerts/stream", **docs.STREAM)
async def stream(request: Request, _caller: Asking, services: Serving) -> Response:
    """Alerts as they fire, and as they are over, for whoever holds a connection."""
    presented = presented_key(request)

    async def events() -> Any:
        async for entry in _news(services, presented):
            yield {"event": "alert", "id": entry.id, "data": msgspec.json.encode(entry).decode()}

    return EventSourceResponse(events(), ping=15, sep="\n")


@router.websocket("/alerts/ws")
async def socket(websocket: WebSocket) -> None:
    """The same over a WebSocket; the key is in the header, or is the first message."""
    services: Services = websocket.app.state.services
    await websocket.accept()
    try:
        scheme, _, presented = websocket.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            presented = (await asyncio.wait_for(websocket.receive_text(), 10)).strip()
        await identify(services, presented[:256])
        async for entry in _news(services, presented):
            await websocket.send_text(msgspec.json.encode(entry).decode())
        await websocket.close(4401)
    except (ProblemError, TimeoutError):
        await websocket.close(4401)
    except WebSocketDisconnect:
        return


@router.get("/alerts/{alert}", **docs.ALERT)
async def one(alert: str, caller: Asking, services: Serving) -> Response:
    """One alert, with everything that was done with it."""
    return json(await _shown(services, caller, alert))


@router.post("/alerts/{alert}", **docs.DO)
async def do(alert: str, doing: Doing, caller: Asking, services: Serving) -> Response:
    """Acknowledge, snooze, comment, or say whether it was useful."""
    await _shown(services, caller, alert)
    now = services.clock()
    until = doing.until
    if doing.deed == "snooze":
        until = now + _DAY_MS if until is None else until
        if not now < until <= now + _LONGEST_SNOOZE:
            raise unprocessable("invalid-until", "snooze until a moment within 30 days", "until")
    if doing.deed == "comment" and not doing.text.strip():
        raise unprocessable("invalid-comment", "a comment needs a text", "text")
    author = f"key:{caller.key.id} {caller.key.label}"
    if caller.key.rep_id is not None:
        author = f"rep:{caller.key.rep_id}"
    async with writing(services.engine) as session:
        await sql.do(
            session,
            caller.org.tenant,
            alert,
            deed=doing.deed,
            author=author,
            at=now,
            text=doing.text,
            until=until,
        )
    return json(await _shown(services, caller, alert))


_PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Paceline</title>
<link rel="stylesheet" href="/static/style.css"><body><main class="link">
<h1>{title}</h1><form method="post"><button>{button}</button></form></main></body></html>"""
_WORDS = {
    "acknowledge": ("Take care of this alert? 处理此提醒？", "I take care of it 我来处理"),
    "snooze": ("Remind you tomorrow? 明天再提醒？", "Remind me tomorrow 明天再提醒"),
    "useful": ("Was this alert useful? 此提醒有用吗？", "Useful 有用"),
    "not_useful": ("Was this alert useful? 此提醒有用吗？", "Not useful 没用"),
    "unsubscribe": ("No more e-mails? 不再接收邮件？", "No more e-mails 不再接收邮件"),
}


@router.get("/links/{token}", include_in_schema=False)
async def ask(token: str, services: Serving) -> Response:
    """What a link in a message would do. Mail scanners follow links, so a GET does nothing."""
    link = _links(services).read(token)
    if link is None:
        raise not_found("link")
    title, button = (html.escape(word) for word in _WORDS[link.deed])
    page = _PAGE.format(lang="en", title=title, button=button)
    return Response(page, media_type="text/html", headers={"cache-control": "no-store"})


@router.post("/links/{token}", include_in_schema=False)
async def follow(token: str, services: Serving) -> Response:
    """Do what a link was signed for; again, it changes nothing."""
    link = _links(services).read(token)
    if link is None:
        raise not_found("link")
    now = services.clock()
    async with writing(services.engine) as session:
        if link.deed == "unsubscribe":
            await alerts_sql.opt_out(session, link.tenant, link.person, now)
        else:
            await sql.do(
                session,
                link.tenant,
                link.alert,
                deed=link.deed,
                author=f"rep:{link.person}",
                at=now,
                until=now + _DAY_MS if link.deed == "snooze" else None,
            )
    page = _PAGE.split("<form", maxsplit=1)[0].format(lang="en", title="Done · 已完成")
    return Response(page + "</main></body></html>", media_type="text/html")


def _links(services: Services) -> Links:
    if services.links is None:
        raise not_found("link")
    return services.links


def _wanted(caller: Caller, *, inbox: bool = False) -> sql.Wanted:
    tenant = caller.org.tenant
    if inbox:
        return sql.Wanted(tenant, person=caller.key.rep_id or "")
    if caller.reach == "tenant":
        return sql.Wanted(tenant)
    subjects = {("rep", rep.id) for rep in caller.reps()}
    subjects |= {("team", team.id) for team in caller.teams()}
    return sql.Wanted(tenant, subjects=subjects)


def _after(text: str) -> tuple[int, str] | None:
    if not text:
        return None
    at, _, id_ = text.partition(".")
    if not at.isdigit() or not id_:
        raise unprocessable("invalid-after", f"after={text!r} is no `next`", "`next` of a page")
    return int(at), id_


async def _shown(services: Services, caller: Caller, alert: str) -> AlertEntry:
    """One alert that the caller may see; 404 otherwise."""
    tenant = caller.org.tenant
    async with reading(services.engine) as session:
        row = await sql.find(session, tenant, alert)
        if row is None or not _visible(caller, row):
            person = caller.key.rep_id
            told = person is not None and await sql.is_recipient(session, tenant, alert, person)
            if row is None or not told:
                raise not_found("alert")
        notes = await sql.notes(session, tenant, [alert])
        said = [Note(at=one.at, author=one.author, kind=one.kind, text=one.text) for one in notes]
    return _entry(row, services.clock(), said)


def _visible(caller: Caller, row: AlertRow) -> bool:
    wanted = _wanted(caller)
    return wanted.subjects is None or (row.subject_kind, row.subject) in wanted.subjects


def _entry(row: AlertRow, now: int, notes: list[Note]) -> AlertEntry:
    state: Literal["open", "acknowledged", "snoozed", "resolved"] = "open"
    if row.resolved_at is not None:
        state = "resolved"
    elif row.acknowledged_at is not None:
        state = "acknowledged"
    elif row.snoozed_until is not None and row.snoozed_until > now:
        state = "snoozed"
    alert = msgspec.structs.replace(alerts.decode(row.body), field="", held="")
    return AlertEntry(
        id=row.id,
        state=state,
        fired_at=row.fired_at,
        resolved_at=row.resolved_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        snoozed_until=row.snoozed_until,
        useful=row.useful,
        alert=alert,
        notes=notes,
    )


def _rule(caller: Caller, id_: str, body: dict[str, Any]) -> Rule:
    known = caller.plan.rules.get(id_)
    if body.keys() <= {"id"}:
        found = known.rule if known else SHIPPED.get(id_)
        if found is None:
            raise not_found("rule")
        return found
    try:
        said = plan_shapes.Rule.model_validate(body | {"id": id_})
        rule = rule_of(said)
    except (ValidationError, TypeError) as error:
        raise unprocessable("invalid-rule", str(error).splitlines()[0], "/v1/admin/rules") from None
    if rule.kpi and rule.kpi not in caller.known.kpis.book.compiled:
        raise unprocessable("unknown-kpi", f"there is no KPI {rule.kpi!r}", "/v1/kpis")
    return rule


async def _news(services: Services, presented: str) -> Any:
    """What fires, or is over, from now on; ends with the key."""
    since = services.clock() - _LATE_MS
    told: dict[str, str] = {}
    while True:
        current = await still(services, presented)
        if current is None:
            return
        now = services.clock()
        async with reading(services.engine) as session:
            rows = await sql.changed(session, _wanted(current), since)
        for row in rows:
            entry = _entry(row, now, [])
            latest = max(row.fired_at, row.resolved_at or 0, row.acknowledged_at or 0)
            if told.get(row.id, entry.state if latest < since else "") != entry.state:
                yield entry
            told[row.id] = entry.state
        await asyncio.sleep(_POLL_S)
