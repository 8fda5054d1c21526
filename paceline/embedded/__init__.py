"""The servers that `paceline up` brings along: a broker that speaks Kafka's protocol, and Redis.

In: a data folder and a port each. Out: a child process that answers, or one typed error of one
line. Guarantee: no child outlives its parent, and no child is ended by the terminal's Ctrl-C
before the parent ends it.
"""

from paceline.embedded.broker import Broker
from paceline.embedded.child import Child
from paceline.embedded.errors import (
    BinaryMissing,
    DataTooNew,
    EmbeddedError,
    FolderUnwritable,
    NotReady,
    PortBusy,
)
from paceline.embedded.redis import RedisServer

__all__ = [
    "BinaryMissing",
    "Broker",
    "Child",
    "DataTooNew",
    "EmbeddedError",
    "FolderUnwritable",
    "NotReady",
    "PortBusy",
    "RedisServer",
]
