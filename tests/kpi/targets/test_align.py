"""The alignment report of a company whose plan does not quite fit."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec
import pytest

from kpi.organisation import Membership
from kpi.periods import Span
from kpi.targets.align import Finding, Kind, align, short_ramp
from kpi.targets.company import Company, Person
from kpi.targets.model import TargetVersion
from kpi.targets.plans import MONTHLY, SMALL_BUSINESS
from kpi.targets.ramp import Gate, OnRamp, RampPlan
from tests.kpi.targets.sales import (
    AMOUNT,
    AT_WORK,
    CIVIL,
    NOVEMBER,
    VISITS,
    WIN_RATE,
    day,
    named,
    present,
    target,
    told,
)

TODAY = day("11-09")
REVENUE = frozenset({"won_amount"})


def person(name: str, team: str, **more: object) -> Person:
    """Somebody who sells in a team."""
    plain = Person(id=name, kpis=REVENUE, presence=AT_WORK, memberships=(Membership(team),))
    return msgspec.structs.replace(plain, **more)


ANA, BEN, ELI = person("ana", "west"), person("ben", "west"), person("eli", "east")
ACME = Company(
    id="acme",
    people=(ANA, BEN, ELI),
    parents={"sales": None, "west": "sales", "east": "sales"},
    natures={one.kpi: one for one in (AMOUNT, VISITS, WIN_RATE)},
    presence=AT_WORK,
    fiscal=CIVIL,
)
FITS = [
    target(300, "2026-11", subject="ana", state="acknowledged"),
    target(200, "2026-11", subject="ben", state="acknowledged"),
    target(250, "2026-11", subject="eli", state="acknowledged"),
    target(500, "2026-11", subject="west", kind="team"),
    target(750, "2026-11", subject="acme", kind="organisation"),
]


def report(versions: list[TargetVersion], company: Company = ACME) -> list[Finding]:
    """November's, on its ninth day."""
    return align(versions, company, [NOVEMBER], TODAY)


def only(versions: list[TargetVersion], company: Company = ACME) -> Finding:
    """The one finding of a plan with one mistake."""
    found = report(versions, company)
    assert len(found) == 1, found
    return found[0]


def with_person(changed: Person) -> Company:
    """The company, with one person as they are now."""
    people = tuple(changed if one.id == changed.id else one for one in ACME.people)
    return msgspec.structs.replace(ACME, people=people)


def test_a_plan_that_fits_has_an_empty_report() -> None:
    """Two people make West's 500; West and East make the organisation's 750."""
    assert report(FITS) == []


def test_a_team_whose_people_have_less_is_named_with_the_difference() -> None:
    """Ben has 150 of West's 500; the organisation counts West by its own target, and fits."""
    found = only([FITS[0], target(150, "2026-11", subject="ben", state="acknowledged"), *FITS[2:]])
    assert told(found.kind, found.subject, found.asked, found.found) == (
        "unallocated",
        "west",
        500,
        450,
    )
    assert told(found.difference, found.severity) == (50, "warning")


def test_an_organisation_whose_teams_have_more_is_named() -> None:
    """700 planned, 750 handed out."""
    found = only([*FITS[:4], target(700, "2026-11", subject="acme", kind="organisation")])
    assert told(found.kind, found.subject_kind, found.difference) == (
        "over_allocated",
        "organisation",
        -50,
    )


def test_a_mover_counts_in_both_teams_by_workdays() -> None:
    """Ben leaves West for East on the 16th: 110 of his 210 are missing in West."""
    ben = person(
        "ben",
        "west",
        memberships=(Membership("west", None, day("11-15")), Membership("east", day("11-16"))),
    )
    versions = [
        FITS[0],
        target(210, "2026-11", subject="ben", state="acknowledged"),
        target(250, "2026-11", subject="eli", state="acknowledged"),
        target(510, "2026-11", subject="west", kind="team"),
    ]
    found = only(versions, with_person(ben))
    assert told(found.subject, found.difference) == ("west", 110)


def test_somebody_without_a_team_counts_in_the_organisation() -> None:
    """Eli belongs to nobody yet, and the sum fits all the same."""
    assert report(FITS, with_person(person("eli", "", memberships=()))) == []


def test_overlay_people_count_nowhere() -> None:
    """The SDR's 400 are deals that others win; neither West nor the organisation has more to do."""
    sdr = person("sdr", "", memberships=(Membership("west", overlay=True),))
    company = msgspec.structs.replace(ACME, people=(*ACME.people, sdr))
    assert (
        report([*FITS, target(400, "2026-11", subject="sdr", state="acknowledged")], company) == []
    )


def test_a_rep_without_a_target_for_a_kpi_of_the_role_is_named() -> None:
    """Eli's win rate counts, and nobody said how high it should be."""
    eli = person("eli", "east", kpis=REVENUE | {"win_rate"})
    found = only(FITS, with_person(eli))
    assert (found.kind, found.subject, found.kpi) == ("no_target", "eli", "win_rate")


def test_the_months_of_a_quarter_without_a_target_are_named() -> None:
    """Only November is set; a finding each for October and December, not for time before a hire."""
    eli = person("eli", "east", presence=present(employed=Span(day("11-01"), date.max)))
    found = align(FITS[2:3], with_person(eli), [named("2026-Q4")], TODAY)
    gaps = [(one.first, one.last) for one in found if one.subject == "eli"]
    assert gaps == [(day("12-01"), day("12-31"))]


