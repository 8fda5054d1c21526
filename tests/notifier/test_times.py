"""When people are pushed."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from kpi.calendar.hours import Hours
from kpi.calendar.workdays import WorkCalendar
from paceline.sql.stored import Alerting, Mute
from services.notifier.times import muted, next_digest, pushable, workdays_later

SHANGHAI = Hours(WorkCalendar(id="cn", off=frozenset([date(2026, 10, 1)])), "Asia/Shanghai")
SETTINGS = Alerting()


def at(text: str) -> int:
    """A wall clock in Shanghai."""
    there = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    return round(there.timestamp() * 1000)


def said(instant: int) -> str:
    """The same back."""
    there = datetime.fromtimestamp(instant / 1000, ZoneInfo("Asia/Shanghai"))
    return f"{there:%Y-%m-%d %H:%M}"


def test_quiet_hours_nights_and_weekends_wait() -> None:
    """A push at night comes in the morning, on Friday night on Monday, on a holiday after it."""
    cases = {
        "2026-11-24T10:00": "2026-11-24 10:00",
        "2026-11-24T07:59": "2026-11-24 08:00",
        "2026-11-24T20:00": "2026-11-25 08:00",
        "2026-11-27T21:00": "2026-11-30 08:00",
        "2026-09-30T20:30": "2026-10-02 08:00",
    }
    for asked, expected in cases.items():
        assert said(pushable(SETTINGS, SHANGHAI, at(asked))) == expected


def test_the_digest_comes_on_the_next_working_morning() -> None:
    """At half past eight; what comes at that very minute waits for the next one."""
    assert said(next_digest(SETTINGS, SHANGHAI, at("2026-11-24T08:29"))) == "2026-11-24 08:30"
    assert said(next_digest(SETTINGS, SHANGHAI, at("2026-11-24T08:30"))) == "2026-11-25 08:30"
    assert said(next_digest(SETTINGS, SHANGHAI, at("2026-11-27T12:00"))) == "2026-11-30 08:30"


def test_an_escalation_waits_for_workdays() -> None:
    """Two days from Thursday afternoon is Monday afternoon."""
    assert said(workdays_later(SHANGHAI, at("2026-11-26T15:00"), 2)) == "2026-11-30 15:00"


def test_a_mute_window_covers_its_days_and_rules() -> None:
    """Both ends included, by the person's own days."""
    mute = Mute(first=date(2026, 12, 24), last=date(2026, 12, 26), rules=("rep-quiet",))
    settings = Alerting(mute=(mute,))
    assert muted(settings, SHANGHAI, "rep-quiet", at("2026-12-26T23:59"))
    assert not muted(settings, SHANGHAI, "rep-quiet", at("2026-12-27T00:00"))
    assert not muted(settings, SHANGHAI, "rep-won-at-risk", at("2026-12-25T12:00"))


quiet = st.lists(
    st.tuples(st.integers(0, 1_380), st.integers(30, 600)).map(
        lambda two: (two[0], min(1_440, two[0] + two[1]))
    ),
    max_size=3,
)


@given(st.integers(0, 60 * 24 * 60), quiet, st.booleans())
def test_nobody_is_pushed_in_quiet_hours(
    minute: int,
    windows: list[tuple[int, int]],
    free: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever the windows, if they leave anything of a day."""
    assume(any(not any(low <= m < high for low, high in windows) for m in range(1_440)))
    settings = Alerting(quiet=tuple(windows), free_days=free)
    asked = at("2026-09-01T00:00") + minute * 60_000
    found = pushable(settings, SHANGHAI, asked)
    assert found >= asked
    there = datetime.fromtimestamp(found / 1000, ZoneInfo("Asia/Shanghai"))
    now = there.hour * 60 + there.minute
    assert not any(low <= now < high for low, high in windows)
