"""HubSpot's events as patches: every subscription, every property that counts."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.envelope import EntityPatch
from services.ingest.document import parse
from services.ingest.hubspot import names_of, translate
from services.ingest.translation import Origin, Translation
from tests.ingest.world import won
from tests.support.need import require_shared

NOW = 1_790_000_000_000
ORIGIN = Origin("acme", "hubspot-main", ZoneInfo("America/New_York"), NOW)
MIDNIGHT_UTC = 1_485_820_800_000  # 2017-01-31T00:00:00Z
EVENING_IN_NEW_YORK = 1_485_910_800_000  # 2017-02-01T01:00:00Z, 31 January there


def patches(result: Translation) -> list[EntityPatch]:
    """The patches; nothing may be dead."""
    assert result.dead == []
    return [e.data for e in result.events if isinstance(e.data, EntityPatch)]


def patch(**changes: Any) -> EntityPatch:
    """The one patch of an event."""
    (found,) = patches(translate(ORIGIN, [won(NOW, **changes)]))
    return found


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("dealstage", "closedwon", {"stage": "closedwon"}),
        ("amount", "2000.50", {"amount": "2000.5"}),
        ("amount", "002000", {"amount": "2000"}),
        ("amount", "-0.00", {"amount": "0"}),
        ("amount", "1.5e3", {"amount": "1500"}),
        ("amount", "10000000000000", {"amount": "10000000000000"}),
        ("amount", "", {"amount": None}),
        ("amount", None, {"amount": None}),
        ("deal_currency_code", "eur", {"currency": "EUR"}),
        ("hubspot_owner_id", "42", {"owner": "42"}),
        ("hubspot_owner_id", "", {"owner": None}),
        ("pipeline", "default", {"pipeline": "default"}),
        ("dealname", "空调10", {"name": "空调10"}),
        ("closedate", "2017-01-31", {"close_on": "2017-01-31"}),
        ("closedate", str(MIDNIGHT_UTC), {"close_on": "2017-01-31"}),
        ("closedate", str(EVENING_IN_NEW_YORK), {"close_on": "2017-01-31"}),
        ("closedate", "2017-02-01T01:00:00Z", {"close_on": "2017-01-31"}),
        ("closedate", "2017-01-31T00:00:00Z", {"close_on": "2017-01-31"}),
        ("new_customer", "true", {"new_customer": True}),
        ("lead_source", "fair", {"lead_source": "fair"}),
    ],
)
def test_a_property_of_a_deal_becomes_its_field(
    name: str, value: Any, fields: dict[str, Any]
) -> None:
    """Amounts are canonical, dates are civil, empty is none."""
    assert patch(propertyName=name, propertyValue=value).fields == fields


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("hs_timestamp", str(NOW - 1000), {"at": NOW - 1000}),
        ("hs_timestamp", "2026-01-01T09:00:00+08:00", {"at": 1_767_229_200_000}),
        ("hs_call_status", "COMPLETED", {"status": "done"}),
        ("hs_meeting_outcome", "SCHEDULED", {"status": "planned"}),
        ("hs_meeting_outcome", "CANCELED", {"status": "cancelled"}),
        ("hs_meeting_outcome", "NO_SHOW", {"status": "no_show"}),
        ("hs_activity_type", "Visit", {"type": "visit"}),
        ("hs_call_duration", "1830000", {"minutes": 31}),
        ("hs_call_duration", 29_999, {"minutes": 0}),
        ("hs_call_duration", "long", {"minutes": "long"}),
        ("hs_call_duration", "", {"minutes": ""}),
        ("minutes", "45", {"minutes": "45"}),
        ("is_new_customer", "false", {"is_new_customer": "false"}),
        ("hubspot_owner_id", "42", {"owner": "42"}),
    ],
)
def test_a_property_of_a_meeting_becomes_its_field(
    name: str, value: Any, fields: dict[str, Any]
) -> None:
    """Activities come by the object subscriptions."""
    changes = {"subscriptionType": "object.propertyChange", "objectTypeId": "0-47"}
    found = patch(propertyName=name, propertyValue=value, **changes)
    assert (found.entity, found.fields) == ("activity", fields)


@pytest.mark.parametrize(
    ("what", "op"),
    [
        ("creation", "create"),
        ("deletion", "delete"),
        ("privacyDeletion", "delete"),
        ("restore", "restore"),
    ],
)
@pytest.mark.parametrize("named", ["subscriptionType", "eventType"])
def test_a_deals_life_is_told_by_its_subscription(what: str, op: str, named: str) -> None:
    """Real deliveries say subscriptionType, the documentation's example eventType."""
    event = won(NOW)
    del event["subscriptionType"]
    (found,) = patches(translate(ORIGIN, [{**event, named: f"deal.{what}"}]))
    assert (found.entity, found.op, found.fields) == ("deal", op, {})


@pytest.mark.parametrize(
    ("type_id", "kind"), [("0-48", "call"), ("0-49", "email"), ("0-47", "meeting")]
)
def test_an_activity_has_its_kind_from_its_creation(type_id: str, kind: str) -> None:
    """And a later property, such as a visit's, wins over it."""
    found = patch(subscriptionType="object.creation", objectTypeId=type_id)
    assert (found.entity, found.op, found.fields) == ("activity", "create", {"type": kind})


