"""Laws of targets, over random versions, calendars, leave, moves and ramps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from kpi.calendar.fiscal import FiscalCalendar, parts, period_of
from kpi.calendar.workdays import Leave, WorkCalendar, scheduled
from kpi.calendar.workdays import halves as halves_worked
from kpi.organisation import employment, moves, stays
from kpi.periods import Span
from kpi.targets.cascade import Level, levels
from kpi.targets.distribution import rounded
from kpi.targets.effective import effective, line, part
from kpi.targets.model import ALWAYS, Effective, Presence, TargetVersion, Tiers
from kpi.targets.ramp import OTHERS, OnRamp, RampPlan, amounts, percent, step_starts
from tests.kpi.laws.histories import law
from tests.kpi.targets.sales import AMOUNT, AT_WORK, CIVIL, PLAIN

YEAR = date(2026, 1, 1)
PATTERNS: tuple[Literal["months", "4-4-5", "4-5-4", "5-4-4"], ...] = (
    "months",
    "4-4-5",
    "4-5-4",
    "5-4-4",
)

fiscals = st.builds(
    FiscalCalendar, start_month=st.integers(1, 12), pattern=st.sampled_from(PATTERNS)
)
days = st.dates(YEAR, date(2026, 12, 31))
spans = st.builds(lambda a, b: Span(min(a, b), max(a, b)), days, days)
weeks = st.sampled_from([(2, 2, 2, 2, 2, 0, 0), (2, 2, 2, 2, 2, 1, 0), (2,) * 7, (0,) * 7])
calendars = st.builds(
    WorkCalendar, id=st.just("random"), week=weeks, off=st.frozensets(days, max_size=20)
)
some_leaves = st.lists(
    st.builds(
        lambda first, length, halves: Leave(first, first + timedelta(length), halves),
        days,
        st.integers(0, 40),
        st.integers(1, 2),
    ),
    max_size=3,
).map(tuple)
presences = st.builds(
    Presence, calendar=calendars, leaves=some_leaves, employed=st.one_of(st.just(ALWAYS), spans)
)
some_steps = st.lists(st.integers(0, 150), max_size=5)
plans = st.builds(
    lambda values, absolute, by, leave: RampPlan(
        id="random",
        steps={OTHERS: amounts(*values) if absolute else percent(*values)},
        by="tenure_days" if by else "calendar_months",
        leave="shift" if leave else "prorate",
    ),
    some_steps,
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
ramps = st.one_of(st.none(), st.builds(OnRamp, plans, days))


@st.composite
def versions_of(
    draw: st.DrawFn, period: Span, monthly: tuple[int, ...] = ()
) -> list[TargetVersion]:
    """Up to four versions of one period, the first from its start."""
    inside = st.dates(period.first, period.last)
    return [
        TargetVersion(
            id="quota",
            version=number,
            kpi="won_amount",
            subject_kind="rep",
            subject="ana",
            first=period.first,
            last=period.last,
            tiers=Tiers(Fraction(draw(st.integers(0, 1_000_000)))),
            effective=draw(inside) if number > 1 else None,
            change=draw(st.sampled_from(["prorata", "replace"])),
            monthly=monthly,
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    ]


@st.composite
def quarters(draw: st.DrawFn) -> tuple[FiscalCalendar, Span, list[TargetVersion]]:
    """A quarter of any fiscal calendar with its versions, by workdays or in per cent."""
    fiscal = draw(fiscals)
    period = period_of(fiscal, "quarter", draw(days))
    first, second = sorted(draw(st.tuples(st.integers(0, 100), st.integers(0, 100))))
    monthly = draw(st.sampled_from([(), (first, second - first, 100 - second)]))
    span = Span(period.first, period.last)
    return fiscal, span, draw(versions_of(span, monthly))


def months(fiscal: FiscalCalendar, span: Span) -> list[Span]:
    """Those of a quarter or year."""
    kind: Literal["quarter", "year"] = "quarter" if (span.last - span.first).days < 300 else "year"
    found = parts(fiscal, period_of(fiscal, kind, span.first), "month")
    return [Span(one.first, one.last) for one in found]


def asked(
    versions: Sequence[TargetVersion],
    span: Span,
    presence: Presence,
    fiscal: FiscalCalendar,
    ramp: OnRamp | None = None,
) -> Effective:
    """The target, which is set."""
    found = effective(versions, AMOUNT, span, presence, fiscal, ramp=ramp)
    assert found is not None
    return found


def cut(span: Span, at: Sequence[date]) -> list[Span]:
    """A span in disjoint parts."""
    edges = sorted({span.first, *(one for one in at if span.first < one <= span.last)})
    ends = [one - timedelta(1) for one in edges[1:]] + [span.last]
    return [Span(first, last) for first, last in zip(edges, ends, strict=True)]


@law
@given(quarters(), presences, ramps)
def test_months_sum_exactly_to_their_quarter(
    told: tuple[FiscalCalendar, Span, list[TargetVersion]], presence: Presence, ramp: OnRamp | None
) -> None:
    """In every fiscal calendar, with changes, leave, joining, leaving and ramps."""
    fiscal, quarter, versions = told
    found = [asked(versions, month, presence, fiscal, ramp) for month in months(fiscal, quarter)]
    whole = asked(versions, quarter, presence, fiscal, ramp)
    assert sum(one.base for one in found) == whole.base
    assert sum(one.full for one in found) == whole.full


@law
@given(fiscals, days, st.data(), presences)
def test_explicit_months_sum_to_their_quarter_and_year(
    fiscal: FiscalCalendar, day: date, data: st.DataObject, presence: Presence
) -> None:
    """Where only months are set, the quarters and the year are their sums."""
    year = period_of(fiscal, "year", day)
    each = {
        month: data.draw(versions_of(month))
        for month in months(fiscal, Span(year.first, year.last))
    }
    every = [one for some in each.values() for one in some]
    of_quarters = [
        asked(every, Span(one.first, one.last), presence, fiscal).base
        for one in parts(fiscal, year, "quarter")
    ]
    of_months = [asked(some, month, presence, fiscal).base for month, some in each.items()]
    whole = asked(every, Span(year.first, year.last), presence, fiscal)
    assert whole.base == sum(of_quarters) == sum(of_months)
    assert whole.missing == ()


@law
@given(quarters(), presences, ramps, st.lists(days, max_size=5))
def test_parts_of_a_target_sum_to_the_whole(
    told: tuple[FiscalCalendar, Span, list[TargetVersion]],
    presence: Presence,
    ramp: OnRamp | None,
    at: list[date],
) -> None:
    """Proration over disjoint parts, wherever the cuts are, in whatever order they are asked."""
    fiscal, quarter, versions = told
    whole = asked(versions, quarter, presence, fiscal, ramp)
    pieces = cut(quarter, at)
    assert sum(part(whole, presence, [one]).base for one in pieces) == whole.base
    assert part(whole, presence, pieces[::-1]).base == whole.base


@law
@given(quarters(), presences, ramps, spans)
def test_what_is_derived_is_the_part_of_the_line(
    told: tuple[FiscalCalendar, Span, list[TargetVersion]],
    presence: Presence,
    ramp: OnRamp | None,
    wanted: Span,
) -> None:
    """A month, a week, any days: asked for directly, or cut from the quarter's own line."""
    fiscal, quarter, versions = told
    first, last = max(wanted.first, quarter.first), min(wanted.last, quarter.last)
    if first > last:
        return
    days_ = Span(first, last)
    whole = asked(versions, quarter, presence, fiscal, ramp)
    direct = asked(versions, days_, presence, fiscal, ramp)
    assert direct.base == part(whole, presence, [days_]).base


