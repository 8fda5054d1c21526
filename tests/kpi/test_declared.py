"""Measures that a tenant declares: every take, every moment, every kind of condition."""

from __future__ import annotations

import pytest

from kpi.declared import NOTHING, rules_of
from kpi.sketch import bucket
from schemas.envelope import Scalar
from schemas.meaning import DeclaredMeasure, Meaning, MeasureFilter
from tests.kpi.telling import USUAL, Story, meaning
from tests.oracle.folding import folded

HUNDRED_K = MeasureFilter(field="amount", at_least=10_000_000)


def declaring(**measures: DeclaredMeasure) -> Meaning:
    """A tenant in Shanghai that declares some measures."""
    return meaning(zone="Asia/Shanghai", measures=measures)


def deals_of(**more: DeclaredMeasure) -> Story:
    """A story under such a meaning."""
    return Story(under=declaring(**more))


def test_a_tenant_that_declares_nothing_pays_nothing() -> None:
    """One look-up, and no rules."""
    assert rules_of(USUAL) is NOTHING


def test_a_meaning_is_compiled_once() -> None:
    """Not for every event."""
    under = declaring(big=DeclaredMeasure(entity="deal", moment="won"))
    assert rules_of(under) is rules_of(under)


def test_wins_of_one_product_from_one_source_are_counted_apart() -> None:
    """All conditions hold, or it does not count."""
    story = deals_of(
        alpha_wins=DeclaredMeasure(
            entity="deal",
            moment="won",
            filters=(
                MeasureFilter(field="product", in_=("alpha", "alpha pro")),
                MeasureFilter(field="source", not_in=("partner",)),
            ),
        )
    )
    for n, (product, source) in enumerate(
        [
            ("alpha", "web"),
            ("alpha pro", None),
            ("alpha", "partner"),
            ("beta", "web"),
            (None, "web"),
        ]
    ):
        story.change(
            *("deal", f"{n}", "2026-03-02 09:00", "create"),
            owner="ana",
            stage="signed",
            product=product,
            source=source,
        )
    assert story.flow("ana", "m:alpha_wins", "2026-03") == 2
    assert story.flow("ana", "won_n", "2026-03") == 5


@pytest.mark.parametrize(
    ("value", "in_", "met"),
    [
        (True, (True,), 1),
        ("true", (True,), 0),
        (1, (True,), 0),
        (False, (False,), 1),
        (None, (False,), 0),
        (7, (7,), 1),
        ("7", (7,), 1),
        (7, ("7",), 1),
        ("", ("",), 0),
    ],
)
def test_a_truth_value_equals_only_a_truth_value(
    value: Scalar, in_: tuple[str | int | bool, ...], met: int
) -> None:
    """Anything else is compared as text; no value equals nothing."""
    measure = DeclaredMeasure(
        entity="deal", moment="created", filters=(MeasureFilter(field="vip", in_=in_),)
    )
    story = deals_of(vips=measure).deal("2026-03-02 09:00", "create", owner="ana", vip=value)
    assert story.flow("ana", "m:vips", "2026-03") == met


@pytest.mark.parametrize(
    ("amount", "met"), [("99999.99", 0), ("100000", 1), ("499999", 1), ("500000", 0), ("x", 0)]
)
def test_an_amount_is_within_its_range_in_minor_units(amount: str, met: int) -> None:
    """From the lower bound up to, and without, the upper one."""
    within = MeasureFilter(field="amount", at_least=10_000_000, below=50_000_000)
    measure = DeclaredMeasure(entity="deal", moment="created", filters=(within,))
    story = deals_of(mid=measure)
    story.deal("2026-03-02 09:00", "create", owner="ana", amount=amount)
    assert story.flow("ana", "m:mid", "2026-03") == met


