"""Flows of a deal: each falls on its own moment, under its owner of then."""

from __future__ import annotations

import pytest

from kpi.sketch import bucket
from schemas.envelope import EntityPatch
from tests.kpi.telling import CRM, Story, meaning, ms

YORK = meaning(zone="America/New_York")


def acme() -> Story:
    """The field's example: 100k qualified on 28 March, cut on 5 April, handed over on the 10th."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", amount="100000", stage="lead")
    story.deal("2026-03-28 10:00", stage="qualified").deal("2026-04-05 10:00", amount="40000")
    return story.deal("2026-04-10 10:00", owner="ben")


def test_built_pipeline_is_the_amount_and_the_owner_at_qualification() -> None:
    """100k in March for the first owner, whatever was cut and handed over in April."""
    story = acme()
    assert story.flow("ana", "built:USD", "2026-03") == 10_000_000
    assert story.flow("ana", "built_n", "2026-03") == 1
    assert story.flow("ana", "built:USD", "2026-04") == 0
    assert story.flow("ben", "built:USD", "2026-04") == 0


def test_the_pipeline_shows_the_cut_and_the_transfer_where_they_happened() -> None:
    """The gauge of the same deal moves three times."""
    story = acme()
    assert story.level("ana", "qual:USD:-", "2026-03-31") == 10_000_000
    assert story.level("ana", "qual:USD:-", "2026-04-05") == 4_000_000
    assert story.level("ana", "qual:USD:-", "2026-04-10") == 0
    assert story.level("ben", "qual:USD:-", "2026-04-10") == 4_000_000


def test_an_amount_told_after_the_qualification_is_the_amount_built() -> None:
    """Nothing had been said about it then: the first amount ever named counts."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", stage="qualified")
    story.deal("2026-04-05 10:00", amount="40000").deal("2026-04-06 10:00", amount="50000")
    assert story.flow("ana", "built:USD", "2026-03") == 4_000_000
    assert story.flow("ana", "x:built_no_amount", "2026-03") == 0


