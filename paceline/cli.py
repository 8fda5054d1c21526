"""The command line.

In: arguments and the environment. Out: exit code 0, or 2 with one clear line on standard error for
everything that the person at the keyboard can put right. Guarantee: a traceback means a bug.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

import typer

from paceline.commands import (
    alerts,
    config,
    dead,
    docs,
    erase,
    export,
    import_,
    keys,
    lock,
    rates,
    services,
    targets,
)
from paceline.commands.failures import sentences

USER_ERROR = 2

# Commands that live in a file of their own name.
_OF_THEIR_OWN = ("up", "doctor", "restore", "rebuild", "verify")

app = typer.Typer(
    name="paceline",
    help="Real-time sales KPIs from the events that a CRM already sends. 实时销售指标。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _register() -> None:
    for name in _OF_THEIR_OWN:
        if find_spec(f"paceline.commands.{name}") is not None:
            app.command(name)(getattr(import_module(f"paceline.commands.{name}"), name))
    for command in (
        services.ingest,
        services.aggregator,
        services.api,
        services.ledger,
        services.notifier,
    ):
        app.command()(command)
    app.command("apply")(config.apply)
    app.command("check-config")(config.check_config)
    app.command("migrate")(config.migrate)
    app.add_typer(keys.app, name="keys")
    app.add_typer(dead.app, name="dead")
    app.add_typer(targets.app, name="targets")
    app.add_typer(rates.app, name="rates")
    app.add_typer(alerts.app, name="alerts")
    app.command("import")(import_.import_)
    app.command()(lock.lock)
    app.command()(lock.unlock)
    app.command()(lock.locks)
    app.command("align")(targets.align)
    app.add_typer(export.app, name="export")
    app.add_typer(erase.app, name="erase")
    app.add_typer(docs.app, name="docs")


_register()


def main() -> None:
    """The program."""
    try:
        app()
    except Exception as error:
        lines = sentences(error)
        if lines is None:
            raise
        for line in lines:
            sys.stderr.write(f"{line}\n")
        raise SystemExit(USER_ERROR) from None


if __name__ == "__main__":
    main()
