"""The real process: settings, SQL, broker, HTTP; activation before webhooks; SIGKILL."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from paceline.embedded.place import free_port
from paceline.sql import models
from paceline.sql.engine import engine_for, writing
from paceline.sql.generations import add_if_new
from paceline.sql.migrate import upgrade
from schemas import envelope
from schemas.meaning import Meaning
from tests.ingest.test_durable import arrived
from tests.ingest.world import SECRET, as_json, hubspot_headers, won
from tests.support.servers import Server, Tansu

PATH = "/v1/webhooks/hubspot-main"


class IngestProcess(Server):
    """``python -m services.ingest.main`` with the embedded settings."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        super().__init__("ingest", folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sql = f"sqlite+aiosqlite:///{folder}/paceline.db"
        self.environment = {
            "PACELINE_KAFKA": bootstrap,
            "PACELINE_REDIS": "redis://127.0.0.1:1/0",
            "PACELINE_SQL": self.sql,
            "PACELINE_PARTITIONS": "8",
            "PACELINE_REPLICATION": "1",
            "PACELINE_DATA_DIR": str(folder / "data"),
            "PACELINE_INGEST_PORT": str(self.port),
            "PACELINE_PUBLIC_URL": "https://hooks.acme.example",
            "PACELINE_JOURNAL": "always",
            "PACELINE_IDEMPOTENT_PRODUCER": "false",
            "HUB_SECRET": SECRET,
        }

    def command(self) -> list[str]:
        """The process, its settings in the environment."""
        settings = [f"{k}={v}" for k, v in self.environment.items()]
        root = f"PYTHONPATH={os.getcwd()}"  # noqa: PTH109 - for a child's environment
        return ["/usr/bin/env", root, *settings, sys.executable, "-m", "services.ingest.main"]

    def answers(self) -> bool:
        """Ready to take webhooks."""
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, deal: int) -> httpx.Response:
        """A signed webhook: a deal is won."""
        now = time.time_ns() // 1_000_000
        body = as_json([won(now, objectId=deal)])
        headers = hubspot_headers(body, now, PATH)
        return httpx.post(f"{self.url}{PATH}", content=body, headers=headers)

    def post_until_taken(self, deal: int) -> None:
        """As a CRM does: again and again until it is taken."""
        deadline = time.monotonic() + 30
        while (answer := self.post(deal)).status_code != 200:
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < deadline, answer.text


async def configure(url: str) -> None:
    """Acme, its HubSpot connection, and a first meaning that is not published yet."""
    await upgrade(url)
    engine = engine_for(url)
    async with writing(engine) as session:
        session.add(models.Tenant(id="acme", name="Acme", zone="UTC", settings={}))
        await session.flush()
        signature = {"scheme": "hubspot-v3", "secret_env": "HUB_SECRET"}
        settings = {"currency": "USD", "zone": "UTC", "signatures": [signature]}
        session.add(
            models.Connection(
                id="hubspot-main", tenant="acme", kind="hubspot", settings=settings, enabled=True
            )
        )
        await add_if_new(session, "acme", Meaning(code=1, zone="UTC"))
    await engine.dispose()


async def landed(bootstrap: str) -> list[envelope.Event]:
    """All events in the log."""
    return [envelope.decode(value) for value in await arrived(bootstrap)]


async def test_the_meaning_comes_before_the_first_webhook_and_a_kill_loses_nothing(
    tmp_path: Path,
) -> None:
    """Activated, then won; then the broker dies, ingest is killed, and both come back.

    activate . won 1 . (broker away) won 2, won 3 . SIGKILL . both again: all of it, in order
    """
    with Tansu(tmp_path / "tansu") as tansu:
        ingest = IngestProcess(tmp_path / "ingest", tansu.bootstrap)
        ingest.folder.mkdir()
        await configure(ingest.sql)
        with ingest:
            ingest.post_until_taken(1)
            tansu.kill()
            assert ingest.post(2).status_code == 200
            assert ingest.post(3).status_code == 200
            ingest.kill()
            tansu.start()
            ingest.start()
            deadline = time.monotonic() + 30
            found: list[envelope.Event] = []
            while len(found) < 4:
                assert time.monotonic() < deadline, found
                found = await landed(tansu.bootstrap) if _identified(ingest) else []
            assert found[0].id == "activate:acme:1"
            assert [e.subject for e in found[1:4]] == [
                f"d:hubspot-main:{deal}" for deal in (1, 2, 3)
            ]


def _identified(ingest: IngestProcess) -> bool:
    return httpx.get(f"{ingest.url}/readyz").json()["incarnation"] is not None


async def test_check_config_names_what_is_wrong_and_starts_nothing(tmp_path: Path) -> None:
    """A missing variable, then a secret that is not set, then nothing."""
    ingest = IngestProcess(tmp_path, "127.0.0.1:1")
    await configure(ingest.sql)
    assert _check(ingest, without="PACELINE_KAFKA") == (2, "PACELINE_KAFKA is not set")
    code, said = _check(ingest, without="HUB_SECRET")
    assert (code, said) == (2, "connection hubspot-main: HUB_SECRET: the secret is empty")
    assert _check(ingest, without="NOTHING") == (0, "")


def _check(ingest: IngestProcess, without: str) -> tuple[int, str]:
    command = [word for word in ingest.command() if not word.startswith(f"{without}=")]
    done = subprocess.run(
        [*command, "--check-config"], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr.strip().removeprefix("paceline ingest: ")