@pytest.mark.parametrize(
    ("seats", "met"), [("9.5", 0), (10, 1), ("10.4", 1), ("ten", 0), (True, 0)]
)
def test_a_number_of_a_register_is_within_its_range(seats: Scalar, met: int) -> None:
    """Compared exactly, not after rounding."""
    measure = DeclaredMeasure(
        entity="deal", moment="created", filters=(MeasureFilter(field="seats", at_least=10),)
    )
    story = deals_of(big=measure).deal("2026-03-02 09:00", "create", owner="ana", seats=seats)
    assert story.flow("ana", "m:big", "2026-03") == met


def test_stage_and_pipeline_are_those_of_the_moment() -> None:
    """Qualified as a renewal in March, though it was moved to new business in April."""
    measure = DeclaredMeasure(
        entity="deal",
        moment="qualified",
        take="sum",
        of="amount",
        filters=(MeasureFilter(field="pipeline", in_=("renewals",)),),
    )
    story = deals_of(renewals_built=measure)
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="100000", pipeline="renewals")
    story.deal("2026-03-09 09:00", stage="due").deal(
        "2026-04-02 09:00", amount="40000", owner="ben"
    )
    story.deal("2026-04-10 09:00", pipeline="new")
    assert story.flow("ana", "m:renewals_built:USD", "2026-03") == 10_000_000


def test_the_first_entry_into_a_stage_is_a_moment_of_its_own() -> None:
    """Offers by owner, once a deal."""
    measure = DeclaredMeasure(entity="deal", moment="stage", stage="offer")
    story = deals_of(offers=measure).deal("2026-03-02 09:00", "create", owner="ana", stage="lead")
    story.deal("2026-03-05 09:00", stage="offer").deal(
        "2026-03-06 09:00", stage="lead", owner="ben"
    )
    story.deal("2026-03-07 09:00", stage="offer")
    assert story.flow("ana", "m:offers", "2026-03") == 1
    assert story.flow("ben", "m:offers", "2026-03") == 0


def test_a_mean_is_a_sum_over_its_own_count() -> None:
    """Two talks of 30 and 45 minutes, and one whose length nobody noted."""
    measure = DeclaredMeasure(entity="activity", moment="done", take="mean", of="minutes")
    story = deals_of(talk=measure)
    for n, minutes in enumerate((30, "45", None)):
        story.change(
            *("activity", f"{n}", "2026-03-02 09:00", "create"),
            owner="ana",
            type="call",
            minutes=minutes,
        )
    assert story.flow("ana", "m:talk", "2026-03") == 75
    assert story.flow("ana", "m:talk:n", "2026-03") == 2
    assert story.flow("ana", "x:m:talk", "2026-03") == 1


def met_accounts(*accounts: Scalar) -> Story:
    """Ana's meetings, with whom."""
    story = deals_of(
        accounts=DeclaredMeasure(
            entity="activity",
            moment="done",
            take="distinct",
            of="account",
            filters=(MeasureFilter(field="type", in_=("meeting",)),),
        )
    )
    for n, account in enumerate(accounts):
        story.change(
            *("activity", f"{n}", f"2026-03-{n + 2:02} 09:00", "create"),
            owner="ana",
            type="meeting",
            account=account,
        )
    return story


def references(story: Story) -> list[int]:
    """How often each account was met, in no particular order."""
    facts = folded(story.told, story.meaning).contributions()
    counts: dict[str, int] = {}
    for (_, measure, _), count in facts.items():
        if measure.startswith("m:accounts:="):
            counts[measure] = counts.get(measure, 0) + count
    assert all(len(measure) == len("m:accounts:=") + 12 for measure in counts)
    return sorted(counts.values())


def test_distinct_accounts_are_reference_counts() -> None:
    """Three meetings with two accounts, and one without any."""
    story = met_accounts("acme", "globex", "acme", "")
    assert references(story) == [1, 2]
    assert story.flow("ana", "x:m:accounts", "2026-03") == 1


