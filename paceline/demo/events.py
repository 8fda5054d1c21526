"""HubSpot's webhook events, as a portal writes them.

In: what happened in the CRM. Out: dictionaries for the JSON of a webhook. Guarantee: thin, as they
really are: a creation says nothing of owner, stage or amount; each property change is an event.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from paceline.demo.organisation import PORTAL

Event = dict[str, Any]

_APP = 990011
_SUBSCRIPTIONS = {"creation": 31, "propertyChange": 32, "associationChange": 33, "deletion": 34}
TYPES = {"call": "0-48", "email": "0-49", "meeting": "0-47"}
DEAL = "0-3"


def deal_created(deal: int, at: int) -> Event:
    """``deal.creation``: the id and the instant, nothing else."""
    return _event("deal.creation", deal, at)


def deal_deleted(deal: int, at: int) -> Event:
    """``deal.deletion``."""
    return _event("deal.deletion", deal, at)


def deal_changed(deal: int, at: int, name: str, value: str) -> Event:
    """``deal.propertyChange`` of one property."""
    return _event("deal.propertyChange", deal, at) | _property(name, value)


def activity_created(kind: str, activity: int, at: int) -> Event:
    """``object.creation`` of a call, an email or a meeting."""
    return _event("object.creation", activity, at) | {"objectTypeId": TYPES[kind]}


def activity_changed(kind: str, activity: int, at: int, name: str, value: str) -> Event:
    """``object.propertyChange`` of one property of an activity."""
    event = _event("object.propertyChange", activity, at) | _property(name, value)
    return event | {"objectTypeId": TYPES[kind]}


def associated(kind: str, activity: int, deal: int, at: int) -> Event:
    """``object.associationChange``: the activity names the deal."""
    ends = {"fromObjectTypeId": TYPES[kind], "toObjectTypeId": DEAL}
    ids = {"fromObjectId": activity, "toObjectId": deal, "associationRemoved": False}
    return _event("object.associationChange", activity, at) | ends | ids


def midnight(day: date) -> str:
    """A date as HubSpot stores it: midnight UTC in milliseconds, as text."""
    return str(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000)


def _event(subscription: str, thing: int, at: int) -> Event:
    what = subscription.partition(".")[2]
    return {
        "eventId": (thing * 31 + at) % 4_294_967_291,
        "subscriptionId": _SUBSCRIPTIONS[what],
        "portalId": PORTAL,
        "appId": _APP,
        "occurredAt": at,
        "subscriptionType": subscription,
        "attemptNumber": 0,
        "objectId": thing,
        "changeSource": "CRM_UI",
    }


def _property(name: str, value: str) -> Event:
    return {"propertyName": name, "propertyValue": value}