def test_a_merge_is_a_patch_for_every_loser() -> None:
    """Into the primary deal, or into the new record that HubSpot made of both."""
    merge = {"subscriptionType": "deal.merge", "primaryObjectId": 1, "mergedObjectIds": [2, 3]}
    into_primary = patches(translate(ORIGIN, [won(NOW, **merge)]))
    assert [(p.id, p.merged_into) for p in into_primary] == [("2", "1"), ("3", "1")]
    into_new = translate(ORIGIN, [won(NOW, **merge, newObjectId=9)])
    assert [(p.id, p.merged_into) for p in patches(into_new)] == [
        ("1", "9"),
        ("2", "9"),
        ("3", "9"),
    ]
    assert len({e.id for e in into_new.events}) == 3


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("removed", [False, True])
def test_an_association_names_the_activitys_deal_from_either_side(
    *, turned: bool, removed: bool
) -> None:
    """CALL_TO_DEAL and DEAL_TO_CALL say the same."""
    ends = [("0-48", 77), ("0-3", 9001)]
    (from_type, from_id), (to_type, to_id) = reversed(ends) if turned else ends
    found = patch(
        subscriptionType="object.associationChange",
        fromObjectTypeId=from_type,
        fromObjectId=from_id,
        toObjectTypeId=to_type,
        toObjectId=to_id,
        associationRemoved=removed,
    )
    expected = {"deal": None if removed else "9001"}
    assert (found.entity, found.id, found.fields) == ("activity", "77", expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"subscriptionType": "contact.creation"},
        {"subscriptionType": "object.creation", "objectTypeId": "0-1"},
        {"subscriptionType": "object.creation"},
        {"propertyName": "Weird Name"},
        {"propertyName": "stage"},
        {"propertyName": "notes", "propertyValue": "x" * 2000},
        {"subscriptionType": "object.associationChange", "associationType": "DEAL_TO_CONTACT"},
    ],
)
def test_what_is_authentic_but_not_ours_is_ignored(changes: dict[str, Any]) -> None:
    """A contact, a custom property named like one of our fields, a long text: counted, not dead."""
    result = translate(ORIGIN, [won(NOW, **changes)])
    assert (result.events, result.dead, result.ignored) == ([], [], 1)


def test_two_changes_of_one_millisecond_have_two_ids() -> None:
    """Without the value they would share one, and the second would be lost."""
    first, second = (patch_id(propertyValue=v) for v in ("1000", "2000"))
    assert first != second


def patch_id(**changes: Any) -> str:
    """The id of an event's event."""
    return translate(ORIGIN, [won(NOW, **changes)]).events[0].id


def test_the_shared_payloads_of_hubspot_become_patches() -> None:
    """Live captures: a deal is created, its amount and stage change, it is deleted."""
    folder = require_shared("crm/payloads")
    origin = Origin("acme", "hubspot-main", ZoneInfo("UTC"), NOW)
    ops = [
        patches(translate(origin, parse((folder / f"hubspot-deal-{n}.json").read_bytes())))[0].op
        for n in ("created", "amount-changed", "stage-changed", "deleted")
    ]
    assert ops == ["create", "set", "set", "delete"]


CUSTOM = names_of(
    {"visit_type": "type", "is_new_logo": "new_customer", "arr": "amount", "from": "source"}
)


@pytest.mark.parametrize(
    ("kind", "name", "value", "fields"),
    [
        ("0-47", "visit_type", "Visit", {"type": "visit"}),
        ("0-47", "is_new_logo", "yes", {"new_customer": True}),
        ("0-3", "arr", "12000.0", {"amount": "12000"}),
        ("0-3", "from", "fair", {"source": "fair"}),
        ("0-3", "dealstage", "closedwon", {"stage": "closedwon"}),
        ("0-47", "hs_activity_type", "Demo", {"hs_activity_type": "Demo"}),
    ],
)
def test_a_custom_property_tells_the_field_that_the_configuration_names(
    kind: str, name: str, value: str, fields: dict[str, Any]
) -> None:
    """Deals and activities alike, in the field's own canonical form."""
    (found,) = patches(translate(ORIGIN, [_changed(kind, name, value)], names=CUSTOM))
    assert found.fields == fields


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("0-3", "amount", "10"),
        ("0-3", "source", "web"),
        ("0-47", "visit_type", "house call"),
    ],
)
def test_a_field_told_by_a_custom_property_is_told_by_no_other(
    kind: str, name: str, value: str
) -> None:
    """HubSpot's own property, one of the field's name; nor by a word that is no type."""
    result = translate(ORIGIN, [_changed(kind, name, value)], names=CUSTOM)
    assert (result.events, result.dead, result.ignored) == ([], [], 1)


def _changed(kind: str, name: str, value: str) -> dict[str, Any]:
    told = {"subscriptionType": "object.propertyChange", "objectTypeId": kind}
    return won(NOW, propertyName=name, propertyValue=value, **told)
