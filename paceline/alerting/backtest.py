"""Backtest: when a rule would have told whom, had it been in force.

In: a rule, civil days. Out: what it would have told, day by day. Guarantee: the looks, the states
and the numbers are those of the live path, with today's targets and organisation and the numbers as
they are known today; the clock stands at the end of each civil day, so that a dwell of hours is
seen by the next day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import msgspec

from kpi.alerts import Rule, Silent
from kpi.civil import day_start
from paceline.alerting.keeping import Kept, advance
from paceline.alerting.looking import Looker, Moment, everybody
from paceline.progress.reading.directory import Known
from paceline.progress.reading.windows import UnreadableError
from paceline.sql.plan import Numbered

MOST_DAYS = 800
_DAY = timedelta(days=1)


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """One change that would have been told; ``day``: the civil day at whose end it was found."""

    day: date
    what: str
    subject_kind: str
    subject: str
    name: str
    name_zh: str | None = None
    period: str
    percent: int | None = None
    late: bool = False
    value: float | None = None
    expected: float | None = None
    target: float | None = None


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a rule would have told."""

    first: date
    last: date
    days: int
    """Days that could be read."""
    fired: int
    """Those that are no news when the backtest begins are in it, marked ``late``."""
    subjects: dict[str, int]
    """Subject -> how often."""
    most_in_a_day: int
    """To one subject."""
    changes: list[Firing]


class UntestableError(ValueError):
    """The rule has no past."""


Around = Callable[[Known, int], Awaitable[Known]]


async def backtest(
    looker: Looker, around: Around, known: Known, id_: str, rule: Rule, first: date, last: date
) -> Backtest:
    """Play a rule through; ``around``: the organisation with the targets of a year.

    Raises:
        UntestableError: silence of a source is not kept, or there are too many days.
    """
    if isinstance(rule.condition, Silent):
        raise UntestableError("when sources were silent is not kept: this rule has no past")
    if not first <= last or (last - first).days >= MOST_DAYS:
        raise UntestableError(f"from {first} to {last}: at least one day, {MOST_DAYS} at most")
    on = msgspec.structs.replace(rule, enabled=True)
    states: dict[str, Kept] = {}
    changes: list[Firing] = []
    days = 0
    day = first
    while day <= last:
        there = await around(known, day.year)
        there = _only(there, id_, on)
        at = day_start(day + _DAY, there.org.zone)
        try:
            seen = await looker.look(there, everybody(there), Moment(at, day))
        except UnreadableError:
            seen = []
        days += bool(seen)
        for one in seen:
            outcome = advance(states.get(one.field), one, at, f"backtest:{day.isoformat()}")
            states[one.field] = outcome.kept
            for told in outcome.told:
                figure = one.figure
                changes.append(
                    Firing(
                        day=day,
                        what=told.change.what,
                        subject_kind=one.subject.kind,
                        subject=one.subject.id,
                        name=one.subject.name,
                        name_zh=one.subject.name_zh,
                        period=told.period,
                        percent=int(told.extra) if rule.once else None,
                        late=told.change.late,
                        value=figure.value if figure else None,
                        expected=figure.expected if figure else None,
                        target=figure.target if figure else None,
                    )
                )
        day += _DAY
    fired = [one for one in changes if one.what == "fired"]
    by_day = Counter((one.day, one.subject) for one in fired)
    return Backtest(
        first=first,
        last=last,
        days=days,
        fired=len(fired),
        subjects=dict(Counter(one.subject for one in fired).most_common()),
        most_in_a_day=max(by_day.values(), default=0),
        changes=changes,
    )


def _only(known: Known, id_: str, rule: Rule) -> Known:
    plan = msgspec.structs.replace(known.plan, rules={id_: Numbered(0, rule)})
    return msgspec.structs.replace(known, plan=plan)
