"""The script of the second quarter at Jade Instruments: January to March 2026.

In: nothing. Out: rows of what was told, those of the quarter before among them. Guarantee: plain
data; the events that are sent and the sheet that checks the numbers are both made from these rows.

Anna Lee (601 in the CRM) and Zhao Min (504) sell in dollars from New York; a rep there is told of
at 22:30 in Shanghai, which is the morning of the same day in New York. Times are Shanghai's.
"""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from tests.story import script
from tests.story.script import Told, Value

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
ZONE = "Asia/Shanghai"

DEALS = """
# What was open at New Year goes its ways.
A28 2026-01-20 10:00 set    stage=offer amount=99000
A28 2026-02-06 15:00 set    stage=won
A29 2026-01-14 11:00 set    close_on=2026-02-27
A29 2026-02-25 11:00 set    stage=lost lost_reason=price
A30 2026-01-08 09:30 set    stage=demo close_on=2026-02-13
A30 2026-02-12 16:00 set    stage=won amount=25000

# A dollar deal from lead to win within January.
C01 2026-01-05 22:30 create owner=601 stage=lead amount=12000 currency=USD close_on=2026-01-30 source=web product=lens
C01 2026-01-12 22:30 set    stage=demo
C01 2026-01-28 22:30 set    stage=won

# Grows in dollars, is won in March; the amount is agreed as it closes.
C02 2026-01-09 22:30 create owner=601 stage=lead amount=30000 currency=USD close_on=2026-03-20 source=fair product=scope
C02 2026-01-22 22:30 set    stage=demo
C02 2026-02-10 22:30 set    amount=42000
C02 2026-02-24 22:30 set    stage=offer
C02 2026-03-17 22:30 set    stage=won amount=41500

# Shrinks, and is qualified no more.
C03 2026-01-13 10:00 create owner=502 stage=lead amount=64000 close_on=2026-03-31 source=web product=scope
C03 2026-01-21 10:00 set    stage=offer
C03 2026-02-04 10:00 set    amount=51000
C03 2026-02-18 10:00 set    stage=lead

# From Chen Jie to Wang Lei, and with another amount at the same moment.
C04 2026-01-15 10:00 create owner=502 stage=lead amount=37000 close_on=2026-02-27 source=phone product=lens
C04 2026-01-23 10:00 set    stage=demo
C04 2026-02-09 10:00 set    owner=503 amount=39000
C04 2026-02-26 17:00 set    stage=won

# From Shanghai to New York, open all the while.
C05 2026-01-19 10:00 create owner=501 stage=lead amount=88000 close_on=2026-04-17 source=fair product=scope
C05 2026-01-30 10:00 set    stage=demo
C05 2026-02-20 22:30 set    owner=504
C05 2026-03-12 22:30 set    stage=offer

# Won in January, reopened in February, won again in March for less.
C06 2026-01-07 10:00 create owner=501 stage=lead amount=56000 close_on=2026-01-30 source=web product=scope
C06 2026-01-14 10:00 set    stage=offer
C06 2026-01-27 16:00 set    stage=won
C06 2026-02-11 09:00 set    stage=offer close_on=2026-03-13
C06 2026-03-10 16:00 set    stage=won amount=52000

# Lost, reopened, still open; a dollar deal.
C07 2026-01-16 22:30 create owner=504 stage=lead amount=18000 currency=USD close_on=2026-03-27 source=web product=lens
C07 2026-01-29 22:30 set    stage=demo
C07 2026-02-17 22:30 set    stage=lost lost_reason=timing
C07 2026-03-05 22:30 set    stage=demo close_on=2026-04-24

# Disqualified as a lead, and once it was qualified.
C08 2026-02-02 10:00 create owner=503 stage=lead amount=21000 close_on=2026-03-31 source=web product=lens
C08 2026-02-13 10:00 set    stage=dropped lost_reason=no_budget
C09 2026-02-03 10:00 create owner=502 stage=lead amount=33000 close_on=2026-03-31 source=phone product=lens
C09 2026-02-10 10:00 set    stage=demo
C09 2026-03-03 10:00 set    stage=dropped lost_reason=too_small

# Deleted for good; deleted and restored.
C10 2026-02-05 10:00 create owner=501 stage=demo amount=47000 close_on=2026-03-20 source=fair product=scope
C10 2026-03-02 10:00 delete
C11 2026-02-06 10:00 create owner=502 stage=demo amount=29000 close_on=2026-03-20 source=fair product=lens
C11 2026-02-19 10:00 delete
C11 2026-02-24 10:00 restore
C11 2026-03-19 16:00 set    stage=won

# Goes quiet in February, is woken by a call, goes quiet again.
C12 2026-01-12 10:00 create owner=503 stage=lead amount=73000 close_on=2026-05-29 source=web product=scope
C12 2026-01-20 10:00 set    stage=demo

# Quiet dollars; an amount wakes them.
C13 2026-01-08 22:30 create owner=601 stage=demo amount=26000 currency=USD close_on=2026-04-30 source=fair product=scope
C13 2026-02-27 22:30 set    amount=24000

# Slips to April; all of it happens on one day in March.
C14 2026-03-04 09:00 create owner=501 stage=lead amount=45000 close_on=2026-03-31 source=web product=lens
C14 2026-03-04 11:00 set    stage=demo
C14 2026-03-04 15:00 set    close_on=2026-04-10 amount=44000

# Straight to a win in dollars, on the day after the rate.
C15 2026-03-02 22:30 create owner=504 stage=lead amount=9000 currency=USD close_on=2026-03-13 source=phone product=lens
C15 2026-03-02 22:40 set    stage=won
"""

CALLS = """
# activity, deal, when, kind, owner
Q01 C12 2026-03-06 10:00 call 503
Q02 C03 2026-02-25 10:00 meeting 502
Q03 C05 2026-02-12 10:00 visit 501
Q04 A20 2026-01-09 10:00 call 504
"""

TURN = datetime(2026, 2, 15, tzinfo=UTC)
"""What is older was told when forecasts of February were submitted; the rest is told in April."""


def deals() -> list[Told]:
    """All changes of all deals, those of the quarter and the year before too."""
    return [*script.deals(), *_rows()]


def activities() -> list[Told]:
    """All changes of all activities."""
    return [*script.activities(), *_calls()]


def _rows() -> Iterator[Told]:
    for line in DEALS.strip().splitlines():
        if line and not line.startswith("#"):
            name, on, at, op, *rest = line.split()
            fields: dict[str, Value] = {k: v for k, _, v in (one.partition("=") for one in rest)}
            yield Told("deal", name, "jade-crm", _wall(on, at), op, fields)


def _calls() -> Iterator[Told]:
    for line in CALLS.strip().splitlines():
        if not line.startswith("#"):
            name, deal, on, at, kind, owner = line.split()
            when = _wall(on, at)
            fields: dict[str, Value] = {"owner": owner, "type": kind, "deal": deal}
            yield Told(
                "activity", name, "jade-crm", when, "create", fields | {"at": when.isoformat()}
            )


def _wall(on: str, at: str) -> datetime:
    return datetime.fromisoformat(f"{on} {at}").replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