@pytest.mark.parametrize(
    ("mistaken", "kind"),
    [
        (target(9, "2026-11", subject="zoe"), "no_owner"),
        (target(9, "2026-11", subject="north", kind="team"), "no_owner"),
        (target(9, "2026-11", subject="acne", kind="organisation"), "no_owner"),
        (target(9, "2026-11", subject="ana", kpi="golf", state="acknowledged"), "unknown_kpi"),
        (target(9, "2026-11", subject="eli", kpi="win_rate", state="draft"), "draft_late"),
        (target(9, "2026-11", subject="eli", kpi="win_rate", effective="11-09"), "unacknowledged"),
    ],
)
def test_a_version_that_does_not_fit_is_named(mistaken: TargetVersion, kind: Kind) -> None:
    """Owners who do not exist, KPIs that do not, drafts too late, nobody's consent."""
    found = [
        one for one in report([*FITS, mistaken]) if one.kind != "unacknowledged" or kind == one.kind
    ]
    assert [(one.kind, one.names) for one in found] == [(kind, (mistaken.id,))]


@pytest.mark.parametrize("state", ["draft", "published"])
def test_what_begins_later_may_still_be_a_draft(state: str) -> None:
    """December's targets on 9 November."""
    december = target(9, "2026-12", state="draft" if state == "draft" else "published")
    assert report([*FITS, december]) == []


def test_a_target_of_somebody_who_left_has_no_owner() -> None:
    """Ben left in October; West's 500 lack his 200."""
    ben = person("ben", "west", presence=present(employed=Span(date.min, day("10-30"))))
    found = report(FITS, with_person(ben))
    assert [(one.kind, one.subject) for one in found] == [
        ("no_owner", "ben"),
        ("unallocated", "west"),
    ]
    assert found[0].severity == "error"


def test_what_is_over_is_no_longer_looked_at() -> None:
    """October's orphan troubles nobody in November."""
    assert report([*FITS, target(9, "2026-10", subject="zoe")]) == []


def test_a_quarter_that_is_not_the_sum_of_its_months_is_named() -> None:
    """700 in the quarter, 600 in its months."""
    months = ("2026-10", "2026-11", "2026-12")
    versions = [
        target(700, "2026-Q4", kind="team", subject="east"),
        *(target(200, month, kind="team", subject="east") for month in months),
    ]
    found = [
        one
        for one in align(versions, ACME, [named("2026-Q4")], TODAY)
        if one.kind == "parts_differ"
    ]
    assert [told(one.subject, one.asked, one.found) for one in found] == [("east", 700, 600)]


def test_two_targets_for_the_same_are_named() -> None:
    """Two rows of a spreadsheet; the one with the greater id wins, and the report says so."""
    twice = target(300, "2026-11", subject="ana", state="acknowledged", known="zz-again")
    found = only([*FITS, twice])
    assert (found.kind, found.names[-1]) == ("duplicate", "zz-again")


def test_a_distribution_that_does_not_sum_to_100_is_an_error() -> None:
    """30, 30 and 30 per cent."""
    quarter = target(9, "2026-Q4", kind="team", subject="east", monthly=(30, 30, 30))
    found = [one for one in report([quarter]) if one.kind == "bad_distribution"]
    assert [told(one.asked, one.found) for one in found] == [(100, 90)]


@pytest.mark.parametrize(("at_least", "impossible"), [(75, False), (76, True)])
def test_a_gate_above_what_the_plan_asks_for_is_impossible(at_least: int, impossible: bool) -> None:  # noqa: FBT001
    """0, 25 and 50 % of 100 a month are 75 by the end of the third."""
    gate = Gate(month=3, kpi="won_amount", at_least=Fraction(at_least))
    plan = RampPlan(id="ae", steps=MONTHLY.steps, gates=(gate,))
    hired = day("10-01")
    eli = person(
        "eli", "east", presence=present(employed=Span(hired, date.max)), ramp=OnRamp(plan, hired)
    )
    months = [target(100, f"2026-{month}", subject="eli") for month in (10, 11, 12)]
    found = [
        one for one in align(months, with_person(eli), [], TODAY) if one.kind == "gate_impossible"
    ]
    assert [told(one.asked, one.found) for one in found] == ([(76, 75)] if impossible else [])


def test_a_gate_for_a_kpi_that_is_not_there_is_an_error() -> None:
    """Golf again."""
    gate = Gate(month=3, kpi="golf", at_least=Fraction(1))
    plan = RampPlan(id="ae", steps={}, gates=(gate,))
    found = only(FITS, with_person(person("eli", "east", ramp=OnRamp(plan, day("11-01")))))
    assert (found.kind, found.severity) == ("unknown_kpi", "error")


def test_a_plan_should_last_a_sales_cycle_and_a_month() -> None:
    """FIELD: a cycle of 60 days asks for 90 or more, and three months to full are just that."""
    assert short_ramp(SMALL_BUSINESS, 60) == []
    assert short_ramp(SMALL_BUSINESS, None) == []
    [found] = short_ramp(SMALL_BUSINESS, 61)
    assert told(found.kind, found.subject, found.asked, found.found) == (
        "short_ramp",
        "small-business",
        91,
        90,
    )


def test_errors_come_before_warnings_before_notes() -> None:
    """And the order of the input does not matter."""
    versions = [
        *FITS[1:],
        target(310, "2026-11", subject="ana"),
        target(9, "2026-11", subject="zoe"),
    ]
    found = report(versions)
    assert [one.severity for one in found] == ["error", "warning", "info", "info"]
    assert report(versions[::-1]) == found