def test_an_amount_cleared_before_the_qualification_is_none() -> None:
    """The CRM said that there is no amount, which is not the same as having said nothing."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", amount="100000")
    story.deal("2026-03-03 09:00", amount=None).deal("2026-03-04 09:00", stage="qualified")
    story.deal("2026-04-05 10:00", amount="40000")
    assert story.flow("ana", "built:USD", "2026-03") == 0
    assert story.flow("ana", "x:built_no_amount", "2026-03") == 1


def test_a_deal_reassigned_before_the_win_is_won_by_its_new_owner() -> None:
    """Ana created it, Ben closed it: each gets what was theirs then."""
    story = acme().deal("2026-04-20 10:00", stage="signed")
    assert story.flow("ana", "created", "2026-03") == 1
    assert story.flow("ben", "won_n", "2026-04") == 1
    assert story.flow("ben", "won:USD", "2026-04") == 4_000_000


def test_a_deal_reassigned_after_the_win_stays_with_who_won_it() -> None:
    """A hand-over to customer success moves no commission."""
    story = acme().deal("2026-04-20 10:00", stage="signed").deal("2026-04-21 10:00", owner="chen")
    assert story.flow("ben", "won_n", "2026-04") == 1
    assert story.flow("chen", "won_n", "2026-04") == 0


def test_an_owner_set_in_the_millisecond_of_the_win_gets_the_win() -> None:
    """One save in the CRM, two events of one instant."""
    story = acme().deal("2026-04-20 10:00", stage="signed").deal("2026-04-20 10:00", owner="chen")
    assert story.flow("chen", "won_n", "2026-04") == 1


def test_an_owner_told_a_moment_after_the_creation_created_the_deal() -> None:
    """A CRM announces a deal and its owner as two events."""
    story = Story().deal("2026-03-31 23:59:59", "create").deal("2026-04-01 00:00:01", owner="ana")
    assert story.flow("ana", "created", "2026-03") == 1
    assert story.flow("", "created", "2026-03") == 0


def test_an_amount_corrected_after_the_win_corrects_the_win() -> None:
    """The month of the win is restated; the month of the correction has nothing."""
    story = acme().deal("2026-04-20 10:00", stage="signed").deal("2026-05-02 10:00", amount="38500")
    assert story.flow("ben", "won:USD", "2026-04") == 3_850_000
    assert story.flow("ben", "won:USD", "2026-05") == 0


def test_a_reopened_deal_takes_its_win_back() -> None:
    """It is open pipeline again, and a win of nobody."""
    story = acme().deal("2026-04-20 10:00", stage="signed")
    story.deal("2026-05-04 10:00", stage="qualified")
    assert story.flow("ben", "won_n", "2026-04") == 0
    assert story.flow("ben", "won:USD", "2026-04") == 0
    assert story.level("ben", "qual:USD:-", "2026-04-30") == 0
    assert story.level("ben", "qual:USD:-", "2026-05-04") == 4_000_000


def test_a_deal_won_again_counts_once_at_its_last_win() -> None:
    """April's win was reopened; the one that holds is June's."""
    story = acme().deal("2026-04-20 10:00", stage="signed")
    story.deal("2026-05-04 10:00", stage="qualified").deal("2026-06-01 10:00", stage="signed")
    assert story.flow("ben", "won_n", "2026-04") == 0
    assert story.flow("ben", "won_n", "2026-06") == 1
    assert story.flow("ben", "stage:signed", "2026-04") == 1
    assert story.flow("ben", "stage:signed", "2026-06") == 0


def test_a_win_told_twice_keeps_the_date_of_the_first() -> None:
    """Saving a won deal again does not move it into the next month."""
    story = acme().deal("2026-04-20 10:00", stage="signed").deal("2026-05-04 10:00", stage="signed")
    assert story.flow("ben", "won_n", "2026-04") == 1


def test_a_lost_deal_that_was_won_before_is_only_lost() -> None:
    """The rival came back: one loss, at the moment of the loss."""
    story = acme().deal("2026-04-20 10:00", stage="signed")
    story.deal("2026-05-04 10:00", stage="lost to rival")
    assert story.flow("ben", "won_n", "2026-04") == 0
    assert story.flow("ben", "lost:USD", "2026-05") == 4_000_000


def test_a_deal_won_without_a_stop_was_built_at_the_win() -> None:
    """A walk-in customer: created and signed the same day."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", amount="900", stage="signed")
    assert story.flow("ana", "built:USD", "2026-03") == 90_000
    assert story.flow("ana", "won:USD", "2026-03") == 90_000
    assert story.flow("ana", "cycle:0", "2026-03") == 1


def test_a_deleted_deal_takes_its_flows_back_and_leaves_the_gauge_its_past() -> None:
    """March was seen with the deal in it; from the deletion on it is gone."""
    story = acme().deal("2026-05-01 10:00", "delete")
    assert story.flow("ana", "created", "2026-03") == 0
    assert story.flow("ana", "built:USD", "2026-03") == 0
    assert story.level("ana", "qual:USD:-", "2026-03-31") == 10_000_000
    assert story.level("ben", "open_n:-", "2026-05-01") == 0


def test_a_restored_deal_is_as_if_it_had_never_been_deleted_but_for_the_gap() -> None:
    """Flows come back at their old moments; the gauge was down between the two."""
    story = acme().deal("2026-05-01 10:00", "delete").deal("2026-05-03 10:00", "restore")
    assert story.flow("ana", "built:USD", "2026-03") == 10_000_000
    assert story.level("ben", "open_n:-", "2026-05-02") == 0
    assert story.level("ben", "open_n:-", "2026-05-03") == 1


def test_only_an_explicit_restore_revives_a_deleted_deal() -> None:
    """A late edit of a deleted deal, or its creation told again, does not bring it back."""
    story = acme().deal("2026-05-01 10:00", "delete").deal("2026-05-02 10:00", "create")
    story.deal("2026-05-03 10:00", amount="70000")
    assert story.flow("ana", "created", "2026-03") == 0
    assert story.level("ben", "open_n:-", "2026-05-03") == 0


