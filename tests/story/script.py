"""The script: what happened at Jade Instruments, as tables that a person can read.

In: nothing. Out: rows of what was told about deals and activities. Guarantee: plain data; the
events that are sent and the sheet that checks the numbers are both made from these rows.

Who: Liu Fang leads Shanghai and sells; Chen Jie is on leave in November; Wang Lei joins on 20
October and is on a ramp; Zhao Min moves from Shanghai to Overseas, and from China to New York, on
17 November; Sun Yue develops deals for others; Anna Lee leads Overseas and sells; Ben Cole leaves
after 12 December. Times are wall-clock times: of Shanghai for deals A, of New York for deals B.
"""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.story.days import day, days, worked

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
FIRST, LAST = day("2025-10-01"), day("2025-12-31")
"""The third quarter of the fiscal year from April."""

CRM = {"liu": "501", "chen": "502", "wang": "503", "zhao": "504", "sun": "505"}
HUB = {"anna": "901", "ben": "902", "zhao": "904"}
CALLS = {"anna": "601", "ben": "602"}
"""Anna's and Ben's ids where activities are logged; the others have the ids of their CRM there."""

Value = str | int | bool | None


class Told(NamedTuple):
    """One change of one deal or activity."""

    entity: str
    id: str
    connection: str
    at: datetime
    op: str
    fields: dict[str, Value]


