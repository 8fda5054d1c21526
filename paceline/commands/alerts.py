"""`paceline alerts list|rules|backtest|deliveries|replay`: alerts from the command line.

In: a tenant. Out: tables, or JSON with ``--json``. Guarantee: the same as over REST; nothing is
written but by ``replay``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import with_services, with_sql_of_up

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.alerting.backtest import Backtest
    from paceline.sql.models import AlertRow, Delivery
    from services.api.context import Services

app = typer.Typer(help="Alerts: rules, backtests, what fired, deliveries.", no_args_is_help=True)

_OFF = False
_WIDE = 200

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")
AsJson = typer.Option(_OFF, "--json", help="JSON, for programs.")


@app.command()
def rules(tenant: str = Tenant, as_json: bool = AsJson) -> None:  # noqa: FBT001 - typer's way
    """Every rule: those that come with Paceline too, which are off until they are enabled."""

    async def run(engine: AsyncEngine) -> list[dict[str, Any]]:
        from paceline.admin.items import list_items  # noqa: PLC0415 - `--help` stays quick
        from paceline.admin.values import Absent  # noqa: PLC0415 - the same
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        try:
            async with reading(engine) as session:
                found = await list_items(session, tenant, "rules", limit=1000)
        except Absent as error:
            raise UserError(f"{error}; see `paceline apply`") from None
        return [one.body | {"version": one.version} for one in found.items]

    found = with_sql_of_up(run)
    if as_json:
        _json(found)
        return
    rows = [
        (
            "on" if one["enabled"] else "off",
            one["id"],
            one["name"],
            one.get("kpi", ""),
            one["when"],
            one["severity"],
        )
        for one in found
    ]
    _table("rules", ("", "id", "name", "KPI", "when", "severity"), rows)


@app.command()
def backtest(
    rule: str = typer.Option(..., "--rule", help="A rule's id, or a file with one (YAML or JSON)."),
    first: datetime = typer.Option(..., "--from", formats=["%Y-%m-%d"], help="First civil day."),
    last: datetime = typer.Option(..., "--to", formats=["%Y-%m-%d"], help="Last civil day."),
    tenant: str = Tenant,
    as_json: bool = AsJson,  # noqa: FBT001 - typer's way of a flag
) -> None:
    """When a rule would have told whom, on the numbers of the past; nothing is written."""

    async def run(services: Services) -> Backtest:
        from paceline.alerting.backtest import UntestableError  # noqa: PLC0415 - the same
        from paceline.alerting.backtest import backtest as play  # noqa: PLC0415 - the same
        from paceline.alerting.looking import Looker  # noqa: PLC0415 - the same

        known = await services.directory.org(tenant)
        if known is None:
            raise UserError(f"no tenant {tenant!r}; see `paceline apply`")
        id_, found = _rule(rule, known.plan.rules)
        looker = Looker(services.teller, services.reader)
        try:
            return await play(
                looker, services.directory.around, known, id_, found, first.date(), last.date()
            )
        except UntestableError as error:
            raise UserError(str(error)) from None

    found = with_services(run)
    if as_json:
        _json(found)
        return
    _shown(found)


@app.command("list")
def list_(
    tenant: str = Tenant,
    every: bool = typer.Option(_OFF, "--all", help="Also what is dealt with."),  # noqa: FBT001
    limit: int = typer.Option(50, min=1, max=200),
) -> None:
    """What fired, newest first."""

    async def run(engine: AsyncEngine) -> list[AlertRow]:
        from paceline.sql import inbox  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same
        from paceline.sql.keys import now_ms  # noqa: PLC0415 - the same

        wanted = inbox.Wanted(tenant, open_only=not every)
        async with reading(engine) as session:
            return await inbox.page(session, wanted, now_ms(), limit)

    rows = [
        (_when(one.fired_at), one.severity, one.rule, f"{one.subject_kind} {one.subject}", one.id)
        for one in with_sql_of_up(run)
    ]
    if not rows:
        typer.echo("nothing is open" if not every else "nothing ever fired")
        return
    _table("alerts", ("fired", "severity", "rule", "subject", "id"), rows)


@app.command()
def deliveries(
    tenant: str = Tenant,
    state: str | None = typer.Option(None, help="pending, delivered, dead or dropped."),
    subscription: str | None = typer.Option(None, help="Only to this one."),
    limit: int = typer.Option(50, min=1, max=200),
) -> None:
    """The delivery log, newest first."""

    async def run(engine: AsyncEngine) -> list[Delivery]:
        from paceline.sql import inbox  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        async with reading(engine) as session:
            return await inbox.deliveries(
                session, tenant, subscription=subscription, state=state, limit=limit
            )

    rows = [
        (
            _when(one.created_at),
            one.state,
            one.subscription or f"mail to {one.person}",
            str(one.attempts),
            one.said,
            one.id,
        )
        for one in with_sql_of_up(run)
    ]
    if not rows:
        typer.echo("no deliveries")
        return
    _table("deliveries", ("planned", "state", "to", "tries", "said", "id"), rows)


@app.command()
def replay(
    ids: list[str] = typer.Argument(None, help="Of deliveries; without any: all that are dead."),
    tenant: str = Tenant,
    subscription: str | None = typer.Option(None, help="Only to this one."),
    since: datetime | None = typer.Option(
        None, formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only those planned since (UTC)."
    ),
) -> None:
    """Deliver again, under the same ids."""

    async def run(engine: AsyncEngine) -> int:
        from paceline.sql import inbox  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import writing  # noqa: PLC0415 - the same
        from paceline.sql.keys import now_ms  # noqa: PLC0415 - the same

        at = None if since is None else round(since.replace(tzinfo=UTC).timestamp() * 1000)
        async with writing(engine) as session:
            return await inbox.replay(
                session, tenant, now_ms(), ids=ids or (), subscription=subscription, since=at
            )

    typer.echo(f"{with_sql_of_up(run)} deliveries are sent again")


def _rule(said: str, enabled: Any) -> tuple[str, Any]:
    from kpi.alerts.shipped import SHIPPED  # noqa: PLC0415 - `--help` stays quick

    if said in enabled:
        return said, enabled[said].rule
    if said in SHIPPED:
        return said, SHIPPED[said]
    file = Path(said)
    if not file.is_file():
        known = ", ".join(sorted({*enabled, *SHIPPED}))
        raise UserError(f"no rule and no file {said!r}; rules: {known}")
    return _of_file(file)


def _of_file(file: Path) -> tuple[str, Any]:
    from pydantic import ValidationError  # noqa: PLC0415 - `--help` stays quick
    from ruamel.yaml import YAML  # noqa: PLC0415 - the same
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - the same

    from paceline.config.plan_shapes import Rule  # noqa: PLC0415 - the same
    from paceline.config.rules import rule_of  # noqa: PLC0415 - the same

    try:
        body = YAML(typ="safe").load(file.read_text("utf-8"))
        shape = Rule.model_validate(body if isinstance(body, dict) else {})
        return shape.id, rule_of(shape)
    except (YAMLError, ValidationError, TypeError) as error:
        first = str(error).splitlines()
        raise UserError(f"{file} is no rule: {' '.join(first[:3])}") from None


def _shown(found: Backtest) -> None:
    months: dict[str, Counter[str]] = {}
    for one in found.changes:
        if one.what == "fired":
            months.setdefault(f"{one.day:%Y-%m}", Counter())[one.subject] += 1
    rows = [
        (month, str(sum(by.values())), ", ".join(f"{who} {n}" for who, n in by.most_common(8)))
        for month, by in sorted(months.items())
    ]
    if rows:
        _table("would have fired", ("month", "times", "for whom"), rows)
    days = (found.last - found.first).days + 1
    typer.echo(
        f"{found.fired} times in {days} days ({found.days} could be read), "
        f"{len(found.subjects)} subjects, at most {found.most_in_a_day} to one of them in a day"
    )


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - `--help` stays quick
    from rich.table import Table  # noqa: PLC0415 - the same

    table = Table(*head, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    # A file is as wide as it needs to be.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def _json(value: Any) -> None:
    import msgspec  # noqa: PLC0415 - `--help` stays quick

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _when(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1000, UTC):%Y-%m-%d %H:%M}"
