"""The oracle: what the CSV files alone say, by the rules of their README.

In: `../shared/data/crm-sales-opportunities`. Out: won and open per agent and month. Guarantee: no
code of the project is used.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

CYCLE = timedelta(days=60)
UNDATED = date(2017, 12, 31)
"""When the deals without an engage date are created."""


@dataclass(frozen=True)
class Deal:
    """One row of the pipeline."""

    id: str
    agent: str
    stage: str
    engaged: date | None
    closed: date | None
    listed: int
    """List price, whole dollars."""
    value: int
    """What it was won for; the list price otherwise."""

    @property
    def expected(self) -> date | None:
        """The expected close as set at creation."""
        return self.engaged + CYCLE if self.engaged else None

    def open_at_end_of(self, day: date) -> bool:
        """Qualified and not closed when that day ends."""
        engaged = self.engaged is not None and self.engaged <= day
        return engaged and (self.closed is None or self.closed > day)


def deals(folder: Path) -> list[Deal]:
    """All rows."""
    prices = {row["product"]: int(row["sales_price"]) for row in _rows(folder / "products.csv")}
    return [_deal(row, prices) for row in _rows(folder / "sales_pipeline.csv")]


def managers(folder: Path) -> dict[str, str]:
    """Agent -> manager."""
    return {row["sales_agent"]: row["manager"] for row in _rows(folder / "sales_teams.csv")}


def won(found: list[Deal]) -> dict[tuple[str, str], tuple[int, int]]:
    """(agent, YYYY-MM of the close) -> (count, whole dollars)."""
    totals: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for deal in found:
        if deal.stage == "Won" and deal.closed:
            totals[deal.agent, f"{deal.closed:%Y-%m}"].append(deal.value)
    return {key: (len(values), sum(values)) for key, values in totals.items()}


def open_qualified(
    found: list[Deal], agent: str, day: date, stale_after: timedelta | None = None
) -> dict[str, tuple[int, int]]:
    """YYYY-MM of the expected close -> (count, whole dollars) as that day ends."""
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for deal in found:
        if deal.agent == agent and deal.open_at_end_of(day) and deal.expected and deal.engaged:
            if stale_after is not None and deal.engaged + stale_after <= day:
                continue
            counts[f"{deal.expected:%Y-%m}"] += 1
            amounts[f"{deal.expected:%Y-%m}"] += deal.listed
    return {month: (counts[month], amounts[month]) for month in counts}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _deal(row: dict[str, str], prices: dict[str, int]) -> Deal:
    listed = prices[row["product"].replace("GTXPro", "GTX Pro")]
    return Deal(
        id=row["opportunity_id"],
        agent=row["sales_agent"],
        stage=row["deal_stage"],
        engaged=_day(row["engage_date"]),
        closed=_day(row["close_date"]),
        listed=listed,
        value=int(row["close_value"]) if row["deal_stage"] == "Won" else listed,
    )


def _day(text: str) -> date | None:
    return datetime.strptime(text, "%d-%m-%y").date() if text else None  # noqa: DTZ007 - a civil date
