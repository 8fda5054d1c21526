"""`paceline ingest`, `aggregator`, `api`, `ledger`, `notifier`: one service each."""

from __future__ import annotations

from importlib import import_module

import typer

_OFF = False

CheckConfig = typer.Option(
    _OFF, "--check-config", help="Check the settings and what they point to, then end."
)


def ingest(check_config: bool = CheckConfig) -> None:  # noqa: FBT001 - typer's way of a flag
    """Take signed webhooks and CloudEvents, and answer once they are durable."""
    _run("ingest", check_config=check_config)


def aggregator(check_config: bool = CheckConfig) -> None:  # noqa: FBT001 - the same
    """Turn the log into numbers in Redis; start as many as there is work for."""
    _run("aggregator", check_config=check_config)


def api(check_config: bool = CheckConfig) -> None:  # noqa: FBT001 - the same
    """Serve progress, the live stream and the page."""
    _run("api", check_config=check_config)


def ledger(check_config: bool = CheckConfig) -> None:  # noqa: FBT001 - the same
    """Archive the log and keep the dead letters, in SQL."""
    _run("ledger", check_config=check_config)


def notifier(check_config: bool = CheckConfig) -> None:  # noqa: FBT001 - the same
    """Deliver alerts to webhooks, team chats and mailboxes."""
    _run("notifier", check_config=check_config)


def _run(service: str, *, check_config: bool) -> None:
    main = import_module(f"services.{service}.main").main
    raise typer.Exit(main(["--check-config"] if check_config else []) or 0)
