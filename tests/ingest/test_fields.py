"""Fields of activities and deals that come under many shapes: minutes, shares, overlay."""

from __future__ import annotations

from typing import Any

import pytest

from paceline.sql.connections import Mapping, Rule
from schemas.envelope import EntityPatch, Scalar
from services.ingest.mapping import compile_mapping, translate
from services.ingest.translation import Origin
from tests.ingest.test_hubspot import ORIGIN

FIELDS = {
    "minutes": "minutes_of_ms(took)",
    "split": "split",
    "overlay": "overlay",
    "lost_reason": "why",
}


def fields(body: dict[str, Any], origin: Origin = ORIGIN) -> dict[str, Scalar]:
    """What one event of a CRM of one's own becomes."""
    rule = Rule(entity="deal", id="id", fields=FIELDS)
    mapping = compile_mapping(Mapping(events="@", rules=(rule,)))
    found = translate(origin, mapping, {"id": "9001", **body})
    patch = found.events[0].data
    assert isinstance(patch, EntityPatch)
    return dict(patch.fields)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"took": 1_790_000}, {"minutes": 30}),
        ({"took": "half an hour"}, {"minutes": "half an hour"}),
        ({"split": "101=60;102=40"}, {"split": "101=60;102=40"}),
        ({"overlay": 201}, {"overlay": 201}),
        ({"overlay": "201;202"}, {"overlay": "201;202"}),
        ({"why": "预算不足"}, {"lost_reason": "预算不足"}),
        ({"split": ""}, {"split": ""}),
        ({}, {}),
    ],
)
def test_what_numbers_are_made_of_passes_as_it_was_told(
    body: dict[str, Any], told: dict[str, Scalar]
) -> None:
    """What cannot be used is counted as incomplete there, not refused here."""
    assert fields(body) == told
