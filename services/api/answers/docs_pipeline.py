"""Documentation of the routes of pipeline and forecast.

In: the shapes of ``answers.pipeline``. Out: arguments for routes. Guarantee: as ``docs``.
"""

from __future__ import annotations

from services.api.answers import examples
from services.api.answers.docs import ABSENT, REFUSED, ok, route
from services.api.answers.pipeline import (
    Accuracies,
    AccuracyView,
    Calls,
    CallView,
    CoverageView,
    DealList,
    DealView,
    ForecastView,
    FunnelStep,
    FunnelView,
    MethodView,
    PipelineView,
    Slipped,
    SubmissionView,
    WaterfallPart,
    WaterfallView,
)

_WHOLE = examples.rep()
_DEAL = DealView(
    deal="d:hubspot-main:9020",
    record="9020",
    link="https://app.hubspot.com/contacts/62515/deal/9020",
    name="Cold storage retrofit",
    rep="maria",
    owner="hubspot-main/11",
    stage="proposal",
    days_in_stage=9,
    qualified=True,
    stale=False,
    amount=3_200_000,
    currency="USD",
    worth=3_200_000,
    close_on="2017-03-28",
    last_touch=1_490_700_000_000,
    chance=0.42,
    needs=["activity"],
    help=False,
)
_LIST = DealList(total=1, worth=3_200_000, apart={}, items=[_DEAL], next=None)
_NONE = DealList(total=0, worth=0, apart={}, items=[], next=None)
_PIPELINE = PipelineView(
    subject=_WHOLE.subject,
    period="month",
    period_label="2017-03",
    bounds=_WHOLE.bounds,
    currency="USD",
    coverage=CoverageView(
        qualified=3_200_000,
        target=4_600_000,
        won=1_899_000,
        of_target=0.696,
        of_rest=1.185,
        covered=False,
        win_rate=0.31,
        required=3.23,
        gap=5_512_903,
        create_per_week=9_100_000,
        chances=[0.36, 0.25],
    ),
    closable=_LIST,
    overdue=_NONE,
    later=_NONE,
    stale=_NONE,
    slipped=[
        Slipped(
            deal="d:hubspot-main:8811",
            record="8811",
            link=None,
            rep="maria",
            at=1_490_100_000_000,
            before="2017-03-15",
            after="2017-04-20",
            amount=900_000,
            currency="USD",
        )
    ],
    generation=3,
    generated_at=_WHOLE.generated_at,
)
_FUNNEL = FunnelView(
    subject=_WHOLE.subject,
    period="month",
    bounds=_WHOLE.bounds,
    steps=[
        FunnelStep(
            stage="proposal",
            entered=12,
            got_on=5,
            conversion=5 / 12,
            median_s=691_200,
            p90_s=2_160_000,
            open=3,
        )
    ],
)
_WATERFALL = WaterfallView(
    subject=_WHOLE.subject,
    first="2017-03-01",
    last="2017-03-31",
    qualified=True,
    closing="any",
    currency="USD",
    start=4_000_000,
    end=3_200_000,
    start_deals=3,
    end_deals=2,
    start_amounts={"USD": 4_000_000},
    end_amounts={"USD": 3_200_000},
    parts=[
        WaterfallPart(kind="qualified", deals=1, amounts={"USD": 1_099_000}, worth=1_099_000),
        WaterfallPart(kind="won", deals=-2, amounts={"USD": -1_899_000}, worth=-1_899_000),
    ],
    apart={},
)
_SUBMITTED = SubmissionView(
    id=7,
    commit=4_200_000,
    best_case=5_000_000,
    note="two contracts are with legal",
    role="rep",
    author="key:1530e831cfb2 maria",
    overrode=None,
    submitted_at=_WHOLE.generated_at,
)
_FORECAST = ForecastView(
    subject=_WHOLE.subject,
    period_label="2017-03",
    currency="USD",
    won=1_899_000,
    target=4_600_000,
    default="seasonal",
    methods=[
        MethodView(id="seasonal", value=2_700_000, parts={"won": 1_899_000, "rest": 801_000}),
        MethodView(id="weighted", value=3_243_000, parts={"won": 1_899_000, "open": 1_344_000}),
        MethodView(id="conversion_curve", value=None, parts={}),
    ],
    submissions=[_SUBMITTED],
)
_ACCURACY = Accuracies(
    subject=_WHOLE.subject,
    labels=["2017-02", "2017-01"],
    items=[AccuracyView(who="method:seasonal", periods=2, wape=0.12, bias=-0.03)],
)
_CALL = CallView(
    id=3,
    deal="d:hubspot-main:9020",
    rep="maria",
    text="their CFO wants to speak with you",
    author="key:1530e831cfb2 maria",
    asked_at=_WHOLE.generated_at,
    answer=None,
    answered_by=None,
    answered_at=None,
)

PIPELINE = route({**ok("The pipeline.", PipelineView, _PIPELINE), **ABSENT, **REFUSED}, "pipeline")
DEALS = route({**ok("A page of deals.", DealList, _LIST), **ABSENT, **REFUSED}, "pipeline")
FUNNEL = route({**ok("The funnel.", FunnelView, _FUNNEL), **ABSENT, **REFUSED}, "pipeline")
WATERFALL = route(
    {**ok("The waterfall.", WaterfallView, _WATERFALL), **ABSENT, **REFUSED}, "pipeline"
)
FORECAST = route({**ok("The forecast.", ForecastView, _FORECAST), **ABSENT, **REFUSED}, "pipeline")
SUBMIT = route({**ok("It stands.", SubmissionView, _SUBMITTED), **ABSENT, **REFUSED}, "pipeline")
ACCURACY = route({**ok("Accuracy.", Accuracies, _ACCURACY), **ABSENT, **REFUSED}, "pipeline")
CALL = route({**ok("Asked.", CallView, _CALL), **ABSENT, **REFUSED}, "pipeline")
CALLS = route(ok("Calls for help.", Calls, Calls(items=[_CALL])), "pipeline")
ANSWER = route({**ok("Answered.", CallView, _CALL), **ABSENT, **REFUSED}, "pipeline")
