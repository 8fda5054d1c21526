"""Gauges: levels as sums of deltas, for any past day, and with the future already in them."""

from __future__ import annotations

from tests.kpi.telling import Story, meaning, ms
from tests.oracle.folding import folded

ANA = "hubspot-main/ana"


def quiet() -> Story:
    """Qualified on 2 March at nine, and nothing since."""
    return Story().deal("2026-03-02 09:00", "create", owner="ana", amount="1000", stage="qualified")


def test_a_deal_goes_stale_after_thirty_quiet_days_and_nothing_has_to_happen() -> None:
    """The leaving is contributed in advance; the open pipeline keeps the deal."""
    story = quiet()
    assert story.level("ana", "qual:USD:-", "2026-03-31") == 100_000
    assert story.level("ana", "qual:USD:-", "2026-04-01") == 0
    assert story.level("ana", "open:USD:-", "2026-04-01") == 100_000


def test_the_delta_of_going_stale_lies_in_the_future_to_the_millisecond() -> None:
    """30 times 24 hours after the last change."""
    facts = folded(quiet().told, quiet().meaning).facts
    assert facts[ANA, "qual_n:-", ms("2026-04-01 09:00")] == -1


def test_any_change_moves_the_delta_of_the_future() -> None:
    """A new close date on 20 March keeps the deal until 19 April."""
    story = quiet().deal("2026-03-20 09:00", close_on="2026-06-30")
    assert story.level("ana", "qual_n:20260630", "2026-04-18") == 1
    assert story.level("ana", "qual_n:20260630", "2026-04-19") == 0


def test_a_change_after_the_deal_went_stale_brings_it_back() -> None:
    """Between 1 and 10 April it was stale, and the past says so for ever."""
    story = quiet().deal("2026-04-10 09:00", amount="2000")
    assert story.level("ana", "qual_n:-", "2026-04-05") == 0
    assert story.level("ana", "qual:USD:-", "2026-04-10") == 200_000


def test_a_change_at_the_very_moment_of_going_stale_keeps_the_deal() -> None:
    """Quiet for exactly thirty days is not yet stale when something happens then."""
    story = quiet().deal("2026-04-01 09:00", amount="2000")
    assert story.level("ana", "qual:USD:-", "2026-04-01") == 200_000


def test_a_call_that_names_the_deal_keeps_it_from_going_stale() -> None:
    """From the minute of the call another thirty days, though the deal itself did not change."""
    story = quiet().activity("2026-03-20 09:40", owner="ben", type="call", deal="9001")
    assert story.level("ana", "qual_n:-", "2026-04-18") == 1
    assert story.level("ana", "qual_n:-", "2026-04-19") == 0
    facts = folded(story.told, story.meaning).facts
    assert facts[ANA, "qual_n:-", ms("2026-04-19 09:40")] == -1


def test_a_planned_a_deleted_or_a_corrected_call_keeps_nothing() -> None:
    """Only what took place counts; what is taken back, is taken back here too."""
    planned = quiet().activity("2026-03-20 09:40", type="call", deal="9001", status="planned")
    assert planned.level("ana", "qual_n:-", "2026-04-05") == 0
    deleted = quiet().activity("2026-03-20 09:40", type="call", deal="9001")
    deleted.activity("2026-03-21 09:40", "delete")
    assert deleted.level("ana", "qual_n:-", "2026-04-05") == 0
    corrected = quiet().activity("2026-03-20 09:40", type="call", deal="9001")
    corrected.activity("2026-03-21 09:40", "set", deal="9002")
    assert corrected.level("ana", "qual_n:-", "2026-04-05") == 0


def test_two_calls_of_one_hour_keep_the_deal_until_both_are_taken_back() -> None:
    """Touches are counted, not ticked off."""
    story = quiet().activity("2026-03-20 09:10", type="call", deal="9001")
    story.change("activity", "78", "2026-03-20 09:50", "create", type="email", deal="9001")
    story.activity("2026-03-21 09:40", "delete")
    assert story.level("ana", "qual_n:-", "2026-04-05") == 1
    story.change("activity", "78", "2026-03-22 09:50", "delete")
    assert story.level("ana", "qual_n:-", "2026-04-05") == 0


def test_a_tenant_may_say_that_nothing_goes_stale() -> None:
    """``stale_after_days`` of none."""
    story = Story(under=meaning(stale_after_days=None))
    story.deal("2026-03-02 09:00", "create", owner="ana", stage="qualified")
    assert story.level("ana", "qual_n:-", "2030-12-31") == 1


def test_a_past_level_is_what_was_known_then() -> None:
    """``at=`` 15 March shows neither the amount nor the close day of April: no look-ahead."""
    story = quiet().deal("2026-03-20 09:00", amount="5000", close_on="2026-06-30")
    assert story.level("ana", "open:USD:-", "2026-03-15") == 100_000
    assert story.level("ana", "open_n:20260630", "2026-03-15") == 0
    assert story.level("ana", "open:USD:20260630", "2026-03-20") == 500_000
    assert story.level("ana", "open_n:-", "2026-03-20") == 0


def test_an_amount_not_known_yet_is_counted_as_missing_until_it_comes() -> None:
    """1 open deal, 1 without amount; from the 20th on 5,000."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", stage="qualified")
    story.deal("2026-03-20 09:00", amount="5000")
    assert story.level("ana", "x_open_no_amount:-", "2026-03-15") == 1
    assert story.level("ana", "x_qual_no_amount:-", "2026-03-15") == 1
    assert story.level("ana", "x_open_no_amount:-", "2026-03-20") == 0
    assert story.level("ana", "open:USD:-", "2026-03-20") == 500_000


def test_a_closed_deal_leaves_the_pipeline_and_contributes_no_future() -> None:
    """Won on 20 March: nothing is left to go stale."""
    story = quiet().deal("2026-03-20 09:00", stage="signed")
    assert story.level("ana", "open_n:-", "2026-03-20") == 0
    assert story.level("ana", "qual_n:-", "2026-12-31") == 0
    gauges = [key for key in folded(story.told, story.meaning).facts if "qual" in key[1]]
    assert max(at for _, _, at in gauges) == ms("2026-03-20 09:00")


def test_the_level_at_the_end_of_a_month_is_read_from_months_alone() -> None:
    """The months up to it are its base, as far back as anyone asks."""
    story = Story(under=meaning(stale_after_days=None))
    story.deal("2017-03-02 09:00", "create", owner="ana", stage="qualified", amount="10")
    assert story.level("ana", "qual:USD:-", "2017-02-28") == 0
    assert story.level("ana", "qual:USD:-", "2017-03-31") == 1_000
    assert story.level("ana", "qual:USD:-", "2026-01-15") == 1_000
