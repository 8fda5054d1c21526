"""Real servers for tests: Tansu (embedded), Redis of any version, Apache Kafka of 1 or 3 nodes.

In: a folder. Out: servers on free loopback ports that keep their ports and data over restarts.
Guarantee: stopped with the test run, whatever happens to it.
"""

import shutil
from pathlib import Path

from redis import Redis

from paceline.embedded.broker import Broker
from paceline.embedded.metadata import ask
from paceline.embedded.place import LOOPBACK, free_port
from paceline.embedded.redis import arguments, find_redis, major_version, ping
from tests.support.apache import ApacheKafka, KafkaNode
from tests.support.process import Server, until

__all__ = ["ApacheKafka", "KafkaNode", "RedisServer", "Server", "Tansu", "until"]


class Tansu(Server):
    """The embedded broker; `restart` empties it, as it does in production."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__("tansu", folder)
        self._broker = Broker(folder, port or free_port())

    @property
    def port(self) -> int:
        """Its loopback port."""
        return self._broker.port

    @property
    def bootstrap(self) -> str:
        """The address for Kafka clients."""
        return self._broker.bootstrap

    def command(self) -> list[str]:
        """As `paceline up` starts it."""
        return self._broker.command()

    def answers(self) -> bool:
        """A Metadata request."""
        return bool(ask(self.port).brokers)


class RedisServer(Server):
    """Redis with the embedded settings; `replica_of` makes it follow another from its start."""

    def __init__(
        self,
        folder: Path,
        *,
        binary: Path | None = None,
        port: int | None = None,
        replica_of: "RedisServer | None" = None,
        extra: tuple[str, ...] = (),
    ) -> None:
        super().__init__("redis", folder)
        self.binary = binary or find_redis()
        self.port = port or free_port()
        self.replica_of = replica_of
        self.extra = extra

    @property
    def url(self) -> str:
        """The address for Redis clients."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def command(self) -> list[str]:
        """The embedded settings, then what the test adds."""
        master = self.replica_of
        follow = ["--replicaof", LOOPBACK, str(master.port)] if master else []
        # A master waits 5 s for more replicas to come before it sends itself to the first.
        at_once = ["--repl-diskless-sync-delay", "0"]
        settings = arguments(self.folder, self.port, major_version(self.binary))
        return [str(self.binary), *settings, *at_once, *follow, *self.extra]

    def answers(self) -> bool:
        """A PING."""
        ping(self.port)
        return True

    def detach(self) -> None:
        """Follow nobody from now on, and take writes.

        Detached before the master's last writes it is the lagging replica of a failover; pausing
        it does not make it lag, for what the master sent waits in its socket.
        """
        with Redis.from_url(self.url) as redis:
            redis.replicaof("NO", "ONE")
        self.replica_of = None

    def copy_data(self, to: Path) -> None:
        """Copy the append-only file as it is now, to roll back to later."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        for found in self.folder.glob("appendonly*"):
            copy = shutil.copytree if found.is_dir() else shutil.copy2
            copy(found, to / found.name)

    def restart_from(self, copy: Path) -> None:
        """Kill it and start it with an earlier copy: every write since is lost.

        SIGKILL alone loses nothing, for the file is written before the answer, only not synced.
        """
        self.kill()
        self._drop_data()
        shutil.copytree(copy, self.folder, dirs_exist_ok=True)
        self.start()

    def restart_empty(self) -> None:
        """Kill it and start it without any data."""
        self.kill()
        self._drop_data()
        self.start()

    def _drop_data(self) -> None:
        for found in [*self.folder.glob("appendonly*"), *self.folder.glob("*.rdb")]:
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink()
