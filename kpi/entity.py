"""An entity (a deal or an activity) and the one way in which it changes.

In: patches. Out: the entity. Guarantee: ``apply`` is commutative and idempotent, so any order, any
duplicates and any cut into batches of the same patches give the same entity. A tombstone keeps its
fields; only an explicit restore revives it.
"""

from __future__ import annotations

import msgspec

from kpi.timeline import Change, Timeline, insert
from schemas.envelope import MAX_CHANGES, RANK, TIMELINES, EntityPatch, Scalar

Register = tuple[int, int, int, str, Scalar]
"""As ``Change``, with the value as it came: the greatest order wins."""

DELETED = "1"
MAX_REGISTERS = 64

_YEAR_3000 = 32_503_680_000_000

_DELETION: dict[str, str] = {"delete": DELETED, "merge": DELETED, "restore": ""}


class TooManyChangesError(ValueError):
    """The patch would bring an entity beyond ``MAX_CHANGES`` or ``MAX_REGISTERS``."""


class Entity(msgspec.Struct, array_like=True, frozen=True):
    """What is known of one deal or activity. Packed as an array: the field order is stored."""

    kind: str
    """``d`` deal, ``a`` activity."""
    connection: str
    created: int | None = None
    """Earliest known creation, ms UTC; None while no creation was seen."""
    stage: Timeline = ()
    owner: Timeline = ()
    amount: Timeline = ()
    close_on: Timeline = ()
    pipeline: Timeline = ()
    deleted: Timeline = ()
    registers: dict[str, Register] = {}
    touches: dict[int, int] = {}
    """Deals: UTC minute number -> how many activities that name the deal took place in it."""
    split: Timeline = ()
    overlay: Timeline = ()

    def read(self, name: str) -> Scalar:
        """The value of a register, None where it was never set."""
        register = self.registers.get(name)
        return register[4] if register else None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entity)


def pack(entity: Entity) -> str:
    """The entity as it is stored. Text, because Redis's cmsgpack rejects msgpack's binary type."""
    return _encoder.encode(entity).decode()


def unpack(raw: bytes | str) -> Entity:
    """The stored entity."""
    return _decoder.decode(raw)


def new(kind: str, connection: str) -> Entity:
    """An entity of which nothing is known yet."""
    return Entity(kind[0], connection)


def apply(entity: Entity, event_id: str, patch: EntityPatch) -> Entity:
    """The entity with one patch more.

    Raises ``TooManyChangesError`` (and changes nothing) beyond the bounds on timelines and
    registers.
    """
    order = (patch.occurred_at, patch.sequence, RANK[patch.op], event_id)
    changed: dict[str, object] = {}
    registers = entity.registers
    for name, value in patch.fields.items():
        if name in _TIMELINES:
            changed[name] = insert(getattr(entity, name), (*order, canonical(value)))
        elif _wins(registers.get(name), order, value):
            if registers is entity.registers:
                registers = dict(registers)
            registers[name] = (*order, value)
    if patch.op in _DELETION:
        changed["deleted"] = insert(entity.deleted, (*order, _DELETION[patch.op]))
    return _bounded(_replace(entity, changed, _earliest(entity.created, patch), registers))


def touch(entity: Entity, minute: int, by: int) -> Entity:
    """The deal with one activity more (or less) in a UTC minute."""
    count = entity.touches.get(minute, 0) + by
    touches = {m: n for m, n in entity.touches.items() if m != minute}
    if count:
        touches[minute] = count
    return msgspec.structs.replace(entity, touches=touches)


def alive(entity: Entity) -> bool:
    """Whether the entity exists after all changes."""
    return not entity.deleted or entity.deleted[-1][4] != DELETED


def instant(value: Scalar) -> int | None:
    """A value as an instant, ms UTC; None where it is none, or lies outside 1970 to 3000.

    Unset times (the year 1) and microseconds arrive here, and no calendar holds them.
    """
    return value if type(value) is int and 0 <= value < _YEAR_3000 else None


def canonical(value: Scalar) -> str:
    """A value as timelines hold it: text, ``""`` for none."""
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)


def changes(entity: Entity) -> int:
    """How many timeline changes the entity holds."""
    told = len(entity.stage) + len(entity.owner) + len(entity.amount) + len(entity.close_on)
    flags = len(entity.pipeline) + len(entity.deleted)
    return told + flags + len(entity.split) + len(entity.overlay)


def timelines(entity: Entity) -> tuple[Timeline, ...]:
    """All of an entity's histories, its deletion's too."""
    return (
        entity.stage,
        entity.owner,
        entity.amount,
        entity.close_on,
        entity.pipeline,
        entity.deleted,
        entity.split,
        entity.overlay,
    )


_TIMELINES = frozenset(TIMELINES)


def _wins(held: Register | None, order: tuple[int, int, int, str], value: Scalar) -> bool:
    """Whether a value beats the held one; within one event id the value itself decides."""
    if held is None or held[:4] < order:
        return True
    return held[:4] == order and _rank(held[4]) < _rank(value)


def _rank(value: Scalar) -> tuple[str, str]:
    """Canonical value, then type: ``True``, ``1`` and ``"1"`` read alike, yet one must win."""
    return canonical(value), type(value).__name__


def _earliest(created: int | None, patch: EntityPatch) -> int | None:
    told = instant(patch.created_at)
    if told is None and patch.op == "create":
        told = patch.occurred_at
    if told is None or (created is not None and created <= told):
        return created
    return told


def _replace(
    entity: Entity, changed: dict[str, object], created: int | None, registers: dict[str, Register]
) -> Entity:
    get = changed.get
    return Entity(
        entity.kind,
        entity.connection,
        created,
        get("stage", entity.stage),  # type: ignore[arg-type]
        get("owner", entity.owner),  # type: ignore[arg-type]
        get("amount", entity.amount),  # type: ignore[arg-type]
        get("close_on", entity.close_on),  # type: ignore[arg-type]
        get("pipeline", entity.pipeline),  # type: ignore[arg-type]
        get("deleted", entity.deleted),  # type: ignore[arg-type]
        registers,
        entity.touches,
        get("split", entity.split),  # type: ignore[arg-type]
        get("overlay", entity.overlay),  # type: ignore[arg-type]
    )


def _bounded(entity: Entity) -> Entity:
    if changes(entity) > MAX_CHANGES:
        message = f"more than {MAX_CHANGES} changes of one entity"
        raise TooManyChangesError(message)
    if len(entity.registers) > MAX_REGISTERS:
        message = f"more than {MAX_REGISTERS} fields on one entity"
        raise TooManyChangesError(message)
    return entity


__all__ = [
    "Change",
    "Entity",
    "Register",
    "TooManyChangesError",
    "alive",
    "apply",
    "instant",
    "new",
    "pack",
    "timelines",
    "touch",
    "unpack",
]
