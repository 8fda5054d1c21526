"""The catalogue of measures, and folded sums put into words.

In: sums per stored measure (``won:USD``, ``cycle:117``, ``open_n:20170331``), already added over
owners and panes. Out: structured values. Guarantee: pure; money stays integer minor units under its
own currency, so two currencies are never added together; what is incomplete is counted, not hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import unquote

import msgspec

from kpi import sketch
from kpi.money import EXPONENTS

Kind = Literal["flow", "gauge", "sketch", "incomplete"]
Unit = Literal["count", "money", "duration"]

UNKNOWN_MONTH = "unknown"
_DEFAULT_EXPONENT = 2


class Measure(msgspec.Struct, frozen=True):
    """One line of the catalogue. ``id`` is the field of ``Measures`` that holds it."""

    id: str
    kind: Kind
    unit: Unit
    name: str
    name_zh: str


CATALOGUE: tuple[Measure, ...] = (
    Measure("activities", "flow", "count", "Activities by kind", "各类销售活动"),
    Measure(
        "activity_minutes", "flow", "count", "Minutes by kind of activity", "各类活动用时（分钟）"
    ),
    Measure("new_customer_visits", "flow", "count", "New-customer visits", "新客户拜访"),
    Measure("follow_ups", "flow", "count", "Existing-customer follow-ups", "老客户跟进"),
    Measure("deals_created", "flow", "count", "Deals created", "新建商机"),
    Measure("pipeline_built", "flow", "money", "Pipeline built", "新增漏斗"),
    Measure(
        "unmet_criteria", "flow", "count", "Qualified without a criterion", "未达标的优质商机条件"
    ),
    Measure("stage_entries", "flow", "count", "Stage entries", "进入各阶段"),
    Measure("stage_conversions", "flow", "count", "Stage entries that went on", "各阶段转化"),
    Measure("won", "flow", "money", "Won", "赢单"),
    Measure("lost", "flow", "money", "Lost", "丢单"),
    Measure("overlay_won", "flow", "money", "Won with others", "协同赢单"),
    Measure("disqualified", "flow", "money", "Disqualified", "不合格商机"),
    Measure("disqualified_for", "flow", "count", "Disqualified by reason", "各类不合格原因"),
    Measure("slipped", "flow", "money", "Slipped to a later month", "延期商机"),
    Measure("first_response", "sketch", "duration", "First response to new deals", "首次响应时间"),
    Measure("cycle_time", "sketch", "duration", "Sales cycle of won deals", "赢单销售周期"),
    Measure("open_pipeline", "gauge", "money", "Open pipeline", "销售漏斗"),
    Measure("open_qualified_pipeline", "gauge", "money", "Open qualified pipeline", "优质商机漏斗"),
    Measure("stale_pipeline", "gauge", "money", "Stale open pipeline", "停滞商机"),
    Measure("incomplete", "incomplete", "count", "Incomplete records", "数据不完整"),
)


class Money(msgspec.Struct, kw_only=True):
    """Some deals: how many, their amounts in minor units per currency, how many without amount."""

    count: int = 0
    amounts: dict[str, int] = msgspec.field(default_factory=dict)
    without_amount: int = 0
    """Not said of ``overlay_won`` and ``stale_pipeline``: it is where they are counted first."""


class Pipeline(Money, kw_only=True):
    """A level at one moment; months are those of the expected close, ``unknown`` without one."""

    by_close_month: dict[str, Money] = msgspec.field(default_factory=dict)


class CycleTime(msgspec.Struct, kw_only=True):
    """Durations in seconds: from creation to win, or to the first response.

    Quantiles within 1 %, absent where there was none.
    """

    count: int = 0
    median_s: int | None = None
    p90_s: int | None = None


class Measures(msgspec.Struct, kw_only=True):
    """All measures of one subject and period."""

    activities: dict[str, int] = msgspec.field(default_factory=dict)
    activities_total: int = 0
    activity_minutes: dict[str, int] = msgspec.field(default_factory=dict)
    new_customer_visits: int = 0
    follow_ups: int = 0
    deals_created: int = 0
    pipeline_built: Money = msgspec.field(default_factory=Money)
    unmet_criteria: dict[str, int] = msgspec.field(default_factory=dict)
    stage_entries: dict[str, int] = msgspec.field(default_factory=dict)
    stage_conversions: dict[str, int] = msgspec.field(default_factory=dict)
    won: Money = msgspec.field(default_factory=Money)
    lost: Money = msgspec.field(default_factory=Money)
    overlay_won: Money = msgspec.field(default_factory=Money)
    """Of the person alone; never part of a team's sums."""
    disqualified: Money = msgspec.field(default_factory=Money)
    disqualified_for: dict[str, int] = msgspec.field(default_factory=dict)
    slipped: Money = msgspec.field(default_factory=Money)
    first_response: CycleTime = msgspec.field(default_factory=CycleTime)
    cycle_time: CycleTime = msgspec.field(default_factory=CycleTime)
    open_pipeline: Pipeline = msgspec.field(default_factory=Pipeline)
    open_qualified_pipeline: Pipeline = msgspec.field(default_factory=Pipeline)
    stale_pipeline: Pipeline = msgspec.field(default_factory=Pipeline)
    incomplete: dict[str, int] = msgspec.field(default_factory=dict)