DEALS = """
# Liu Fang closes what was begun in September; the web lead came through Sun Yue.
A01 2025-09-10 09:30 create owner=501 stage=lead amount=120000 close_on=2025-10-24 source=web product=scope overlay=505
A01 2025-09-18 14:00 set    stage=demo
A01 2025-10-15 16:00 set    stage=won

# A win in National Day week; the amount is agreed as it closes.
A02 2025-08-25 10:00 create owner=502 stage=lead amount=70000 close_on=2025-10-10 source=fair product=lens
A02 2025-09-05 15:20 set    stage=demo
A02 2025-10-03 11:00 set    stage=won amount=64000.50

# The Saturday that is worked for it.
A03 2025-09-29 13:00 create owner=504 stage=lead amount=38000 close_on=2025-10-31 source=web product=lens overlay=505
A03 2025-10-09 10:10 set    stage=demo
A03 2025-10-11 17:45 set    stage=won

# A Sunday that is not.
A04 2025-09-15 09:00 create owner=502 stage=lead amount=55500 close_on=2025-11-15 source=phone product=scope
A04 2025-10-09 09:00 set    stage=demo
A04 2025-10-19 20:15 set    stage=won

# Split deals: 60:40 of an odd sum, a tie, and a split that is none.
A05 2025-10-10 10:00 create owner=502 stage=lead amount=100000.01 close_on=2025-11-30 source=fair product=scope split=502=60;504=40
A05 2025-10-20 10:00 set    stage=offer
A05 2025-11-06 15:00 set    stage=won
A06 2025-10-27 10:00 create owner=502 stage=lead amount=75000 close_on=2025-12-20 source=web product=lens
A06 2025-11-03 10:00 set    stage=demo
A06 2025-11-24 10:00 set    split=502=50;501=50
A06 2025-12-03 18:00 set    stage=won
A07 2025-11-04 11:00 create owner=501 stage=lead amount=42000 close_on=2025-12-31 source=web product=lens split=501=70;502=20
A07 2025-11-12 11:00 set    stage=demo
A07 2025-12-09 11:00 set    stage=won

# Reassigned: Chen Jie qualifies, Wang Lei takes over, grows and wins it.
A08 2025-10-09 14:00 create owner=502 stage=lead amount=60000 close_on=2025-12-15 source=web product=scope
A08 2025-10-16 14:00 set    stage=demo
A08 2025-11-12 09:00 set    owner=503
A08 2025-11-20 16:00 set    stage=offer
A08 2025-12-01 10:00 set    amount=84000
A08 2025-12-10 17:00 set    stage=won

# Reopened, and lost in the end.
A09 2025-09-22 10:00 create owner=501 stage=lead amount=98000 close_on=2025-10-31 source=fair product=scope
A09 2025-10-10 10:00 set    stage=offer
A09 2025-10-22 12:00 set    stage=won
A09 2025-10-30 09:30 set    stage=offer close_on=2025-11-28
A09 2025-12-02 17:10 set    stage=lost lost_reason=price

# Reopened, and won again.
A10 2025-10-09 10:30 create owner=504 stage=lead amount=47000 close_on=2025-11-07 source=phone product=lens
A10 2025-10-17 10:30 set    stage=demo
A10 2025-10-28 16:20 set    stage=won
A10 2025-11-04 09:00 set    stage=offer amount=51000
A10 2025-11-13 15:00 set    stage=won

# Deleted for good; deleted by mistake and restored.
A11 2025-09-25 09:00 create owner=502 stage=lead amount=90000 close_on=2025-10-31 source=web product=scope
A11 2025-10-10 13:00 set    stage=demo
A11 2025-10-16 13:00 set    stage=won
A11 2025-11-05 09:10 delete
A12 2025-10-13 10:00 create owner=501 stage=lead amount=66000 close_on=2025-11-30 source=web product=lens
A12 2025-10-29 10:00 set    stage=demo
A12 2025-11-18 10:00 set    stage=won
A12 2025-11-21 10:00 delete
A12 2025-11-24 10:00 restore

# Handed over after the close: the win stays where it was won.
A13 2025-09-26 15:00 create owner=504 stage=lead amount=31000 close_on=2025-10-31 source=fair product=lens
A13 2025-10-14 15:00 set    stage=demo
A13 2025-10-30 15:00 set    stage=won
A13 2025-11-25 15:00 set    owner=502

# Slips twice, then is lost.
A14 2025-09-24 10:00 create owner=502 stage=lead amount=77000 close_on=2025-10-31 source=web product=scope
A14 2025-10-10 16:00 set    stage=offer
A14 2025-10-28 16:00 set    close_on=2025-11-28
A14 2025-11-27 16:00 set    close_on=2025-12-19 amount=72000
A14 2025-12-16 16:00 set    stage=lost lost_reason=competitor

# Disqualified: for a reason of the list, for one that is not on it, for none.
A15 2025-10-29 09:00 create owner=503 stage=lead amount=25000 close_on=2025-12-31 source=web product=lens
A15 2025-11-21 09:00 set    stage=dropped lost_reason=no_budget
A16 2025-10-20 09:00 create owner=501 stage=lead amount=18000 close_on=2025-12-31 source=phone product=lens
A16 2025-11-05 09:00 set    stage=demo
A16 2025-12-08 09:00 set    stage=dropped lost_reason=weather
A17 2025-10-09 16:00 create owner=504 stage=lead amount=15000 close_on=2025-11-30 source=phone product=lens
A17 2025-10-21 16:00 set    stage=dropped

# Straight to the win on Christmas Eve; pulled in by a month.
A18 2025-12-05 10:00 create owner=501 stage=lead amount=52000 close_on=2026-01-20 source=fair product=scope budget=yes
A18 2025-12-16 10:00 set    close_on=2025-12-24
A18 2025-12-24 14:30 set    stage=won

# Goes quiet; is kept warm by calls that name it.
A19 2025-10-10 09:00 create owner=502 stage=lead amount=83000 close_on=2025-12-20 source=web product=scope budget=yes
A19 2025-10-14 09:00 set    stage=demo
A20 2025-10-10 11:00 create owner=504 stage=lead amount=110000 close_on=2026-01-15 source=fair product=scope budget=no
A20 2025-10-22 11:00 set    stage=demo

# The last minutes of the year, and the first.
A21 2025-11-17 10:00 create owner=502 stage=lead amount=49000 close_on=2025-12-31 source=web product=lens
A21 2025-12-02 10:00 set    stage=offer
A21 2025-12-31 23:30 set    stage=won
A22 2025-11-26 10:00 create owner=502 stage=lead amount=58000 close_on=2025-12-31 source=web product=lens
A22 2025-12-11 10:00 set    stage=offer
A22 2026-01-01 00:30 set    stage=won

# Zhao Min's last week in Shanghai, and the first deal from New York: 2 a.m. there is yesterday here.
A23 2025-10-27 14:00 create owner=504 stage=lead amount=29000 close_on=2025-11-14 source=web product=lens
A23 2025-11-05 14:00 set    stage=demo
A23 2025-11-14 18:00 set    stage=won
A24 2025-10-30 14:00 create owner=504 stage=lead amount=88000 close_on=2025-11-30 source=fair product=scope overlay=505
A24 2025-11-10 14:00 set    stage=offer
A24 2025-11-20 02:00 set    stage=won

# Wang Lei's first own win, small and late.
A25 2025-10-28 10:00 create owner=503 stage=lead amount=30000 close_on=2025-12-10 source=web product=lens overlay=505 budget=yes
A25 2025-11-07 10:00 set    stage=demo
A25 2025-11-28 16:40 set    stage=won

# Typed in twice, and merged.
A26 2025-10-21 10:00 create owner=504 stage=lead amount=36000 close_on=2025-11-20 source=web product=lens
A26 2025-10-31 10:00 set    stage=demo
A26 2025-11-07 10:00 set    stage=won
A27 2025-10-22 10:00 create owner=504 stage=lead amount=36000 close_on=2025-11-20 source=web product=lens
A27 2025-11-08 10:00 set    stage=won
A27 2025-11-10 10:00 merge  into=A26

# Still open at the end.
A28 2025-12-10 10:00 create owner=503 stage=lead amount=95000 close_on=2026-02-10 source=web product=scope budget=yes
A28 2025-12-17 10:00 set    stage=demo
A29 2025-12-12 10:00 create owner=501 stage=lead amount=140000 close_on=2026-01-30 source=fair product=scope
A29 2025-12-22 10:00 set    stage=offer
A30 2025-12-18 10:00 create owner=502 stage=lead amount=23000 source=web product=lens

# Overseas. Nine in the evening of 31 October in New York is November in Shanghai.
B01 2025-09-16 10:00 create owner=901 stage=lead amount=125000 close_on=2025-10-31 source=web product=scope
B01 2025-09-30 10:00 set    stage=demo
B01 2025-10-31 21:00 set    stage=won
# The day of 25 hours.
B02 2025-10-06 10:00 create owner=902 stage=lead amount=43000 close_on=2025-11-14 source=web product=lens
B02 2025-10-20 10:00 set    stage=demo
B02 2025-11-02 23:40 set    stage=won
B03 2025-10-29 10:00 create owner=902 stage=lead amount=56000 close_on=2025-12-19 source=fair product=scope
B03 2025-11-12 10:00 set    stage=offer
B03 2025-12-10 10:00 set    stage=won
# What Ben leaves behind, Anna brings home.
B04 2025-11-03 10:00 create owner=902 stage=lead amount=81000 close_on=2025-12-30 source=web product=scope
B04 2025-11-19 10:00 set    stage=demo
B04 2025-12-12 16:00 set    owner=901
B04 2025-12-22 10:00 set    stage=won
# Zhao Min in New York.
B05 2025-11-18 10:00 create owner=904 stage=lead amount=67000 close_on=2025-12-19 source=fair product=lens
B05 2025-11-24 10:00 set    stage=demo
B05 2025-12-18 22:10 set    stage=won
B06 2025-10-08 10:00 create owner=901 stage=lead amount=92000 close_on=2025-11-28 source=web product=scope
B06 2025-10-23 10:00 set    stage=offer
B06 2025-11-25 10:00 set    stage=lost lost_reason=price
B07 2025-09-09 10:00 create owner=902 stage=lead amount=34000 close_on=2025-10-20 source=phone product=lens
B07 2025-09-23 10:00 set    stage=demo
B07 2025-10-14 10:00 set    stage=lost lost_reason=timing
# Veterans Day.
B08 2025-10-15 10:00 create owner=901 stage=lead amount=39000 close_on=2025-11-21 source=phone product=lens
B08 2025-10-28 10:00 set    stage=demo
B08 2025-11-11 10:00 set    stage=won
B09 2025-12-01 10:00 create owner=904 stage=lead amount=73000 close_on=2026-01-23 source=web product=scope
B09 2025-12-15 10:00 set    stage=offer
"""

