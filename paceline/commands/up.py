"""`paceline up`: everything on one machine, with one command.

In: a data folder and two ports. Out: a running stack, its addresses, and with `--json` one line for
programs. Guarantee: Ctrl-C ends every child and the exit code is 0; what a person can put right is
one clear line.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from paceline.supervisor.display import Display
    from paceline.supervisor.folder import Folder
    from paceline.supervisor.stack import Choices, Stack
    from paceline.supervisor.tenant import Access

_OFF = False
_FAILED = 1

DataDir = typer.Option(Path("paceline-data"), "--data-dir", help="Where everything is kept.")
Demo = typer.Option(_OFF, "--demo/--no-demo", help="Bring a made-up organisation and its CRM.")
Json = typer.Option(_OFF, "--json", help="Print one line of JSON when ready, nothing else.")
ApiPort = typer.Option(8000, "--api-port", min=1, max=65535, help="Of the API and the page.")
IngestPort = typer.Option(8001, "--ingest-port", min=1, max=65535, help="Of the webhooks.")
Rate = typer.Option(3.0, "--rate", min=0, max=1000, help="Live events of the demo a second.")


def up(
    demo: bool = Demo,  # noqa: FBT001 - typer's way of a flag
    as_json: bool = Json,  # noqa: FBT001 - the same
    data_dir: Path = DataDir,
    api_port: int = ApiPort,
    ingest_port: int = IngestPort,
    rate: float = Rate,
) -> None:
    """Start Paceline with everything it needs, on this machine."""
    from paceline.embedded import EmbeddedError  # noqa: PLC0415 - `--help` stays quick
    from paceline.supervisor.folder import Folder  # noqa: PLC0415 - the same
    from paceline.supervisor.stack import Choices  # noqa: PLC0415 - the same

    choices = Choices(
        data_dir=data_dir, api_port=api_port, ingest_port=ingest_port, demo=demo, rate=rate
    )
    try:
        folder = Folder(data_dir)
        folder.lock()
        asyncio.run(_Run(folder, choices, as_json=as_json).until_told())
    except EmbeddedError as error:
        sys.stderr.write(f"paceline up: {error}\n")
        raise typer.Exit(_FAILED) from None


class _Run:
    """One life of the stack."""

    def __init__(self, folder: Folder, choices: Choices, *, as_json: bool) -> None:
        from paceline.supervisor.stack import SECRET_FILE, Stack  # noqa: PLC0415 - `--help` is quick
        from paceline.supervisor.supervise import Supervisor  # noqa: PLC0415 - the same

        self._began = time.monotonic()
        self._as_json = as_json
        self._folder = folder
        if choices.demo:
            folder.secret(SECRET_FILE)
        self._stack = Stack(folder, choices)
        self._display = _display(self._stack, as_json=as_json)
        self._supervisor = Supervisor(self._stack, self._display, self._prepare)
        self._access: Access | None = None

    async def until_told(self) -> None:
        """Run until a signal, or until a part cannot live; then end every part."""
        told = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        work, wish = asyncio.create_task(self._work()), asyncio.create_task(told.wait())
        try:
            await asyncio.wait((work, wish), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            wish.cancel()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            self._say("stopping; the data stays" if told.is_set() else "stopping")
            await self._supervisor.stop()

    async def _work(self) -> None:
        with self._display:
            await self._supervisor.start()
        self._tell()
        await self._supervisor.watch()

    async def _prepare(self) -> None:
        from kpi import CODE  # noqa: PLC0415 - `--help` stays quick
        from paceline.supervisor.settings import SETTINGS_FILE  # noqa: PLC0415 - the same
        from paceline.supervisor.stack import settings_file  # noqa: PLC0415 - the same
        from paceline.supervisor.tenant import prepare  # noqa: PLC0415 - the same

        self._folder.keep(SETTINGS_FILE, settings_file(self._stack))
        demo = self._stack.choices.demo
        self._access = await prepare(self._folder, demo=demo, code=CODE)

    def _tell(self) -> None:
        took = time.monotonic() - self._began
        if self._as_json:
            sys.stdout.write(json.dumps(self._facts(took)) + "\n")
            sys.stdout.flush()
            return
        for line in self._lines():
            self._say(line)
        self._say(f"ready in {took:.1f} s - Ctrl-C ends it, the data stays in {self._folder.path}")

    def _facts(self, took: float) -> dict[str, object]:
        from paceline.demo import organisation  # noqa: PLC0415 - `--help` stays quick
        from paceline.supervisor.stack import SECRET_FILE  # noqa: PLC0415 - the same

        access, stack = self._access, self._stack
        demo = access is not None and access.tenant == organisation.TENANT
        return {
            "api": stack.api,
            "ingest": stack.ingest,
            "api_key": access.api_key if access else None,
            "admin_key": access.admin_key if access else None,
            "tenant": access.tenant if access else None,
            "connection": organisation.CONNECTION if demo else None,
            "webhook": stack.webhook if demo else None,
            "webhook_secret": self._folder.found(SECRET_FILE) if demo else None,
            "data_dir": str(self._folder.path),
            "ready_s": round(took, 2),
            "pids": self._supervisor.pids(),
        }

    def _lines(self) -> list[str]:
        stack, access = self._stack, self._access
        if access is None or access.api_key is None:
            return ["", f"API     {stack.api}", f"Ingest  {stack.ingest}", "", *self._next_steps()]
        page = f"Page    {stack.api}/#key={access.api_key}"
        hook = f"Ingest  {stack.webhook if stack.choices.demo else stack.ingest}"
        return ["", page, f"API     {stack.api}/v1", hook, ""]

    def _next_steps(self) -> list[str]:
        from paceline.supervisor.settings import SETTINGS_FILE  # noqa: PLC0415 - `--help` stays quick
        from paceline.supervisor.stack import paceline  # noqa: PLC0415 - the same

        settings = self._folder.path / SETTINGS_FILE
        return [
            "Nothing is configured yet. In another terminal:",
            f"  . {settings}",
            f"  {paceline()} apply -f examples/paceline.yaml",
            f"  {paceline()} keys create --tenant northwind --label me",
            "and start again with the webhooks' secrets in the environment; or try: up --demo",
            "",
        ]

    def _say(self, line: str) -> None:
        self._display.note(line)


def _display(stack: Stack, *, as_json: bool) -> Display:
    from paceline.supervisor.display import Plain, Terminal  # noqa: PLC0415 - `--help` stays quick

    if as_json or not sys.stdout.isatty():
        return Plain(errors=as_json)
    first = ("broker", "log", "redis", "database")
    return Terminal([*first, *(name for name in stack.parts if name not in first)])
