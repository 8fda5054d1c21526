"""History from a table: one row per deal or activity, with columns for what happened when.

In: rows by column name, an origin. Out: the events of each row. Guarantee: pure; the ids of the
events come from connection, entity and content, so that the same row of any file gives the same
events, and a second import changes nothing. Instants are of the connection's zone where they
name none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas.envelope import EntityKind, EntityPatch, Event, Scalar
from services.ingest import patches
from services.ingest.translation import Origin, digest, event_of

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "id": ("deal_id", "activity_id", "record_id", "opportunity_id", "编号", "商机编号"),
    "created_at": ("created", "create_date", "created_date", "创建时间", "创建日期"),
    "occurred_at": ("updated_at", "last_modified", "modified", "更新时间", "修改时间"),
    "owner": ("owner_id", "sales_agent", "rep", "负责人", "销售"),
    "amount": ("value", "deal_value", "金额"),
    "currency": ("deal_currency", "币种", "货币"),
    "close_on": ("close_date", "expected_close", "预计成交日期", "预计关闭日期"),
    "stage": ("deal_stage", "阶段", "当前阶段"),
    "pipeline": ("管道", "销售流程"),
    "name": ("deal_name", "title", "名称", "商机名称"),
    "account": ("company", "customer", "客户"),
    "product": ("产品",),
    "source": ("lead_source", "来源"),
    "type": ("activity_type", "类型"),
    "at": ("date", "time", "activity_date", "时间", "日期"),
    "status": ("状态",),
    "minutes": ("duration_minutes", "时长", "分钟"),
    "deal": ("associated_deal", "商机"),
}
"""Column names that are known beside the field's own; a mapping says any other."""
_STAGED: Final = "_at"
_CHINESE_STAGES: Final = {"赢单时间": "won", "输单时间": "lost", "合格时间": "qualified"}
_TIMES: Final = frozenset({"created_at", "occurred_at", "at"})


def column_fields(
    columns: Iterable[str], stages: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """What each column is: a field, ``stage@ID`` (the instant of entering a stage), or a register.

    ``stages``: column stem (``won`` of ``won_at``) to the stage's vendor id; ``given``: what the
    mapping file says, which goes first.

    >>> column_fields(["Deal ID", "Won At", "负责人"], {"won": "closedwon"}, {})
    {'Deal ID': 'id', 'Won At': 'stage@closedwon', '负责人': 'owner'}
    """
    known = {other: name for name, others in NAMES.items() for other in (name, *others)}
    found = {}
    for column in columns:
        plain = column.strip().lower().replace(" ", "_").replace("-", "_")
        stem = _CHINESE_STAGES.get(plain) or plain.removesuffix(_STAGED)
        if column in given:
            found[column] = given[column]
        elif plain in known:
            found[column] = known[plain]
        elif stem != plain and stem in stages:
            found[column] = f"stage@{stages[stem]}"
        elif patches.is_name(plain):
            found[column] = plain
    return found


def events_of(
    origin: Origin, entity: EntityKind, fields: Mapping[str, str], row: Mapping[str, Any]
) -> list[Event]:
    """The events of one row, oldest first; ``Unusable`` with the field's name where there is none.

    The first event creates the entity, with all registers; every column ``stage@ID`` is a change of
    stage at its instant. A stage without an instant is that of ``occurred_at``, else of creation.
    """
    said: dict[str, Any] = {}
    entered: list[tuple[int, str]] = []
    for column, value in row.items():
        name = fields.get(column)
        if name is None or value is None or value == "":
            continue
        if name.startswith("stage@"):
            entered.append((patches.instant(column, value, origin.zone), name[6:]))
        else:
            said[name] = value
    if "id" not in said:
        raise patches.unmappable("id", "there is none; name the column in the mapping")
    vendor = patches.identity("id", said.pop("id"))
    created = _time(said, "created_at", origin)
    changed = _time(said, "occurred_at", origin)
    took_place = patches.instant("at", said["at"], origin.zone) if "at" in said else None
    times = [
        at for at in (created, took_place, *(at for at, _ in entered), changed) if at is not None
    ]
    if not times:
        raise patches.unmappable("created_at", "no column says when; a date of creation is needed")
    start = created if created is not None else min(times)
    values = {name: patches.field(name, value, origin.zone) for name, value in said.items()}
    stage = values.pop("stage", None)
    changes: list[tuple[int, str, dict[str, Scalar]]] = [(start, "create", values)]
    changes += [(at, "set", {"stage": to}) for at, to in sorted(entered)]
    if stage is not None:
        _present(changes, changed, stage)
    return [_event(origin, entity, vendor, created, n, one) for n, one in enumerate(changes)]


def _present(
    changes: list[tuple[int, str, dict[str, Scalar]]], changed: int | None, stage: Scalar
) -> None:
    """The stage of today: since the last change, where the columns of instants do not say it."""
    last = changes[-1]
    if last[2].get("stage") == stage:
        return
    if len(changes) == 1 and changed is None:
        changes[0] = (last[0], last[1], {**last[2], "stage": stage})
        return
    changes.append((max(last[0], changed or 0), "set", {"stage": stage}))


def _time(said: dict[str, Any], name: str, origin: Origin) -> int | None:
    value = said.pop(name, None)
    return None if value is None else patches.instant(name, value, origin.zone)


def _event(
    origin: Origin,
    entity: EntityKind,
    vendor: str,
    created: int | None,
    number: int,
    change: tuple[int, str, dict[str, Scalar]],
) -> Event:
    at, op, fields = change
    patches.check_clock(at, origin.received_at)
    patch = EntityPatch(
        entity=entity,
        id=vendor,
        op="create" if op == "create" else "set",
        occurred_at=at,
        # As if it had been told when it happened: the same row is the same event whenever read.
        received_at=origin.received_at,
        sequence=number,
        created_at=created,
        fields=fields,
    )
    content = sorted(fields.items())
    return event_of(
        origin, digest([origin.connection, entity, vendor, at, op, number, content]), patch
    )
