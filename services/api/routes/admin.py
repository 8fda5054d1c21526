"""Administration over REST: the plan item by item, in the shape of the configuration file.

In: requests with an administrator's key. Out: items, what changed, or every mistake. Guarantee:
only the key's own tenant; a write is validated as the file is, all or nothing, audited under the
key; the same body twice changes nothing.
"""

from __future__ import annotations

import json as plain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

import kpi
from paceline.admin import audit as audits
from paceline.admin import items
from paceline.admin import targets as of_targets
from paceline.admin.values import KINDS, Actor, Done, Kind
from paceline.sql.engine import reading
from services.api.access import Caller
from services.api.answers import docs_plan
from services.api.context import Asking, Services, Serving
from services.api.problems import not_found, too_large, unprocessable, writing_problems
from services.api.routes import plan_views
from services.api.routes.plan import After, Limit
from services.api.routes.progress import json

LARGEST = 8 * 1024 * 1024
"""Bytes of a body."""

router = APIRouter(prefix="/v1/admin")

DryRun = Annotated[bool, Query(description="say what would change, change nothing")]
IfMatch = Annotated[str | None, Header(description=docs_plan.IF_MATCH)]
IfNoneMatch = Annotated[str | None, Header(description="`*`: only where it is not there yet.")]


class Terms:
    """On which terms an item is written."""

    def __init__(
        self,
        *,
        dry_run: DryRun = False,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> None:
        self.dry_run = dry_run
        self._if_match, self._if_none_match = if_match, if_none_match

    @property
    def expected(self) -> str | None:
        """The digest that the item must have; ``""``: none at all; None: whatever it has."""
        if self._if_none_match is not None:
            if self._if_none_match.strip() != "*":
                raise unprocessable("invalid-request", "If-None-Match takes only *", "If-Match")
            return ""
        if self._if_match is None or self._if_match.strip() == "*":
            return None
        return self._if_match.strip().removeprefix("W/").strip('"')


On = Annotated[Terms, Depends()]


async def administrator(caller: Asking) -> Caller:
    """The caller, who may administer; 403 otherwise."""
    caller.need_admin()
    return caller


Admin = Annotated[Caller, Depends(administrator)]


@router.get("/audit", **docs_plan.AUDIT)
async def audit(
    caller: Admin,
    services: Serving,
    kind: Annotated[str | None, Query()] = None,
    subject: Annotated[str | None, Query()] = None,
    before: Annotated[int | None, Query(ge=1, description="`next` of the page before")] = None,
    limit: Limit = 50,
) -> Response:
    """Who changed what and when, newest first."""
    async with reading(services.engine) as session:
        page = await audits.read_audit(
            session, caller.org.tenant, kind=kind, subject=subject, before=before, limit=limit
        )
    return json(plan_views.audit(page))


@router.post("/targets:import", **docs_plan.IMPORT)
async def import_targets(
    request: Request, caller: Admin, services: Serving, *, dry_run: DryRun = False
) -> Response:
    """Set the targets of a CSV body; every mistake is named with its line, and then nothing is."""
    data = await _body(request)
    with writing_problems("targets"):
        done = await of_targets.import_targets(
            services.engine, caller.org.tenant, data, actor=_actor(caller), dry_run=dry_run
        )
    return _written(services, done)


@router.post("/targets/{target}/publish", **docs_plan.WRITE)
async def publish(
    target: str, caller: Admin, services: Serving, *, dry_run: DryRun = False
) -> Response:
    """A draft counts from now on."""
    with writing_problems("target"):
        done = await of_targets.publish_target(
            services.engine, caller.org.tenant, target, actor=_actor(caller), dry_run=dry_run
        )
    return _written(services, done)


@router.get("/{kind}", **docs_plan.ITEMS)
async def list_items(
    kind: str, caller: Admin, services: Serving, after: After = "", limit: Limit = 50
) -> Response:
    """A page of a kind.

    Kinds: kpis, measures, calendars, roles, ramps, rules, reps, teams, settings, targets.
    """
    async with reading(services.engine) as session:
        with writing_problems("kind"):
            page = await items.list_items(
                session, caller.org.tenant, _kind(kind), after=after or None, limit=limit
            )
    return json(plan_views.items(page))


@router.get("/{kind}/{item}", **docs_plan.ITEM)
async def get_item(kind: str, item: str, caller: Admin, services: Serving) -> Response:
    """One item; its ETag goes into ``If-Match``."""
    async with reading(services.engine) as session:
        with writing_problems("item"):
            found = await items.get_item(session, caller.org.tenant, _kind(kind), item)
    return json(plan_views.item(found), {"ETag": plan_views.etag(found), **_PRIVATE})


@router.put("/{kind}/{item}", **docs_plan.PUT)
async def put_item(
    kind: str,
    item: str,
    request: Request,
    caller: Admin,
    services: Serving,
    on: On,
) -> Response:
    """Make an item what the body says; made where it is not there yet."""
    body = _parsed(await _body(request))
    with writing_problems("item"):
        done = await items.put_item(
            services.engine,
            caller.org.tenant,
            _kind(kind),
            item,
            body,
            actor=_actor(caller),
            code=kpi.CODE,
            dry_run=on.dry_run,
            if_version=on.expected,
        )
    return _written(services, done)


@router.delete("/{kind}/{item}", **docs_plan.WRITE)
async def delete_item(
    kind: str,
    item: str,
    caller: Admin,
    services: Serving,
    on: On,
) -> Response:
    """Take an item away; a KPI of the catalogue becomes the shipped one, a target is withdrawn."""
    with writing_problems("item"):
        done = await items.delete_item(
            services.engine,
            caller.org.tenant,
            _kind(kind),
            item,
            actor=_actor(caller),
            code=kpi.CODE,
            dry_run=on.dry_run,
            if_version=on.expected,
        )
    return _written(services, done)


_PRIVATE = {"Cache-Control": "private, no-cache"}


def _kind(kind: str) -> Kind:
    for one in KINDS:
        if one == kind:
            return one
    raise not_found(f"kind; there are {', '.join(KINDS)}")


def _actor(caller: Caller) -> Actor:
    return Actor(f"key:{caller.key.id} {caller.key.label}")


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST:
            raise too_large(LARGEST)
    return bytes(data)


def _parsed(data: bytes) -> Any:
    try:
        return plain.loads(data)
    except (ValueError, RecursionError) as error:
        raise unprocessable("invalid-body", f"the body is no JSON: {error}") from None


def _written(services: Services, done: Done) -> Response:
    if not done.dry_run and not done.nothing:
        services.directory.forget()
    headers = dict(_PRIVATE)
    if done.item is not None:
        headers["ETag"] = plan_views.etag(done.item)
    return json(plan_views.written(done), headers)
