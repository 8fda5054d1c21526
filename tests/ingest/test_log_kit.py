"""The log's topics and its one incarnation, whoever starts first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from paceline.kafka import IncarnationReader, LogError, ensure_topics, read_incarnation
from tests.support.servers import Tansu


async def test_services_that_start_at_once_agree_on_one_incarnation(tmp_path: Path) -> None:
    """Five at the same moment; and merely asking creates nothing."""
    with Tansu(tmp_path) as tansu:
        assert await read_incarnation(tansu.bootstrap) is None
        starts = [ensure_topics(tansu.bootstrap, partitions=8) for _ in range(5)]
        assert len(set(await asyncio.gather(*starts))) == 1


async def test_a_broker_that_lost_its_memory_has_another_incarnation(tmp_path: Path) -> None:
    """Nobody's metadata request may make topics in the meantime."""
    with Tansu(tmp_path) as tansu:
        before = await ensure_topics(tansu.bootstrap, partitions=8)
        async with IncarnationReader(tansu.bootstrap) as reader:
            assert await reader.read() == before
            await asyncio.to_thread(tansu.restart)
            after = await ensure_topics(tansu.bootstrap, partitions=8)
            assert after != before
        assert await read_incarnation(tansu.bootstrap) == after


async def test_another_partition_count_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """The placement of tenants rests on it."""
    with Tansu(tmp_path) as tansu:
        await ensure_topics(tansu.bootstrap, partitions=8)
        with pytest.raises(LogError, match="set PACELINE_PARTITIONS"):
            await ensure_topics(tansu.bootstrap, partitions=64)
