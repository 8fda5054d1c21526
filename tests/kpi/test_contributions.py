"""Facts: the difference between what an entity contributed and what it contributes."""

from __future__ import annotations

from kpi.contributions import Contributions, contributions, diff
from tests.kpi.telling import Story
from tests.oracle.folding import folded

ANA = "hubspot-main/ana"


def test_a_difference_says_only_what_changed() -> None:
    """The cut of a won deal is one fact, and the count is none."""
    old: Contributions = {(ANA, "won_n", 5): 1, (ANA, "won:USD", 5): 100_000}
    new: Contributions = {(ANA, "won_n", 5): 1, (ANA, "won:USD", 5): 40_000}
    assert diff(old, new) == {(ANA, "won:USD", 5): -60_000}


def test_what_is_gone_is_taken_back() -> None:
    """A deleted win is a negative fact at the moment of the win."""
    assert diff({(ANA, "won_n", 5): 1}, {}) == {(ANA, "won_n", 5): -1}


def test_a_deal_worth_nothing_makes_no_fact_of_zero() -> None:
    """An amount of 0 is a known amount; neither its coming nor its going changes a sum."""
    free: Contributions = {(ANA, "won_n", 5): 1, (ANA, "won:USD", 5): 0}
    assert diff({}, free) == {(ANA, "won_n", 5): 1}
    assert diff(free, {}) == {(ANA, "won_n", 5): -1}


def test_an_entity_that_is_not_there_contributes_nothing() -> None:
    """The first patch of an entity is a difference to nothing."""
    assert contributions(None, Story().meaning) == {}


def test_the_same_patches_again_are_no_facts() -> None:
    """At-least-once delivery is harmless."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", amount="0", stage="signed")
    folding = folded(story.told, story.meaning)
    assert folding.fold(story.told) == {}
