"""What a KPI is: a definition as data, what is wrong with one, and the facts it is read from.

In: nothing. Out: the values that the other modules of this folder speak of. Guarantee: frozen; a
definition says nothing that its formula, unit and direction do not bear out, because
``compile_book`` refuses it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple

import msgspec

Unit = Literal["count", "money", "ratio", "duration"]
Direction = Literal["higher", "lower"]
"""Which way is better."""
Basis = Literal["workday", "linear", "historical"]

Kind = Literal["flow", "level", "ratio", "duration"]
"""Derived from the formula. ``flow``: it grows within a period, so it has a pace. ``level``: it
stands at a moment. ``ratio``, ``duration``: compared with its target as it is. An average or a
product of money is of kind ``ratio`` too: the kind says how it behaves, the unit what it measures.
"""

Reason = Literal["no_denominator", "no_target", "covered", "no_data", "mixed_currencies"]
"""Why there is no number: a division by nothing; no target to compare with; the target is met, so
that nothing is left to cover; nothing was observed (a quantile of nothing, no first deal yet)."""


class Bands(msgspec.Struct, frozen=True, kw_only=True):
    """Per cent of what is expected by now: above ``ahead``; from ``on_track``; from ``at_risk``.

    Above 105 ahead, 99..105 on track, 81..99 behind, below 81 at risk. Where lower is better, the
    same bands are read on expected over actual.
    """

    ahead: int = 105
    on_track: int = 99
    at_risk: int = 81


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One KPI. In use it is never edited: another content is another version (``revised``)."""

    id: str
    """``[a-z][a-z0-9_]*``, or ``conversion:<stage id>``; at most 64 characters after the colon."""
    version: int = 1
    name: str
    name_zh: str = ""
    says: str = ""
    """One sentence with its moment: "A deal counts at its qualification, for its owner then."."""
    says_zh: str = ""
    unit: Unit
    direction: Direction = "higher"
    formula: str
    bands: Bands = Bands()
    too_early_below: int = 3
    """While fewer than so many are expected, nothing is said about the pace."""
    basis: Basis = "workday"


class Mistake(NamedTuple):
    """One thing that is wrong with a definition, said so that its author can put it right."""

    kpi: str
    field: str
    position: int
    """1-based character of the formula; 0 where the whole field is meant."""
    what: str
    """What is wrong, and how to put it right."""

    def __str__(self) -> str:
        """``coverage.formula:12: unknown name "wonn"; did you mean "won_count"?``."""
        where = f":{self.position}" if self.position else ""
        return f"{self.kpi}.{self.field}{where}: {self.what}"


class DefinitionError(ValueError):
    """Definitions that cannot be used; ``mistakes`` has all of them, in the order of the KPIs."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of one subject (a person or a team) in one period."""

    sums: Mapping[str, int]
    """Stored measure -> sum: flows of the period, gauges at the moment; folded over owners."""
    currency: str
    """Only money in this currency is summed; see ``other_currencies``."""
    first: date
    last: date
    """The whole period, both days included: what ``closing()`` compares close days with."""
    person: bool = False
    """Overlay credit is a person's, and is never part of a team's sum."""
    first_deal_days: int | None = None
    """Civil days from hire to the first win; None: none yet, or not one person."""


class Outcome(NamedTuple):
    """A KPI's value, or why it has none. Money in minor units, durations in seconds."""

    value: Fraction | None
    reason: Reason | None = None


Targets = Mapping[str, Fraction | None]
"""KPI id -> target in the KPI's stored unit; absent or None: no target."""


def revised(old: Definition, new: Definition) -> Definition:
    """``new`` under the version that it must be stored as: the next one if its content differs.

    >>> calls = Definition(id="calls", version=4, name="Calls", unit="count", formula="calls")
    >>> revised(calls, msgspec.structs.replace(calls, version=1)).version
    4
    >>> revised(calls, msgspec.structs.replace(calls, formula="calls + emails")).version
    5
    """
    if old.id != new.id:
        raise ValueError(f"{new.id!r} is no revision of {old.id!r}: another id is another KPI")
    unchanged = msgspec.structs.replace(new, version=old.version)
    if unchanged == old:
        return old
    return msgspec.structs.replace(new, version=old.version + 1)
