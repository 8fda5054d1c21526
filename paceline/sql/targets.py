"""Targets in SQL: every change a version, nothing deleted.

In: targets as somebody wants them. Out: the versions to add and the states to move; rows; the
values of ``kpi``. Guarantee: wanting what is there already writes nothing; what is written later
wins from its effective day on, so the changes that follow that day are written again behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from sqlalchemy import insert as plain_insert
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from kpi.periods import Span
from kpi.targets.model import SubjectKind, TargetVersion, Tiers
from paceline.sql.changes import Action, Deed
from paceline.sql.keys import now_ms
from paceline.sql.models import TargetRow

State = Literal["draft", "published", "acknowledged", "withdrawn"]
By = dict[tuple[str, str], tuple[TargetVersion, ...]]
"""(subject kind, subject) -> versions."""

_AT_ONCE = 400
"""Ids in one question: SQLite takes 999 variables and more, but a plan of it for each number."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody should reach in a period; amounts as they are counted."""

    kpi: str
    subject_kind: SubjectKind
    subject: str
    first: date
    last: date
    base: Fraction
    stretch: Fraction | None = None
    commit: Fraction | None = None
    effective: date | None = None
    change: Literal["prorata", "replace"] = "prorata"
    monthly: tuple[int, ...] = ()
    prorate: bool = True
    state: State = "published"
    note: str = ""

    @property
    def id(self) -> str:
        """Of KPI, subject and period: the same over all versions, and fit for an address."""
        kpi = quote(self.kpi, safe="")
        return f"{kpi}.{self.subject_kind}.{self.subject}.{self.first}.{self.last}"

    @property
    def begins(self) -> date:
        """The day from which it holds."""
        return self.effective or self.first


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One version, and who wrote it when (ms UTC)."""

    version: int
    target: Target
    author: str
    created_at: int


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do: add a version, or move the state of one that is there."""

    action: Action
    version: int
    target: Target
    before: Target | None


def standing(versions: Iterable[Stored]) -> list[Stored]:
    """Of all versions in their order those that hold from some day on, drafts among them."""
    found: list[Stored] = []
    for one in versions:
        if one.target.state == "withdrawn":
            continue
        while found and found[-1].target.begins >= one.target.begins:
            found.pop()
        found.append(one)
    return found


def steps(versions: Sequence[Stored], wanted: Sequence[Target], *, whole: bool) -> list[Step]:
    """What makes the versions of one id say what is wanted.

    ``whole``: and nothing else, so that without anything wanted all is withdrawn.
    """
    held = standing(versions)
    kept = {} if whole else {one.target.begins: _again(one.target) for one in held}
    after = kept | {one.begins: one for one in wanted}
    new = [after[day] for day in sorted(after)]
    if not new:
        return withdrawn(versions)
    same = _same(held, new)
    if same == len(new) < len(held):
        same -= 1  # What came later is gone: the last one that stays is said again.
    moved = [
        Step(action="publish", version=one.version, target=to, before=one.target)
        for one, to in zip(held[:same], new[:same], strict=True)
        if one.target.state == "draft" and to.state == "published"
    ]
    last = versions[-1].version if versions else 0
    return moved + _added(held, new, same, last)


def withdrawn(versions: Sequence[Stored]) -> list[Step]:
    """Every version taken back."""
    return [
        Step(
            action="withdraw",
            version=one.version,
            target=msgspec.structs.replace(one.target, state="withdrawn"),
            before=one.target,
        )
        for one in versions
        if one.target.state != "withdrawn"
    ]


async def read_stored(
    session: AsyncSession, tenant: str, ids: Iterable[str] | None = None
) -> dict[str, list[Stored]]:
    """All versions of these targets (None: of all) by id, in their order."""
    query = select(TargetRow).where(TargetRow.tenant == tenant)
    query = query.order_by(TargetRow.id, TargetRow.version)
    named = None if ids is None else sorted(set(ids))
    pages = [None] if named is None or len(named) > 20 * _AT_ONCE else _pages(named)
    found: dict[str, list[Stored]] = {}
    for page in pages:
        asked = query if page is None else query.where(TargetRow.id.in_(page))
        for row in await session.scalars(asked):
            found.setdefault(row.id, []).append(_typed(row))
    return found


async def write_steps(
    session: AsyncSession, tenant: str, todo: Sequence[Step], author: str
) -> None:
    """Do it."""
    added = [one for one in todo if one.action in ("create", "change")]
    at = now_ms()
    if added:
        rows = [_values(tenant, one, author, at) for one in added]
        await session.execute(plain_insert(TargetRow), rows)
    for one in todo:
        if one.action not in ("create", "change"):
            await session.execute(
                update(TargetRow)
                .where(
                    TargetRow.tenant == tenant,
                    TargetRow.id == one.target.id,
                    TargetRow.version == one.version,
                )
                .values(state=one.target.state)
            )


def deed(step: Step) -> Deed:
    """A step as the audit keeps it; amounts exact, as they are counted."""
    return Deed(
        action=step.action,
        kind="targets",
        subject=step.target.id,
        before=None if step.before is None else plain(step.before),
        after=plain(step.target) | {"version": step.version},
    )