@law
@given(quarters(), presences, ramps)
def test_the_line_never_falls_and_ends_at_the_target(
    told: tuple[FiscalCalendar, Span, list[TargetVersion]], presence: Presence, ramp: OnRamp | None
) -> None:
    """From nothing on the eve to everything on the last day; nothing is ever negative."""
    fiscal, quarter, versions = told
    whole = asked(versions, quarter, presence, fiscal, ramp)
    eve = quarter.first - timedelta(1)
    at = [eve + timedelta(n) for n in range(0, (quarter.last - eve).days + 1, 9)] + [quarter.last]
    height = [line(whole, presence, day).base for day in at]
    assert height[0] == 0
    assert height[-1] == whole.base
    assert all(low <= high for low, high in pairwise(height))


@law
@given(quarters(), presences, ramps, st.data())
def test_setting_the_same_again_changes_nothing(
    told: tuple[FiscalCalendar, Span, list[TargetVersion]],
    presence: Presence,
    ramp: OnRamp | None,
    data: st.DataObject,
) -> None:
    """The same figure once more in the middle of the period, replacing or not, ramp or not."""
    fiscal, quarter, versions = told
    first = versions[0]
    again = TargetVersion(
        **{name: getattr(first, name) for name in first.__struct_fields__}
        | {
            "version": 2,
            "effective": data.draw(st.dates(quarter.first, quarter.last)),
            "change": data.draw(st.sampled_from(["prorata", "replace"])),
        }
    )
    old = asked([first], quarter, presence, fiscal, ramp)
    new = asked([first, again], quarter, presence, fiscal, ramp)
    day = data.draw(st.dates(quarter.first, quarter.last))
    assert new.base == old.base
    assert line(new, presence, day) == line(old, presence, day)


