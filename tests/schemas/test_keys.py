"""The catalogue of Redis keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas import keys
from tests.kpi.laws.histories import law

owners = st.text(alphabet="ab:/%{}*? 销é", max_size=8)


def test_every_key_of_a_partition_has_one_hash_tag() -> None:
    """So that one script may touch them all, also on a Redis Cluster."""
    named = [
        keys.partition_meta(5),
        keys.tenant_meta(5, "acme"),
        keys.versions(5, "acme"),
        keys.past_versions(5, "acme"),
        keys.tenants(5),
        keys.entities(5, "acme", 3, 17),
        keys.panes(5, "acme", 3, "hubspot-main/ana", "d", "202603"),
        keys.changes(5),
        keys.dead(5),
    ]
    assert all(key.startswith("{5}:") and key.count("{") == 1 for key in named)
    assert len(set(named)) == len(named)


def test_keys_of_numbers_name_tenant_and_generation() -> None:
    """A new meaning is built beside the live one."""
    assert keys.entities(5, "acme", 3, 17) == "{5}:acme:3:e:17"
    assert (
        keys.panes(5, "acme", 3, "hubspot-main/ana", "d", "202603")
        == "{5}:acme:3:w:hubspot-main/ana:d:202603"
    )


@law
@given(owners, owners)
def test_owners_cannot_collide_whatever_a_crm_calls_them(one: str, other: str) -> None:
    """Colons, braces and percent signs are encoded, so a key has one reading."""
    first, second = (keys.panes(1, "acme", 1, name, "d", "202603") for name in (one, other))
    assert (first == second) == (one == other)
    assert first.count(":") == keys.panes(1, "acme", 1, "", "d", "202603").count(":")
    assert first.count("{") == 1


def test_an_entity_stays_in_its_bucket() -> None:
    """The bucket is part of where it is stored."""
    assert keys.entity_bucket("d:hubspot-main:9001") == 2070
    assert all(
        0 <= keys.entity_bucket(f"d:hubspot-main:{n}") < keys.ENTITY_BUCKETS for n in range(999)
    )


def test_fields_of_one_hash_cannot_be_taken_for_each_other() -> None:
    """Offsets per topic, receipts per connection, counts per outcome."""
    assert keys.next_offset("crm.events") == "next:crm.events"
    assert keys.seen("hubspot-main") == "seen:hubspot-main"
    assert keys.counted("too_late") == "n:too_late"
