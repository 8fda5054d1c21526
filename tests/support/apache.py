"""Apache Kafka 4.3.1 in KRaft mode, from jars that Maven copies once into `.cache/kafka`.

In: a folder and a number of nodes. Out: a cluster on free loopback ports, every node broker and
controller. Guarantee: each node keeps its ports and its log over kills and restarts; with three,
replication 3 and min.insync.replicas 2, so that one may be lost.
"""

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from paceline.embedded.metadata import Cluster, ask
from paceline.embedded.place import LOOPBACK, free_port
from tests.support.need import CACHE, ROOT, require_program, skip_or_fail
from tests.support.process import Server, until

_CLUSTER_ID = "cGFjZWxpbmUtdGVzdHMtMQ"  # 16 bytes in URL-safe base64, as Kafka wants it
# The quick compiler and the small collector: on two shared cores a node is up in half the time.
_QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
_LOG_LEVEL = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


def kafka_jars() -> Path:
    """The folder of the jars, fetched once; skips or fails where there is no Maven."""
    jars = CACHE / "kafka" / "jars"
    if not jars.exists():
        _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    maven = require_program("mvn", package="maven")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as folder:
        _copy_dependencies(maven, Path(folder) / "jars")
        # Renamed when whole, so that a fetch that was cut short is never taken for done.
        # Another process of this run may have been first: its jars are the same.
        with contextlib.suppress(OSError):
            (Path(folder) / "jars").rename(jars)
    if not jars.exists():
        skip_or_fail(f"Kafka's jars could not be kept in {jars.parent}")


def _copy_dependencies(maven: Path, to: Path) -> None:
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={to}"]
    pom = ROOT / "deploy" / "kafka" / "pom.xml"
    done = subprocess.run(
        [str(maven), "-q", "-B", "-f", str(pom), *goal], capture_output=True, text=True, check=False
    )
    if done.returncode:
        skip_or_fail(f"Maven could not fetch Kafka: {done.stdout.strip()[-300:]}")


class KafkaNode(Server):
    """One node; made by `ApacheKafka`, which knows the others."""

    def __init__(self, folder: Path, number: int) -> None:
        super().__init__(f"kafka-{number}", folder)
        self.number = number
        self.port = free_port()
        self.controller_port = free_port()
        self._java = require_program("java", package="openjdk-17-jre-headless")
        self._jars = kafka_jars()

    @property
    def voter(self) -> str:
        """How the quorum names this node."""
        return f"{self.number}@{LOOPBACK}:{self.controller_port}"

    def format(self, settings: dict[str, str]) -> None:
        """Write the properties and make the log folder ready, as Kafka requires once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(self._properties)]
        subprocess.run([*self._jvm("-Xmx128m"), *tool], check=True, capture_output=True)

    def command(self) -> list[str]:
        """The broker."""
        return [*self._jvm("-Xmx512m"), "kafka.Kafka", str(self._properties)]

    def answers(self) -> bool:
        """Whether the cluster has it among its brokers."""
        return self.number in self.cluster().brokers

    def cluster(self) -> Cluster:
        """What this node says of the cluster; raises OSError while it is down."""
        return ask(self.port)

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _jvm(self, heap: str) -> list[str]:
        return [str(self._java), heap, *_QUICK, _LOG_LEVEL, "-cp", f"{self._jars}/*"]


class ApacheKafka:
    """A cluster of 1 or 3 nodes; `settings` are added to each node's properties."""

    def __init__(
        self, directory: Path, *, brokers: int = 1, settings: dict[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.nodes = [KafkaNode(directory / str(n), n) for n in range(1, brokers + 1)]
        self._settings = settings or {}

    @property
    def bootstrap(self) -> str:
        """The addresses for Kafka clients."""
        return ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes)

    def start(self, within: float = 90.0) -> Self:
        """Format what is new, start all nodes, wait until each sees all."""
        for node in self.nodes:
            if not node.folder.exists():
                node.format(self._properties(node) | self._settings)
            node.spawn()
        until(self._complete, within, f"Kafka to be complete; see {self.directory}")
        return self

    def stop(self) -> None:
        """End all nodes, the last ones by force: alone they have no quorum to leave."""
        for node in self.nodes:
            node.stop(grace=10.0 if node is self.nodes[0] else 3.0)

    def kill(self) -> None:
        """SIGKILL all nodes."""
        for node in self.nodes:
            node.kill()

    def destroy(self) -> None:
        """Kill all nodes and remove their data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill all and remove their data: no test looks at what a stopped cluster leaves."""
        self.destroy()

    def _complete(self) -> bool:
        for node in self.nodes:
            if node.pid is None:
                raise AssertionError(f"{node.name} ended; see {node.folder}")
        try:
            return all(len(node.cluster().brokers) == len(self.nodes) for node in self.nodes)
        except (OSError, ValueError):
            return False

    def _properties(self, node: KafkaNode) -> dict[str, str]:
        clients = f"PLAINTEXT://{LOOPBACK}:{node.port}"
        controllers = f"CONTROLLER://{LOOPBACK}:{node.controller_port}"
        return (
            _COMMON
            | _replication(len(self.nodes))
            | {
                "node.id": str(node.number),
                "controller.quorum.voters": ",".join(each.voter for each in self.nodes),
                "listeners": f"{clients},{controllers}",
                "advertised.listeners": clients,
                "log.dirs": str(node.folder.absolute() / "log"),
            }
        )


def _replication(nodes: int) -> dict[str, str]:
    copies, in_sync = ("3", "2") if nodes >= 3 else ("1", "1")
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
    }


_COMMON = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # A topic that nobody created is a mistake of ours, and should look like one.
    "auto.create.topics.enable": "false",
    # Small and quick, for tests on two cores.
    "group.initial.rebalance.delay.ms": "0",
    "broker.heartbeat.interval.ms": "1000",
    # A killed node may come back only when its former life has expired.
    "broker.session.timeout.ms": "5000",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
