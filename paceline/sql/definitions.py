"""The definitions of a tenant: shipped, its own, and one conversion for each of its stages.

In: the tenant's own definitions and its connections' stages. Out: definitions in the order in which
they are shown. Guarantee: pure; the tenant's own takes the place of a shipped one of the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kpi.definitions import CATALOGUE, Definition, stage_conversions
from paceline.sql.connections import ConnectionSettings

_OPEN = frozenset(("open", "qualified"))


def in_force(
    own: Mapping[str, Definition], connections: Iterable[ConnectionSettings]
) -> tuple[Definition, ...]:
    """All definitions, each once: shipped or in its place the tenant's, conversions, its own."""
    found = {one.id: one for one in shipped(connections)}
    return tuple((found | dict(own)).values())


def shipped(connections: Iterable[ConnectionSettings]) -> list[Definition]:
    """What is there without a word of the tenant about KPIs."""
    stages = dict.fromkeys(stage for one in connections for stage in _steps(one))
    return [*CATALOGUE, *stage_conversions(stages)]


def _steps(connection: ConnectionSettings) -> Iterator[str]:
    """The stages that a deal can go on from, in the order of their pipelines."""
    for pipeline, stages in connection.stages.items():
        for stage in connection.steps.get(pipeline, tuple(stages)):
            if stages.get(stage) in _OPEN:
                yield stage
