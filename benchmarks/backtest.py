"""The shipped rules played over the real year: what would have fired when, and how long it takes.

``python -m benchmarks.backtest``: 8,800 deals of the shared data set as signed webhooks through
real services (the embedded broker and Redis), then each rule over every day of 2017 by the command
line. Prints a table by rule and month, and what one person would have had in a day at most.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kpi.alerts import Silent
from kpi.alerts.shipped import SHIPPED
from tests.real.test_sales_opportunities import SECRET, played
from tests.support.servers import RedisServer, Tansu
from tests.support.stack import Stack

SHARED = Path(__file__).parents[2] / "shared" / "data" / "crm-sales-opportunities"
TENANT = "opportunities-backtest"
LATER = 8
"""Years: single days are kept 800 days, so 2017 is played as 2025."""
MONTHS = [f"{2017 + LATER}-{month:02}" for month in range(1, 13)]
BUDGET = 5


def main() -> None:
    """Play the year, then every rule."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Tansu(Path(folder) / "tansu") as tansu,
        RedisServer(Path(folder) / "redis") as redis,
        Stack(
            Path(folder) / "stack",
            tansu.bootstrap,
            redis.url,
            {"PORTAL_SECRET": SECRET},
            journal="always",
            idempotent=False,
        ) as stack,
    ):
        asyncio.run(played(stack, SHARED, tenant=TENANT, later=LATER))
        rules = [id_ for id_, rule in SHIPPED.items() if not isinstance(rule.condition, Silent)]
        found = {id_: _played(stack, id_) for id_ in rules}
    _print(found)


def _played(stack: Stack, rule: str) -> tuple[float, Any]:
    began = time.monotonic()
    words = ("--rule", rule, "--from", f"{MONTHS[0]}-01", "--to", f"{MONTHS[-1]}-31")
    said = json.loads(
        stack.paceline("alerts", "backtest", *words, "-t", TENANT, "--json", within=600)
    )
    return time.monotonic() - began, said


def _print(found: dict[str, tuple[float, Any]]) -> None:
    print(f"{'rule':26}" + "".join(f"{month[5:]:>6}" for month in MONTHS) + "   year   seconds")
    news: Counter[tuple[str, str]] = Counter()
    for rule, (seconds, said) in found.items():
        fired = [one for one in said["changes"] if one["what"] == "fired"]
        by = Counter(one["day"][:7] for one in fired)
        news.update((one["day"], one["subject"]) for one in fired if not one["late"])
        row = "".join(f"{by[month]:>6}" for month in MONTHS)
        print(f"{rule:26}{row}{len(fired):>7}{seconds:>10.1f}")
    print(_most(news.values()))


def _most(counts: Iterable[int]) -> str:
    most = max(counts, default=0)
    verdict = "within" if most <= BUDGET else "OVER"
    return f"at most {most} about one subject in a day by all rules: {verdict} a budget of {BUDGET}"


if __name__ == "__main__":
    main()
