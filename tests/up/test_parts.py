"""The supervisor's small parts: who holds a port, what a folder keeps, when to give up."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from paceline.embedded import PortBusy
from paceline.embedded.place import LOOPBACK
from paceline.supervisor.folder import Folder, FolderInUse
from paceline.supervisor.ports import require_port
from paceline.supervisor.restarts import Restarts
from paceline.supervisor.settings import adopt


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells cheaply")
def test_a_busy_port_names_its_holder() -> None:
    """Us, in this case."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            PortBusy, match=rf"port {port} for api is in use by .*pid {os.getpid()}"
        ):
            require_port(port, "api", "--api-port")


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    """The next start finds the same value."""
    first = Folder(tmp_path).secret("webhook-secret")
    assert Folder(tmp_path).secret("webhook-secret") == first
    assert (tmp_path / "webhook-secret").stat().st_mode & 0o777 == 0o600


def test_a_folder_has_one_up_at_a_time(tmp_path: Path) -> None:
    """Until the first lets go."""
    first, second = Folder(tmp_path), Folder(tmp_path)
    first.lock()
    with pytest.raises(FolderInUse, match=f"pid {os.getpid()}"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_each_part_has_its_own_count_of_deaths() -> None:
    """Six deaths of the api within a minute end it; redis may still die once."""
    restarts = Restarts()
    assert [restarts.pause("api", at) is None for at in range(6)] == [False] * 5 + [True]
    assert restarts.pause("redis", 6.0) == 0.1


def test_settings_of_a_stack_are_taken_over_but_never_over_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the shell has set is what counts."""
    monkeypatch.delenv("PACELINE_KAFKA", raising=False)
    monkeypatch.setenv("PACELINE_SQL", "sqlite+aiosqlite:///mine.db")
    (tmp_path / "settings.env").write_text(
        "# read by a shell\nexport PACELINE_KAFKA='127.0.0.1:9092'\nexport PACELINE_SQL='other'\n"
    )
    # Registered, so that it is taken away again after the test.
    monkeypatch.setenv("PACELINE_REDIS", "redis://127.0.0.1")
    adopt(tmp_path)
    assert os.environ["PACELINE_KAFKA"] == "127.0.0.1:9092"
    assert os.environ["PACELINE_SQL"] == "sqlite+aiosqlite:///mine.db"
    monkeypatch.delenv("PACELINE_KAFKA")
