"""Examples for the documentation of the plan: a small team in the last month of a quarter.

In: nothing. Out: answers as the API gives them. Guarantee: made of the real structs.
"""

from __future__ import annotations

import msgspec

from kpi.definitions import CATALOGUE, compile_book
from paceline.progress.answers.kpis import (
    BandsView,
    CurveView,
    KpiInfo,
    KpiProgress,
    PaceView,
    RampGate,
    RampStep,
    RampView,
    TargetView,
    Workdays,
)
from services.api.answers.plan import (
    Alignment,
    Audit,
    AuditEntry,
    CalendarDay,
    CalendarYear,
    Finding,
    Item,
    Items,
    KpiEntry,
    Kpis,
    Suggestion,
    Suggestions,
    TargetEntry,
    Targets,
    Written,
)

CSV = "kpi,rep,period,base,stretch\nwon_amount,maria,2017-03,50000,60000\n"

_BOOK = compile_book(CATALOGUE)
_NOW = 1_490_983_200_000
_TARGET = "won_amount.rep.maria.2017-03-01.2017-03-31"


def info(kpi: str) -> KpiInfo:
    """A shipped definition."""
    compiled = _BOOK.compiled[kpi]
    one = compiled.definition
    return KpiInfo(
        name=one.name,
        name_zh=one.name_zh,
        says=one.says,
        says_zh=one.says_zh,
        unit=one.unit,
        kind=compiled.kind,
        direction=one.direction,
        formula=one.formula,
        version=one.version,
        currency="USD" if one.unit == "money" else None,
        bands=msgspec.convert(one.bands, BandsView, from_attributes=True),
    )


def won_amount() -> KpiProgress:
    """Maria has won 18,990 of 46,000 dollars by the 23rd."""
    curve = CurveView(expected=3_400_000, projection=2_569_235, of_expected=0.5585)
    return KpiProgress(
        id="won_amount",
        version=1,
        kind="flow",
        counts=True,
        actual=1_899_000,
        target=TargetView(
            base=4_600_000,
            stretch=5_500_000,
            commit=None,
            full=5_060_000,
            id=_TARGET,
            version=2,
            state="acknowledged",
            source="own",
            reasons=["leave 2 of 23 workdays"],
        ),
        attainment=0.4128,
        status="at_risk",
        incomplete_since=None,
        pace=PaceView(
            basis="workday",
            expected=3_400_000,
            difference=-1_501_000,
            of_expected=0.5585,
            projection=2_569_235,
            linear=curve,
            workday=curve,
            historical=None,
            historical_note="2 like periods, 4 needed",
            remaining=2_701_000,
            required_per_workday=450_167,
            remaining_workdays=6.0,
            elapsed_workdays=15.0,
            total_workdays=21.0,
            probability=0.11,
            interval=(1_899_000, 4_380_000),
            caution=None,
        ),
    )


def workdays() -> Workdays:
    """March with two days of leave."""
    return Workdays(calendar="us", total=21.0, elapsed=15.0, remaining=6.0, provisional=False)


def kpis() -> Kpis:
    """One of them."""
    shown = msgspec.structs.asdict(info("won_amount"))
    entry = KpiEntry(**shown, id="won_amount", basis="workday", too_early_below=3, shipped=True)
    return Kpis(items=[entry])


def targets() -> Targets:
    """Maria's March."""
    entry = TargetEntry(
        id=_TARGET,
        version=2,
        kpi="won_amount",
        subject_kind="rep",
        subject="maria",
        first="2017-03-01",
        last="2017-03-31",
        base=5_060_000,
        stretch=5_500_000,
        commit=None,
        effective=None,
        change="prorata",
        state="acknowledged",
        monthly=[],
        prorate=True,
    )
    return Targets(items=[entry], next=None)


def ramp() -> RampView:
    """Chen in the second month."""
    return RampView(
        plan="ae-ramp",
        name="Account executive",
        name_zh="客户经理",
        by="tenure_days",
        hired="2017-02-06",
        month=2,
        full_from="2017-04-06",
        steps=[
            RampStep(
                month=1,
                first="2017-02-06",
                last="2017-03-05",
                current=False,
                percent={"calls": 50.0, "won_amount": 0.0},
                targets={"calls": 100, "won_amount": 0},
            ),
            RampStep(
                month=2,
                first="2017-03-06",
                last="2017-04-05",
                current=True,
                percent={"calls": 75.0, "won_amount": 25.0},
                targets={"calls": 150, "won_amount": 1_250_000},
            ),
            RampStep(
                month=3,
                first="2017-04-06",
                last=None,
                current=False,
                percent={"calls": 100.0, "won_amount": 100.0},
                targets={"calls": 200, "won_amount": 5_000_000},
            ),
        ],
        goals={"calls": 146, "won_amount": 1_048_387},
        gates=[
            RampGate(
                month=3,
                by="2017-05-05",
                kpi="pipeline_built",
                at_least=10_000_000,
                state="ahead",
                actual=4_150_000,
            )
        ],
    )


def alignment() -> Alignment:
    """The team's people have less than the team."""
    finding = Finding(
        kind="unallocated",
        severity="warning",
        subject_kind="team",
        subject="east",
        kpi="won_amount",
        first="2017-01-01",
        last="2017-03-31",
        asked=30_000_000,
        found=27_500_000,
        difference=2_500_000,
        names=["chen"],
    )
    return Alignment(period="quarter", period_label="2017-Q1", items=[finding])


def suggestions() -> Suggestions:
    """Maria's meetings."""
    one = Suggestion(
        rep="maria",
        kpi="meetings",
        value=23,
        percentile=80,
        windows=9,
        window_weeks=4,
        scale=1.15,
        lowest=11,
        median=16,
        highest=22,
        enough=True,
    )
    return Suggestions(period="month", items=[one], next=None)


def calendar() -> CalendarYear:
    """China's 2026, cut short."""
    return CalendarYear(
        id="cn",
        year=2026,
        provisional=False,
        week=[2, 2, 2, 2, 2, 0, 0],
        hours=["09:00-18:00"],
        workdays={"2026-01": 21.0, "2026-02": 16.0},
        days=[
            CalendarDay(date="2026-01-01", halves=0, name="New Year's Day"),
            CalendarDay(date="2026-02-14", halves=2, name="Working day"),
        ],
    )


def item() -> Item:
    """A KPI of a tenant's own."""
    return Item(
        kind="kpis",
        id="demos_per_deal",
        version=1,
        etag='"5d41402abc4b2a76"',
        shipped=False,
        state=None,
        body={
            "id": "demos_per_deal",
            "name": "Demos per deal",
            "name_zh": "单均演示次数",
            "unit": "ratio",
            "formula": 'activities("demo") / won_count',
        },
    )


def items() -> Items:
    """A page of one."""
    return Items(items=[item()], next=None)


def written() -> Written:
    """It is new."""
    return Written(
        dry_run=False,
        changes=["+ kpi demos_per_deal: Demos per deal, 单均演示次数"],
        generation=None,
        item=item(),
    )


def acknowledged() -> Written:
    """The rep has seen the target."""
    return Written(
        dry_run=False,
        changes=[f"~ target {_TARGET}: state: published -> acknowledged"],
        generation=None,
        item=None,
    )


def audit() -> Audit:
    """One change."""
    entry = AuditEntry(
        id=41,
        at=_NOW,
        actor="key:1530e831cfb2 planning",
        action="create",
        kind="kpis",
        subject="demos_per_deal",
        before=None,
        after=item().body,
    )
    return Audit(items=[entry], next=None)