def test_an_account_counts_while_one_meeting_with_it_stands() -> None:
    """The first meeting is taken back, the second holds it; the last one lets it go."""
    story = met_accounts("acme", "globex", "acme")
    story.change("activity", "0", "2026-03-20 09:00", "delete")
    assert references(story) == [1, 1]
    story.change("activity", "2", "2026-03-21 09:00", "set", status="cancelled")
    assert references(story) == [1]


def test_an_account_named_by_number_or_by_text_is_one() -> None:
    """CRMs write ids both ways."""
    assert references(met_accounts(7, "7")) == [2]


def test_a_quantile_of_the_age_of_lost_deals() -> None:
    """In the buckets of the sketch, retractable like anything else."""
    measure = DeclaredMeasure(entity="deal", moment="lost", take="quantile", of="cycle")
    story = deals_of(age=measure).deal("2026-03-02 09:00", "create", owner="ana", stage="lead")
    story.deal("2026-03-12 09:00", stage="lost to rival")
    bucketed = f"m:age:{bucket(10 * 86_400)}"
    assert story.flow("ana", bucketed, "2026-03") == 1
    story.deal("2026-03-13 09:00", stage="lead")
    assert story.flow("ana", bucketed, "2026-03") == 0


def test_a_quantile_of_a_register_that_is_no_number_is_incomplete() -> None:
    """Said, not guessed."""
    measure = DeclaredMeasure(entity="deal", moment="won", take="quantile", of="seats")
    story = deals_of(seats=measure)
    told: tuple[Scalar, ...] = (120, "a dozen")
    for n, seats in enumerate(told):
        story.change(
            *("deal", f"{n}", "2026-03-02 09:00", "create"),
            owner="ana",
            stage="signed",
            seats=seats,
        )
    assert story.flow("ana", f"m:seats:{bucket(120)}", "2026-03") == 1
    assert story.flow("ana", "x:m:seats", "2026-03") == 1


def test_planned_activities_can_be_counted_when_they_are_planned() -> None:
    """At their creation, whether they took place or not."""
    measure = DeclaredMeasure(
        entity="activity",
        moment="created",
        filters=(MeasureFilter(field="type", in_=("meeting",)),),
    )
    story = deals_of(planned=measure)
    story.activity("2026-03-02 09:00", owner="ana", type="meeting", status="planned")
    assert story.flow("ana", "m:planned", "2026-03") == 1
    assert story.flow("ana", "act:meeting", "2026-03") == 0


EXPECTED = DeclaredMeasure(entity="deal", moment="expected_close", take="sum", of="amount")


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def test_an_expected_close_falls_on_its_civil_day_in_every_zone(zone: str) -> None:
    """A date without a time is never converted."""
    story = Story(under=meaning(zone=zone, measures={"due": EXPECTED}))
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="10", close_on="2026-03-31")
    assert story.on("ana", "m:due:USD", "2026-03-31") == 1_000
    assert story.flow("ana", "m:due:USD", "2026-03") == 1_000


@pytest.mark.parametrize("moved", ["2026-03-30 16:00", "2026-03-31 07:00", "2026-03-31 20:00"])
def test_an_expected_close_falls_on_its_day_for_an_owner_who_moves_on_it(moved: str) -> None:
    """From New York to Shanghai, at whatever hour of the day."""
    since = Story().deal(moved).told[0][2].occurred_at
    zones = ((0, "America/New_York"), (since, "Asia/Shanghai"))
    story = Story(
        under=meaning(owner_zones={"hubspot-main/ana": zones}, measures={"due": EXPECTED})
    )
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="10", close_on="2026-03-31")
    assert story.on("ana", "m:due:USD", "2026-03-31") == 1_000


def test_an_expected_close_moves_with_the_deal_and_its_owner() -> None:
    """Nothing stays in March, nor with ana."""
    story = deals_of(due=EXPECTED)
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="10", close_on="2026-03-31")
    story.deal("2026-03-20 09:00", close_on="2026-05-31", owner="ben", amount="20")
    assert story.flow("ana", "m:due:USD", "2026-03") == 0
    assert story.flow("ben", "m:due:USD", "2026-05") == 2_000


