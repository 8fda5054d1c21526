"""Dated memberships: movers, gaps, people who left, managers who sell, zones."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kpi.organisation import (
    Membership,
    ZoneSpan,
    doubled,
    employment,
    gaps,
    intersect,
    joined,
    moves,
    stays,
    subtree,
    team_on,
    with_managed,
    without,
    zone_on,
)
from kpi.periods import Span
from tests.kpi.laws.histories import law

NOVEMBER = Span(date(2026, 11, 1), date(2026, 11, 30))
HIRED = date(2026, 1, 5)
TEAMS = ("west", "east", "south", "")


def november(first: int, last: int) -> Span:
    """Days of November 2026."""
    return Span(date(2026, 11, first), date(2026, 11, last))


def days(span: Span) -> list[date]:
    """One by one."""
    return [span.first + timedelta(days=n) for n in range((span.last - span.first).days + 1)]


ANA = moves([("east", date(2026, 11, 16)), ("west", None)], employment(HIRED, None))


def test_a_mover_stays_in_each_team_for_its_days() -> None:
    """West until the 15th, East from the 16th; in both together all month."""
    assert stays(ANA, {"west"}, NOVEMBER) == [november(1, 15)]
    assert stays(ANA, {"east"}, NOVEMBER) == [november(16, 30)]
    assert stays(ANA, {"west", "east"}, NOVEMBER) == [NOVEMBER]
    assert [team_on(ANA, date(2026, 11, day)) for day in (15, 16)] == ["west", "east"]


def test_memberships_begin_with_the_hire_and_end_with_the_leaving() -> None:
    """Whoever left on the 20th is in no team on the 21st."""
    left = moves([("west", None)], employment(HIRED, date(2026, 11, 20)))
    assert stays(left, {"west"}, NOVEMBER) == [november(1, 20)]
    assert team_on(left, date(2026, 11, 21)) is None
    assert team_on(left, date(2026, 1, 4)) is None


def test_a_team_joined_after_the_leaving_is_no_membership() -> None:
    """A move that was planned and did not come about."""
    steps: list[tuple[str, date | None]] = [("west", None), ("east", date(2026, 12, 1))]
    found = moves(steps, employment(HIRED, date(2026, 11, 20)))
    assert [one.team for one in found] == ["west"]


def test_a_time_without_a_team_is_a_gap() -> None:
    """Between two teams, on the 10th to the 15th."""
    steps: list[tuple[str, date | None]] = [
        ("west", None),
        ("", date(2026, 11, 10)),
        ("east", date(2026, 11, 16)),
    ]
    found = moves(steps, employment(HIRED, None))
    assert gaps(found, employment(HIRED, None), NOVEMBER) == [november(10, 15)]
    assert gaps(found, employment(HIRED, date(2026, 11, 12)), NOVEMBER) == [november(10, 12)]


def test_overlay_is_no_stay() -> None:
    """An SDR who shares in East's credit sits in West."""
    sdr = [Membership("west"), Membership("east", overlay=True)]
    assert stays(sdr, {"east"}, NOVEMBER) == []
    assert stays(sdr, {"west"}, NOVEMBER) == [NOVEMBER]


def test_two_teams_on_one_day_are_found() -> None:
    """The 10th to the 12th are claimed twice."""
    both = [
        Membership("west", None, date(2026, 11, 12)),
        Membership("east", date(2026, 11, 10), None),
    ]
    assert doubled(both) == [november(10, 12)]
    assert doubled(ANA) == []


def test_a_manager_who_sells_counts_in_the_own_team() -> None:
    """Mia manages West from the 16th; until then she sold for East."""
    mia = [Membership("east", None, date(2026, 11, 15))]
    found = with_managed(mia, [Membership("west"), Membership("north")], employment(HIRED, None))
    assert stays(found, {"west"}, NOVEMBER) == [november(16, 30)]
    assert stays(found, {"east"}, NOVEMBER) == [november(1, 15)]
    assert stays(found, {"north"}, NOVEMBER) == []


def test_a_team_has_all_teams_below_it() -> None:
    """EMEA has DACH, which has Berlin."""
    parents = {"emea": None, "dach": "emea", "berlin": "dach", "apac": None}
    assert subtree(parents, "emea") == {"emea", "dach", "berlin"}
    assert subtree(parents, "apac") == {"apac"}


def test_a_circle_of_teams_ends() -> None:
    """The configuration refuses it; reading it must not hang."""
    assert subtree({"a": "b", "b": "a"}, "a") == {"a", "b"}


def test_a_zone_holds_from_its_day_on() -> None:
    """Ana moved to Berlin on 1 July."""
    zones = [ZoneSpan("Europe/Berlin", date(2026, 7, 1)), ZoneSpan("Asia/Shanghai")]
    assert zone_on(zones, date(2026, 6, 30), "UTC") == "Asia/Shanghai"
    assert zone_on(zones, date(2026, 7, 1), "UTC") == "Europe/Berlin"
    assert zone_on(zones[:1], date(2026, 6, 30), "UTC") == "UTC"


some_days = st.dates(date(2026, 10, 15), date(2026, 12, 15))
some_steps = st.lists(st.tuples(st.sampled_from(TEAMS), some_days), max_size=6)
some_spans = st.builds(lambda a, b: Span(min(a, b), max(a, b)), some_days, some_days)


@law
@given(some_steps, some_spans, some_spans)
def test_the_stays_of_all_teams_cover_each_employed_day_once(
    steps: list[tuple[str, date]], employed: Span, span: Span
) -> None:
    """With the gaps, whatever the moves were: no day twice, none forgotten, none invented."""
    memberships = moves(steps, employed)
    covered = Counter(
        day for team in TEAMS for stay in stays(memberships, {team}, span) for day in days(stay)
    )
    covered.update(day for gap in gaps(memberships, employed, span) for day in days(gap))
    both = intersect(employed, span)
    assert covered == Counter(days(both) if both else [])
    assert doubled(memberships) == []


@law
@given(some_steps, some_spans, some_days)
def test_a_stay_is_where_the_team_of_the_day_is(
    steps: list[tuple[str, date]], employed: Span, day: date
) -> None:
    """Spans and days tell the same story."""
    memberships = moves(steps, employed)
    there = [team for team in TEAMS if stays(memberships, {team}, Span(day, day))]
    assert there == ([found] if (found := team_on(memberships, day)) else [])


@law
@given(st.lists(some_spans, max_size=5), st.lists(some_spans, max_size=5))
def test_spans_are_sets_of_days(one: list[Span], other: list[Span]) -> None:
    """Joining is a union and `without` a difference, as few spans as can be."""
    as_days = {day for span in one for day in days(span)}
    taken = {day for span in other for day in days(span)}
    assert [day for span in joined(one) for day in days(span)] == sorted(as_days)
    left = [day for span in without(joined(one), other) for day in days(span)]
    assert left == sorted(as_days - taken)
    assert all(
        (b.first - a.last).days > 1 for a, b in zip(joined(one), joined(one)[1:], strict=False)
    )
