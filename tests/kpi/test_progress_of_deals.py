"""On their way: conversion from stage to stage, slips, first responses, stale deals."""

from __future__ import annotations

import pytest

from kpi.sketch import bucket
from schemas.envelope import Scalar
from tests.kpi.telling import Story, meaning

MINUTE = 60


def way(*stages: str, pipeline: str | None = None) -> Story:
    """Ana's deal, a stage a day from 2 March on."""
    story = Story().deal("2026-03-01 09:00", "create", owner="ana", pipeline=pipeline)
    for n, stage in enumerate(stages):
        story.deal(f"2026-03-{n + 2:02} 09:00", stage=stage)
    return story


def converted(story: Story, stage: str, month: str = "2026-03", owner: str = "ana") -> int:
    """Of the deals that first entered a stage in a month, how many got on."""
    return story.flow(owner, f"conv:{stage.replace(' ', '%20')}", month)


def test_a_deal_that_enters_a_later_stage_converts_all_before_it() -> None:
    """Lead to demo to qualified: two conversions, the third is still to come."""
    story = way("lead", "demo", "qualified")
    assert [converted(story, one) for one in ("lead", "demo", "qualified")] == [1, 1, 0]


def test_a_conversion_that_skips_a_step_is_none_of_the_step_that_was_skipped() -> None:
    """Lead straight to the offer: the lead got on, a demo there never was."""
    story = way("lead", "offer")
    assert converted(story, "lead") == 1
    assert converted(story, "demo") == 0
    assert story.flow("ana", "stage:demo", "2026-03") == 0


@pytest.mark.parametrize("end", ["lost to rival", "unfit"])
def test_a_deal_that_is_lost_or_refused_got_no_further(end: str) -> None:
    """Though these stages come last in the CRM's order."""
    assert converted(way("demo", end), "demo") == 0


def test_a_deal_that_went_back_got_no_further() -> None:
    """From the demo back to the lead; the lead itself got on."""
    story = way("lead", "demo", "lead")
    assert (converted(story, "lead"), converted(story, "demo")) == (1, 0)


def test_a_conversion_counts_in_the_month_of_the_entry_for_its_owner_of_then() -> None:
    """A cohort: what entered in March got on in May, under another owner."""
    story = way("demo").deal("2026-05-04 09:00", stage="signed", owner="ben")
    assert converted(story, "demo") == 1
    assert converted(story, "demo", "2026-05") == 0
    assert converted(story, "demo", owner="ben") == 0


def test_conversion_is_by_the_order_of_the_pipeline_the_deal_is_in() -> None:
    """In renewals ``signed`` is a loss; ``renewed`` comes after ``due``."""
    assert converted(way("due", "renewed", pipeline="renewals"), "due") == 1
    assert converted(way("due", "signed", pipeline="renewals"), "due") == 0


def test_a_stage_that_no_order_lists_converts_nothing() -> None:
    """Unmapped stages are marked, not guessed."""
    story = way("审批中", "signed")
    assert story.flow("ana", "conv:%E5%AE%A1%E6%89%B9%E4%B8%AD", "2026-03") == 0


def test_a_deleted_deal_takes_its_conversions_back() -> None:
    """With the entries they belong to."""
    story = way("lead", "demo").deal("2026-04-01 09:00", "delete")
    assert (converted(story, "lead"), story.flow("ana", "stage:lead", "2026-03")) == (0, 0)


def expected(close_on: str | None, **fields: Scalar) -> Story:
    """Ana's open deal over 40,000 dollars, expected in March, moved on the 20th."""
    story = Story().deal(
        "2026-03-02 09:00",
        "create",
        owner="ana",
        amount="40000",
        stage="lead",
        close_on="2026-03-31",
    )
    return story.deal("2026-03-20 09:00", "set", close_on=close_on, **fields)


def test_a_close_moved_to_a_later_month_is_a_slip() -> None:
    """Count and amount, when it was moved."""
    story = expected("2026-04-01")
    assert story.on("ana", "slip_n", "2026-03-20") == 1
    assert story.on("ana", "slip:USD", "2026-03-20") == 4_000_000


@pytest.mark.parametrize("close_on", ["2026-03-15", "2026-03-30", "2026-02-28", "soon", None])
def test_a_close_moved_within_its_month_or_forward_is_none(close_on: str | None) -> None:
    """Nor one that cannot be read."""
    assert expected(close_on).flow("ana", "slip_n", "2026-03") == 0


def test_a_close_taken_away_and_put_back_later_is_a_slip() -> None:
    """Against the last day that was known."""
    story = expected(None).deal("2026-04-10 09:00", close_on="2027-01-15")
    assert story.flow("ana", "slip_n", "2026-04") == 1


def test_a_deal_that_slips_twice_counts_twice_for_whoever_owned_it_then() -> None:
    """Reassigned between, with another amount."""
    story = expected("2026-04-30").deal("2026-04-01 09:00", owner="ben", amount="30000")
    story.deal("2026-04-20 09:00", close_on="2026-06-30")
    assert story.flow("ana", "slip:USD", "2026-03") == 4_000_000
    assert story.flow("ben", "slip:USD", "2026-04") == 3_000_000


def test_a_won_deal_does_not_slip_in_the_save_that_closed_it() -> None:
    """The CRM writes the day of the win into the same field."""
    assert expected("2026-04-02", stage="signed").flow("ana", "slip_n", "2026-03") == 0


def test_a_slip_stays_when_the_deal_is_won_or_reopened_and_goes_when_it_is_deleted() -> None:
    """It happened, whatever came later; a deleted deal takes all of its flows back."""
    story = expected("2026-04-01").deal("2026-04-02 09:00", stage="signed")
    assert story.flow("ana", "slip_n", "2026-03") == 1
    story.deal("2026-04-03 09:00", stage="lead")
    assert story.flow("ana", "slip_n", "2026-03") == 1
    story.deal("2026-04-04 09:00", "delete")
    assert story.flow("ana", "slip_n", "2026-03") == 0


