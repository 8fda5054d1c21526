"""Fields of an entity at a moment, and the conditions that a configuration sets on them.

In: an entity, a moment, filters of the meaning. Out: values, and whether they meet the filters.
Guarantee: a value that cannot be read meets no condition on its size; nothing raises. A truth
value equals only a truth value; anything else is compared as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from kpi.entity import Entity
from kpi.money import minor_units
from kpi.timeline import credited_at
from schemas.envelope import TIMELINES, Scalar
from schemas.meaning import Criterion, MeasureFilter

TYPES = ("call", "email", "meeting", "visit", "demo", "proposal", "one_on_one", "custom")

ALWAYS = 1 << 62
"""A moment after every change: the entity as it stands."""


class View(NamedTuple):
    """An entity at a moment, with the amount that counts there."""

    entity: Entity
    at: int
    """ms UTC; changes of that millisecond included."""
    amount: str
    currency: str


Test = Callable[[View], bool]


def field(view: View, name: str) -> Scalar:
    """A timeline's value at the moment, or a register as it stands; ``""`` and None: none.

    Before a timeline's first change, the first value that it ever had.
    """
    if name == "amount":
        return view.amount
    if name == "currency":
        return view.currency
    if name in _TIMELINES:
        return credited_at(getattr(view.entity, name), view.at)
    if name == "type" and view.entity.kind == "a":
        return activity_type(view.entity)
    return view.entity.read(name)


def activity_type(entity: Entity) -> str:
    """The activity's type, ``custom`` where it is none of ``TYPES``."""
    kind = entity.read("type")
    return kind if isinstance(kind, str) and kind in TYPES else "custom"


def key(value: Scalar) -> str | bool | None:
    """What values are compared by; None for no value.

    >>> key("7") == key(7), key(True) == key("True"), key("")
    (True, False, None)
    """
    return value if isinstance(value, bool) else None if value in (None, "") else str(value)


def all_of(filters: Iterable[MeasureFilter]) -> Test:
    """One test for several filters: all of them hold."""
    tests = [test for one in filters for test in _tests(one)]
    if not tests:
        return _anything
    if len(tests) == 1:
        return tests[0]
    return lambda view: all(test(view) for test in tests)


def met(criterion: Criterion) -> Test:
    """Whether a deal shows what a criterion asks: a value that is not False, one of those named."""
    name, accepted = criterion.field, frozenset(map(key, criterion.values))

    def test(view: View) -> bool:
        shown = key(field(view, name))
        return shown in accepted if accepted else shown not in (None, False)

    return test


def _anything(_view: View) -> bool:
    return True


def _tests(one: MeasureFilter) -> Iterable[Test]:
    name = one.field
    if one.in_:
        wanted = frozenset(map(key, one.in_)) - {None}
        yield lambda view: key(field(view, name)) in wanted
    if one.not_in:
        unwanted = frozenset(map(key, one.not_in)) - {None}
        yield lambda view: key(field(view, name)) not in unwanted
    if one.at_least is not None or one.below is not None:
        yield _between(name, one.at_least, one.below)


def _between(name: str, low: int | None, high: int | None) -> Test:
    def test(view: View) -> bool:
        number = _number(view, name)
        if number is None:
            return False
        return (low is None or number >= low) and (high is None or number < high)

    return test


def _number(view: View, name: str) -> int | Decimal | None:
    """Minor units of the amount; of any other field its number, exactly."""
    if name == "amount":
        return minor_units(view.amount, view.currency)
    value = field(view, name)
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


_TIMELINES = frozenset(TIMELINES)
