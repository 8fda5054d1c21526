"""The embedded stack as a stranger starts it: ``paceline up --demo --json``.

In: a folder. Out: its addresses and keys. Guarantee: it ends with the block; its simulated CRM
brings an organisation with a past and then stays silent, so that all live events are ours.
"""

from __future__ import annotations

import hmac
import json
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from paceline.embedded.leash import leashed
from paceline.embedded.place import free_port

READY_S = 60.0
_GRACE_S = 20.0


class Stack(NamedTuple):
    """Where it listens, and what lets us in."""

    api: str
    ingest: str
    api_key: str
    webhook: str
    webhook_secret: str
    redis: str
    pids: dict[str, int]

    def get(self, address: str) -> Any:
        """The JSON of an API address."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            self.api + address, headers={"Authorization": f"Bearer {self.api_key}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
            return json.load(answer)

    def metrics(self) -> dict[str, float]:
        """Ingest's metrics without labels."""
        address = f"{self.ingest}/metrics"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the same
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(figure) for name, figure in pairs if "{" not in name}

    def signed(self, body: bytes) -> bytes:
        """A whole HTTP/1.1 request: the body as a HubSpot v3 webhook, signed now."""
        url = urlsplit(self.webhook)
        at = str(time.time_ns() // 1_000_000)
        mark = hmac.digest(
            self.webhook_secret.encode(),
            f"POST{self.webhook}".encode() + body + at.encode(),
            "sha256",
        )
        head = (
            f"POST {url.path} HTTP/1.1",
            f"host: {url.netloc}",
            "content-type: application/json",
            f"x-hubspot-signature-v3: {b64encode(mark).decode()}",
            f"x-hubspot-request-timestamp: {at}",
            f"content-length: {len(body)}",
        )
        return "\r\n".join([*head, "", ""]).encode() + body


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """The stack, ready."""
    ports = ["--api-port", str(free_port()), "--ingest-port", str(free_port())]
    paceline = "from paceline.cli import main; main()"
    words = ["up", "--demo", "--json", "--rate", "0", "--data-dir", str(folder), *ports]
    command = leashed([sys.executable, "-c", paceline, *words])
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0
    )
    try:
        yield _facts(process, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE_S)
        finally:
            process.kill()
            process.communicate()


def _facts(process: subprocess.Popen[bytes], folder: Path) -> Stack:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"paceline up ended; see {folder / 'logs'}")
    facts = json.loads(line)
    settings = (folder / "settings.env").read_text("utf-8")
    (redis,) = (
        word.partition("=")[2]
        for word in shlex.split(settings, comments=True)
        if word.startswith("PACELINE_REDIS=")
    )
    wanted = {name: facts[name] for name in Stack._fields if name != "redis"}
    return Stack(**wanted, redis=redis)