def test_a_slip_without_amount_says_so() -> None:
    """Count one, incomplete one."""
    story = expected("2026-04-01", amount="tbd")
    assert story.flow("ana", "slip_n", "2026-03") == 1
    assert story.flow("ana", "x:slip_no_amount", "2026-03") == 1


def answered(*calls: str, created: str = "2026-03-02 09:00") -> Story:
    """Ana's new deal, and calls that name it."""
    story = Story().deal(created, "create", owner="ana", stage="lead")
    for n, when in enumerate(calls):
        story.change("activity", f"{n}", when, "create", owner="ben", type="call", deal="9001")
    return story


def response(story: Story, seconds: int, owner: str = "ana", month: str = "2026-03") -> int:
    """How many first responses took about so long."""
    return story.flow(owner, f"resp:{bucket(seconds)}", month)


def test_the_first_activity_that_names_a_deal_is_the_response() -> None:
    """Forty minutes after the creation; the calls of later days are none."""
    story = answered("2026-03-03 09:00", "2026-03-02 09:40", "2026-03-09 09:00")
    assert response(story, 40 * MINUTE) == 1
    assert response(story, 24 * 60 * MINUTE) == 0


def test_a_call_before_the_deal_existed_is_no_response_to_it() -> None:
    """What led to the deal did not answer it."""
    assert response(answered("2026-03-01 09:00"), 0) == 0
    assert response(answered("2026-03-01 09:00", "2026-03-02 10:00"), 60 * MINUTE) == 1


def test_a_call_in_the_minute_of_the_creation_is_at_once() -> None:
    """Responses are true to the minute."""
    story = answered("2026-03-02 09:00:10", created="2026-03-02 09:00:50")
    assert response(story, 0) == 1


def test_a_response_counts_for_the_owner_of_then_on_its_day() -> None:
    """Created for ana in March, answered under ben in April."""
    story = answered("2026-04-01 09:00").deal("2026-03-20 09:00", owner="ben")
    assert response(story, 30 * 24 * 60 * MINUTE, "ben", "2026-04") == 1


def test_a_response_that_is_taken_back_leaves_the_next_one() -> None:
    """The first call did not take place after all."""
    story = answered("2026-03-02 09:40", "2026-03-03 09:00")
    story.change("activity", "0", "2026-03-04 09:00", "set", status="no_show")
    assert response(story, 40 * MINUTE) == 0
    assert response(story, 24 * 60 * MINUTE) == 1


def test_a_reopened_deal_keeps_its_response_and_a_deleted_one_takes_it_back() -> None:
    """The customer was answered once."""
    story = answered("2026-03-02 09:40").deal("2026-03-05 09:00", stage="signed")
    story.deal("2026-03-06 09:00", stage="lead")
    assert response(story, 40 * MINUTE) == 1
    story.deal("2026-03-07 09:00", "delete")
    assert response(story, 40 * MINUTE) == 0


def test_a_quiet_open_deal_is_stale_until_something_happens() -> None:
    """Thirty days after the last word, qualified or not; a call wakes it, a win ends it."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", amount="900", stage="lead")
    assert story.level("ana", "stale_n:-", "2026-03-31") == 0
    assert story.level("ana", "stale_n:-", "2026-04-01") == 1
    assert story.level("ana", "stale:USD:-", "2026-04-01") == 90_000
    story.activity("2026-04-10 09:00", owner="ana", type="call", deal="9001")
    assert story.level("ana", "stale_n:-", "2026-04-09") == 1
    assert story.level("ana", "stale_n:-", "2026-04-10") == 0
    story.deal("2026-04-12 09:00", stage="signed")
    assert story.level("ana", "stale_n:-", "2026-06-30") == 0


def test_a_stale_qualified_deal_is_open_and_stale_but_not_qualified() -> None:
    """One of the two at any moment, so that they add up to the qualified deals."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", amount="9", stage="qualified")
    for day, qualified in (("2026-03-31", 1), ("2026-04-01", 0)):
        assert story.level("ana", "qual_n:-", day) == qualified
        assert story.level("ana", "stale_n:-", day) == 1 - qualified
        assert story.level("ana", "open_n:-", day) == 1


def test_nothing_is_stale_where_nothing_goes_stale() -> None:
    """A tenant that chose so."""
    story = Story(under=meaning(stale_after_days=None))
    story.deal("2026-03-02 09:00", "create", owner="ana", stage="qualified")
    assert story.level("ana", "stale_n:-", "2027-03-31") == 0
    assert story.level("ana", "qual_n:-", "2027-03-31") == 1


def test_the_seconds_of_won_cycles_add_up_to_their_mean() -> None:
    """Two wins of 10 and of 20 days: 15 days on average, exactly."""
    story = Story()
    for deal, days in (("1", 10), ("2", 20)):
        story.change("deal", deal, "2026-03-01 09:00", "create", owner="ana", stage="lead")
        story.change("deal", deal, f"2026-03-{days + 1} 09:00", "set", stage="signed")
    assert story.flow("ana", "cycle_s", "2026-03") == 30 * 86_400


def test_a_deal_won_before_its_creation_was_told_took_no_time() -> None:
    """A clock that is wrong makes no negative cycle."""
    story = Story().deal("2026-03-05 09:00", "create", owner="ana")
    story.deal("2026-03-02 09:00", stage="signed")
    assert story.flow("ana", "cycle:0", "2026-03") == 1
    assert story.flow("ana", "cycle_s", "2026-03") == 0
