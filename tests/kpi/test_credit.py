"""Who gets the credit of a win: its owner, those who share it, and those who only see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.credit import WHOLE, Credit, parts, shares_of
from schemas.envelope import Scalar
from tests.kpi.laws.histories import law
from tests.kpi.telling import Story, meaning

SHARED = meaning(credit="splits")


def won(split: Scalar, *, amount: str = "1000", under: str = "splits", **fields: Scalar) -> Story:
    """A deal of ana's, won on 20 March with a split told at its creation."""
    story = Story(under=SHARED if under == "splits" else meaning())
    story.deal(
        "2026-03-02 09:00",
        "create",
        owner="ana",
        amount=amount,
        stage="lead",
        split=split,
        **fields,
    )
    return story.deal("2026-03-20 09:00", stage="signed")


def credited(story: Story, measure: str = "won:USD") -> dict[str, int]:
    """What each of the team got in March."""
    team = ("ana", "ben", "chen")
    sums = {owner: story.flow(owner, measure, "2026-03") for owner in team}
    return {owner: amount for owner, amount in sums.items() if amount}


def test_a_split_shares_the_amount_and_gives_the_count_to_the_largest() -> None:
    """Sixty and forty per cent of a thousand dollars."""
    story = won("ana=40;ben=60")
    assert credited(story) == {"ana": 40_000, "ben": 60_000}
    assert credited(story, "won_n") == {"ben": 1}
    assert credited(story, "cycle_s") == {"ben": 18 * 86_400}


def test_of_equal_shares_the_smallest_id_gets_the_count() -> None:
    """Whoever is written first."""
    assert credited(won("ben=50;ana=50"), "won_n") == {"ana": 1}


def test_parts_of_a_cent_go_to_the_largest_remainders() -> None:
    """A third each of 100.00: somebody gets the cent that is left, always the same one."""
    assert credited(won("chen=33.33;ana=33.33;ben=33.34", amount="100")) == {
        "ana": 3_333,
        "ben": 3_334,
        "chen": 3_333,
    }
    assert credited(won("ana=50;ben=50", amount="0.01")) == {"ana": 1}
    assert credited(won("ana=9;ben=91", amount="0.05")) == {"ben": 5}
    assert credited(won("ana=11;ben=89", amount="0.05")) == {"ana": 1, "ben": 4}


def test_a_credit_note_is_shared_as_a_win_is() -> None:
    """A negative amount has negative parts."""
    assert credited(won("ana=50;ben=50", amount="-0.03")) == {"ana": -2, "ben": -1}


@pytest.mark.parametrize(
    "split",
    [
        "ana=60;ben=39",
        "ana=60;ben=41",
        "ana=99.999;ben=0.001",
        "ana=-10;ben=110",
        "ana=50;ana=50",
        "ana",
        "=100",
        "ana=;ben=100",
        "ana=１００",
        "half and half",
    ],
)
def test_a_split_that_does_not_add_up_leaves_the_win_with_its_owner(split: str) -> None:
    """Ignored, and counted as bad."""
    story = won(split)
    assert credited(story) == {"ana": 100_000}
    assert credited(story, "x:bad_split") == {"ana": 1}


def test_no_split_is_not_a_bad_one() -> None:
    """Most deals have one owner."""
    story = won(None)
    assert credited(story) == {"ana": 100_000}
    assert credited(story, "x:bad_split") == {}


def test_where_the_rule_is_the_owner_at_the_close_splits_are_not_looked_at() -> None:
    """By the configuration, not by what a CRM happens to send."""
    story = won("ana=40;ben=60", under="owner")
    assert credited(story) == {"ana": 100_000}
    assert credited(story, "x:bad_split") == {}


def test_the_split_of_the_close_counts_not_a_later_one() -> None:
    """Dated: what is agreed on in April does not change who won in March."""
    story = won("ana=40;ben=60").deal("2026-04-02 09:00", split="chen=100")
    assert credited(story) == {"ana": 40_000, "ben": 60_000}
    assert credited(won(None).deal("2026-04-02 09:00", split="chen=100")) == {"ana": 100_000}


def test_a_split_told_with_the_close_counts() -> None:
    """One save in the CRM, two events of one instant."""
    story = won(None).deal("2026-03-20 09:00", split="ben=100")
    assert credited(story) == {"ben": 100_000}


def test_a_correction_of_the_amount_is_shared_too() -> None:
    """The result follows the amount as it stands; the shares stay."""
    story = won("ana=40;ben=60").deal("2026-04-02 09:00", amount="2000")
    assert credited(story) == {"ana": 80_000, "ben": 120_000}


def test_a_shared_win_that_is_reopened_is_taken_back_from_all() -> None:
    """Nobody keeps a part."""
    story = won("ana=40;ben=60", overlay="chen").deal("2026-04-02 09:00", stage="lead")
    for measure in ("won:USD", "won_n", "ov_won:USD", "ov_won_n", "cycle_s"):
        assert credited(story, measure) == {}


def test_a_loss_is_shared_as_a_win_is() -> None:
    """So that the win rate by money is of the same deals."""
    story = Story(under=SHARED)
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="10", split="ana=40;ben=60")
    story.deal("2026-03-20 09:00", stage="lost to rival")
    assert credited(story, "lost:USD") == {"ana": 400, "ben": 600}
    assert credited(story, "lost_n") == {"ben": 1}


def test_a_shared_win_without_amount_is_incomplete_for_the_largest() -> None:
    """There is nothing to share."""
    story = won("ana=40;ben=60", amount="tbd")
    assert credited(story, "won_n") == credited(story, "x:won_no_amount") == {"ben": 1}


@pytest.mark.parametrize("under", ["owner", "splits"])
def test_overlay_credit_is_the_whole_amount_for_everyone_named(under: str) -> None:
    """Under measures of its own, which no team adds up."""
    story = won("ana=40;ben=60", under=under, overlay="chen; ben;chen")
    assert credited(story, "ov_won:USD") == {"ben": 100_000, "chen": 100_000}
    assert credited(story, "ov_won_n") == {"ben": 1, "chen": 1}
    assert sum(credited(story).values()) == 100_000


def test_overlay_credit_is_of_wins_only_and_known_at_the_close() -> None:
    """Neither losses nor names told later."""
    story = won(None).deal("2026-04-02 09:00", overlay="chen")
    assert credited(story, "ov_won_n") == {}
    lost = won(None, overlay="chen").deal("2026-03-21 09:00", stage="lost to rival")
    assert credited(lost, "ov_won_n") == {}


splits = st.lists(st.integers(0, WHOLE), max_size=5).map(
    lambda cuts: [b - a for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), WHOLE], strict=True)]
)


@law
@given(splits, st.integers(-(10**15), 10**15))
def test_the_parts_of_a_win_are_the_win(shares: list[int], amount: int) -> None:
    """Exactly; and nobody is a unit away from his quota."""
    credit = Credit("a", tuple((f"rep {n}", share) for n, share in enumerate(shares)))
    shared = parts(credit, amount)
    assert sum(part for _, part in shared) == amount
    for (_, share), (_, part) in zip(credit.shares, shared, strict=True):
        assert abs(part * WHOLE - amount * share) < WHOLE


@law
@given(splits)
def test_a_split_is_read_as_it_was_written(shares: list[int]) -> None:
    """To the hundredth of a per cent, in any order."""
    named = {f"{n}": share for n, share in enumerate(shares)}
    written = [f"{owner}={share // 100}.{share % 100:02}" for owner, share in named.items()]
    assert dict(shares_of(";".join(reversed(written))) or ()) == named
