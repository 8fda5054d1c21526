"""A level against the level below."""

from __future__ import annotations

from fractions import Fraction

from kpi.targets.cascade import Level, cascade, levels
from tests.kpi.targets.sales import told

WEST = Level(id="west", own=Fraction(500), members={"ana": Fraction(300), "ben": Fraction(150)})
EAST = Level(id="east", members={"eli": Fraction(250), "fay": None})


def test_what_is_not_allocated_is_shown() -> None:
    """West has 500, its people 450."""
    found = levels(WEST)["west"]
    assert told(found.target, found.allocated, found.difference) == (500, 450, 50)


def test_what_is_allocated_too_much_is_shown_below_zero() -> None:
    """A manager who keeps a reserve of 20."""
    found = cascade(Fraction(100), {"ana": Fraction(70), "ben": Fraction(50)})
    assert told(found.allocated, found.difference) == (120, -20)


def test_a_team_without_a_target_has_the_sum_and_names_who_is_missing() -> None:
    """East has no target of its own, and Fay has none either."""
    found = levels(EAST)["east"]
    assert told(found.target, found.source, found.difference) == (250, "sum", 0)
    assert found.missing == ("fay",)


def test_every_level_shows_its_own_difference() -> None:
    """The organisation counts a team's own target before the sum of its people."""
    found = levels(Level(id="acme", own=Fraction(800), below=(WEST, EAST)))
    assert list(found) == ["acme", "west", "east"]
    assert told(found["acme"].allocated, found["acme"].difference) == (750, 50)


def test_overlay_people_are_not_summed() -> None:
    """The SDR's 500 are the same deals once more."""
    west = Level(
        id="west", members={**WEST.members, "sdr": Fraction(500)}, overlay=frozenset(["sdr"])
    )
    assert levels(west)["west"].target == 450


def test_nobody_with_a_target_is_no_target() -> None:
    """Neither a sum of nothing, which would read as zero."""
    found = levels(Level(id="acme", below=(Level(id="north", members={"gus": None}),)))
    assert (found["acme"].target, found["acme"].source) == (None, "none")
    assert found["acme"].missing == ("team/north",)
