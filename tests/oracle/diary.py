"""What was told of each entity, line by line, and how the oracle reads texts and numbers.

In: (event id, connection, patch) in any order and with duplicates. Out: diaries. Like the rest of
the oracle it imports nothing of ours but the envelope's types.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple, TypeGuard

from schemas.envelope import EntityPatch, Scalar

Told = tuple[str, str, EntityPatch]
"""Event id, connection, patch."""

OPS_IN_ORDER = ("create", "set", "merge", "delete", "restore")
HISTORIES = ("stage", "owner", "amount", "close_on", "pipeline", "split", "overlay")
TYPES = {"call", "email", "meeting", "visit", "demo", "proposal", "one_on_one", "custom"}
GREATEST_MINOR = 1_000_000_000_000_000
GONE = "(gone)"
"""The line that a delete, a merge or a restore writes; no field can be named so."""
NEVER = 1 << 80
YEAR_3000 = int(datetime(3000, 1, 1, tzinfo=UTC).timestamp()) * 1000

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
FOUR_DECIMALS = "CLF UYW"


class Line(NamedTuple):
    """One field of one patch, ordered as changes are ordered."""

    at: int
    sequence: int
    rank: int
    event: str
    text: str
    kind: str
    name: str
    value: Scalar


class Diary:
    """All that was told of one entity."""

    def __init__(
        self, connection: str, kind: str, patches: Iterable[tuple[str, EntityPatch]]
    ) -> None:
        self.connection = connection
        self.kind = kind
        self.born: int | None = None
        lines: set[Line] = set()
        for event, patch in patches:
            lines.update(_lines(event, patch))
            told = patch.occurred_at if patch.op == "create" else None
            told = patch.created_at if in_range(patch.created_at) else told
            self.born = min((b for b in (self.born, told) if b is not None), default=None)
        self.lines = sorted(lines, key=lambda line: line[:7])

    def of(self, name: str) -> list[Line]:
        """The lines about one field."""
        return [line for line in self.lines if line.name == name]

    def last(self, name: str) -> Scalar:
        """The value that a field has in the end."""
        return next((line.value for line in reversed(self.lines) if line.name == name), None)

    def known(self, name: str, at: int) -> str:
        """What had been told of a field by an instant."""
        return next((line.text for line in reversed(self.of(name)) if line.at <= at), "")

    def foreseen(self, name: str, at: int) -> str:
        """The same; and where nothing had been told yet, the first that ever will be."""
        lines = self.of(name)
        if any(line.at <= at for line in lines):
            return self.known(name, at)
        return next((line.text for line in lines if line.text), "")

    def owner(self, at: int) -> str:
        """Who gets the credit at an instant."""
        return f"{self.connection}/{self.foreseen('owner', at)}"

    @property
    def gone(self) -> bool:
        """Whether the entity is deleted or merged away in the end."""
        return self.last(GONE) is True


def _lines(event: str, patch: EntityPatch) -> Iterator[Line]:
    order = (patch.occurred_at, patch.sequence, OPS_IN_ORDER.index(patch.op), event)
    for name, value in patch.fields.items():
        yield Line(*order, _text(value), type(value).__name__, name, value)
    if patch.op in ("merge", "delete"):
        yield Line(*order, "1", "bool", GONE, True)
    if patch.op == "restore":
        yield Line(*order, "", "bool", GONE, False)


def _text(value: Scalar) -> str:
    return "" if value is None or value is False else "1" if value is True else f"{value}"


def diaries(told: Iterable[Told]) -> dict[tuple[str, str, str], Diary]:
    """A diary for each (connection, kind, vendor id)."""
    pages: dict[tuple[str, str, str], list[tuple[str, EntityPatch]]] = defaultdict(list)
    for event, connection, patch in told:
        pages[connection, patch.entity, patch.id].append((event, patch))
    return {key: Diary(key[0], key[1], patches) for key, patches in pages.items()}


def took_place(diary: Diary) -> bool:
    """Whether an activity was created, is done and not deleted."""
    return not diary.gone and diary.born is not None and diary.last("status") in (None, "", "done")


def moment(diary: Diary) -> int:
    """When an activity took place."""
    at = diary.last("at")
    return at if in_range(at) else diary.born or 0


def in_range(at: Scalar) -> TypeGuard[int]:
    """Whether a value is an instant from 1970 to 3000."""
    return not isinstance(at, bool) and isinstance(at, int) and 0 <= at < YEAR_3000


def minor_of(text: str, currency: str) -> int | None:
    """Minor units of a decimal text, half to even, exactly; None where there are none."""
    return shifted(text, decimals(currency))


def number_of(value: Scalar) -> Fraction | None:
    """A field as a number; truth values and words are none."""
    if value is None or isinstance(value, bool):
        return None
    shape = re.fullmatch(r"([+-]?)(\d+)(?:\.(\d+))?", f"{value}")
    if shape is None:
        return None
    size = Fraction(f"{shape[2]}.{shape[3] or 0}")
    return -size if shape[1] == "-" else size


def whole_of(value: Scalar) -> int | None:
    """A field as a whole number, half to even."""
    return None if value is None or isinstance(value, bool) else shifted(f"{value}", 0)


def kind_of(diary: Diary) -> str:
    """The type of an activity."""
    told = diary.last("type")
    return told if isinstance(told, str) and told in TYPES else "custom"


def shifted(text: str, digits_more: int) -> int | None:
    """A decimal text times ten to so many, half to even; None where it is none or too great."""
    shape = re.fullmatch(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?", text)
    if shape is None or not (shape[2] or shape[3]):
        return None
    digits, fraction = shape[2] or "", shape[3] or ""
    power = int(shape[4] or 0) - len(fraction) + digits_more
    minor = round(Fraction(int(digits + fraction)) * Fraction(10) ** power)
    return None if minor > GREATEST_MINOR else -minor if shape[1] == "-" else minor


def decimals(currency: str) -> int:
    """How many digits of a currency follow its decimal point."""
    tables = ((NO_DECIMALS, 0), (THREE_DECIMALS, 3), (FOUR_DECIMALS, 4))
    return next((digits for table, digits in tables if currency in table.split()), 2)


def cycle_bucket(seconds: int) -> int:
    """The bucket of a duration: each begins 2 % above the last, rounded down, at least a second."""
    number = low = 0
    while (following := max(low + 1, low * 102 // 100)) <= seconds:
        number, low = number + 1, following
    return number


def percent(text: str) -> str:
    """Percent encoding of all but letters, digits and ``-._~``, by its own definition."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(
        one if one in plain else "".join(f"%{byte:02X}" for byte in one.encode()) for one in text
    )
