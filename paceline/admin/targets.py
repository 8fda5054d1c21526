"""Targets: imported from CSV, published, acknowledged, withdrawn.

In: a tenant and the targets. Out: what changed. Guarantee: see ``paceline.admin``; a new version
must be acknowledged anew.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.admin.values import Actor, Done


async def import_targets(
    engine: AsyncEngine,
    tenant: str,
    data: bytes,
    *,
    actor: Actor,
    dry_run: bool = False,
    encoding: str | None = None,
) -> Done:
    """Set the targets of a CSV file: UTF-8 (with or without mark) or GB18030; `,` `;` or tab.

    Columns: ``kpi``, one of ``rep`` ``team`` ``organisation`` (or ``subject_kind`` and ``subject``),
    ``period``, ``base``, and where wanted ``stretch``, ``commit``, ``effective``, ``change``,
    ``monthly``, ``state``, ``note``. What the file does not name stays.

    Raises:
        Refused: every mistake of every line, ``/line/7``; then nothing is set.
        Absent: there is no such tenant.
    """
    raise NotImplementedError


async def publish_target(
    engine: AsyncEngine, tenant: str, target: str, *, actor: Actor, dry_run: bool = False
) -> Done:
    """From draft to published; published or acknowledged stays so. ``Absent`` where there is none."""
    raise NotImplementedError


async def acknowledge_target(
    engine: AsyncEngine, tenant: str, target: str, *, version: int, rep: str, actor: Actor
) -> Done:
    """The rep whose target it is has seen this version.

    Raises:
        Absent: no such target, or not of this rep.
        Conflict: the newest version is another one, or a draft, or withdrawn.
    """
    raise NotImplementedError
