"""A farm of receivers on loopback: good, slow, broken, gone, and worse.

In: a behaviour for each. Out: addresses, and what each received. Guarantee: plain sockets, so that
even what no HTTP server would do can be done; nothing outlives the test.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Got:
    """One request."""

    at: float
    headers: dict[str, str]
    body: bytes
    path: str

    @property
    def id(self) -> str:
        """The message's."""
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:
        """The body."""
        return json.loads(self.body)


Behave = Callable[["Receiver", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """One server."""

    behave: Behave
    got: list[Got] = field(default_factory=list)
    port: int = 0
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    """Given one after the other; the last one again and again."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self.behave(self, reader, writer)
            await writer.drain()
        self.tasks.discard(task)
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def read(self, reader: asyncio.StreamReader) -> Got:
        """One request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for line in head[1:]
            if line
            for name, _, value in [line.partition(":")]
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        got = Got(time.time(), headers, body, head[0].split(" ")[1])
        self.got.append(got)
        return got


def raw(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """An answer as it travels."""
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def answering(
    one: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers what it was told to, 204 where nothing was said; keeps the connection."""
    while True:
        await one.read(reader)
        said = one.answers.pop(0) if len(one.answers) > 1 else (one.answers or [(204, {}, b"")])[0]
        writer.write(raw(*said))
        await writer.drain()


async def silent(one: Receiver, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await one.read(reader)
    await asyncio.sleep(3600)


async def dropping(one: Receiver, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Hangs up without a word."""
    await one.read(reader)


async def endless(
    one: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """200, and a body that never ends."""
    await one.read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b"x" * 0x400 + b"\r\n")
        await writer.drain()


async def gibberish(
    one: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """What is no HTTP at all."""
    await one.read(reader)
    writer.write(b"\x00\x01\x02 what?\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def farm(
    *behaviours: Behave, tls: ssl.SSLContext | None = None
) -> AsyncIterator[list[Receiver]]:
    """Receivers that listen; with ``tls`` they speak it."""
    receivers = [Receiver(behave) for behave in behaviours]
    servers = []
    for one in receivers:
        server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=tls)
        one.port = server.sockets[0].getsockname()[1]
        servers.append(server)
    try:
        yield receivers
    finally:
        for server in servers:
            server.close()
        open_ = [task for one in receivers for task in one.tasks]
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