def test_a_merge_buries_the_loser_and_leaves_the_winner_alone() -> None:
    """Two records of one deal: the sum is that of the winner."""
    story = acme().deal("2026-04-20 10:00", stage="signed")
    story.change("deal", "9002", "2026-03-03 09:00", "create", owner="ben", amount="40000")
    story.change("deal", "9002", "2026-04-20 10:00", "set", stage="signed")
    assert story.flow("ben", "won:USD", "2026-04") == 8_000_000
    at = ms("2026-04-22 10:00")
    merge = EntityPatch(
        entity="deal", id="9002", op="merge", occurred_at=at, received_at=at, merged_into="9001"
    )
    story.tell("evt-merge", merge)
    assert story.flow("ben", "won:USD", "2026-04") == 4_000_000
    assert story.flow("ben", "won_n", "2026-04") == 1


@pytest.mark.parametrize(("zone", "month"), [("UTC", "2026-04"), ("America/New_York", "2026-03")])
def test_an_instant_falls_on_the_local_day_of_the_owner(zone: str, month: str) -> None:
    """Signed at one in the morning UTC on 1 April: in New York it still was March."""
    story = Story(under=meaning(zone=zone)).deal("2026-03-02 12:00", "create", owner="ana")
    story.deal("2026-04-01 01:00", stage="signed")
    assert story.flow("ana", "won_n", month) == 1


def test_a_civil_date_is_never_converted_not_even_in_new_york() -> None:
    """Expected on 1 April is 1 April; read as midnight UTC it would be 31 March there."""
    story = Story(under=YORK).deal("2026-03-02 12:00", "create", owner="ana", stage="qualified")
    story.deal("2026-03-02 12:00", close_on="2026-04-01", amount="500")
    assert story.level("ana", "qual:USD:20260401", "2026-03-31") == 50_000
    assert story.level("ana", "qual:USD:20260331", "2026-03-31") == 0


def test_a_rep_who_moved_keeps_the_past_in_the_old_zone() -> None:
    """Ana sold from New York in March and from Shanghai since April."""
    zones = ((0, "America/New_York"), (ms("2026-04-01 12:00"), "Asia/Shanghai"))
    story = Story(under=meaning(owner_zones={f"{CRM}/ana": zones}))
    story.deal("2026-03-01 03:00", "create", owner="ana").deal("2026-04-30 17:00", stage="signed")
    assert story.on("ana", "created", "2026-02-28") == 1
    assert story.on("ana", "won_n", "2026-05-01") == 1


def test_numbers_of_an_unknown_owner_are_kept_under_the_id_until_it_is_mapped() -> None:
    """Owner 4711 is nobody yet; the sums are there, so mapping makes the past right at once."""
    story = Story().deal("2026-03-02 09:00", "create", owner="4711", amount="900", stage="signed")
    assert story.flow("4711", "won:USD", "2026-03") == 90_000


def test_the_cycle_runs_from_creation_to_win() -> None:
    """57 days, the median of a real sales team, in its bucket."""
    story = Story().deal("2026-01-02 09:00", "create", owner="ana")
    story.deal("2026-02-28 09:00", stage="signed")
    assert story.flow("ana", f"cycle:{bucket(57 * 86_400)}", "2026-02") == 1


@pytest.mark.parametrize(
    ("currency", "minor"), [("USD", 120_050), ("JPY", 1_200), ("KWD", 1_200_500)]
)
def test_each_currency_has_its_own_sum_in_its_own_minor_units(currency: str, minor: int) -> None:
    """Yen have none, dinars a thousand fils; currencies are never added to each other."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", stage="signed")
    story.deal("2026-03-02 09:00", amount="1200.50", currency=currency)
    assert story.flow("ana", f"won:{currency}", "2026-03") == minor


def test_a_deal_without_a_currency_has_that_of_its_connection() -> None:
    """The portal's currency."""
    story = Story(under=meaning(currency="JPY"))
    story.deal("2026-03-02 09:00", "create", owner="ana", stage="signed", amount="98000")
    assert story.flow("ana", "won:JPY", "2026-03") == 98_000
