"""Asks a broker for its cluster by one hand-written Kafka Metadata request (version 1).

In: a loopback port. Out: the ids of the brokers that the cluster knows and of its controller.
Guarantee: an answer means that the broker serves clients; no client library, no retry, no log.
"""

import socket
import struct
from typing import NamedTuple

from paceline.embedded.place import LOOPBACK

_METADATA, _VERSION, _CORRELATION = 3, 1, 7
_CLIENT = b"paceline-ready"
# Header: api key, version, correlation id, client id; body: an empty list, so no topic at all.
_BODY = struct.pack(">hhih", _METADATA, _VERSION, _CORRELATION, len(_CLIENT)) + _CLIENT + bytes(4)
REQUEST = struct.pack(">i", len(_BODY)) + _BODY


class Cluster(NamedTuple):
    """What a broker says of its cluster; `controller` is -1 while none is elected."""

    brokers: tuple[int, ...]
    controller: int


def ask(port: int, timeout: float = 1.0) -> Cluster:
    """Ask the broker on a loopback port; raises OSError, or ValueError for an odd answer."""
    with socket.create_connection((LOOPBACK, port), timeout) as peer:
        peer.sendall(REQUEST)
        (size,) = struct.unpack(">i", _read(peer, 4))
        return parse(_read(peer, size))


def parse(answer: bytes) -> Cluster:
    r"""Read the answer from its correlation id to the controller; raises ValueError.

    >>> one = struct.pack(">iii", 7, 1, 111) + b"\0\4host" + struct.pack(">ihi", 9092, -1, 111)
    >>> parse(one)
    Cluster(brokers=(111,), controller=111)
    """
    try:
        return _parse(answer)
    except struct.error as error:
        raise ValueError("not a Metadata answer") from error


def _parse(answer: bytes) -> Cluster:
    correlation, count = struct.unpack_from(">ii", answer)
    if correlation != _CORRELATION:
        raise ValueError(f"an answer to another request: {correlation}")
    at, brokers = 8, []
    for _ in range(count):
        brokers.append(struct.unpack_from(">i", answer, at)[0])
        at = _after_string(answer, _after_string(answer, at + 4) + 4)
    return Cluster(tuple(brokers), struct.unpack_from(">i", answer, at)[0])


def _after_string(answer: bytes, at: int) -> int:
    (length,) = struct.unpack_from(">h", answer, at)
    return at + 2 + max(int(length), 0)


def _read(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = peer.recv(size - len(data))
        if not piece:
            raise ConnectionResetError("the broker closed the connection")
        data += piece
    return data
