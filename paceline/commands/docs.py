"""`paceline docs metrics`: pages that are written by the program itself."""

from __future__ import annotations

from pathlib import Path

import typer

from paceline.commands.failures import UserError

app = typer.Typer(help="Pages that the program writes.", no_args_is_help=True)

_OFF = False


@app.callback()
def docs() -> None:
    """Pages that the program writes."""


@app.command()
def metrics(
    file: Path = typer.Option(Path("docs/metrics.md"), "--file", "-f", help="The page."),
    check: bool = typer.Option(_OFF, "--check", help="Only say whether it is up to date."),  # noqa: FBT001 - typer's way of a flag
) -> None:
    """Write the page of measures and KPIs from the shipped catalogue."""
    from kpi.definitions.page import metrics_page  # noqa: PLC0415 - `--help` stays quick

    page = metrics_page()
    try:
        written = file.read_text(encoding="utf-8") if file.exists() else ""
        if written == page:
            typer.echo(f"{file}: up to date")
            return
        if check:
            raise UserError(f"{file} is out of date; run `paceline docs metrics --file {file}`")
        file.write_text(page, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be written: {error}") from None
    typer.echo(f"{file}: written")
