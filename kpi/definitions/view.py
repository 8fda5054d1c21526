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
_DECLARED = frozenset(("m", "g"))
_DAY = "%Y%m%d"


class View:
    """One subject's facts, targets, and the KPIs that are known so far."""

    __slots__ = (
        "_buckets",
        "_groups",
        "_levels",
        "_period",
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
        self._period = facts
        self._groups: dict[str, dict[str, int]] | None = None
        self._levels: dict[tuple[str, str], tuple[int, int]] = {}
        self._buckets: dict[str, Mapping[int, int]] = {}

    def group(self, family: str) -> Mapping[str, int]:
        """All of ``<family>:<rest>`` by rest; ``m:<id>``, ``g:<id>`` are families."""
        if self._groups is None:
            self._groups = self._index()
        return self._groups.get(family, {})

    def level(self, family: str, part: str) -> int:
        """A gauge over all expected close days; ``part`` is a currency, or empty for a count."""
        return self._level(family, part)[0]

    def closing(self, family: str, part: str) -> int:
        """The part of a gauge whose expected close day lies in the period."""
        return self._level(family, part)[1]

    def buckets(self, family: str) -> Mapping[int, int]:
        """A sketch: bucket -> count."""
        known = self._buckets.get(family)
        if known is None:
            known = {int(rest): n for rest, n in self.group(family).items() if n}
            self._buckets[family] = known
        return known

    def _index(self) -> dict[str, dict[str, int]]:
        """The one pass."""
        groups: dict[str, dict[str, int]] = {}
        for measure, amount in self.sums.items():
            family, colon, rest = measure.partition(":")
            if family in _DECLARED:
                id_, colon, rest = rest.partition(":")
                family = f"{family}:{id_}"
            if not colon:
                continue
            held = groups.get(family)
            if held is None:
                groups[family] = {rest: amount}
            else:
                held[rest] = amount
        return groups

    def _level(self, family: str, part: str) -> tuple[int, int]:
        known = self._levels.get((family, part))
        if known is None:
            known = self._levels[family, part] = self._sum_level(family, part)
        return known

    def _sum_level(self, family: str, part: str) -> tuple[int, int]:
        """Days are compared as text: ``-`` (unknown) comes before every day."""
        whole = closing = 0
        first, last = self._period.first.strftime(_DAY), self._period.last.strftime(_DAY)
        before = f"{part}:" if part else ""
        skip = len(before)
        for rest, amount in self.group(family).items():
            if not skip or rest.startswith(before):
                whole += amount
                if first <= rest[skip:] <= last:
                    closing += amount
        return whole, closing
