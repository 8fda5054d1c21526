"""Versions of owners, as far as the archive says what they must be.

In: versions as stored, owners with numbers. Out: places that cannot be right. Guarantee: names what
is no number, what is ahead of its log, what is behind its own version of closed days, and owners
without any; which batch an event came in is not archived, so a version that is merely too low by
some events is not noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from paceline.verify.lanes import Look
from paceline.verify.places import Place

BACKFILL = 1 << 52
"""From here on versions are those of the slow lane."""


def places(
    held: Mapping[str, str], past: Mapping[str, str], owners: set[str], look: Look | None
) -> Iterator[Place]:
    """``owners``: who must have a version. ``look``: None where several logs were counted."""
    for owner in sorted(owners - held.keys()):
        yield Place(kind="version", owner=owner, stored=None, right="a version")
    for owner, raw in sorted(held.items()):
        version = _number(raw)
        if version is None:
            yield Place(kind="version", owner=owner, stored=raw, right="an offset")
        elif look is not None:
            yield from _out_of_range(owner, version, past.get(owner), look)


def _out_of_range(owner: str, version: int, past: str | None, look: Look) -> Iterator[Place]:
    slow = version >= BACKFILL
    end = BACKFILL + look.backfill if slow else look.events
    closed = _number(past or "")
    if version >= end:
        yield Place(kind="version", owner=owner, stored=version, right=f"below {end}")
    elif closed is not None and (closed >= BACKFILL) == slow and version < closed:
        yield Place(kind="version", owner=owner, stored=version, right=f"at least {closed}")


def _number(raw: str) -> int | None:
    return int(raw) if raw.isascii() and raw.isdigit() else None
