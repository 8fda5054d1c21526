"""Who sells in the simulated organisation.

In: the configuration file of the demo, and today. Out: its text, for `apply`, and its sellers.
Guarantee: the people who act are the people who are configured; they are written down once. Days
move by whole months, so that starting again in the same month changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from string import Template
from typing import NamedTuple
from zoneinfo import ZoneInfo

TENANT = "meridian"
CONNECTION = "demo"
PORTAL = 4711000
SECRET_ENV = "PACELINE_DEMO_SECRET"  # noqa: S105 - the variable's name, not its value
FILE = "paceline.yaml"

_ANY_DAY = date(2026, 1, 1)
"""Who sells is the same on every day."""

_A_QUARTER: dict[str, float] = {
    "won_amount": 1_250_000,
    "pipeline_built": 2_300_000,
    "coverage": 3,
    "opportunities_created": 22,
    "meetings": 14,
    "new_customer_visits": 7,
    "win_rate": 0.4,
}
"""What a seller of the usual diligence should reach in a quarter, money in yuan."""
_AS_IS = frozenset(("coverage", "win_rate"))
_TEAMS = (
    ("team", "east", 9_000_000),
    ("team", "south", 7_500_000),
    ("organisation", "meridian", 17_000_000),
)
"""More than the people below have between them: the page shows what nobody has yet."""
_MONEY = 10_000


class Seller(NamedTuple):
    """A person as the CRM knows them."""

    owner: str
    zone: ZoneInfo
    currency: str | None
    """Of the person's deals; None: the portal's own, so that no deal names it."""
    diligence: float
    """How much the person does, 1 being the usual."""


def configuration(today: date) -> str:
    """The text of the demo's configuration, with targets for this quarter and the next."""
    month = today.replace(day=1)
    days = {
        "hired": (month - timedelta(days=1)).replace(day=1),
        "away": month + timedelta(days=8),
        "back": month + timedelta(days=10),
    }
    text = Template(files(__package__).joinpath(FILE).read_text("utf-8")).substitute(days)
    return "".join((text, "\n    targets:\n", *_targets(_sellers(text), today)))


def sellers() -> list[Seller]:
    """Everybody who has an owner id, in the order of the file, and one who has left."""
    return [*_sellers(configuration(_ANY_DAY)).values(), _GONE]


def _sellers(text: str) -> dict[str, Seller]:
    from paceline.config.parse import parse  # noqa: PLC0415 - not needed for the text alone

    (tenant,) = parse(text, FILE)[0].tenants
    return {
        rep.id: _seller(owner, rep.zone or tenant.zone, manages=rep.manages is not None)
        for rep in tenant.reps
        for owner in rep.owners.get(CONNECTION, [])
    }


def _targets(people: dict[str, Seller], today: date) -> Iterator[str]:
    for quarter in _quarters(today):
        for rep, seller in people.items():
            for kpi, base in _A_QUARTER.items():
                much = base if kpi in _AS_IS else _rounded(base * seller.diligence)
                yield f"      - {{kpi: {kpi}, rep: {rep}, period: {quarter}, base: {much}}}\n"
        for kind, subject, base in _TEAMS:
            whose = f"kpi: won_amount, {kind}: {subject}"
            yield f"      - {{{whose}, period: {quarter}, base: {base}}}\n"


def _quarters(today: date) -> tuple[str, str]:
    """This quarter and the next.

    >>> _quarters(date(2026, 12, 31))
    ('2026-Q4', '2027-Q1')
    """
    number = today.year * 4 + (today.month - 1) // 3
    here, following = (f"{one // 4}-Q{one % 4 + 1}" for one in (number, number + 1))
    return here, following


def _rounded(amount: float) -> int:
    """To ten thousands where it is money."""
    return int(round(amount, -4 if amount > _MONEY else 0))


_GONE = Seller("7099", ZoneInfo("Asia/Shanghai"), None, 0.1)
"""An owner who left the company: nobody has mapped the id, and the page says so."""


def _seller(owner: str, zone: str, *, manages: bool) -> Seller:
    currency = "USD" if zone.startswith("America/") else None
    # A spread that is the same at every start: the last digit of the owner id decides.
    diligence = 0.4 if manages else 0.7 + int(owner[-1]) * 0.1
    return Seller(owner, ZoneInfo(zone), currency, diligence)
