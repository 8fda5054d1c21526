"""Every mistake in a plan is named by its line: KPIs, formulas, calendars, dates, targets."""

from __future__ import annotations

import pytest

from paceline.config.parse import parse
from paceline.config.problems import ConfigError
from tests.config.plan_file import PLAN

# What is replaced in the good file, by what, and the place, path and sentence that this gives.
MISTAKES: list[tuple[str, str, str, str]] = [
    (
        "service_deals + 0",
        "service_deals + won_amount",
        "16:83: tenants[0].kpis[0].formula",
        "character 15: count cannot be added to money",
    ),
    (
        '"service_deals + 0"',
        "servce_deals",
        "16:68: tenants[0].kpis[0].formula",
        'character 1: unknown name "servce_deals"; did you mean "service_deals"?',
    ),
    (
        "service_deals + 0",
        "service_deals +",
        "tenants[0].kpis[0].formula",
        "character",
    ),
    (
        "unit: count, formula",
        "unit: money, formula",
        "16:52: tenants[0].kpis[0].unit",
        "write unit",
    ),
    (
        "name: Service won, unit: count, ",
        "unit: count, ",
        "16:9: tenants[0].kpis[0]",
        "`name` is missing, for `service_won` is no shipped KPI",
    ),
    (
        '"service_deals + 0"',
        "calls + service_won",
        "tenants[0].kpis[0].formula",
        "a KPI cannot rest on itself: service_won → service_won",
    ),
    ("id: calls, bands", "id: cals, bands", "17:9: tenants[0].kpis[1]", "did you mean `calls`?"),
    ("{ahead: 120}", "{ahead: 90}", "tenants[0].kpis[1].bands", "on_track"),
    ("won_amount: 60", "won_amount: 61", "18:14: tenants[0].weights", "the weights sum to 101"),
    (
        "calls: 40}",
        "cals: 40}",
        "18:31: tenants[0].weights.cals",
        "unknown KPI `cals`; did you mean `calls`?",
    ),
    ("entity: deal", "entity: activity", "14:", "`won` is no moment of an entity of kind"),
    ("moment: won", "moment: stage", "14:", "`stage` names the stage"),
    ("moment: won,", "moment: won, take: sum,", "14:", "`take: sum` needs `of`"),
    ("{field: product, in: service}", "{field: product}", "14:", "lets everything pass"),
    ("in: service", "inn: service", "14:83: ", "unknown key `inn`; did you mean `in`?"),
    ("country: DE", "country: DX", "20:27: tenants[0].calendars[0].country", "'DX'"),
    ("subdivision: BE", "subdivision: XX", "20:44: ", "no subdivision 'XX' of DE"),
    ('"09:00-12:00", "13', '"09:00-13:30", "13', "20:", "these hours overlap"),
    ('"09:00-12:00"', '"9-12"', "20:56: ", "`9-12` are no hours; write them such as 09:00-12:00"),
    ("calendar: de", "calendar: dee", "21:15: ", "unknown calendar `dee`; did you mean `de`?"),
    ("calls: {percent", "cals: {percent", "25:16: ", "unknown KPI `cals`"),
    ("percent: [50", "percent: [x", "25:34: ", "`x` is no amount"),
    ("absolute: [10000", "absolute: [10d", "25:73: ", "`10d` is no sum of money"),
    ("absolute: [10000, 20000]", "absolute: []", "25:61: ", "write either `percent: [50"),
    ("kpi: pipeline_built", "kpi: pipeline_bult", "26:33: ", "did you mean `pipeline_built`?"),
    ("service_won], ramp", "service], ramp", "28:51: ", "unknown KPI `service`"),
    ("ramp: slow}", "ramp: slwo}", "28:", "unknown ramp `slwo`; did you mean `slow`?"),
    ("{crm: 6h}", "{crmm: 6h}", "29:29: ", "unknown connection `crmm`; did you mean `crm`?"),
    ("6h", "6x", "29:34: ", "`6x` is no duration; write one such as 6h, 30m or 2d"),
    (
        "{team: west, from: 2026-10-12}]\n        zones",
        "{team: west}]\n        zones",
        "34:31: tenants[0].reps[0].teams[1]",
        "two memberships begin together",
    ),
    (
        "{team: east}",
        "{team: east, to: 2026-10-20}",
        "tenants[0].reps[0].teams[1].from",
        "memberships overlap: `east` lasts to 2026-10-20; a rep is in one team a day",
    ),
    ("teams: [{team: east}", "teams: [{team: est}", "34:24: ", "unknown team `est`"),
    (
        "name: Anna\n",
        "name: Anna\n        team: east\n",
        "32:9: tenants[0].reps[0]",
        "`team` holds always and `teams` are dated; keep one of them",
    ),
    ("Asia/Shanghai, from: 2026-10-12", "Asia/Shanghai", "35:", "two zones from"),
    ("Asia/Shanghai", "Asia/Shanghi", "35:47: ", "did you mean `Asia/Shanghai`?"),
    ("role: ae\n", "role: ea\n", "37:15: tenants[0].reps[0].role", "unknown role `ea`"),
    (
        "hired: 2026-01-05",
        "hired: 2026-02-30",
        "38:16: ",
        "`2026-02-30` is no date; write one such",
    ),
    ("        hired: 2026-01-05\n", "", "38:15: tenants[0].reps[0].ramp", "add `hired`"),
    ("to: 2026-11-06", "to: 2026-11-01", "40:", "this is before 2026-11-02"),
    ("left: 2026-12-31", "hired: 2027-01-01, left: 2026-12-31", "42:", "left before hired"),
    ("kpis: [won_amount], left", "kpis: [wn], left", "42:49: ", "unknown KPI `wn`"),
    ('"no need"', '"no budget"', "12:49: ", "text `no budget` is already claimed in line 11"),
    ("id: no_need", "id: no_budget", "12:16: ", "reason `no_budget` is already claimed"),
    ("field: budget}", "field: Budget}", "7:66: ", "`Budget` is no field name"),
    ("start_month: 4", "start_month: 14", "6:27: ", "less than or equal to 12"),
    ("week_start: monday", "week_start: mnday", "6:42: ", "did you mean `monday`?"),
    (
        "kpi: won_amount, rep: anna, period: FY2027-Q3, base: 300000",
        "kpi: wn, rep: anna, period: FY2027-Q3, base: 300000",
        "46:15: ",
        "unknown KPI `wn`",
    ),
    ("rep: tom, period", "rep: tim, period", "49:30: ", "unknown rep `tim`; did you mean `tom`?"),
    ("period: FY2027-Q3, base: 300000", "period: FY2027-Q5, base: 300000", "46:46: ", "Q5"),
    ("period: FY2027, base: 25", "period: soon, base: 25", "49:43: ", "soon"),
    ("360000.50", "360000.505", "46:", "has more than the 2 decimals of EUR"),
    ("base: 25 %", "base: 25d", "49:", "`25d` is no ratio; write 0.25 or 25 %"),
    ("base: 45d", "base: 45", "50:", "`45` is no duration; write one such as 45d"),
    (
        "effective: 2026-11-16",
        "effective: 2027-01-16",
        "47:",
        "not within FY2027-Q3, 2026-10-01 to",
    ),
    ("effective: 2026-11-16", "effective: 2026-10-01", "47:9: ", "the same target is already in"),
    ("[30, 30, 40]", "[30, 30, 30]", "48:", "these percentages sum to 90; they must sum to 100"),
    ("[30, 30, 40]", "[50, 50]", "48:", "2 percentages for the 3 months of FY2027-Q3"),
    ("team: east, period", "team: east, rep: tom, period", "48:9: ", "name one subject"),
    ("organisation: acme", "organisation: globex", "50:", "unknown organisation `globex`"),
    ("state: draft", "state: acknowledged", "50:", "unknown value `acknowledged`"),
]


