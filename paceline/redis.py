"""Redis: how every service opens a client, and what it checks before it trusts the server.

In: a Redis URL. Out: an asyncio client, values as bytes. Guarantee: no call waits for ever, none
is repeated unless the caller says that repeating is harmless, as it is for those that only read.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

CONNECT_TIMEOUT_S = 3.0
SOCKET_TIMEOUT_S = 10.0
"""Longer than any script of ours by far; a server that is silent so long is gone."""
HEALTH_INTERVAL_S = 15

OLDEST = (6, 2)
"""Of Redis: the embedded one is 6.2, and all scripts are tested on it."""


class ServerFacts(NamedTuple):
    """What a service should know of its server before it starts."""

    version: str
    policy: str | None
    """``maxmemory-policy``; None where the server does not let us ask."""
    maxmemory: int
    cluster: bool


def make_client(
    url: str, *, connections: int = 64, retries: int = 0, blocking_s: float = 0.0
) -> Redis:
    """A client, not connected yet; ``await client.aclose()`` when done.

    ``retries``: 0 for whoever writes: after a timeout nobody knows whether a script ran, and
    the fence must be asked. ``blocking_s``: the longest that a blocking command may take.
    """
    return Redis.from_url(
        url,
        decode_responses=False,
        protocol=2,
        max_connections=connections,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S + blocking_s,
        socket_keepalive=not url.startswith("unix:"),
        health_check_interval=HEALTH_INTERVAL_S,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), retries),
    )


async def server_facts(client: Redis) -> ServerFacts:
    """Version, eviction policy, memory limit; ``RedisError`` where the server cannot be reached."""
    info = await client.info("server")
    memory = await client.info("memory")
    return ServerFacts(
        version=str(info.get("redis_version", "0")),
        policy=memory.get("maxmemory_policy") or await _asked_policy(client),
        maxmemory=int(memory.get("maxmemory", 0)),
        cluster=info.get("redis_mode") == "cluster",
    )


def problems(facts: ServerFacts) -> list[str]:
    """What is wrong with the server, a sentence each; empty when nothing is."""
    found = []
    if _version(facts.version) < OLDEST:
        found.append(f"Redis {facts.version} is too old: Paceline needs 6.2 or later")
    if facts.policy is None:
        found.append("the maxmemory-policy cannot be read: make sure that it is noeviction")
    elif facts.policy != "noeviction":
        found.append(
            f"maxmemory-policy is {facts.policy}: "
            "it must be noeviction, or Redis silently deletes numbers"
        )
    return found


def shown(url: str) -> str:
    """The URL without its credentials, for people and logs.

    >>> shown("redis://:hunter2@cache.example:6380/1")
    'redis://cache.example:6380/1'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


async def _asked_policy(client: Redis) -> str | None:
    try:
        answer = await client.config_get("maxmemory-policy")
    except RedisError:
        return None
    value: object = answer.get("maxmemory-policy")
    return None if value is None else str(value)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
