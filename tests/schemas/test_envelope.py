"""The event envelope: written, read back, and described to other languages."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.envelope import (
    ACTIVATED,
    DISCARDED,
    EVICTED,
    LOOKED,
    PATCHED,
    RANK,
    RELEASED,
    TICKED,
    Activate,
    Discard,
    EntityPatch,
    Event,
    Evict,
    Look,
    Record,
    Release,
    Tick,
    decode,
    encode,
    entity_key,
    json_schema,
    owner_key,
)
from tests.kpi.laws.histories import (
    MEANING,
    WITHOUT_STALENESS,
    activity_changes,
    deal_changes,
    instants,
    law,
)

VALIDATOR = Draft202012Validator(json_schema())

patches = st.one_of(deal_changes(), activity_changes()).map(lambda told: told[2])
records: st.SearchStrategy[Record] = st.one_of(
    patches,
    st.builds(
        Activate,
        generation=st.integers(1, 99),
        meaning=st.sampled_from((MEANING, WITHOUT_STALENESS)),
        issued_at=instants,
        held=st.booleans(),
    ),
    st.builds(Release, generation=st.integers(1, 99), issued_at=instants),
    st.builds(Discard, generation=st.integers(1, 99), issued_at=instants),
    st.builds(Tick, at=instants),
    st.builds(Look, at=instants),
    st.builds(Evict, at=instants),
)
words = st.text(min_size=1, max_size=20)

KINDS: dict[type[Record], str] = {
    EntityPatch: PATCHED,
    Activate: ACTIVATED,
    Release: RELEASED,
    Discard: DISCARDED,
    Tick: TICKED,
    Look: LOOKED,
    Evict: EVICTED,
}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event of the log."""
    record = draw(records)
    return Event(
        id=draw(words),
        source=draw(words),
        type=KINDS[type(record)],
        tenant=draw(words),
        data=record,
        connection=draw(st.sampled_from(("", "hubspot-main"))),
        time=draw(st.sampled_from(("", "2026-03-28T10:00:00Z"))),
    )


def won(**over: Any) -> dict[str, Any]:
    """A patch event as JSON, with something changed in its data."""
    data = {
        "record": "patch",
        "entity": "deal",
        "id": "9001",
        "op": "set",
        "occurred_at": 1_774_692_000_000,
        "received_at": 1_774_692_000_450,
        "fields": {"stage": "signed", "amount": "98000.00", "close_on": "2026-03-28"},
    }
    return {
        "id": "hs-1",
        "source": "urn:paceline:hubspot",
        "type": PATCHED,
        "tenant": "acme",
        "connection": "hubspot-main",
        "data": {**data, **over},
    }


@law
@given(events())
def test_an_event_is_read_back_as_it_was_written(event: Event) -> None:
    """decode(encode(event)) == event, of every kind of record, in every script."""
    assert decode(encode(event)) == event
    assert repr(decode(encode(event))) == repr(event)


@law
@given(events())
def test_every_written_event_is_valid_by_the_json_schema(event: Event) -> None:
    """What we write is what we promise to readers in other languages."""
    VALIDATOR.validate(json.loads(encode(event)))


def test_the_json_schema_is_one_itself() -> None:
    """2020-12."""
    Draft202012Validator.check_schema(json_schema())


def test_an_event_carries_the_attributes_of_cloudevents() -> None:
    """Those required by version 1.0 are read as they stand; those with a default are implied."""
    event = decode(json.dumps({**won(), "specversion": "1.0"}).encode())
    assert (event.specversion, event.id, event.type) == ("1.0", "hs-1", PATCHED)
    assert event.datacontenttype == "application/json"


def test_a_reader_of_version_one_ignores_what_a_later_version_adds() -> None:
    """An unknown attribute, an unknown member of the data: read as if they were not there."""
    later = {**won(weather="sunny"), "traceparent": "00-4bf9-00f0-01"}
    assert decode(json.dumps(later).encode()) == decode(json.dumps(won()).encode())
    VALIDATOR.validate(later)


def test_an_instant_and_a_civil_date_stay_apart() -> None:
    """The close day is text, the moments are integers."""
    patch = decode(json.dumps(won()).encode()).data
    assert isinstance(patch, EntityPatch)
    assert patch.fields["close_on"] == "2026-03-28"
    assert patch.occurred_at == 1_774_692_000_000


@pytest.mark.parametrize(
    "over",
    [
        {"record": "poem"},
        {"entity": "contact"},
        {"op": "upsert"},
        {"occurred_at": "2026-03-28"},
        {"occurred_at": 1.5},
        {"occurred_at": None},
        {"id": 9001},
        {"fields": {"amount": 1200.5}},
        {"fields": {"amount": {"value": 1}}},
        {"fields": ["stage"]},
    ],
)
def test_what_is_no_event_is_refused_by_reader_and_schema_alike(over: dict[str, Any]) -> None:
    """A float amount above all: money never is one."""
    with pytest.raises(ValueError, match=r".+"):
        decode(json.dumps(won(**over)).encode())
    assert not VALIDATOR.is_valid(won(**over))


@pytest.mark.parametrize("raw", [b"", b"null", b"{", b"[]", b"\xff\xfe", b'{"id": NaN}'])
def test_bytes_that_are_no_event_raise_a_value_error(raw: bytes) -> None:
    """One kind of error for the poison of a partition."""
    with pytest.raises(ValueError, match=r".+"):
        decode(raw)


def test_the_order_of_ops_is_fixed() -> None:
    """It is part of every stored change: a new op gets a new number, and none changes its own."""
    assert RANK == {"create": 0, "set": 1, "merge": 2, "delete": 3, "restore": 4}


def test_the_stored_form_of_a_patch_is_fixed() -> None:
    """What is in the archive of today is read for ever."""
    patch = EntityPatch(
        entity="deal", id="9001", op="create", occurred_at=1, received_at=2, fields={"owner": "ana"}
    )
    assert msgspec.json.encode(patch) == (
        b'{"record":"patch","entity":"deal","id":"9001","op":"create","occurred_at":1,'
        b'"received_at":2,"fields":{"owner":"ana"}}'
    )


def test_keys_say_kind_connection_and_vendor_id() -> None:
    """A deal and an activity of one id are two entities; an owner belongs to a connection."""
    assert entity_key("deal", "hubspot-main", "77") == "d:hubspot-main:77"
    assert entity_key("activity", "hubspot-main", "77") == "a:hubspot-main:77"
    assert owner_key("hubspot-main", "") == "hubspot-main/"


def test_the_json_schema_that_is_shipped_is_the_one_of_the_types() -> None:
    """Readers in other languages take the file; it must not fall behind."""
    shipped = files("schemas") / "event.v1.schema.json"
    assert json.loads(shipped.read_text("utf-8")) == json_schema()