CALLS_ABOUT_DEALS = """
# The first answer to a deal, and what keeps it warm: activity, deal, when, kind, minutes.
R01 A01 2025-09-10 09:55 email 10
R02 A03 2025-09-29 16:30 call 12
R03 A04 2025-09-16 10:00 call 8
R04 A05 2025-10-10 10:30 email 15
R05 A08 2025-10-09 18:00 call 20
R06 A10 2025-10-10 09:15 visit 75
R07 A12 2025-10-13 10:04 call 5
R08 A14 2025-09-26 10:00 meeting 50
R09 A15 2025-10-30 09:40 call 11
R10 A16 2025-10-20 15:00 email 6
R11 A19 2025-10-10 12:00 call 9
R12 A20 2025-10-13 14:00 visit 95
R13 A20 2025-11-10 14:00 call 14
R14 A20 2025-12-05 21:00 call 17
R15 A21 2025-11-17 15:25 email 7
R16 A24 2025-10-30 14:20 call 10
R17 A25 2025-10-28 11:10 call 22
R18 A28 2025-12-11 09:00 meeting 40
R19 A29 2025-12-12 13:00 visit 120
R20 A11 2025-09-25 09:30 call 9
"""

HISTORY = {"liu": "501", "chen": "502", "zhao": "504"}, {"anna": "901", "ben": "902"}
"""Who won two deals in each month of the year before."""


