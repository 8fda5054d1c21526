"""Who sells in the simulated organisation.

In: the configuration file of the demo. Out: its text, for `apply`, and its sellers. Guarantee: the
people who act are the people who are configured; they are written down once.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

TENANT = "meridian"
CONNECTION = "demo"
PORTAL = 4711000
SECRET_ENV = "PACELINE_DEMO_SECRET"  # noqa: S105 - the variable's name, not its value
FILE = "paceline.yaml"

_GONE = "7099"
"""An owner who left the company: nobody has mapped the id, and the page says so."""


class Seller(NamedTuple):
    """A person as the CRM knows them."""

    owner: str
    zone: ZoneInfo
    currency: str | None
    """Of the person's deals; None: the portal's own, so that no deal names it."""
    diligence: float
    """How much the person does, 1 being the usual."""


def configuration() -> str:
    """The text of the demo's configuration."""
    return files(__package__).joinpath(FILE).read_text("utf-8")


def sellers() -> list[Seller]:
    """Everybody who has an owner id, in the order of the file, and one who has left."""
    from paceline.config.parse import parse  # noqa: PLC0415 - not needed for the text alone

    (tenant,) = parse(configuration(), FILE)[0].tenants
    found = [
        _seller(owner, rep.zone or tenant.zone, manages=rep.manages is not None)
        for rep in tenant.reps
        for owner in rep.owners.get(CONNECTION, [])
    ]
    return [*found, Seller(_GONE, ZoneInfo(tenant.zone), None, 0.1)]


def _seller(owner: str, zone: str, *, manages: bool) -> Seller:
    currency = "USD" if zone.startswith("America/") else None
    # A spread that is the same at every start: the last digit of the owner id decides.
    diligence = 0.4 if manages else 0.7 + int(owner[-1]) * 0.1
    return Seller(owner, ZoneInfo(zone), currency, diligence)
