"""Documentation of the routes of locked periods.

In: the shapes of ``answers.locks``. Out: arguments for routes. Guarantee: as ``docs``.
"""

from __future__ import annotations

from http import HTTPStatus

from services.api.answers.docs import ABSENT, REFUSED, ok, problem, route
from services.api.answers.locks import LockEntry, Locks

_EXAMPLE = LockEntry(
    period="2017-02",
    first="2017-02-01",
    last="2017-02-28",
    locked_at=1_488_708_000_000,
    author="key:1530e831cfb2 finance",
    note="reported to the board",
    generation=3,
    unlocked_at=None,
    unlocked_by=None,
)
_RUNS = problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "not-over",
    "2017-03 is not over",
    "a label of a period that is, such as 2017-02",
)
_TWICE = problem(HTTPStatus.CONFLICT, "already-locked", "2017-02 is locked since 1488708000000")

LOCKS = route(ok("All locks.", Locks, Locks(items=[_EXAMPLE])), "periods")
LOCK = route({**ok("It is locked.", LockEntry, _EXAMPLE), **_RUNS, **_TWICE}, "periods")
UNLOCK = route({**ok("It is open again.", LockEntry, _EXAMPLE), **ABSENT, **REFUSED}, "periods")
