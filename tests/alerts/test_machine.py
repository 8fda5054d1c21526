"""Laws of the state machine, over random looks; and stories whose outcome is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.alerts import Change, Held, Measured, Reading, Sample, read, step
from kpi.alerts.conditions import Word
from kpi.alerts.machine import Terms, due
from kpi.alerts.rules import (
    Activity,
    Behind,
    Changed,
    Coverage,
    Expected,
    Milestone,
    Probability,
    Projection,
    Silent,
)
from kpi.calendar.hours import HOUR, Hours
from kpi.calendar.workdays import Leave, WorkCalendar

WEEK = WorkCalendar(id="week", hours=((540, 720), (780, 1_080)))
OFFICE = Hours(WEEK, "Europe/Berlin")


def at(text: str) -> int:
    """A wall clock in Berlin in November (UTC+1), in ms UTC."""
    there = datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=1)
    return round(there.timestamp() * 1000)


MONDAY = at("2026-11-23T09:00")


def look(word: Word, moment: int, *, far: float = 1.0, basis: str = "t1", n: int = 0) -> Sample:
    """One look."""
    return Sample(
        at=moment, place=f"log:0:{n}", reading=Reading(word, far), basis=basis, hours=OFFICE
    )


KNOWN = Held(basis="t1")


def play(terms: Terms, looks: list[Sample], held: Held | None = KNOWN) -> list[Change]:
    """All that is told."""
    told = []
    for one in looks:
        held, change = step(terms, held, one)
        if change is not None:
            told.append(change)
    return told


words: st.SearchStrategy[Word] = st.sampled_from(["on", "off", "between", "no_data", "error"])
gaps = st.integers(0, 30 * HOUR)
terms = st.builds(
    Terms,
    dwell=st.integers(0, 12).map(lambda h: h * HOUR),
    recover=st.integers(0, 12).map(lambda h: h * HOUR),
    once=st.booleans(),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Sample]:
    """Looks at growing moments; the line moves now and then."""
    moment, looks, basis = MONDAY, [], 1
    for number in range(draw(st.integers(1, 30))):
        moment += draw(gaps)
        basis += draw(st.sampled_from([0, 0, 0, 1]))
        far = draw(st.integers(0, 5)) / 5
        looks.append(look(draw(words), moment, far=far, basis=f"t{basis}", n=number))
    return looks


@given(terms, histories())
def test_what_begins_is_told_once_and_what_is_over_once_in_turn(
    asked: Terms, looks: list[Sample]
) -> None:
    """Fired, resolved, fired, ... and both ends of one alert have the same cause."""
    told = play(asked, looks)
    assert [one.what for one in told] == ["fired", "resolved"] * (len(told) // 2) + ["fired"] * (
        len(told) % 2
    )
    for begun, over in zip(told[::2], told[1::2], strict=False):
        assert begun.cause == over.cause
    assert len({one.cause for one in told[::2]}) == len(told[::2])


@given(terms, histories(), st.lists(gaps, max_size=10))
def test_between_the_lines_nothing_is_told(
    asked: Terms, looks: list[Sample], pauses: list[int]
) -> None:
    """However it came there, and however often it is looked at: unless it was waiting already."""
    held: Held | None = KNOWN
    for one in looks:
        held, _ = step(asked, held, one)
    assert held is not None
    if held.state == "pending" or held.before == "pending":
        return  # It was on; that it is no longer far beyond the line does not end the wait.
    moment = looks[-1].at
    for pause in pauses:
        moment += pause
        held, change = step(asked, held, look("between", moment, basis=looks[-1].basis))
        assert change is None


@given(terms, histories())
def test_looking_more_often_tells_the_same(asked: Terms, looks: list[Sample]) -> None:
    """A look that is repeated at once, by whoever took over, changes nothing."""
    again = [one for one in looks for _ in range(3)]
    assert play(asked, again) == play(asked, looks)


@given(terms, histories())
def test_looks_at_what_is_due_lose_nothing(asked: Terms, looks: list[Sample]) -> None:
    """Looked at only when something is read or ``due`` says so, it is told at the same instant."""
    held: Held | None = KNOWN
    told: list[tuple[int, str]] = []
    exact: list[tuple[int, str]] = []
    for one, following in zip(looks, [*looks[1:], None], strict=True):
        held, change = step(asked, held, one)
        told += [(one.at, change.what)] if change else []
        moment = due(asked, held, OFFICE)
        if moment is None or following is None or not one.at < moment < following.at:
            continue
        early = look(one.reading.word, moment - 1, far=one.reading.far, basis=one.basis)
        assert step(asked, held, early)[1] is None
        then = look(one.reading.word, moment, far=one.reading.far, basis=one.basis)
        if one.reading.word in {"on", "off"}:
            held, change = step(asked, held, then)
            assert change is not None
            exact.append((moment, change.what))
    assert len(set(told + exact)) == len(told + exact)


@given(terms, histories())
def test_without_data_nothing_begins_and_nothing_ends(asked: Terms, looks: list[Sample]) -> None:
    """What was told before the silence is neither repeated nor withdrawn during it."""
    held: Held | None = KNOWN
    for one in looks:
        held, change = step(asked, held, one)
        if one.reading.word in {"no_data", "error"}:
            assert change is None
            assert held.state in {"no_data", "error"}


def test_a_line_that_moves_begins_nothing_by_itself() -> None:
    """The target is raised, so she is behind; only once she is further behind is it told."""
    at_once = Terms(0, 0)
    looks = [
        look("off", MONDAY, far=-1.0),
        look("on", MONDAY + HOUR, far=-0.75, basis="t2"),
        look("on", MONDAY + 2 * HOUR, far=-0.75, basis="t2"),
        look("on", MONDAY + 26 * HOUR, far=-0.70, basis="t2", n=9),
    ]
    told = play(at_once, looks)
    assert [(one.what, one.cause) for one in told] == [("fired", "log:0:9")]


def test_a_line_that_moves_back_and_a_deviation_of_ones_own_is_told() -> None:
    """Over once, the moved line is forgotten: what begins then is a deviation."""
    looks = [
        look("off", MONDAY),
        look("on", MONDAY + 1, basis="t2"),
        look("off", MONDAY + 2, basis="t2"),
        look("on", MONDAY + 3, basis="t2"),
    ]
    assert [one.what for one in play(Terms(0, 0), looks)] == ["fired"]


def test_dwell_counts_working_hours_only() -> None:
    """Four hours from Friday at 16:00: two on Friday, two on Monday, none at the weekend."""
    asked = Terms(4 * HOUR, 0)
    friday = at("2026-11-20T16:00")
    looks = [
        look("on", friday),
        look("on", at("2026-11-22T12:00")),
        look("on", at("2026-11-23T10:59")),
    ]
    assert play(asked, looks) == []
    looks.append(look("on", at("2026-11-23T11:00")))
    assert [one.what for one in play(asked, looks)] == ["fired"]


def test_a_milestone_is_told_once_in_a_period() -> None:
    """A deal is lost again after the half was reached, and won again: the half was told."""
    asked = Terms(0, 0, once=True)
    words_: list[Word] = ["off", "on", "off", "on"]
    looks = [look(word, MONDAY + n, n=n) for n, word in enumerate(words_)]
    assert [one.what for one in play(asked, looks)] == ["fired"]


def test_who_is_looked_at_first_when_it_holds_already_is_told_in_a_digest() -> None:
    """A rule that is enabled finds what has been so for long."""
    (told,) = play(Terms(0, 0), [look("on", MONDAY)], held=None)
    assert told.late


def test_what_returns_with_the_data_is_told_in_a_digest() -> None:
    """The source was silent for two days; what it brings is no news."""
    looks = [look("off", MONDAY), look("no_data", MONDAY + 1), look("on", MONDAY + 2)]
    (told,) = play(Terms(0, 0), looks)
    assert told.late


@given(st.integers(0, 20 * 24 * HOUR), st.integers(0, 80 * HOUR))
def test_later_is_the_first_instant_at_which_so_much_was_worked(offset: int, worked: int) -> None:
    """The two ways to ask agree to the millisecond, over weekends, breaks and half days' leave."""
    away = datetime(2026, 12, 1, tzinfo=UTC).date()
    person = OFFICE._replace(leaves=(Leave(away, away),))
    start = MONDAY + offset
    then = person.later(start, worked)
    assert person.between(start, then) == worked
    assert worked == 0 or person.between(start, then - 1) < worked


