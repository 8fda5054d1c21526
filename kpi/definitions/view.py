"""The facts of one subject, laid out so that all its KPIs share one pass over them.

In: ``Facts`` and targets. Out: look-ups by stored measure, family and level. Guarantee: nothing is
computed before it is asked for, and nothing twice; numbers are ``int`` or ``Fraction``, never
floats. Lives as long as one evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from kpi.definitions.model import Facts, Reason, Targets

Found = int | Fraction | Reason
"""A number, or why there is none."""
Term = Callable[["View"], Found]
"""A compiled formula, or a part of one."""

LEVELS = frozenset(
    ("open", "open_n", "qual", "qual_n", "stale", "stale_n", "x_open_no_amount", "x_qual_no_amount")
)
"""Families of gauges: ``<family>:<day>``, ``<family>:<currency>:<day>``."""
_DECLARED, _DECLARED_LEVEL = "m", "g"


class View:
    """One subject's facts, targets, and the KPIs that are known so far."""

    __slots__ = (
        "_buckets",
        "_closing",
        "_first",
        "_groups",
        "_last",
        "_levels",
        "currency",
        "first_deal_days",
        "person",
        "sums",
        "targets",
        "values",
    )

    def __init__(self, facts: Facts, targets: Targets) -> None:
        self.sums = facts.sums
        self.currency = facts.currency
        self.person = facts.person
        self.first_deal_days = facts.first_deal_days
        self.targets = targets
        self.values: dict[str, Found] = {}
        """KPI id -> value, filled in the book's order."""
        self._first = f"{facts.first:%Y%m%d}"
        self._last = f"{facts.last:%Y%m%d}"
        self._groups: dict[str, dict[str, int]] | None = None
        self._levels: dict[str, int] = {}
        self._closing: dict[str, int] = {}
        self._buckets: dict[str, Mapping[int, int]] = {}

    def group(self, family: str) -> Mapping[str, int]:
        """All of ``<family>:<rest>`` by rest; ``m:<id>`` is a family of its own."""
        if self._groups is None:
            self._groups = self._index()
        return self._groups.get(family, {})

    def level(self, name: str) -> int:
        """A gauge, over all expected close days: ``open_n``, ``qual:USD``, ``g:<id>:n``."""
        if self._groups is None:
            self._groups = self._index()
        return self._levels.get(name, 0)

    def closing(self, name: str) -> int:
        """The part of a gauge whose expected close day lies in the period."""
        if self._groups is None:
            self._groups = self._index()
        return self._closing.get(name, 0)

    def buckets(self, family: str) -> Mapping[int, int]:
        """A sketch: bucket -> count."""
        known = self._buckets.get(family)
        if known is None:
            known = {int(rest): n for rest, n in self.group(family).items() if n}
            self._buckets[family] = known
        return known

    def _index(self) -> dict[str, dict[str, int]]:
        groups: dict[str, dict[str, int]] = {}
        for measure, amount in self.sums.items():
            family, _, rest = measure.partition(":")
            if family in LEVELS or family == _DECLARED_LEVEL:
                self._add_level(measure, amount)
                continue
            if family == _DECLARED:
                one, _, rest = rest.partition(":")
                family = f"{_DECLARED}:{one}"
            held = groups.get(family)
            if held is None:
                held = groups[family] = {}
            held[rest] = amount
        return groups

    def _add_level(self, measure: str, amount: int) -> None:
        """Days are compared as text: ``-`` (unknown) comes before every ``YYYYMMDD``."""
        name, _, day = measure.rpartition(":")
        self._levels[name] = self._levels.get(name, 0) + amount
        if self._first <= day <= self._last:
            self._closing[name] = self._closing.get(name, 0) + amount
