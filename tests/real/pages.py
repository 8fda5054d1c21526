"""What a page says of a month, against a `Standing` from the files.

In: an answer of the API and the standing. Out: what differs, as text. Guarantee: exact but for
quantiles of cycles, which may be off by one per cent.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from tests.real.goals import Standing

Json = dict[str, Any]
KPIS = (
    "won_amount",
    "won_count",
    "lost_count",
    "win_rate",
    "win_rate_money",
    "average_deal",
    "cycle_median",
    "cycle_p90",
    "slipped_deals",
)
MONEY = {"won_amount", "average_deal"}
SKETCHED = {"cycle_median", "cycle_p90"}


def differences(answer: Json, expected: Standing) -> list[str]:
    """Every number that is another one."""
    said = {one["id"]: one for one in answer["kpis"]}
    found = [
        f"{name}: {is_}, expected {ought}"
        for name, is_, ought in _pairs(said, expected)
        if not _same(name, is_, ought)
    ]
    return found + _missing(said)


def curve(name: str, said: Json | None, expected: Fraction, here: Standing) -> Iterator[Any]:
    """One curve of the pace, in cents."""
    assert said is not None
    share = expected / here.target
    yield f"{name} expected", said["expected"], _cents(expected)
    yield f"{name} projection", said["projection"], _cents(here.actual / share if share else None)
    of = here.actual / expected if expected else None
    yield f"{name} of expected", said["of_expected"], None if of is None else float(of)


def _missing(said: dict[str, Json]) -> list[str]:
    return [f"{kpi}: missing" for kpi in KPIS if kpi not in said]


def _pairs(said: dict[str, Json], here: Standing) -> Iterator[tuple[str, Any, Any]]:
    for kpi, value in _values(here).items():
        yield kpi, said[kpi]["actual"], _shown(kpi, value)
    won = said["won_amount"]
    if not here.target:
        yield "no target", won["target"], None
        return
    pace = won["pace"]
    yield "target", won["target"]["base"], here.target * 100
    yield "full target", won["target"]["full"], here.target * 100
    yield "attainment", won["attainment"], float(here.attainment)
    yield from curve("linear", pace["linear"], here.linear, here)
    yield from curve("workday", pace["workday"], here.workday, here)
    yield "basis", pace["basis"], "workday"
    yield "expected", pace["expected"], _cents(here.workday)
    yield "difference", pace["difference"], _cents(here.actual - here.workday)
    remaining = max(0, here.target - here.actual)
    left = here.all_workdays - here.workdays
    yield "remaining", pace["remaining"], remaining * 100
    yield "remaining workdays", pace["remaining_workdays"], left
    required = Fraction(remaining, left) if left else None
    yield "required", pace["required_per_workday"], _cents(required) if remaining else 0
    yield "likes", pace["historical"], None
    yield "note", pace["historical_note"].endswith("4 needed"), True


def _values(here: Standing) -> dict[str, Any]:
    return {
        "won_amount": here.actual,
        "won_count": here.won,
        "lost_count": here.lost,
        "win_rate": here.win_rate,
        "win_rate_money": here.win_rate_money,
        "average_deal": Fraction(here.actual, here.won) if here.won else None,
        "cycle_median": here.median_cycle,
        "cycle_p90": here.p90_cycle,
        "slipped_deals": 0,
    }


def _shown(kpi: str, value: Any) -> Any:
    if value is None or kpi in SKETCHED:
        return value
    return _cents(value) if kpi in MONEY else float(value)


def _cents(dollars: Fraction | int | None) -> int | None:
    return None if dollars is None else round(dollars * 100)


def _same(name: str, is_: Any, ought: Any) -> bool:
    if name in SKETCHED and ought is not None and is_ is not None:
        return bool(abs(is_ - ought) <= ought / 100)
    return bool(is_ == ought)