@law
@given(quarters(), presences, days, st.integers(0, 4))
def test_a_ramp_of_100_per_cent_changes_nothing(
    told: tuple[FiscalCalendar, Span, list[TargetVersion]],
    presence: Presence,
    hired: date,
    steps: int,
) -> None:
    """A plan that asks for everything from the first day of employment is no plan."""
    fiscal, quarter, versions = told
    on = OnRamp(
        RampPlan(id="full", steps={OTHERS: percent(*[100] * steps)}), presence.employed.first
    )
    plain = asked(versions, quarter, presence, fiscal)
    ramped = asked(versions, quarter, presence, fiscal, on)
    assert (ramped.base, ramped.source) == (plain.base, plain.source)


@law
@given(
    presences, st.lists(st.tuples(days, st.integers(0, 10_000)), max_size=3), st.integers(0, 10_000)
)
def test_pro_rata_is_what_adding_up_day_by_day_gives(
    presence: Presence, changes: list[tuple[date, int]], base: int
) -> None:
    """The oracle goes through the days of 2026's first quarter and knows of no spans."""
    quarter = [YEAR + timedelta(n) for n in range(90)]
    versions = [
        TargetVersion(
            id="quota",
            version=number,
            kpi="won_amount",
            subject_kind="rep",
            subject="ana",
            first=quarter[0],
            last=quarter[-1],
            tiers=Tiers(Fraction(amount)),
            effective=begins,
        )
        for number, (begins, amount) in enumerate([(quarter[0], base), *changes])
    ]
    scheduled_halves = sum(scheduled(presence.calendar, day) for day in quarter)
    expected = Fraction(0)
    for day in quarter:
        figure = next(
            amount for begins, amount in [*reversed(changes), (YEAR, base)] if begins <= day
        )
        there = presence.employed.first <= day <= presence.employed.last
        if scheduled_halves:
            worked = halves_worked(presence.calendar, presence.leaves, day)
            expected += Fraction(figure * worked * there, scheduled_halves)
        else:
            expected += Fraction(figure * there, len(quarter))
    found = asked(versions, Span(quarter[0], quarter[-1]), presence, CIVIL)
    assert found.base == expected


teams = st.sampled_from(["west", "east", "south"])


@law
@given(quarters(), presences, st.lists(st.tuples(teams, days), max_size=4))
def test_the_teams_of_a_mover_make_up_the_persons_target(
    told: tuple[FiscalCalendar, Span, list[TargetVersion]],
    presence: Presence,
    steps: list[tuple[str, date]],
) -> None:
    """Each stay has its workdays' share, and the tree's top has the whole."""
    fiscal, quarter, versions = told
    memberships = moves([("west", None), *steps], employment(None, None))
    whole = asked(versions, quarter, presence, fiscal)
    below = tuple(
        Level(
            id=team,
            members={"ana": part(whole, presence, stays(memberships, {team}, quarter)).base},
        )
        for team in ("west", "east", "south")
    )
    assert levels(Level(id="acme", below=below))["acme"].target == whole.base


@law
@given(plans, days, some_leaves)
def test_steps_follow_each_other_and_leave_never_pulls_them_forward(
    plan: RampPlan, hired: date, leaves: tuple[Leave, ...]
) -> None:
    """Every step has at least a day, and none begins earlier for a leave."""
    on = OnRamp(plan, hired)
    starts = step_starts(on, leaves, 6)
    assert starts[0] == hired
    assert all(one < other for one, other in pairwise(starts))
    assert all(
        plain <= shifted for plain, shifted in zip(step_starts(on, [], 6), starts, strict=True)
    )


@law
@given(
    st.lists(st.fractions(0, 10_000, max_denominator=97), max_size=12), st.sampled_from([1, 100])
)
def test_rounded_parts_sum_to_the_rounded_whole(exact: list[Fraction], unit: int) -> None:
    """No part is a unit or more away from its exact value."""
    found = rounded(exact, unit)
    assert abs(sum(found) - sum(exact, Fraction(0))) <= Fraction(unit, 2)
    assert [one % unit for one in found] == [0] * len(exact)
    assert all(abs(one - part_) < unit for one, part_ in zip(found, exact, strict=True))


def test_the_calendars_of_these_laws_have_work_in_them() -> None:
    """Else the laws would speak of zeros: a quarter at work asks for what was set."""
    versions = [
        TargetVersion(
            id="quota",
            kpi="won_amount",
            subject_kind="rep",
            subject="ana",
            first=YEAR,
            last=date(2026, 3, 31),
            tiers=Tiers(Fraction(90)),
        )
    ]
    assert AT_WORK.calendar == PLAIN
    assert asked(versions, Span(YEAR, date(2026, 3, 31)), AT_WORK, CIVIL).base == 90
