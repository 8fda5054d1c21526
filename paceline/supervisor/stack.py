"""The stack: which parts there are, on which ports, with which settings.

In: a folder and choices. Out: the children, not started. Guarantee: the services get nothing but
the settings they would get in production; only the values are those of one machine.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from paceline.demo import organisation
from paceline.embedded import Broker, Child
from paceline.embedded.place import LOOPBACK, free_port
from paceline.supervisor.folder import Folder
from paceline.supervisor.parts import Aggregator, Program, Storage, Web, service
from schemas import topics

SECRET_FILE = "webhook-secret"  # noqa: S105 - the file's name
BROKER, REDIS, LEDGER, AGGREGATOR = "broker", "redis", "ledger", "aggregator"
INGEST, API, DEMO, NOTIFIER = "ingest", "api", "demo", "notifier"
LINKS_FILE = "link-secret"
PARTITIONS = topics.PARTITIONS_EMBEDDED
_SESSION_S = 4
"""The embedded broker waits half a session for a group to form, and nobody else will join it."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What was asked for at the command line."""

    data_dir: Path
    api_port: int = 8000
    ingest_port: int = 8001
    demo: bool = False
    rate: float = 3.0
    """Live events of the demo a second."""


_PROMPT = {"PACELINE_FETCH_WAIT_MS": "20"}
"""The embedded broker looks for news only every half of a fetch's wait; others answer at once."""


class Stack:
    """All parts by name, in the order in which they start."""

    def __init__(self, folder: Folder, choices: Choices) -> None:
        self.folder = folder
        self.choices = choices
        logs = folder.logs
        self.broker = Broker(logs, free_port())
        self.redis = Storage(folder.path / "redis", logs, free_port())
        env = self.environment()
        self.parts: dict[str, Child] = {
            BROKER: self.broker,
            REDIS: self.redis,
            LEDGER: Program(LEDGER, logs, service(LEDGER), env),
            AGGREGATOR: Aggregator(logs, env | _PROMPT, self.redis, PARTITIONS),
            INGEST: Web(INGEST, logs, env | self.secrets(), choices.ingest_port, "/readyz"),
            API: Web(API, logs, env | self.links(), choices.api_port, "/healthz"),
            NOTIFIER: Program(NOTIFIER, logs, service(NOTIFIER), env | _PROMPT | self.links()),
        }
        if choices.demo:
            self.parts[DEMO] = self._demo()

    @property
    def api(self) -> str:
        """The API's address, and the page's."""
        return f"http://{LOOPBACK}:{self.choices.api_port}"

    @property
    def ingest(self) -> str:
        """Where webhooks go."""
        return f"http://{LOOPBACK}:{self.choices.ingest_port}"

    @property
    def webhook(self) -> str:
        """The address of the demo's connection."""
        return f"{self.ingest}/v1/webhooks/{organisation.CONNECTION}"

    def environment(self) -> dict[str, str]:
        """The settings of every service; no secret is among them."""
        settings = {
            "kafka": self.broker.bootstrap,
            "redis": self.redis.url,
            "sql": self.folder.sql,
            "data_dir": str(self.folder.path),
            "partitions": str(PARTITIONS),
            "replication": "1",
            "journal": "always",
            "idempotent_producer": "false",
            "session_timeout_s": str(_SESSION_S),
            "ingest_host": LOOPBACK,
            "ingest_port": str(self.choices.ingest_port),
            "api_host": LOOPBACK,
            "api_port": str(self.choices.api_port),
            "page_url": self.api,
        }
        return {f"PACELINE_{name.upper()}": value for name, value in settings.items()}

    def secrets(self) -> dict[str, str]:
        """The demo's webhook secret, once there is one; others come from our own environment."""
        secret = self.folder.found(SECRET_FILE)
        return {organisation.SECRET_ENV: secret} if secret else {}

    def links(self) -> dict[str, str]:
        """What links in messages are signed with."""
        return {"PACELINE_LINK_SECRET": self.folder.secret(LINKS_FILE)}

    def _demo(self) -> Program:
        words = ["-m", "paceline.demo", "--url", self.webhook]
        words += ["--secret-env", organisation.SECRET_ENV, "--rate", str(self.choices.rate)]
        words += ["--memory", str(self.folder.path / "crm.json")]
        return Program(DEMO, self.folder.logs, words, self.secrets())


def settings_file(stack: Stack) -> str:
    """The settings as lines that a shell reads: other commands then speak with this stack."""
    lines = [f"export {name}={_quoted(value)}" for name, value in stack.environment().items()]
    return "\n".join(["# . this file, then: paceline doctor", *lines])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def paceline() -> str:
    """How this installation's command is called."""
    beside = Path(sys.executable).with_name("paceline")
    return str(beside) if beside.exists() else "paceline"