def present(sums: Mapping[str, int]) -> Measures:
    """The sums as structured values; ``ValueError`` for a measure that is not in the catalogue.

    Declared measures (``m:…``, ``g:…``) and the sum of cycles are read by KPI definitions alone.

    >>> present({"act:call": 12, "won_n": 2, "won:USD": 99_000, "x:won_no_amount": 1}).won
    Money(count=2, amounts={'USD': 99000}, without_amount=1)
    """
    said = Measures()
    durations: dict[str, dict[int, int]] = {"cycle": {}, "resp": {}}
    for measure, amount in sorted(sums.items()):
        name, _, rest = measure.partition(":")
        if name in durations:
            durations[name][int(rest)] = amount
        elif name in _TELL:
            _TELL[name](said, rest, amount)
        else:
            raise ValueError(f"no such measure: {measure}")
    said.activities_total = sum(said.activities.values())
    said.cycle_time = _quantiles(durations["cycle"])
    said.first_response = _quantiles(durations["resp"])
    return said


def exponent(currency: str) -> int:
    """How many digits of a currency are minor units (ISO 4217).

    >>> exponent("USD"), exponent("JPY")
    (2, 0)
    """
    return EXPONENTS.get(currency, _DEFAULT_EXPONENT)


def currencies(said: Measures) -> set[str]:
    """The currencies that occur."""
    holders = (
        said.pipeline_built,
        said.won,
        said.lost,
        said.overlay_won,
        said.disqualified,
        said.slipped,
        said.open_pipeline,
        said.open_qualified_pipeline,
        said.stale_pipeline,
    )
    return {currency for money in holders for currency in money.amounts}


Teller = Callable[[Measures, str, int], None]


def _number(field: str) -> Teller:
    def tell(said: Measures, _rest: str, amount: int) -> None:
        setattr(said, field, amount)

    return tell


def _by_name(field: str) -> Teller:
    def tell(said: Measures, name: str, amount: int) -> None:
        getattr(said, field)[unquote(name)] = amount

    return tell


def _unsaid(_said: Measures, _rest: str, _amount: int) -> None:
    pass


_WITHOUT_AMOUNT = {
    "built_no_amount": "pipeline_built",
    "won_no_amount": "won",
    "lost_no_amount": "lost",
    "disq_no_amount": "disqualified",
    "slip_no_amount": "slipped",
}


def _incomplete(said: Measures, what: str, amount: int) -> None:
    said.incomplete[what] = amount
    if what in _WITHOUT_AMOUNT:
        getattr(said, _WITHOUT_AMOUNT[what]).without_amount = amount


def _count(field: str) -> Teller:
    def tell(said: Measures, _rest: str, amount: int) -> None:
        getattr(said, field).count = amount

    return tell


def _amount(field: str) -> Teller:
    def tell(said: Measures, currency: str, amount: int) -> None:
        getattr(said, field).amounts[currency] = amount

    return tell


def _level_count(field: str) -> Teller:
    def tell(said: Measures, day: str, amount: int) -> None:
        for money in _levels(said, field, day):
            money.count += amount

    return tell


def _level_amount(field: str) -> Teller:
    def tell(said: Measures, rest: str, amount: int) -> None:
        currency, _, day = rest.partition(":")
        for money in _levels(said, field, day):
            money.amounts[currency] = money.amounts.get(currency, 0) + amount

    return tell