def plain(target: Target) -> dict[str, Any]:
    """JSON of a target, without what it does not say; amounts as they are counted, as text."""
    said = msgspec.structs.asdict(target)
    kept = {key: value for key, value in said.items() if value not in (None, (), "")}
    return {
        key: str(value) if isinstance(value, Fraction | date) else value
        for key, value in kept.items()
    }


async def load_versions(
    session: AsyncSession, tenant: str, span: Span | None = None, known_by: int | None = None
) -> By:
    """All versions but the withdrawn whose period overlaps a span, by subject: one question.

    ``known_by`` (ms UTC): only those written by then.
    """
    query = select(
        TargetRow.id,
        TargetRow.version,
        TargetRow.kpi,
        TargetRow.subject_kind,
        TargetRow.subject,
        TargetRow.first,
        TargetRow.last,
        TargetRow.base,
        TargetRow.stretch,
        TargetRow.commit,
        TargetRow.effective,
        TargetRow.change,
        TargetRow.state,
        TargetRow.monthly,
        TargetRow.prorate,
    ).where(TargetRow.tenant == tenant, TargetRow.state != "withdrawn")
    if span is not None:
        query = query.where(TargetRow.last >= span.first, TargetRow.first <= span.last)
    if known_by is not None:
        query = query.where(TargetRow.created_at <= known_by)
    found: dict[tuple[str, str], list[TargetVersion]] = {}
    for row in await session.execute(query):
        one = _version(row)
        found.setdefault((one.subject_kind, one.subject), []).append(one)
    return {key: tuple(sorted(each, key=_order)) for key, each in found.items()}


def _same(held: Sequence[Stored], new: Sequence[Target]) -> int:
    """How many of the first say the same."""
    count = 0
    for one, to in zip(held, new, strict=False):
        if not _alike(one.target, to):
            break
        count += 1
    return count


def _alike(held: Target, wanted: Target) -> bool:
    if msgspec.structs.replace(held, state=wanted.state) != wanted:
        return False
    # A draft may be published, and what was acknowledged is published; never the way back.
    return wanted.state in {held.state, "published"}


def _again(held: Target) -> Target:
    """Said again, it must be acknowledged anew."""
    state: State = "published" if held.state == "acknowledged" else held.state
    return msgspec.structs.replace(held, state=state)


def _added(held: Sequence[Stored], new: Sequence[Target], same: int, last: int) -> list[Step]:
    before = {one.target.begins: one.target for one in held}
    fresh = not last
    return [
        Step(
            action="create" if fresh and not place else "change",
            version=last + 1 + place,
            target=one,
            before=before.get(one.begins),
        )
        for place, one in enumerate(new[same:])
    ]


def _pages(ids: Sequence[str]) -> list[list[str] | None]:
    return [list(ids[at : at + _AT_ONCE]) for at in range(0, len(ids), _AT_ONCE)]


def _values(tenant: str, step: Step, author: str, at: int) -> dict[str, Any]:
    target = step.target
    values = msgspec.structs.asdict(target) | {"monthly": list(target.monthly)}
    for tier in ("base", "stretch", "commit"):
        values[tier] = None if values[tier] is None else str(values[tier])
    named = {"tenant": tenant, "id": target.id, "version": step.version}
    return values | named | {"author": author, "created_at": at}


def _typed(row: TargetRow) -> Stored:
    target = Target(
        kpi=row.kpi,
        subject_kind=_subject_kind(row.subject_kind),
        subject=row.subject,
        first=row.first,
        last=row.last,
        base=Fraction(row.base),
        stretch=_tier(row.stretch),
        commit=_tier(row.commit),
        effective=row.effective,
        change="replace" if row.change == "replace" else "prorata",
        monthly=tuple(row.monthly),
        prorate=row.prorate,
        state=_state(row.state),
        note=row.note,
    )
    return Stored(version=row.version, target=target, author=row.author, created_at=row.created_at)


def _version(row: Any) -> TargetVersion:
    id_, version, kpi, kind, subject, first, last, *rest = row
    base, stretch, commit, effective, change, state, monthly, prorate = rest
    return TargetVersion(
        id=id_,
        version=version,
        kpi=kpi,
        subject_kind=kind,
        subject=subject,
        first=first,
        last=last,
        tiers=Tiers(_fraction(base), _tier(stretch), _tier(commit)),
        effective=effective,
        change=change,
        state=state,
        monthly=tuple(monthly),
        prorate=prorate,
    )


def _order(one: TargetVersion) -> tuple[str, date, date, str, int]:
    return one.kpi, one.first, one.last, one.id, one.version


def _fraction(text: str) -> Fraction:
    return Fraction(int(text)) if text.isdigit() else Fraction(text)


def _tier(text: str | None) -> Fraction | None:
    return None if text is None else _fraction(text)


_KINDS: Mapping[str, SubjectKind] = {
    "rep": "rep",
    "team": "team",
    "organisation": "organisation",
}
_STATES: Mapping[str, State] = {
    "draft": "draft",
    "published": "published",
    "acknowledged": "acknowledged",
    "withdrawn": "withdrawn",
}


def _subject_kind(text: str) -> SubjectKind:
    return _KINDS[text]


def _state(text: str) -> State:
    return _STATES[text]
