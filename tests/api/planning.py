"""The plan of the tests' world: an administrator's hand.

In: a world, a kind, an id, a body in the file's shape. Out: the plan changed as over REST.
Guarantee: through the same operations as REST and the configuration file.
"""

from __future__ import annotations

from typing import Any

import kpi
from paceline.admin.items import put_item
from paceline.admin.targets import import_targets
from paceline.admin.values import Actor, Kind
from tests.api.world import NAMES, OWNERS, TEAMS, ZONES, World

HAND = Actor("test:planning")


async def put(world: World, kind: Kind, item: str, **body: Any) -> None:
    """Make an item what the body says."""
    await put_item(world.engine, world.tenant, kind, item, body, actor=HAND, code=kpi.CODE)


async def setting(world: World, name: str, value: Any) -> None:
    """Make a tenant's setting a value."""
    await put(world, "settings", name, value=value)


async def targets(world: World, *lines: str) -> None:
    """Targets from lines of ``kpi,rep,team,organisation,period,base,stretch,effective``."""
    head = "kpi,rep,team,organisation,period,base,stretch,effective,change,state"
    full = [line + "," * (head.count(",") - line.count(",")) for line in lines]
    data = "\n".join([head, *full])
    await import_targets(world.engine, world.tenant, data.encode(), actor=HAND)


async def rep(world: World, name: str, **more: Any) -> None:
    """A rep as the world has it, and more of the file's fields."""
    shown, shown_zh = NAMES[name]
    body: dict[str, Any] = {
        "id": name,
        "name": shown,
        "name_zh": shown_zh,
        "team": TEAMS[name],
        "zone": ZONES[name],
        "owners": {"hub": [OWNERS[name]]},
    }
    if name == "grace":
        body["manages"] = "east"
    body |= more
    if "teams" in more:
        del body["team"]
    await put(world, "reps", name, **body)
