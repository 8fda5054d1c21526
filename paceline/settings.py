"""Settings of every process, from environment variables that start with ``PACELINE_``.

In: the environment. Out: one frozen value. Guarantee: a process either starts with settings that
are valid in themselves, or says in one line per variable what is wrong; no secret has a default,
and none is in the ``repr``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas import topics

PREFIX = "PACELINE_"

SQL_SCHEMES = ("sqlite+aiosqlite", "postgresql+asyncpg")
REDIS_SCHEMES = ("redis", "rediss", "unix")


class SettingsError(Exception):
    """The environment is not usable; ``lines`` has one sentence for each variable."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def _scheme_of(url: str, allowed: tuple[str, ...]) -> str:
    scheme, found, _ = url.partition("://")
    if not found or scheme not in allowed:
        # The value itself may hold a password, so only its scheme is repeated.
        said = f"not {scheme}://" if found else "and this is no URL"
        raise ValueError(f"must start with {' or '.join(f'{s}://' for s in allowed)}, {said}")
    return url


def _sql_url(url: str) -> str:
    return _scheme_of(url, SQL_SCHEMES)


def _redis_url(url: str) -> str:
    return _scheme_of(url, REDIS_SCHEMES)


def _bootstrap(servers: str) -> str:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(
                f"must be host:port, or several with commas between; {server!r} is not"
            )
    return servers


def _public_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("must be the address that CRMs post to, such as https://hooks.example.com")
    return url.rstrip("/")


Port = Annotated[int, Field(ge=1, le=65535)]


class SqlSettings(BaseSettings):
    """What every command needs: where the SQL database is, and how to log."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    sql: Annotated[str, AfterValidator(_sql_url)] = Field(repr=False)
    """SQLAlchemy's async URL: ``sqlite+aiosqlite:///FILE`` or ``postgresql+asyncpg://...``."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"


class Settings(SqlSettings):
    """What a service needs. The same names embedded and grown: only the values change."""

    kafka: Annotated[str, AfterValidator(_bootstrap)]
    """Bootstrap servers: ``host:port``, several with commas between."""
    redis: Annotated[str, AfterValidator(_redis_url)] = Field(repr=False)
    partitions: int = Field(default=topics.PARTITIONS_PRODUCTION, ge=1, le=4096)
    """Fixed when the topics are created; a different number here is refused by the services."""
    replication: int = Field(default=3, ge=1, le=9)
    data_dir: Path = Path("paceline-data")
    """Journal and other local files; created when missing."""

    ingest_host: str = "127.0.0.1"
    ingest_port: Port = 8001
    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Prometheus metrics of the workers that serve no HTTP otherwise; 0: none."""
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None
    """Ingest as CRMs see it. Signatures cover it, and it never comes from the ``Host`` header."""

    journal: Literal["always", "fallback"] = "fallback"
    """always: fsync before every 2xx (a broker in memory). fallback: only while Kafka is away."""
    journal_max_bytes: int = Field(default=1 << 30, ge=1 << 20)
    idempotent_producer: bool = True
    """Off only for brokers that do not know it, such as the embedded one."""

    batch_events: int = Field(default=500, ge=1, le=5000)
    """Events in one script: at 5,000 another Redis client waited 57 ms."""
    fetch_max_bytes: int = Field(default=8 << 20, ge=1 << 16)
    fetch_wait_ms: int = Field(default=100, ge=0, le=5000)
    """How long a broker may hold a fetch that has nothing new."""
    session_timeout_s: float = Field(default=10.0, ge=1, le=300)
    """A worker silent for so long loses its partitions to the others."""

    facts_kept_days: int = Field(default=800, ge=31, le=36_500)
    """How long the ledger explains figures: older facts of closed days go. Numbers stay."""

    page_url: Annotated[str, AfterValidator(_public_url)] | None = None
    """The page and API as people reach them: what links in messages begin with."""
    link_secret: SecretStr | None = None
    """Signs the links in messages; without it and ``page_url`` there are none."""
    smtp: SecretStr | None = None
    """``smtp://user:password@host:587`` (STARTTLS where offered) or ``smtps://...:465``; absent:
    no e-mail is sent."""
    mail_from: str = "paceline@localhost"
    delivery_allow: str = ""
    """Networks and hosts on the premises that alerts may be delivered to, with commas between;
    everything else must be public."""

    @property
    def public(self) -> str:
        """The address that CRMs post to; ingest's own where none is configured."""
        return self.public_url or f"http://{self.ingest_host}:{self.ingest_port}"


S = TypeVar("S", bound=SqlSettings)


def load(kind: type[S]) -> S:
    """The settings of this process's environment; ``SettingsError`` says all that is wrong."""
    try:
        return kind()
    except ValidationError as error:
        raise SettingsError([_line(problem) for problem in error.errors()]) from None


def _line(problem: ErrorDetails) -> str:
    name = PREFIX + ".".join(str(part) for part in problem["loc"]).upper()
    if problem["type"] == "missing":
        return f"{name} is not set"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}"
