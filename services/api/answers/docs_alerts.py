"""Documentation of the routes of alerts, subscriptions and deliveries.

In: the shapes of ``answers.alerts``. Out: arguments for routes. Guarantee: as ``docs``.
"""

from __future__ import annotations

from datetime import date
from http import HTTPStatus

from fastapi import Response

from paceline.alerting.backtest import Backtest, Firing
from schemas.alerts import Alert, Driver, Figure, RuleRef, SubjectRef
from services.api.answers.alerts import (
    AlertEntry,
    Alerts,
    Attempt,
    Deliveries,
    DeliveryEntry,
    Note,
    Precisions,
    Replayed,
    RulePrecision,
    SubscriptionEntry,
    SubscriptionList,
)
from services.api.answers.docs import ABSENT, REFUSED, ok, problem, route

_ALERT = Alert(
    id="alr_5e0c1f3ab7d24c6f8a1b2c3d",
    sequence=48_211,
    what="fired",
    tenant="meridian",
    rule=RuleRef(
        id="rep-won-at-risk",
        version=2,
        name="A rep's won amount is at risk",
        name_zh="销售代表成交金额有风险",
        when="pace",
    ),
    severity="warning",
    subject=SubjectRef(kind="rep", id="maria", name="Maria Lopez", name_zh="玛丽亚", team="east"),
    period="2026-11",
    began_at=1_795_500_000_000,
    at=1_795_528_800_000,
    figure=Figure(
        kpi="won_amount",
        version=1,
        name="Won amount",
        name_zh="成交金额",
        unit="money",
        currency="USD",
        exponent=2,
        value=200_000,
        target=2_100_000,
        attainment=0.0952,
        status="at_risk",
        basis="workday",
        expected=1_000_000,
        of_expected=0.2,
        projection=420_000,
        probability=0.04,
        required_per_workday=172_727,
        remaining_workdays=11,
    ),
    driver=Driver(topic="volume", kpi="opportunities_created", value=2, team=6.5),
    explain="/v1/explain?kpi=won_amount&period=2026-11&rep=maria",
    field="",
    held="",
)
_ENTRY = AlertEntry(
    id=_ALERT.id,
    state="acknowledged",
    fired_at=_ALERT.at,
    resolved_at=None,
    acknowledged_at=1_795_530_000_000,
    acknowledged_by="rep:grace",
    snoozed_until=None,
    useful=1,
    alert=_ALERT,
    notes=[Note(at=1_795_530_000_000, author="rep:grace", kind="acknowledge", text="")],
)
_PRECISION = RulePrecision(
    rule="rep-won-at-risk", fired=40, acknowledged=31, useful=18, not_useful=2, precision=0.9
)
_FIRING = Firing(
    day=date(2017, 3, 14),
    what="fired",
    subject_kind="rep",
    subject="maria",
    name="Maria Lopez",
    period="2017-03",
    value=200_000,
    expected=1_000_000,
    target=2_100_000,
)
_BACKTEST = Backtest(
    first=date(2017, 1, 1),
    last=date(2017, 12, 31),
    days=365,
    fired=1,
    subjects={"maria": 1},
    most_in_a_day=1,
    changes=[_FIRING],
)
_SUBSCRIPTION = SubscriptionEntry(
    id="crm-tasks",
    name="Tasks in the CRM",
    kind="webhook",
    url="https://hooks.example.com/paceline",
    filters={"rules": [], "severities": ["critical"], "subjects": [], "resolved": True},
    language="en",
    enabled=True,
    why_disabled="",
    failing_since=None,
    sequence=12,
    created_at=1_795_500_000_000,
    author="key:1530e831cfb2 sales-ops",
    secret="whsec_…",  # noqa: S106 - an example
)
_DELIVERY = DeliveryEntry(
    id="msg_0c9f6b1e2d3a4f5b6c7d8e9f",
    alert=_ALERT.id,
    what="fired",
    subscription="crm-tasks",
    person=None,
    sequence=12,
    state="delivered",
    attempts=2,
    due_at=1_795_528_805_000,
    created_at=1_795_528_800_120,
    done_at=1_795_528_805_090,
    said="204",
    log=[
        Attempt(
            number=1,
            at=1_795_528_800_150,
            took_ms=31,
            status=503,
            error="",
            excerpt="back in a second",
        ),
        Attempt(number=2, at=1_795_528_805_020, took_ms=70, status=204, error="", excerpt=""),
    ],
)
_UNTESTABLE = problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "untestable",
    "when sources were silent is not kept: this rule has no past",
)
_URL = problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid-url",
    "the URL must be https://host/… without user or fragment",
    "https://…",
)
_DEED = problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid-until",
    "snooze until a moment within 30 days",
    "until",
)
_TAG, _PLACES = "alerts", "deliveries"

ALERTS = route(
    {**ok("A page.", Alerts, Alerts(items=[_ENTRY], next=None, open=3)), **REFUSED}, _TAG
)
ALERT = route({**ok("The alert.", AlertEntry, _ENTRY), **ABSENT, **REFUSED}, _TAG)
DO = route({**ok("The alert as it is now.", AlertEntry, _ENTRY), **ABSENT, **_DEED}, _TAG)
STREAM = route(
    {
        200: {
            "description": "`alert` events carry an AlertEntry: what fired, is over, is done.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": f"event: alert\nid: {_ENTRY.id}\ndata: {{}}\n\n",
                }
            },
        }
    },
    _TAG,
    response_class=Response,
)
PRECISION = route(ok("By rule.", Precisions, Precisions(items=[_PRECISION])), _TAG)
BACKTEST = route({**ok("What it would have told.", Backtest, _BACKTEST), **_UNTESTABLE}, _TAG)
SUBSCRIPTIONS = route(
    ok("All.", SubscriptionList, SubscriptionList(items=[_SUBSCRIPTION])), _PLACES
)
_SUBSCRIBED = ok("The subscription.", SubscriptionEntry, _SUBSCRIPTION)
_ONE = {**_SUBSCRIBED, **ABSENT, **REFUSED}
SUBSCRIBE = route({**_SUBSCRIBED, **_URL}, _PLACES)
UNSUBSCRIBE = route(_ONE, _PLACES)
ROTATE = route(_ONE, _PLACES)
TEST = route({**ok("It is on its way.", DeliveryEntry, _DELIVERY), **ABSENT, **REFUSED}, _PLACES)
DELIVERIES = route(
    {**ok("The log.", Deliveries, Deliveries(items=[_DELIVERY])), **REFUSED}, _PLACES
)
REPLAY = route({**ok("How many.", Replayed, Replayed(replayed=4)), **REFUSED}, _PLACES)
SHAPES = (
    Alerts,
    AlertEntry,
    Precisions,
    Backtest,
    SubscriptionList,
    SubscriptionEntry,
    DeliveryEntry,
    Deliveries,
    Replayed,
)