def lines_of(text: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "plan.yaml")
    return caught.value.lines


@pytest.mark.parametrize(("good", "bad", "place", "what"), [one for one in MISTAKES if one[2]])
def test_a_mistake_in_a_plan_is_named_by_its_line(
    good: str, bad: str, place: str, what: str
) -> None:
    """File, line, column, path, what is wrong and how to put it right."""
    assert good in PLAN
    lines = lines_of(PLAN.replace(good, bad, 1))
    assert [line for line in lines if place in line and what in line], lines


def test_the_plan_itself_is_good() -> None:
    """Else the mistakes above would prove nothing."""
    document, _ = parse(PLAN, "plan.yaml")
    assert len(document.tenants[0].targets) == 5


def test_more_measures_than_a_tenant_may_have_are_refused() -> None:
    """Each is panes of its own, for every owner; distinct ones cost most."""
    one = "      - {id: m%d, entity: deal, moment: won, take: %s, of: %s}\n"
    many = "".join(one % (n, "sum", "amount") for n in range(32))
    line = [
        line for line in lines_of(PLAN.replace("    kpis:\n", many + "    kpis:\n")) if "32" in line
    ]
    what = "more than 32 measures; each costs panes of its own"
    assert line == [f"plan.yaml:46:9: tenants[0].measures[32]: {what}"]
    distinct = "".join(one % (n, "distinct", "account") for n in range(9))
    assert "more than 8 distinct" in "\n".join(
        lines_of(PLAN.replace("    kpis:\n", distinct + "    kpis:\n"))
    )


def test_what_rests_on_a_broken_measure_is_not_blamed() -> None:
    """One mistake is one line, although a formula names the measure that has it."""
    assert len(lines_of(PLAN.replace("entity: deal", "entity: dael"))) == 1


def test_shape_and_meaning_are_reported_together() -> None:
    """An unknown key, a formula, a period: one run finds all three, in the order of the file."""
    text = PLAN.replace("country: DE", "contry: DE").replace("service_deals + 0", "nothing_such")
    text = text.replace("period: FY2027,", "period: never,")
    numbers = [int(line.split(":")[1]) for line in lines_of(text)]
    assert numbers == sorted(numbers)
    assert {16, 20, 49, 50} <= set(numbers)
