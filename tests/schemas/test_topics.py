"""Topics and the partitioner: where Kafka's own producers would put a tenant."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import PARTITIONS_EMBEDDED, PARTITIONS_PRODUCTION, murmur2, partition_of
from tests.kpi.laws.histories import law


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_gives_the_values_of_kafkas_own_test(text: str, signed: int) -> None:
    """Written there as signed 32-bit integers; every length of the tail is among them."""
    assert murmur2(text.encode()) == signed % 2**32


@law
@given(st.text(max_size=30))
def test_a_tenant_is_placed_as_aiokafkas_default_partitioner_would(tenant: str) -> None:
    """An implementation by others agrees."""
    everyone = list(range(PARTITIONS_PRODUCTION))
    theirs = DefaultPartitioner()(tenant.encode(), everyone, everyone)
    assert partition_of(tenant, PARTITIONS_PRODUCTION) == theirs


@pytest.mark.parametrize("partitions", [1, PARTITIONS_EMBEDDED, PARTITIONS_PRODUCTION])
def test_a_tenant_always_has_a_partition(partitions: int) -> None:
    """Between 0 and the count."""
    placed = {partition_of(f"tenant-{n}", partitions) for n in range(2_000)}
    assert placed == set(range(partitions))


def test_where_a_tenant_lives_does_not_change() -> None:
    """Its numbers are there: a placement that moved would lose them."""
    assert [partition_of(name, 8) for name in ("demo", "acme", "北极星")] == [3, 4, 4]