def _level_without_amount(field: str, what: str) -> Teller:
    def tell(said: Measures, day: str, amount: int) -> None:
        said.incomplete[what] = said.incomplete.get(what, 0) + amount
        for money in _levels(said, field, day):
            money.without_amount += amount

    return tell


def _levels(said: Measures, field: str, day: str) -> tuple[Money, Money]:
    """The whole level and the part of it that is expected to close in the day's month."""
    pipeline: Pipeline = getattr(said, field)
    month = f"{day[:4]}-{day[4:6]}" if len(day) == len("YYYYMMDD") else UNKNOWN_MONTH
    return pipeline, pipeline.by_close_month.setdefault(month, Money())


def _quantiles(counts: dict[int, int]) -> CycleTime:
    return CycleTime(
        count=sum(counts.values()),
        median_s=sketch.quantile(counts, 0.5),
        p90_s=sketch.quantile(counts, 0.9),
    )


_TELL: dict[str, Teller] = {
    "act": _by_name("activities"),
    "act_min": _by_name("activity_minutes"),
    "visit_new": _number("new_customer_visits"),
    "follow_up": _number("follow_ups"),
    "created": _number("deals_created"),
    "unmet": _by_name("unmet_criteria"),
    "stage": _by_name("stage_entries"),
    "conv": _by_name("stage_conversions"),
    "built_n": _count("pipeline_built"),
    "built": _amount("pipeline_built"),
    "won_n": _count("won"),
    "won": _amount("won"),
    "lost_n": _count("lost"),
    "lost": _amount("lost"),
    "ov_won_n": _count("overlay_won"),
    "ov_won": _amount("overlay_won"),
    "disq_n": _count("disqualified"),
    "disq": _amount("disqualified"),
    "disq_for": _by_name("disqualified_for"),
    "slip_n": _count("slipped"),
    "slip": _amount("slipped"),
    "open_n": _level_count("open_pipeline"),
    "open": _level_amount("open_pipeline"),
    "qual_n": _level_count("open_qualified_pipeline"),
    "qual": _level_amount("open_qualified_pipeline"),
    "stale_n": _level_count("stale_pipeline"),
    "stale": _level_amount("stale_pipeline"),
    "cycle_s": _unsaid,
    "m": _unsaid,
    "g": _unsaid,
    "x": _incomplete,
    "x_open_no_amount": _level_without_amount("open_pipeline", "open_no_amount"),
    "x_qual_no_amount": _level_without_amount("open_qualified_pipeline", "qualified_no_amount"),
}


def stored_of(measure: str) -> tuple[str, ...]:
    """What is stored of a measure of the catalogue; one that ends in ``:`` is a prefix.

    ``KeyError`` for a measure that is none.

    >>> stored_of("won")
    ('won_n', 'won:', 'x:won_no_amount')
    """
    return _STORED[measure]


_STORED: dict[str, tuple[str, ...]] = {
    "activities": ("act:",),
    "activity_minutes": ("act_min:",),
    "new_customer_visits": ("visit_new",),
    "follow_ups": ("follow_up",),
    "deals_created": ("created",),
    "pipeline_built": ("built_n", "built:", "x:built_no_amount"),
    "unmet_criteria": ("unmet:",),
    "stage_entries": ("stage:",),
    "stage_conversions": ("conv:",),
    "won": ("won_n", "won:", "x:won_no_amount"),
    "lost": ("lost_n", "lost:", "x:lost_no_amount"),
    "overlay_won": ("ov_won_n", "ov_won:"),
    "disqualified": ("disq_n", "disq:", "x:disq_no_amount"),
    "disqualified_for": ("disq_for:",),
    "slipped": ("slip_n", "slip:", "x:slip_no_amount"),
    "first_response": ("resp:",),
    "cycle_time": ("cycle:", "cycle_s"),
    "open_pipeline": ("open_n:", "open:", "x_open_no_amount:"),
    "open_qualified_pipeline": ("qual_n:", "qual:", "x_qual_no_amount:"),
    "stale_pipeline": ("stale_n:", "stale:"),
    "incomplete": ("x:", "x_open_no_amount:", "x_qual_no_amount:"),
}
