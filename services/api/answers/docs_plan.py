"""Documentation of the plan's routes: reading and administration.

In: the shapes of ``answers_plan``. Out: arguments for routes. Guarantee: as ``docs``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from paceline.progress.answers import kpis as answers_kpi
from services.api.answers import examples_plan as examples
from services.api.answers import plan as answers_plan
from services.api.answers.docs import ABSENT, REFUSED, Extra, Responses, ok, problem, route
from services.api.answers.plan import Mistake

IF_MATCH = "The ETag that the item must have now, or `*`; 412 where somebody changed it since."

_CHANGED = problem(
    HTTPStatus.PRECONDITION_FAILED, "changed-since", "somebody changed it since; read it again"
)
_MISTAKES = problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "refused",
    "1 mistake; nothing was changed",
    errors=[
        Mistake(
            pointer="/formula",
            detail='character 12: unknown name "wonn"; did you mean "won_count"?',
        )
    ],
)
_LARGE = problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "a body has at most 8388608 bytes"
)


def _body(media: str, schema: dict[str, Any], example: object) -> Extra:
    return {
        "requestBody": {
            "required": True,
            "content": {media: {"schema": schema, "example": example}},
        }
    }


def _write(responses: Responses, extra: Extra | None = None) -> Extra:
    return route(
        {**responses, **ABSENT, **_CHANGED, **_LARGE, **_MISTAKES}, "administration", extra
    )


KPIS = route(ok("The KPIs.", answers_plan.Kpis, examples.kpis()), "plan")
TARGETS = route(
    {**ok("A page of targets.", answers_plan.Targets, examples.targets()), **ABSENT, **REFUSED},
    "plan",
)
ACKNOWLEDGE = route(
    {
        **ok("It is acknowledged.", answers_plan.Written, examples.acknowledged()),
        **ABSENT,
        **_CHANGED,
        **REFUSED,
    },
    "plan",
)
RAMP = route(
    {**ok("The staircase.", answers_kpi.RampView, examples.ramp()), **ABSENT, **REFUSED}, "plan"
)
ALIGNMENT = route(
    {**ok("What does not fit.", answers_plan.Alignment, examples.alignment()), **REFUSED}, "plan"
)
SUGGESTIONS = route(
    {
        **ok("A page of suggestions.", answers_plan.Suggestions, examples.suggestions()),
        **ABSENT,
        **REFUSED,
    },
    "plan",
)
CALENDAR = route(
    {
        **ok("One year.", answers_plan.CalendarYear, examples.calendar()),
        **ABSENT,
        **REFUSED,
    },
    "plan",
)

AUDIT = route(
    {**ok("A page of the audit.", answers_plan.Audit, examples.audit()), **REFUSED},
    "administration",
)
ITEMS = route(
    {**ok("A page of items.", answers_plan.Items, examples.items()), **ABSENT, **REFUSED},
    "administration",
)
ITEM = route(
    {**ok("The item.", answers_plan.Item, examples.item()), **ABSENT, **REFUSED}, "administration"
)
_DONE = ok("What changed, or would.", answers_plan.Written, examples.written())
WRITE = _write(_DONE)
PUT = _write(_DONE, _body("application/json", {"type": "object"}, examples.item().body))
IMPORT = _write(_DONE, _body("text/csv", {"type": "string"}, examples.CSV))
