"""Numbers counted again from the archive, with nothing of what the live path keeps.

In: the archived records of one tenant in the order of the log, each at a step, and the meaning.
Out: facts by step, and the entities as of the step that is asked of each. Guarantee: pure; an
entity is folded from its own records alone, and its contributions are taken whole, so no batch, no
cache and no difference of the live path is in the result.

Steps. Step 0 is everything before the first look at the numbers, step n what came between look
n - 1 and look n: whatever was read at look n must equal the facts of the steps 0 to n.

Memory: every entity told to it (about 1 kB each), besides what the sink keeps. Entities depend on
each other only where an activity touches its deal, so a large tenant is counted in parts:
activities by hash of their key, with ``touched`` handing the touches on, then deals by hash, with
``touch``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import NamedTuple

from kpi.activity import last_change, touched
from kpi.contributions import Contributions, contributions, diff
from kpi.entity import Entity, TooManyChangesError, apply, new, touch
from kpi.fold import DAY_MS, Tenant, refusal
from kpi.panes import spread
from schemas.envelope import EntityPatch, Event, Evict, entity_key
from schemas.meaning import Meaning

LATEST = 1 << 62
"""A step after every other."""


class UncountableError(Exception):
    """An entity (``args[0]``) has no contributions (``args[1]`` says why): count carefully."""


class Touch(NamedTuple):
    """An activity took place (``by`` 1), or did not after all (-1), in a minute of a deal's."""

    step: int
    deal: str
    """Entity key."""
    minute: int
    """UTC minute number."""
    by: int


Counted = Callable[[int, Contributions], None]
"""Takes the facts that one entity makes at a step."""

Pane = tuple[str, str, str]
"""Owner key, grain, span: one hash of panes."""


def _at_the_end(_: str) -> int:
    return LATEST


