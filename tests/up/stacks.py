"""A real `paceline up` under a test's hand, and what its user would type and post.

In: a folder. Out: a running stack on free ports. Guarantee: ended with the test, whatever happens.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from paceline.checkup.facts import Report
from paceline.checkup.report import report
from paceline.embedded.place import free_port
from paceline.settings import Settings
from tests.support.process import until

READY_WITHIN_S = 90.0
COMMAND = [sys.executable, "-m", "paceline.cli"]
Json = dict[str, Any]


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command as a person types it, to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        env={**clean(), **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def clean() -> dict[str, str]:
    """Our environment without anybody's settings of Paceline."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PACELINE_")}


class Up:
    """`paceline up --json` in a folder; ``facts`` is the line that it printed when ready."""

    def __init__(self, folder: Path, *words: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.api_port, self.ingest_port = free_port(), free_port()
        self._words = words
        self._env = env or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.facts: Json = {}

    @property
    def words(self) -> list[str]:
        """What is typed."""
        ports = ["--api-port", str(self.api_port), "--ingest-port", str(self.ingest_port)]
        return ["up", "--json", "--data-dir", str(self.data), *ports, *self._words]

    def start(self) -> Self:
        """Start it and read its line."""
        out = self.folder / "stdout"
        with out.open("wb") as stdout, (self.folder / "stderr").open("ab") as stderr:
            self._process = subprocess.Popen(
                [*COMMAND, *self.words],
                env={**clean(), **self._env},
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        until(lambda: self._line(out), READY_WITHIN_S, "the line of --json")
        self.facts = json.loads(out.read_text())
        return self

    def _line(self, out: Path) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "stderr").read_text()
        return out.read_text().endswith("\n")

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def kill(self, part: str) -> None:
        """SIGKILL a part."""
        os.kill(int(self.facts["pids"][part]), signal.SIGKILL)

    def said(self, pattern: str) -> bool:
        """Whether a line on standard error matches."""
        return re.search(pattern, (self.folder / "stderr").read_text()) is not None

    def settings(self) -> dict[str, str]:
        """What `. settings.env` sets."""
        said = (self.data / "settings.env").read_text()
        return dict(re.findall(r"^export (\w+)='(.*)'$", said, re.MULTILINE))

    def progress(self, key: str | None = None, period: str = "year") -> Json:
        """The whole organisation's measures."""
        headers = {"Authorization": f"Bearer {key or self.facts['api_key']}"}
        address = f"http://127.0.0.1:{self.api_port}/v1/organisation/progress?period={period}"
        answer = httpx.get(address, headers=headers, timeout=10).raise_for_status()
        measures: Json = answer.json()["measures"]
        return measures

    def won(self, key: str) -> int:
        """How many deals were won this year."""
        return int(self.progress(key)["won"]["count"])

    def look(self) -> Report:
        """What `paceline doctor` sees, without the time of starting it."""
        values = {k.removeprefix("PACELINE_").lower(): v for k, v in self.settings().items()}
        return asyncio.run(report(Settings.model_validate(values)))

    def quiet(self) -> bool:
        """Everything that is in the log is in the numbers and in the archive."""
        said = self.look()
        lags = [(one.lag, one.ledger_lag) for one in said.partitions]
        return said.healthy and all(lag == (0, 0) for lag in lags)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.interrupt()


def post(address: str, events: list[Json], secret: str) -> int:
    """Post a webhook, signed by HubSpot's published rule; the status of the answer."""
    body, at = json.dumps(events).encode(), str(time.time_ns() // 1_000_000)
    text = b"POST" + address.encode() + body + at.encode()
    mac = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    headers = {
        "content-type": "application/json",
        "x-hubspot-request-timestamp": at,
        "x-hubspot-signature-v3": base64.b64encode(mac).decode(),
    }
    return httpx.post(address, content=body, headers=headers, timeout=30).status_code


def win(deal: int, at: int) -> list[Json]:
    """A deal of 1,000 that owner 1 makes and wins at an instant (ms)."""
    shared = {"portalId": 1, "objectId": deal, "occurredAt": at}
    told = {
        "pipeline": "default",
        "hubspot_owner_id": "1",
        "amount": "1000",
        "dealstage": "closedwon",
    }
    changes = [
        shared | {"subscriptionType": "deal.propertyChange"}
        | {"propertyName": name, "propertyValue": value}
        for name, value in told.items()
    ]  # fmt: skip
    return [shared | {"subscriptionType": "deal.creation"}, *changes]
