"""The meaning of a generation: what numbers depend on, and nothing else."""

from __future__ import annotations

import msgspec

from schemas.meaning import Meaning, same
from tests.kpi.laws.histories import MEANING, WITHOUT_STALENESS


def test_a_meaning_is_read_back_as_it_was_written() -> None:
    """It travels in the log and is kept in Redis."""
    assert msgspec.json.decode(msgspec.json.encode(MEANING), type=Meaning) == MEANING


def test_the_same_meaning_needs_no_new_generation() -> None:
    """Applied again, it changes nothing; another stale rule does."""
    again = msgspec.json.decode(msgspec.json.encode(MEANING), type=Meaning)
    assert same(MEANING, again)
    assert not same(MEANING, WITHOUT_STALENESS)
    assert not same(None, MEANING)


def test_a_meaning_written_before_measures_could_be_declared_is_read() -> None:
    """Every field that came later has a default that counts nothing."""
    before = b'{"code":1,"zone":"UTC","connections":{"crm":{"currency":"USD","stages":{}}}}'
    meaning = msgspec.json.decode(before, type=Meaning)
    assert (meaning.measures, meaning.criteria, meaning.disqualification) == ({}, {}, None)
    assert (meaning.credit, meaning.connections["crm"].steps) == ("owner", {})