class Recount:
    """One part of a tenant, counted again. ``tell`` and ``touch`` by ascending step; ``finish``."""

    def __init__(
        self,
        meaning: Meaning,
        counted: Counted,
        *,
        seen_at: Callable[[str], int] = _at_the_end,
        touched: Callable[[Touch], None] | None = None,
        careful: bool = False,
    ) -> None:
        """``seen_at``: entity key -> the step as of which ``entities`` must have it.

        ``touched``: takes the touches; without it the deals are in this part. ``careful``: takes
        the contributions after every record, and leaves out a record after which there are none,
        as the live path does with poison; many times slower, and only needed after an
        ``UncountableError``.
        """
        self.forgotten: dict[str, Entity] = {}
        """Imported activities as they were when they were forgotten: a restore, which counts the
        lanes one after the other, holds them until the next eviction."""
        self.left_out = 0
        """Records that count for nothing: too late, clocks that are wrong, too many changes."""
        self._tenant = Tenant(0, meaning)
        self._counted = counted
        self._seen_at = seen_at
        self._touched = touched or self.touch
        self._careful = careful
        self._held: dict[str, Entity] = {}
        self._seen: dict[str, Entity | None] = {}
        self._steps: dict[str, int] = {}
        self._before: dict[str, Contributions] = {}
        self._quiet_since: list[tuple[int, str]] = []
        self._evicted = 0
        self._imported: set[str] = set()

    def tell(self, step: int, event: Event, *, imported: bool = False) -> None:
        """One record more; control records other than evictions say nothing about numbers.

        ``imported``: it is from the slow lane, where a record is judged by its own receipt.
        """
        if isinstance(event.data, EntityPatch):
            self._patch(step, event, event.data, imported=imported)
        elif isinstance(event.data, Evict) and event.data.at > self._evicted:
            self._evict(step, event.data.at)

    def touch(self, one: Touch) -> None:
        """A deal of this part is touched.

        Raises:
            UncountableError: as ``tell`` and ``finish`` do.
        """
        held = self._held.get(one.deal) or new("deal", one.deal.split(":", 2)[1])
        self._change(one.step, one.deal, touch(held, one.minute, one.by))

    def finish(self) -> None:
        """Everything was told: hand on the facts that are still open."""
        for key in self._held:
            self._settle(key)

    def entities(self) -> dict[str, Entity]:
        """Every entity that is held, as of the step that ``seen_at`` names."""
        seen = {key: self._seen.get(key, entity) for key, entity in self._held.items()} | self._seen
        return {key: entity for key, entity in seen.items() if entity is not None}

    def _patch(self, step: int, event: Event, patch: EntityPatch, *, imported: bool) -> None:
        key = entity_key(patch.entity, event.connection, patch.id)
        before = self._held.get(key)
        after = self._applied(before, event, patch, None if imported else self._evicted)
        if after is None:
            self.left_out += 1
            return
        self._change(step, key, after)
        if patch.entity == "activity":
            if imported:
                self._imported.add(key)
            self._expect_quiet(key, before, after)
            self._touch_deals(step, before, after)

    def _applied(
        self, before: Entity | None, event: Event, patch: EntityPatch, evicted: int | None
    ) -> Entity | None:
        if refusal(patch, self._tenant, evicted, known=before is not None):
            return None
        held = before or new(patch.entity, event.connection)
        try:
            after = apply(held, event.id, patch)
            if self._careful:
                contributions(after, self._tenant.meaning)
        except TooManyChangesError:
            return None
        except Exception:  # noqa: BLE001 - what is poison to the live path counts for nothing
            return None
        return after

    def _touch_deals(self, step: int, before: Entity | None, after: Entity) -> None:
        was, now = touched(before), touched(after)
        if was == now:
            return
        for named, by in ((was, -1), (now, 1)):
            if named is not None:
                deal = entity_key("deal", after.connection, named[0])
                self._touched(Touch(step, deal, named[1], by))

    def _change(self, step: int, key: str, after: Entity) -> None:
        self._turn(step, key)
        if step:
            self._steps[key] = step
        self._held[key] = after

    def _turn(self, step: int, key: str) -> None:
        """Before an entity changes: keep it for whoever saw it, count what it was until now."""
        if not step:
            return
        if step > self._seen_at(key):
            self._seen.setdefault(key, self._held.get(key))
        if key in self._held and step > self._steps.get(key, 0):
            self._before[key] = self._settle(key)

    def _settle(self, key: str) -> Contributions:
        """Hand on what changed in an entity since it was last settled."""
        was = self._before.get(key, {})
        try:
            now = contributions(self._held[key], self._tenant.meaning)
        except Exception as error:
            raise UncountableError(key, repr(error)) from error
        facts = diff(was, now)
        if facts:
            self._counted(self._steps.get(key, 0), facts)
        return now

    def _expect_quiet(self, key: str, before: Entity | None, after: Entity) -> None:
        last = last_change(after)
        if before is None or last < last_change(before):
            heappush(self._quiet_since, (last, key))

    def _evict(self, step: int, at: int) -> None:
        """Forget the activities that were quiet; what they counted stays counted."""
        self._evicted = at
        cutoff = at - self._tenant.meaning.entity_retention_days * DAY_MS
        waiting = self._quiet_since
        while waiting and waiting[0][0] < cutoff:
            _, key = heappop(waiting)
            held = self._held.get(key)
            if held is None:
                continue
            last = last_change(held)
            if last < cutoff:
                self._forget(step, key)
            else:
                heappush(waiting, (last, key))

    def _forget(self, step: int, key: str) -> None:
        self._turn(step, key)
        self._settle(key)
        if key in self._imported:
            self.forgotten[key] = self._held[key]
        del self._held[key]
        self._before.pop(key, None)
        self._steps.pop(key, None)


class Recounted(NamedTuple):
    """All that Redis must hold: entity key -> entity, hash of panes -> field -> integer."""

    entities: dict[str, Entity]
    panes: dict[Pane, dict[str, int]]


def recount(events: Iterable[Event], meaning: Meaning, now: int = 0) -> Recounted:
    """Everything at once, in memory; panes past their retention at ``now`` are left out."""
    panes: dict[Pane, dict[str, int]] = {}

    def counted(_: int, facts: Contributions) -> None:
        for (owner, held, field), delta in spread(facts, meaning, now).items():
            pane = panes.setdefault((owner, held.grain, held.span), {})
            pane[field] = pane.get(field, 0) + delta

    part = Recount(meaning, counted)
    for event in events:
        part.tell(0, event)
    part.finish()
    kept = {key: {name: n for name, n in pane.items() if n} for key, pane in panes.items()}
    return Recounted(part.entities(), {key: pane for key, pane in kept.items() if pane})
