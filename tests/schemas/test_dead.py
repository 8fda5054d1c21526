"""The dead letter keeps all that is needed to try again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.dead import DeadLetter, Stage, decode, encode
from tests.kpi.laws.histories import law

stages: st.SearchStrategy[Stage] = st.sampled_from(("ingest", "aggregate"))

letters = st.builds(
    DeadLetter,
    id=st.text(min_size=1, max_size=20),
    stage=stages,
    tenant=st.just("acme"),
    connection=st.just("hubspot-main"),
    reason=st.sampled_from(("too_late", "future_clock", "unmappable", "undecodable")),
    detail=st.text(max_size=40),
    at=st.integers(0, 2**53),
    payload=st.binary(max_size=60),
    headers=st.dictionaries(st.just("ce-type"), st.text(max_size=10)),
)


@law
@given(letters)
def test_a_dead_letter_is_read_back_with_every_byte(letter: DeadLetter) -> None:
    """The payload too, though it is no text."""
    assert decode(encode(letter)) == letter
