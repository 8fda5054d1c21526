"""Activities: one each, when it took place, under its owner as he stands."""

from __future__ import annotations

import pytest

from kpi.activity import last_change, touched
from schemas.envelope import Scalar
from tests.kpi.telling import Story, ms
from tests.oracle.folding import folded


def visit() -> Story:
    """A first visit to a new customer on 28 March."""
    return Story().activity("2026-03-28 17:00", owner="ana", type="visit", new_customer=True)


@pytest.mark.parametrize(
    "kind", ["call", "email", "meeting", "visit", "demo", "proposal", "one_on_one", "custom"]
)
def test_an_activity_counts_by_its_type(kind: str) -> None:
    """Each of the field's eight kinds."""
    story = Story().activity("2026-03-28 17:00", owner="ana", type=kind)
    assert story.flow("ana", f"act:{kind}", "2026-03") == 1


@pytest.mark.parametrize("kind", ["karaoke", "", None, 7])
def test_a_type_that_nobody_knows_is_custom(kind: str | int | None) -> None:
    """Counted, not dropped."""
    story = Story().activity("2026-03-28 17:00", owner="ana", type=kind)
    assert story.flow("ana", "act:custom", "2026-03") == 1


def test_a_visit_to_a_new_customer_counts_twice_over() -> None:
    """As a visit, and as a new-customer visit."""
    assert visit().flow("ana", "act:visit", "2026-03") == 1
    assert visit().flow("ana", "visit_new", "2026-03") == 1


def test_a_visit_to_an_old_customer_is_only_a_visit() -> None:
    """The correction takes the new-customer visit back."""
    story = visit().activity("2026-03-29 09:00", "set", new_customer=False)
    assert story.flow("ana", "act:visit", "2026-03") == 1
    assert story.flow("ana", "visit_new", "2026-03") == 0


def test_an_activity_counts_when_it_took_place_not_when_it_was_logged() -> None:
    """Logged on Monday, held the Friday before."""
    story = visit().activity("2026-03-30 08:00", "set", at=ms("2026-02-27 15:00"))
    assert story.flow("ana", "act:visit", "2026-02") == 1
    assert story.flow("ana", "act:visit", "2026-03") == 0


@pytest.mark.parametrize("status", ["planned", "cancelled", "no_show"])
def test_what_did_not_take_place_does_not_count(status: str) -> None:
    """Until it is done."""
    story = visit().activity("2026-03-29 09:00", "set", status=status)
    assert story.flow("ana", "act:visit", "2026-03") == 0
    story.activity("2026-03-30 09:00", "set", status="done")
    assert story.flow("ana", "act:visit", "2026-03") == 1


def test_an_activity_moves_with_its_owner() -> None:
    """Logged under the wrong rep: the correction moves it whole."""
    story = visit().activity("2026-03-29 09:00", "set", owner="ben")
    assert story.flow("ana", "visit_new", "2026-03") == 0
    assert story.flow("ben", "visit_new", "2026-03") == 1


def test_a_deleted_activity_is_gone_and_a_restored_one_is_back() -> None:
    """The same moment, the same owner."""
    story = visit().activity("2026-03-29 09:00", "delete")
    assert story.flow("ana", "act:visit", "2026-03") == 0
    story.activity("2026-03-30 09:00", "restore")
    assert story.flow("ana", "act:visit", "2026-03") == 1


def test_an_activity_known_by_edits_alone_is_incomplete_until_its_creation_comes() -> None:
    """Its creation may be late or lost; it never counts blindly."""
    story = Story().activity("2026-03-28 17:00", "set", owner="ana", type="call")
    assert story.flow("ana", "x:act_no_creation", "2026-03") == 1
    assert story.flow("ana", "act:call", "2026-03") == 0
    story.activity("2026-03-27 17:00", "create")
    assert story.flow("ana", "x:act_no_creation", "2026-03") == 0
    assert story.flow("ana", "act:call", "2026-03") == 1


def test_an_activity_touches_the_deal_it_names_in_the_minute_it_took_place() -> None:
    """A number for an id is the same id."""
    told = visit().activity("2026-03-28 18:00", "set", deal=9001).told
    entity = folded(told, visit().meaning).entity("a:hubspot-main:77")
    assert touched(entity) == ("9001", ms("2026-03-28 17:00") // 60_000)
    assert touched(None) is None


def test_the_last_change_of_an_activity_is_the_latest_instant_it_speaks_of() -> None:
    """What the ninety days of retention are counted from."""
    told = visit().activity("2026-05-04 09:00", "set", owner="ben").told
    entity = folded(told, visit().meaning).entity("a:hubspot-main:77")
    assert entity is not None
    assert last_change(entity) == ms("2026-05-04 09:00")


@pytest.mark.parametrize(
    ("minutes", "counted"), [(0, 0), (30, 30), ("45", 45), ("29.5", 30), (1440, 1440)]
)
def test_minutes_are_summed_by_type(minutes: Scalar, counted: int) -> None:
    """What a week of calls took; a part of a minute is rounded."""
    story = Story().activity("2026-03-28 17:00", owner="ana", type="call", minutes=minutes)
    assert story.flow("ana", "act_min:call", "2026-03") == counted
    assert story.flow("ana", "x:bad_minutes", "2026-03") == 0


@pytest.mark.parametrize("minutes", [-5, 1441, "an hour", True, "1e999999"])
def test_minutes_that_cannot_be_are_incomplete(minutes: Scalar) -> None:
    """A call of 90,000 minutes was told in milliseconds; the call itself counts."""
    story = Story().activity("2026-03-28 17:00", owner="ana", type="call", minutes=minutes)
    assert story.flow("ana", "act_min:call", "2026-03") == 0
    assert story.flow("ana", "x:bad_minutes", "2026-03") == 1
    assert story.flow("ana", "act:call", "2026-03") == 1


@pytest.mark.parametrize("minutes", ["", None])
def test_minutes_that_nobody_told_are_not_missed(minutes: Scalar) -> None:
    """Most mails have none."""
    story = Story().activity("2026-03-28 17:00", owner="ana", type="email", minutes=minutes)
    assert story.flow("ana", "x:bad_minutes", "2026-03") == 0


@pytest.mark.parametrize(
    ("kind", "counted"), [("call", 1), ("email", 1), ("meeting", 1), ("visit", 1), ("demo", 0)]
)
def test_a_talk_with_an_old_customer_is_a_follow_up(kind: str, counted: int) -> None:
    """Said to be no new customer; of whom nothing is said, nothing is known."""
    story = Story().activity("2026-03-28 17:00", owner="ana", type=kind, new_customer=False)
    assert story.flow("ana", "follow_up", "2026-03") == counted
    story.activity("2026-03-29 17:00", "set", new_customer=None)
    assert story.flow("ana", "follow_up", "2026-03") == 0