def test_half_a_day_of_leave_halves_the_speed() -> None:
    """On a day of half leave seven hours of office are three and a half of work."""
    day = datetime(2026, 11, 24, tzinfo=UTC).date()
    person = OFFICE._replace(leaves=(Leave(day, day, 1),))
    assert person.between(at("2026-11-24T00:00"), at("2026-11-25T00:00")) == 4 * HOUR


@pytest.mark.parametrize(
    ("condition", "seen", "word"),
    [
        (Behind(), Measured(status="at_risk", of_expected=0.5), "on"),
        (Behind(), Measured(status="behind", of_expected=0.9), "between"),
        (Behind(), Measured(status="on_track", of_expected=1.0), "off"),
        (Behind(), Measured(status="too_early", of_expected=0.1), "off"),
        (Behind(), Measured(status="incomplete", incomplete=True), "no_data"),
        (Behind(statuses=("ahead",)), Measured(status="ahead", of_expected=1.2), "on"),
        (Expected(enter=80, until=90), Measured(status="at_risk", of_expected=0.80), "on"),
        (Expected(enter=80, until=90), Measured(status="behind", of_expected=0.81), "between"),
        (Expected(enter=80, until=90), Measured(status="behind", of_expected=0.90), "between"),
        (Expected(enter=80, until=90), Measured(status="behind", of_expected=0.91), "off"),
        (Expected(enter=80, until=90), Measured(status="covered", of_expected=0.5), "off"),
        (
            Expected(side="above", enter=120, until=110),
            Measured(status="ahead", of_expected=1.15),
            "between",
        ),
        (Projection(enter=90, until=100), Measured(status="behind", of_projection=0.9), "on"),
        (Probability(enter=20, until=35), Measured(status="behind", probability=0.2), "on"),
        (Probability(enter=20, until=35), Measured(status="no_target"), "off"),
        (Coverage(enter=80, until=100), Measured(of_required=0.5), "on"),
        (Coverage(), Measured(), "off"),
        (Changed(enter=70, until=85), Measured(of_last=0.7), "on"),
        (Changed(), Measured(), "off"),
        (Activity(hours=8), Measured(quiet_ms=8 * HOUR), "on"),
        (Activity(hours=8), Measured(quiet_ms=8 * HOUR - 1), "off"),
        (Activity(hours=8), Measured(), "off"),
        (Silent(), Measured(silent=True, incomplete=True), "on"),
        (Silent(), Measured(), "off"),
    ],
)
def test_conditions_read_what_was_measured(condition: Behind, seen: Measured, word: Word) -> None:
    """Exactly on the line counts; what has no value, or cannot be judged, is no deviation."""
    assert read(condition, seen).word == word


def test_a_milestone_is_reached_at_its_very_per_cent() -> None:
    """Half is reached at 0.5, and not a hair before."""
    half = Milestone(percents=(50,))
    assert read(half, Measured(attainment=0.5), 50).word == "on"
    assert read(half, Measured(attainment=0.499), 50).word == "off"
