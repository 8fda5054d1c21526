"""Measures that a tenant declares: compiled once per meaning, taken at their moments.

In: a meaning's ``measures`` and criteria; an entity at a moment. Out: contributions. Guarantee: a
meaning that declares nothing costs one look-up; what cannot be read is counted under
``x:m:<id>``, never guessed.

| take | stored as |
|---|---|
| count | ``m:<id>``: 1 |
| sum of the amount | ``m:<id>:<currency>``: minor units |
| sum of a register | ``m:<id>``: its whole number |
| mean | the same, and ``m:<id>:n``: 1 |
| distinct | ``m:<id>:=<12 hex of the value>``: 1, so a value counts while anything refers to it |
| quantile | ``m:<id>:<bucket>``: 1 (``kpi.sketch``) |
| of the open deals | ``g:<id>:n:<close day>``, ``g:<id>:<currency>:<close day>``; without a usable
amount ``g:<id>:x:<close day>`` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

from kpi.credit import Credit, parts
from kpi.fields import Test, View, all_of, field, key, met
from kpi.money import minor_units, whole
from kpi.sketch import bucket
from schemas.meaning import DeclaredMeasure, Meaning

Contributions = dict[tuple[str, str, int], int]

Taking = Callable[[Contributions, View, Credit, int], None]
"""Adds to the contributions what a view is worth at an instant (ms UTC)."""


class Rule(NamedTuple):
    """One declared measure, ready to use."""

    name: str
    """``m:<id>``; of a level ``g:<id>``."""
    holds: Test
    take: Taking
    money: bool
    """Of a level: whether it takes amounts too."""


class Rules(NamedTuple):
    """All that a meaning declares, by where it is looked at."""

    activities: dict[str, tuple[Rule, ...]]
    """By moment: ``created``, ``done``."""
    deals: dict[str, tuple[Rule, ...]]
    """By moment; of stages by ``stage:<id>``."""
    levels: tuple[Rule, ...]
    criteria: tuple[tuple[str, Test], ...]
    """(``unmet:<id>``, whether a deal meets it)."""


NOTHING = Rules({}, {}, (), ())
_KEPT = 1_024
_compiled: dict[int, tuple[Meaning, Rules]] = {}
"""By identity: a meaning holds dicts and has no hash; held here, its identity is not given anew."""


def rules_of(meaning: Meaning) -> Rules:
    """The meaning's declared measures and criteria, compiled once."""
    if not meaning.measures and not meaning.criteria:
        return NOTHING
    held = _compiled.get(id(meaning))
    if held is not None:
        return held[1]
    if len(_compiled) >= _KEPT:
        _compiled.clear()
    rules = _compile(meaning)
    _compiled[id(meaning)] = meaning, rules
    return rules


def take_all(
    facts: Contributions, rules: Iterable[Rule], view: View, credit: Credit, instant: int
) -> None:
    """Add what every rule that holds takes of a view."""
    for rule in rules:
        if rule.holds(view):
            rule.take(facts, view, credit, instant)


def _compile(meaning: Meaning) -> Rules:
    activities: dict[str, tuple[Rule, ...]] = {}
    deals: dict[str, tuple[Rule, ...]] = {}
    levels: tuple[Rule, ...] = ()
    for name, measure in meaning.measures.items():
        if measure.entity == "deal" and measure.moment == "open":
            levels = (*levels, _rule(f"g:{name}", measure))
            continue
        moment = f"stage:{measure.stage}" if measure.moment == "stage" else measure.moment
        where = deals if measure.entity == "deal" else activities
        where[moment] = (*where.get(moment, ()), _rule(f"m:{name}", measure))
    criteria = tuple((f"unmet:{name}", met(one)) for name, one in meaning.criteria.items())
    return Rules(activities, deals, levels, criteria)


def _rule(name: str, measure: DeclaredMeasure) -> Rule:
    money = measure.of == "amount" and measure.take in ("sum", "mean")
    return Rule(name, all_of(measure.filters), _taking(name, measure), money)


def _taking(name: str, measure: DeclaredMeasure) -> Taking:
    match measure.take:
        case "sum" | "mean":
            add = _amount(name) if measure.of == "amount" else _number(name, measure.of)
            return _mean(name, add) if measure.take == "mean" else _sum(name, add)
        case "distinct":
            return _distinct(name, measure.of)
        case "quantile":
            return _quantile(name, measure.of)
        case _:
            return _count(name)


def _count(name: str) -> Taking:
    def take(facts: Contributions, _view: View, credit: Credit, instant: int) -> None:
        facts[credit.main, name, instant] = 1

    return take


Adding = Callable[[Contributions, View, Credit, int], bool]
"""As ``Taking``; False where there is nothing to add."""


def _sum(name: str, add: Adding) -> Taking:
    def take(facts: Contributions, view: View, credit: Credit, instant: int) -> None:
        if not add(facts, view, credit, instant):
            facts[credit.main, f"x:{name}", instant] = 1

    return take


def _mean(name: str, add: Adding) -> Taking:
    """A mean is a sum over its own count, so that what has no value is in neither."""

    def take(facts: Contributions, view: View, credit: Credit, instant: int) -> None:
        counted = f"{name}:n" if add(facts, view, credit, instant) else f"x:{name}"
        facts[credit.main, counted, instant] = 1

    return take


def _amount(name: str) -> Adding:
    def add(facts: Contributions, view: View, credit: Credit, instant: int) -> bool:
        minor = minor_units(view.amount, view.currency)
        if minor is None:
            return False
        for owner, part in parts(credit, minor):
            facts[owner, f"{name}:{view.currency}", instant] = part
        return True

    return add


def _number(name: str, of: str) -> Adding:
    def add(facts: Contributions, view: View, credit: Credit, instant: int) -> bool:
        number = whole(field(view, of))
        if number is None:
            return False
        facts[credit.main, name, instant] = number
        return True

    return add


def _distinct(name: str, of: str) -> Taking:
    def take(facts: Contributions, view: View, credit: Credit, instant: int) -> None:
        value = key(field(view, of))
        counted = f"x:{name}" if value is None else f"{name}:={_digest(str(value))}"
        facts[credit.main, counted, instant] = 1

    return take


def _quantile(name: str, of: str) -> Taking:
    def take(facts: Contributions, view: View, credit: Credit, instant: int) -> None:
        size = _seconds(view, instant) if of == "cycle" else whole(field(view, of))
        counted = f"x:{name}" if size is None else f"{name}:{bucket(size)}"
        facts[credit.main, counted, instant] = 1

    return take


def _seconds(view: View, instant: int) -> int | None:
    created = view.entity.created
    return None if created is None else (instant - created) // 1000


def _digest(value: str) -> str:
    return blake2b(value.encode(errors="surrogatepass"), digest_size=6).hexdigest()