def deals() -> list[Told]:
    """All changes of all deals, those of the year before too."""
    return [*_table(), *_year_before()]


def _table() -> Iterator[Told]:
    for line in DEALS.strip().splitlines():
        if line and not line.startswith("#"):
            name, on, at, op, *rest = line.split()
            fields: dict[str, Value] = {k: v for k, _, v in (one.partition("=") for one in rest)}
            yield _deal(name, _wall(f"{on} {at}", _zone(name)), op, fields)


def _year_before() -> Iterator[Told]:
    """October 2024 to September 2025, so that there are months to compare with."""
    for column, owners in enumerate(HISTORY):
        for row, owner in enumerate(owners.values()):
            i = 3 * column + row
            for m in range(12):
                month = date(2024 + (m + 9) // 12, (m + 9) % 12 + 1, 1)
                first = month + timedelta(days=4 + (3 * i + 5 * m) % 18)
                second = month + timedelta(days=27 - (2 * i + m) % 6)
                one = 20_000 + 1_000 * ((7 * i + 3 * m) % 30)
                other = 30_000 + 500 * ((5 * i + 11 * m) % 40)
                yield from _past("AB"[column], owner, f"{i}{m:02}1", first, one)
                yield from _past("AB"[column], owner, f"{i}{m:02}2", second, other)


def _past(letter: str, owner: str, number: str, won: date, amount: int) -> Iterator[Told]:
    name, zone = f"{letter}P{number}", _zone(letter)
    fields: dict[str, Value] = {"owner": owner, "stage": "lead", "amount": str(amount)}
    created = _wall(f"{won - timedelta(days=24)} 10:00", zone)
    yield _deal(name, created, "create", fields | {"close_on": str(won), "source": "web"})
    yield _deal(name, _wall(f"{won - timedelta(days=17)} 10:00", zone), "set", {"stage": "demo"})
    yield _deal(name, _wall(f"{won} 15:00", zone), "set", {"stage": "won"})


def activities() -> list[Told]:
    """All changes of all activities."""
    return [*_about_deals(), *_routine(), *_odd()]


def _about_deals() -> Iterator[Told]:
    owners = {told.id: told for told in deals() if told.op == "create"}
    for line in CALLS_ABOUT_DEALS.strip().splitlines():
        if not line.startswith("#"):
            name, deal, on, at, kind, minutes = line.split()
            owner = owners[deal].fields["owner"]
            more: dict[str, Value] = {"deal": deal, "minutes": int(minutes)}
            yield _done(name, str(owner), kind, _wall(f"{on} {at}", SHANGHAI), more)


ROUTINE = {
    "501": ("call", "meeting", "one_on_one", "visit"),
    "502": ("call", "call", "visit", "email", "proposal"),
    "503": ("call", "email", "call", "visit"),
    "504": ("visit", "call", "email", "demo"),
    "505": ("call", "call", "call", "email", "meeting"),
    "601": ("call", "meeting", "email", "visit"),
    "602": ("call", "email", "visit"),
}
PRESENT = {"503": (day("2025-10-20"), LAST), "602": (FIRST, day("2025-12-12"))}
LEAVE = {"502": set(days(day("2025-11-10"), day("2025-11-14")))}


def _routine() -> Iterator[Told]:
    """Everybody's working days from July on; the longer ago, the less was logged."""
    for owner, kinds in ROUTINE.items():
        first, last = PRESENT.get(owner, (day("2025-07-01"), LAST))
        for number, one in enumerate(days(day("2025-07-01"), LAST)):
            calendar = "us" if owner >= "600" else "cn"
            away = one in LEAVE.get(owner, ())
            if first <= one <= last and worked(calendar, one) and not away:
                yield from _day_of(owner, kinds, number, one)


def _day_of(owner: str, kinds: tuple[str, ...], number: int, one: date) -> Iterator[Told]:
    size = (number * 7 + int(owner)) % 4 if one >= FIRST else (number + int(owner)) % 2
    for n in range(size):
        kind = kinds[(number + n) % len(kinds)]
        at = _wall(f"{one} {9 + 2 * n:02}:{(number * 11 + n) % 60:02}", _office(owner, one))
        more: dict[str, Value] = {"minutes": 5 + (number * 3 + n * 17) % 80}
        if kind in ("visit", "meeting", "call"):
            more["new_customer"] = (number + n) % 3 == 0
        yield _done(f"T{owner}-{one:%m%d}-{n}", owner, kind, at, more)


def _odd() -> Iterator[Told]:
    """Planned, cancelled, deleted, corrected, handed over, on holidays, and at midnight."""
    at = _wall("2025-10-04 10:00", SHANGHAI)
    yield _done("O1", "501", "visit", at, {"new_customer": True, "minutes": 60})
    at = _wall("2025-12-30 10:00", SHANGHAI)
    yield _done("O2", "502", "visit", at, {"status": "planned", "new_customer": True})
    yield _done("O3", "502", "meeting", at, {"status": "cancelled", "minutes": 30})
    yield _done("O4", "503", "call", _wall("2025-11-05 10:00", SHANGHAI), {"minutes": 3})
    yield _activity("O4", _wall("2025-11-05 12:00", SHANGHAI), "delete", {})
    yield _done("O5", "504", "call", _wall("2025-11-06 11:00", SHANGHAI), {"minutes": 30})
    yield _activity("O5", _wall("2025-11-07 09:00", SHANGHAI), "set", {"type": "demo"})
    yield _done("O6", "502", "visit", _wall("2025-11-07 15:00", SHANGHAI), {"new_customer": True})
    yield _activity("O6", _wall("2025-11-24 09:00", SHANGHAI), "set", {"owner": "503"})
    yield _done("O7", "504", "email", _wall("2025-11-17 12:30", SHANGHAI), {"minutes": 4})
    yield _done("O8", "504", "email", _wall("2025-11-17 23:50", NEW_YORK), {"minutes": 4})
    yield _done("O9", "505", "custom", _wall("2025-12-31 23:59", SHANGHAI), {"minutes": 2})


def _office(owner: str, one: date) -> str:
    moved = owner == "504" and one >= day("2025-11-17")
    return NEW_YORK if owner >= "600" or moved else SHANGHAI


def _zone(name: str) -> str:
    return SHANGHAI if name.startswith("A") else NEW_YORK


def _wall(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _deal(name: str, at: datetime, op: str, fields: dict[str, Value]) -> Told:
    connection = "jade-crm" if name.startswith("A") else "jade-hub"
    return Told("deal", name, connection, at, op, fields)


def _activity(name: str, at: datetime, op: str, fields: dict[str, Value]) -> Told:
    return Told("activity", name, "jade-crm", at, op, fields)


def _done(name: str, owner: str, kind: str, at: datetime, more: dict[str, Value]) -> Told:
    fields = {"owner": owner, "type": kind, "at": at.isoformat()} | more
    return _activity(name, at, "create", fields)
