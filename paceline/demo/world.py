"""What goes on in the simulated CRM: deals that move through stages, and work on them.

In: a random generator and instants (ms UTC). Out: events. Guarantee: no clock and no I/O; the same
generator and instants give the same events.

The last steps of HubSpot's default pipeline end most deals; amounts grow or shrink on the way,
close dates slip, and now and then a deal is reassigned or reopened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from paceline.demo import events
from paceline.demo.events import Event
from paceline.demo.organisation import Seller

STAGES = (
    "appointmentscheduled",
    "qualifiedtobuy",
    "presentationscheduled",
    "decisionmakerboughtin",
    "contractsent",
)
WON, LOST = "closedwon", "closedlost"
_LOSS = (0.22, 0.14, 0.12, 0.10, 0.18)
"""Of the deals that leave a stage, so many are lost there."""

_COMPANIES = (
    "Aurora Optics", "Blue Harbor", "Cedar Robotics", "Delta Pumps", "Evergreen Labs", "Fulcrum",
    "Granite Works", "Horizon Foods", "Ironwood", "Jade River", "Kestrel Air", "Lumen Medical",
    "Maple Logistics", "Northgate", "Orchid Textiles", "Pioneer Steel", "Quartz Cells", "Redwood",
    "Silverline", "Tideway Ports", "Umbra Films", "Vertex Tools", "Willow Care", "Zenith Motors",
)  # fmt: skip
_PROJECTS = ("calibration line", "sensor retrofit", "lab fit-out", "service contract", "upgrade")
_ACTIVITIES = {"call": 42, "email": 28, "meeting": 14, "visit": 16}
_FIRST_VISIT = 0.45
_ABOUT_A_DEAL = 0.7
_REPRICED, _POSTPONED = 0.45, 0.9
"""Of the revisions; the last tenth goes to another owner."""
_AMOUNT_FORGOTTEN = 0.025
"""The page then says: won, but without an amount."""


class Deal(msgspec.Struct):
    """An open deal, as its seller sees it."""

    id: int
    owner: str
    stage: int
    amount: int
    """In thousands of the major unit."""
    close_on: str


class State(msgspec.Struct):
    """The CRM's own memory: what has to survive a restart."""

    next_id: int
    deals: list[Deal] = []


class World:
    """The CRM. Every method that acts takes the instant at which it does."""

    def __init__(self, random: Random, sellers: Sequence[Seller], state: State) -> None:
        self.state = state
        self._random = random
        self._sellers = {seller.owner: seller for seller in sellers}

    @property
    def sellers(self) -> list[Seller]:
        """Who acts."""
        return list(self._sellers.values())

    def open_of(self, owner: str) -> list[Deal]:
        """A seller's open deals."""
        return [deal for deal in self.state.deals if deal.owner == owner]

    def some_deal(self) -> Deal | None:
        """Any open deal."""
        return self._random.choice(self.state.deals) if self.state.deals else None

    def found(self, owner: str, at: int) -> list[Event]:
        """A new deal: thin creation, then what the seller types in within minutes."""
        deal = Deal(self._new_id(), owner, 0, self._amount(), self._closing(at, 20, 75))
        self.state.deals.append(deal)
        name = f"{self._random.choice(_COMPANIES)} {self._random.choice(_PROJECTS)}"
        told = [
            ("dealname", name),
            ("pipeline", "default"),
            ("dealstage", STAGES[0]),
            ("hubspot_owner_id", owner),
            *self._money(deal),
            ("closedate", _closedate(deal)),
        ]
        made = [events.deal_created(deal.id, at)]
        return made + [events.deal_changed(deal.id, at + 1, *change) for change in told]

    def advance(self, deal: Deal, at: int) -> list[Event]:
        """The next stage, a win, or a loss."""
        if self._random.random() < _LOSS[deal.stage]:
            return self._close(deal, LOST, at)
        if deal.stage == len(STAGES) - 1:
            return self._close(deal, WON, at)
        deal.stage += 1
        return [events.deal_changed(deal.id, at, "dealstage", STAGES[deal.stage])]

    def revise(self, deal: Deal, at: int) -> list[Event]:
        """Another amount, another close date, or another owner."""
        dice = self._random.random()
        if dice < _REPRICED:
            deal.amount = max(8, round(deal.amount * self._random.uniform(0.75, 1.3)))
            return [events.deal_changed(deal.id, at, "amount", _amount(deal))]
        if dice < _POSTPONED:
            deal.close_on = self._closing(at, 10, 50)
            return [events.deal_changed(deal.id, at, "closedate", _closedate(deal))]
        deal.owner = self._random.choice([s.owner for s in self._sellers.values()][:-1])
        return [events.deal_changed(deal.id, at, "hubspot_owner_id", deal.owner)]

    def work(self, owner: str, at: int) -> list[Event]:
        """A call, an email, a meeting or a visit, mostly about one of the seller's deals."""
        (kind,) = self._random.choices(list(_ACTIVITIES), list(_ACTIVITIES.values()))
        thing = "meeting" if kind == "visit" else kind
        activity = self._new_id()
        made = [
            events.activity_created(thing, activity, at),
            events.activity_changed(thing, activity, at + 1, "hubspot_owner_id", owner),
        ]
        if kind == "visit":
            made += self._visit(activity, at + 1)
        own = self.open_of(owner)
        if own and self._random.random() < _ABOUT_A_DEAL:
            made.append(events.associated(thing, activity, self._random.choice(own).id, at + 2))
        return made

    def _visit(self, activity: int, at: int) -> list[Event]:
        told = [("hs_activity_type", "Visit")]
        if self._random.random() < _FIRST_VISIT:
            told.append(("new_customer", "true"))
        return [events.activity_changed("meeting", activity, at, *change) for change in told]

    def _close(self, deal: Deal, stage: str, at: int) -> list[Event]:
        self.state.deals.remove(deal)
        deal.close_on = datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
        return [
            events.deal_changed(deal.id, at, "dealstage", stage),
            events.deal_changed(deal.id, at, "closedate", _closedate(deal)),
        ]

    def _money(self, deal: Deal) -> list[tuple[str, str]]:
        currency = self._sellers[deal.owner].currency
        if currency is not None:
            deal.amount = max(8, deal.amount // 7)
            return [("deal_currency_code", currency), ("amount", _amount(deal))]
        forgotten = self._random.random() < _AMOUNT_FORGOTTEN
        return [] if forgotten else [("amount", _amount(deal))]

    def _amount(self) -> int:
        return round(self._random.lognormvariate(4.6, 0.7)) + 10

    def _closing(self, at: int, least: int, most: int) -> str:
        today = datetime.fromtimestamp(at / 1000, UTC).date()
        return (today + timedelta(days=self._random.randint(least, most))).isoformat()

    def _new_id(self) -> int:
        self.state.next_id += 1
        return self.state.next_id


def _amount(deal: Deal) -> str:
    return f"{deal.amount * 1000}.00"


def _closedate(deal: Deal) -> str:
    return events.midnight(datetime.fromisoformat(deal.close_on).date())
