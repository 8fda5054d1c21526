"""Declared measures, taken by reading their declaration anew for every entity and moment.

In: a meaning, an entity as shown at a moment. Out: (owner key, measure, amount). Imports nothing of
ours but the envelope's types and the meaning's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from schemas.envelope import Scalar
from schemas.meaning import Criterion, DeclaredMeasure, Meaning, MeasureFilter
from tests.oracle.diary import (
    HISTORIES,
    NEVER,
    Diary,
    cycle_bucket,
    kind_of,
    minor_of,
    number_of,
    whole_of,
)
from tests.oracle.shares import Result

Where = tuple[str, str, str]
"""Kind of entity, moment, stage."""


class Shown(NamedTuple):
    """An entity at a moment, with the amount that counts there."""

    diary: Diary
    at: int
    amount: str
    currency: str

    def value(self, name: str) -> Scalar:
        """A field, None where it has no value."""
        found: Scalar = self.diary.last(name)
        if name == "amount":
            found = self.amount
        elif name == "currency":
            found = self.currency
        elif name in HISTORIES:
            found = self.diary.foreseen(name, self.at)
        elif name == "type" and self.diary.kind == "activity":
            found = kind_of(self.diary)
        return None if found == "" else found


def holding(meaning: Meaning, where: Where, shown: Shown) -> list[str]:
    """The measures of a moment whose conditions all hold."""
    return [
        name
        for name, measure in meaning.measures.items()
        if (measure.entity, measure.moment, measure.stage) == where
        and all(_holds(one, shown) for one in measure.filters)
    ]


def taken(
    meaning: Meaning, where: Where, shown: Shown, result: Result, at: int
) -> Iterator[tuple[str, str, int]]:
    """What every measure of a moment takes."""
    for name in holding(meaning, where, shown):
        yield from _taken(name, meaning.measures[name], shown, result, at)


def shows(diary: Diary, criterion: Criterion) -> bool:
    """Whether a deal, as it stands, has what a criterion asks for."""
    value = Shown(diary, NEVER, diary.known("amount", NEVER), "").value(criterion.field)
    if criterion.values:
        return any(_alike(value, one) for one in criterion.values)
    return value is not None and value is not False


def day_of(text: str) -> date | None:
    """A civil day from 1973 to 2999."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(1973, 1, 1) <= day < date(3000, 1, 1) else None


def _taken(
    name: str, measure: DeclaredMeasure, shown: Shown, result: Result, at: int
) -> Iterator[tuple[str, str, int]]:
    of, owner, stored, missing = measure.of, result.main, f"m:{name}", f"x:m:{name}"
    value = shown.value(of) if of else None
    if measure.take == "count":
        yield owner, stored, 1
    elif measure.take == "distinct":
        digest = hashlib.blake2b(f"{value}".encode(), digest_size=6).hexdigest()
        yield owner, missing if value is None else f"{stored}:={digest}", 1
    elif measure.take == "quantile":
        size = whole_of(value)
        if of == "cycle":
            size = None if shown.diary.born is None else (at - shown.diary.born) // 1000
        yield owner, missing if size is None else f"{stored}:{cycle_bucket(size)}", 1
    else:
        yield from _summed(measure, stored, shown, result)


def _summed(
    measure: DeclaredMeasure, stored: str, shown: Shown, result: Result
) -> Iterator[tuple[str, str, int]]:
    if measure.of == "amount":
        size = minor_of(shown.amount, shown.currency)
        parts = {} if size is None else result.parts(size)
        measures = dict.fromkeys(parts, f"{stored}:{shown.currency}")
    else:
        size = whole_of(shown.value(measure.of))
        parts = {} if size is None else {result.main: size}
        measures = dict.fromkeys(parts, stored)
    for owner, part in parts.items():
        yield owner, measures[owner], part
    if size is None:
        yield result.main, f"x:{stored}", 1
    elif measure.take == "mean":
        yield result.main, f"{stored}:n", 1


def _holds(one: MeasureFilter, shown: Shown) -> bool:
    value = shown.value(one.field)
    if one.in_ and not any(_alike(value, wanted) for wanted in one.in_):
        return False
    if any(_alike(value, unwanted) for unwanted in one.not_in):
        return False
    if one.at_least is None and one.below is None:
        return True
    size: int | Fraction | None = number_of(value)
    if one.field == "amount":
        size = minor_of(shown.amount, shown.currency)
    low = one.at_least if one.at_least is not None else -NEVER
    high = one.below if one.below is not None else NEVER
    return size is not None and low <= size < high


def _alike(value: Scalar, other: Scalar) -> bool:
    if value in (None, "") or isinstance(value, bool) or isinstance(other, bool):
        return value is other
    return f"{value}" == f"{other}"