@pytest.mark.parametrize("close_on", ["next week", "1900-01-01", "2026-02-30", "9999-12-31"])
def test_an_expected_close_that_cannot_be_read_is_incomplete(close_on: str) -> None:
    """Told at the moment it was written; a deal without any says nothing."""
    story = deals_of(due=EXPECTED)
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="10", close_on=close_on)
    assert story.flow("ana", "x:m:due", "2026-03") == 1
    story.deal("2026-03-03 09:00", close_on=None)
    assert story.flow("ana", "x:m:due", "2026-03") == 0


def test_a_declared_level_holds_the_open_deals_that_meet_its_conditions() -> None:
    """Deals of 100,000 dollars and more, by their close day, as known at each moment."""
    big = DeclaredMeasure(
        entity="deal", moment="open", take="sum", of="amount", filters=(HUNDRED_K,)
    )
    story = deals_of(big=big)
    story.deal(
        "2026-03-02 09:00",
        "create",
        owner="ana",
        amount="90000",
        stage="lead",
        close_on="2026-03-31",
    )
    story.deal("2026-03-10 09:00", amount="150000").deal("2026-03-20 09:00", owner="ben")
    story.deal("2026-03-25 09:00", stage="signed")
    for day, owner, count in (
        ("2026-03-09", "ana", 0),
        ("2026-03-10", "ana", 1),
        ("2026-03-20", "ana", 0),
        ("2026-03-20", "ben", 1),
        ("2026-03-25", "ben", 0),
    ):
        assert story.level(owner, "g:big:n:20260331", day) == count
        assert story.level(owner, "g:big:USD:20260331", day) == count * 15_000_000


def test_a_declared_level_counts_deals_without_amount_apart() -> None:
    """Under ``x``, beside the sum."""
    story = deals_of(all=DeclaredMeasure(entity="deal", moment="open", take="sum", of="amount"))
    story.deal("2026-03-02 09:00", "create", owner="ana", stage="lead")
    assert story.level("ana", "g:all:n:-", "2026-03-02") == 1
    assert story.level("ana", "g:all:x:-", "2026-03-02") == 1
    story.deal("2026-03-03 09:00", amount="5")
    assert story.level("ana", "g:all:x:-", "2026-03-03") == 0
    assert story.level("ana", "g:all:USD:-", "2026-03-03") == 500


def test_a_declared_win_follows_the_split() -> None:
    """Its count to the largest share, its money in parts."""
    wins = {
        "n": DeclaredMeasure(entity="deal", moment="won"),
        "sum": DeclaredMeasure(entity="deal", moment="won", take="sum", of="amount"),
    }
    story = Story(under=meaning(credit="splits", measures=wins))
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="10", split="ana=40;ben=60")
    story.deal("2026-03-20 09:00", stage="signed")
    assert [story.flow(who, "m:n", "2026-03") for who in ("ana", "ben")] == [0, 1]
    assert [story.flow(who, "m:sum:USD", "2026-03") for who in ("ana", "ben")] == [400, 600]


def test_a_deleted_deal_takes_its_declared_measures_back() -> None:
    """The level keeps its past, as all levels do."""
    story = deals_of(
        wins=DeclaredMeasure(entity="deal", moment="won"),
        due=EXPECTED,
        open=DeclaredMeasure(entity="deal", moment="open"),
    )
    story.deal("2026-03-01 09:00", "create", owner="ana", amount="10", stage="lead")
    story.deal("2026-03-02 09:00", stage="signed", close_on="2026-03-02")
    story.deal("2026-03-03 09:00", "delete")
    assert story.flow("ana", "m:wins", "2026-03") == 0
    assert story.flow("ana", "m:due:USD", "2026-03") == 0
    assert story.level("ana", "g:open:n:-", "2026-03-01") == 1
    assert story.level("ana", "g:open:n:-", "2026-03-03") == 0
