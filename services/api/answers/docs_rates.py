"""Documentation of the routes of rates.

In: the shapes of ``answers.rates``. Out: arguments for routes. Guarantee: as ``docs``.
"""

from __future__ import annotations

from http import HTTPStatus

from services.api.answers.docs import ok, problem, route
from services.api.answers.plan import Mistake
from services.api.answers.rates import RateEntry, Rates, RatesWritten

_EXAMPLE = RateEntry(
    currency="EUR",
    since="2017-03-01",
    rate="1.0577",
    version=2,
    author="key:1530e831cfb2 finance",
    recorded_at=1_488_708_000_000,
)
_WRONG = problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "refused",
    "1 mistake; nothing was changed",
    errors=[Mistake(pointer="/items/0", detail="'EURO' is no currency; write its ISO 4217 code")],
)

RATES = route(ok("Every rate.", Rates, Rates(currency="USD", items=[_EXAMPLE])), "plan")
WRITE = route(
    {
        **ok(
            "What changed, or would.",
            RatesWritten,
            RatesWritten(dry_run=False, changes=["EUR 2017-03-01 1.0577"]),
        ),
        **_WRONG,
    },
    "administration",
)
