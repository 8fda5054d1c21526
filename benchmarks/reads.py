"""Reading progress: milliseconds of a whole answer, and of a 304 where nothing changed.

In: nothing. Out: results. Guarantee: real processes, one keep-alive connection, one request after
the other, each answer read to its end; every 304 was asked for with the ETag of the answer before.
"""

from __future__ import annotations

import http.client
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.row import Row, row, table
from benchmarks.stack import Stack, running

READS, WARM = 500, 50


class _Answer(NamedTuple):
    status: int
    etag: str
    seconds: float


def run(reads: int = READS) -> list[Row]:
    """All figures."""
    with (
        tempfile.TemporaryDirectory(prefix="paceline-bench-") as name,
        running(Path(name) / "data") as stack,
    ):
        reps = stack.get("/v1/reps")["items"]
        rep, team = reps[0]["id"], reps[0]["team"]
        return [
            *_rows("a rep's month", stack, f"/v1/reps/{rep}/progress?period=month", reads),
            *_rows("a team's month", stack, f"/v1/teams/{team}/progress?period=month", reads),
        ]


def _rows(name: str, stack: Stack, address: str, reads: int) -> list[Row]:
    url = urlsplit(stack.api)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=10)
    try:
        for _ in range(WARM):
            first = _read(connection, stack, address)
        whole = [_read(connection, stack, address).seconds for _ in range(reads)]
        unchanged = _unchanged(connection, stack, address, first.etag, reads)
    finally:
        connection.close()
    return [*_quantiles(f"read {name}", whole), *_quantiles(f"304 of {name}", unchanged)]


def _unchanged(
    connection: http.client.HTTPConnection, stack: Stack, address: str, etag: str, reads: int
) -> list[float]:
    found: list[float] = []
    changed = 0
    while len(found) < reads:
        answer = _read(connection, stack, address, etag)
        etag = answer.etag
        if answer.status == http.HTTPStatus.NOT_MODIFIED:
            found.append(answer.seconds)
        else:
            changed += 1
            # An ETag holds the minute, so now and then an answer is whole.
            assert changed < reads / 10, "the ETag changes although nothing does"
    return found


def _read(
    connection: http.client.HTTPConnection, stack: Stack, address: str, etag: str = ""
) -> _Answer:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    if etag:
        headers["If-None-Match"] = etag
    began = time.perf_counter()
    connection.request("GET", address, headers=headers)
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - began
    if answer.status not in (http.HTTPStatus.OK, http.HTTPStatus.NOT_MODIFIED):
        raise RuntimeError(f"{address} answered {answer.status}")
    return _Answer(answer.status, answer.headers.get("ETag", ""), seconds)


def _quantiles(name: str, found: Sequence[float]) -> list[Row]:
    ordered = sorted(found)
    return [
        row(name, f"ms, p{percent}", ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000)
        for percent in (50, 99)
    ]


def main() -> None:
    """Print the table."""
    print(table(run()))


if __name__ == "__main__":
    main()
