"""Random histories of a small, busy sales team on three continents.

Out: Hypothesis strategies of what a tenant was told. The world is small on purpose: two deals and
two activities, few instants, few event ids, so that changes collide, are late, and come twice.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st

from schemas.envelope import EntityKind, EntityPatch, Op, Scalar
from schemas.meaning import (
    Category,
    ConnectionMeaning,
    Criterion,
    DeclaredMeasure,
    Disqualification,
    Meaning,
    MeasureFilter,
)

Told = tuple[str, str, EntityPatch]

law = settings(max_examples=150, deadline=None)
"""Enough to meet the collisions of so small a world, on two shared cores."""

HUBSPOT, ZOHO = "hubspot-main", "zoho-apac"
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


ANCHORS = tuple(
    _ms(text)
    for text in (
        "2025-12-31T16:00:00",  # midnight of New Year in Shanghai
        "2026-01-01T05:00:00",  # midnight of New Year in New York
        "2026-02-28T23:59:59",
        "2026-03-08T06:59:59",  # New York springs forward: a day of 23 hours
        "2026-03-28T10:00:00",
        "2026-04-04T15:00:00",  # Lord Howe falls back by half an hour
        "2026-04-30T22:30:00",  # May in Berlin, where Ana is by now; April in New York
        "2026-10-03T15:30:00",  # Lord Howe springs forward by half an hour
        "2026-11-01T05:30:00",  # New York falls back: a day of 25 hours
    )
)

STAGES: dict[str, dict[str, Category]] = {
    "*": {
        "lead": "open",
        "qualified": "qualified",
        "signed": "won",
        "lost to rival": "lost",
        "unfit": "disqualified",
    },
    "renewals": {"lead": "qualified", "signed": "won", "churned": "lost"},
}
STEPS = {
    "*": ("lead", "démo 演示", "qualified", "signed", "lost to rival", "unfit"),
    "renewals": ("lead", "signed", "churned"),
}

ON_RENEWALS = MeasureFilter(field="pipeline", in_=("renewals",))
BIG = MeasureFilter(field="amount", at_least=4_000_000, below=10**12)
MEASURES: dict[str, DeclaredMeasure] = {
    "planned": DeclaredMeasure(entity="activity", moment="created"),
    "first_visits": DeclaredMeasure(
        entity="activity",
        moment="done",
        filters=(
            MeasureFilter(field="type", in_=("visit",)),
            MeasureFilter(field="new_customer", in_=(True,)),
        ),
    ),
    "accounts_met": DeclaredMeasure(
        entity="activity", moment="done", take="distinct", of="account"
    ),
    "talk": DeclaredMeasure(entity="activity", moment="done", take="mean", of="minutes"),
    "long_talks": DeclaredMeasure(
        entity="activity", moment="done", filters=(MeasureFilter(field="minutes", at_least=30),)
    ),
    "new_big": DeclaredMeasure(entity="deal", moment="created", filters=(BIG,)),
    "demos": DeclaredMeasure(
        entity="deal", moment="stage", stage="démo 演示", take="distinct", of="owner"
    ),
    "renewals_due": DeclaredMeasure(
        entity="deal", moment="qualified", take="sum", of="amount", filters=(ON_RENEWALS,)
    ),
    "seats_won": DeclaredMeasure(entity="deal", moment="won", take="sum", of="seats"),
    "won_size": DeclaredMeasure(
        entity="deal",
        moment="won",
        take="mean",
        of="amount",
        filters=(MeasureFilter(field="product", not_in=("beta",)),),
    ),
    "won_count": DeclaredMeasure(entity="deal", moment="won", filters=(ON_RENEWALS,)),
    "lost_after": DeclaredMeasure(entity="deal", moment="lost", take="quantile", of="cycle"),
    "unfit_seats": DeclaredMeasure(
        entity="deal", moment="disqualified", take="quantile", of="seats"
    ),
    "expected": DeclaredMeasure(entity="deal", moment="expected_close", take="sum", of="amount"),
    "expected_n": DeclaredMeasure(
        entity="deal",
        moment="expected_close",
        filters=(MeasureFilter(field="stage", in_=("lead", "qualified")),),
    ),
    "open_big": DeclaredMeasure(
        entity="deal", moment="open", take="sum", of="amount", filters=(BIG,)
    ),
    "open_renewals": DeclaredMeasure(entity="deal", moment="open", filters=(ON_RENEWALS,)),
}
"""Every take and every moment, with every kind of condition."""

MEANING = Meaning(
    code=1,
    zone="Asia/Shanghai",
    owner_zones={
        f"{HUBSPOT}/ana": ((0, "America/New_York"), (_ms("2026-04-05T00:00:00"), "Europe/Berlin")),
        f"{HUBSPOT}/ben": ((0, "Australia/Lord_Howe"),),
        f"{ZOHO}/ana": ((0, "Asia/Shanghai"),),
    },
    connections={
        HUBSPOT: ConnectionMeaning(currency="USD", stages=STAGES, steps=STEPS),
        ZOHO: ConnectionMeaning(currency="JPY", stages={"*": {"signed": "won"}}),
    },
    credit="splits",
    criteria={
        "budget": Criterion(field="budget", values=("yes", True)),
        "seats": Criterion(field="seats"),
        "sized": Criterion(field="amount"),
    },
    disqualification=Disqualification(
        field="lost_reason", reasons={"no budget": "budget", "太小": "too small"}
    ),
    measures=MEASURES,
)

WITHOUT_STALENESS = Meaning(
    code=1, zone="UTC", connections=MEANING.connections, stale_after_days=None
)
"""Nor anything declared: what nobody asked for is not counted."""

meanings = st.sampled_from((MEANING, MEANING, WITHOUT_STALENESS))

BUSY = (ANCHORS[4], ANCHORS[4] + 1, ANCHORS[6])
"""Instants at which much happens at once, one of them a millisecond after another."""

anywhen = st.builds(
    lambda anchor, days, ms: anchor + days * DAY + ms,
    st.sampled_from(ANCHORS),
    st.sampled_from((0, 0, 0, 1, 29, 30, 31)),
    st.sampled_from((0, 0, 0, 1, SECOND, HOUR)),
)
instants = st.one_of(st.sampled_from(BUSY), anywhen)

stages = st.sampled_from(
    ("lead", "qualified", "signed", "lost to rival", "churned", "démo 演示", "unfit", None)
)
owners = st.sampled_from(("ana", "ben", "chen", "", None))
amounts = st.sampled_from(
    (
        "40000",
        "100000.00",
        "1200.505",
        "1200.515",
        "-350",
        "0",
        "a lot",
        "",
        None,
        "2e15",
        "1e999999",
    )
)
close_days = st.sampled_from(
    ("2026-03-31", "2026-04-04", "2026-04-05", "2026-06-30", "soon", "1900-01-01", "", None)
)
splits = st.sampled_from(
    (
        "ana=60;ben=40",
        "ben=33.33; ana=33.33; chen=33.34",
        "ben=50;ana=50;",
        "ana=60;ben=39",
        "ana=50;ana=50",
        "ana=100.001",
        "ana",
        "x=y=100",
        None,
    )
)
overlays = st.sampled_from(("chen", "chen; ben", "ana;;ana", " ; ", "", None))
pipelines = st.sampled_from(("new business", "renewals", None))

DEAL_FIELDS: dict[str, st.SearchStrategy[Scalar]] = {
    "stage": stages,
    "owner": owners,
    "amount": amounts,
    "close_on": close_days,
    "pipeline": pipelines,
    "currency": st.sampled_from(("USD", "JPY", "KWD", "", None)),
    "name": st.sampled_from(("Acme renewal", "Acme renewal 2026")),
    "split": splits,
    "overlay": overlays,
    "budget": st.sampled_from(("yes", "no", True, False, 1, None)),
    "seats": st.sampled_from((12, "12", "12.5", -3, 0, True, "a dozen", "", None)),
    "product": st.sampled_from(("alpha", "beta", None)),
    "lost_reason": st.sampled_from(("no budget", "太小", "whatever", "", False, None)),
}

ACTIVITY_FIELDS: dict[str, st.SearchStrategy[Scalar]] = {
    "owner": owners,
    "type": st.sampled_from(("call", "visit", "visit", "demo", "lunch", None)),
    "status": st.sampled_from(("done", "done", "planned", "no_show", "", None)),
    "at": st.one_of(instants, st.sampled_from((None, True, 10**15, -62_135_596_800_000))),
    "deal": st.sampled_from(("9001", "9001", 9001, "9002", "", None)),
    "new_customer": st.sampled_from((True, False, "1", 1, None)),
    "minutes": st.sampled_from((0, 30, "45", "29.5", 1440, 1441, -5, "long", True, "", None)),
    "account": st.sampled_from(("acme", "globex", 7, "7", "", None)),
}

event_ids = st.sampled_from(("evt-1", "evt-2", "evt-3", "evt-4", "evt-5"))
connections = st.sampled_from((HUBSPOT, HUBSPOT, HUBSPOT, HUBSPOT, HUBSPOT, ZOHO))
deal_ops: st.SearchStrategy[Op] = st.sampled_from(
    ("create", "set", "set", "set", "set", "set", "merge", "delete", "restore")
)
activity_ops: st.SearchStrategy[Op] = st.sampled_from(
    ("create", "create", "set", "delete", "restore")
)


@st.composite
def deal_changes(draw: st.DrawFn) -> Told:
    """Any change of one of two deals."""
    op = draw(deal_ops)
    return _told(draw, op, draw(st.sampled_from(("9001", "9001", "9001", "9002"))), "deal")


@st.composite
def activity_changes(draw: st.DrawFn) -> Told:
    """Any change of one of two activities."""
    return _told(draw, draw(activity_ops), draw(st.sampled_from(("77", "78"))), "activity")


def _told(draw: st.DrawFn, op: Op, vendor_id: str, kind: str) -> Told:
    fields = DEAL_FIELDS if kind == "deal" else ACTIVITY_FIELDS
    named = draw(st.lists(st.sampled_from(sorted(fields)), max_size=6, unique=True))
    at = draw(instants)
    patch = EntityPatch(
        entity="deal" if kind == "deal" else "activity",
        id=vendor_id,
        op=op,
        occurred_at=at,
        received_at=at,
        sequence=draw(st.sampled_from((0, 0, 0, 1, 2**63))),
        created_at=draw(st.one_of(st.none(), st.none(), instants, st.just(10**15))),
        merged_into="9002" if op == "merge" else None,
        fields={name: draw(fields[name]) for name in named},
    )
    return draw(event_ids), draw(connections), patch


@st.composite
def lives(draw: st.DrawFn) -> list[Told]:
    """The believable life of one deal: created, moved through stages, closed, perhaps reopened."""
    moments = sorted(draw(st.lists(instants, min_size=3, max_size=8)))
    end = draw(st.sampled_from(("signed", "lost to rival", "unfit")))
    way = ["lead", "qualified", end, "qualified"]
    told = [_step(draw, f"life-{n}", at, way[n % 4]) for n, at in enumerate(moments)]
    first = told[0][2]
    opening = _patch(
        "deal",
        first.id,
        "create",
        first.occurred_at,
        {
            "owner": draw(owners),
            "amount": draw(amounts),
            "close_on": draw(close_days),
            "split": draw(splits),
            "overlay": draw(overlays),
        },
    )
    return [("life-opening", HUBSPOT, opening), *told]


def _step(draw: st.DrawFn, event: str, at: int, stage: str) -> Told:
    fields: dict[str, Scalar] = {"stage": stage}
    if draw(st.booleans()):
        fields["owner"] = draw(owners)
    if draw(st.booleans()):
        fields["amount"] = draw(amounts)
    if draw(st.booleans()):
        fields["close_on"] = draw(close_days)
    return event, HUBSPOT, _patch("deal", "9001", "set", at, fields)


@st.composite
def quiet_deals(draw: st.DrawFn) -> list[Told]:
    """A qualified deal about which nothing is told but calls, one of them perhaps corrected."""
    start = draw(st.sampled_from(ANCHORS))
    opening: dict[str, Scalar] = {"owner": "ana", "stage": "qualified", "amount": "40000"}
    told = [("quiet-0", HUBSPOT, _patch("deal", "9001", "create", start, opening))]
    for n, days in enumerate(draw(st.lists(st.integers(0, 70), min_size=1, max_size=3))):
        at, call = start + days * DAY + n, f"{77 + n}"
        fields: dict[str, Scalar] = {"type": "call", "deal": "9001", "owner": draw(owners)}
        told.append((f"call-{n}", HUBSPOT, _patch("activity", call, "create", at, fields)))
        correction = draw(st.sampled_from((None, None, {"deal": "9002"}, {"status": "no_show"})))
        if correction is not None:
            later = _patch("activity", call, "set", at + HOUR, dict(correction))
            told.append((f"correction-{n}", HUBSPOT, later))
    return told


@st.composite
def moved_deals(draw: st.DrawFn) -> list[Told]:
    """A deal moved to another pipeline and stage at once, by one event or by two."""
    before, after = draw(st.sampled_from(ANCHORS[:4])), draw(st.sampled_from(BUSY))
    opening: dict[str, Scalar] = {"owner": "ana", "stage": "lead", "pipeline": "new"}
    move: dict[str, Scalar] = {"pipeline": "renewals", "stage": draw(stages)}
    parts = draw(st.sampled_from(([move], [{name: value} for name, value in move.items()])))
    ids = draw(st.permutations(("move-a", "move-b")))
    return [
        ("opening", HUBSPOT, _patch("deal", "9001", "create", before, opening)),
        *(
            (event, HUBSPOT, _patch("deal", "9001", "set", after, part))
            for event, part in zip(ids, parts, strict=False)
        ),
    ]


@st.composite
def ended_deals(draw: st.DrawFn) -> list[Told]:
    """A deal with all that is told of one: postponed, answered, shared, won, lost or refused."""
    start = draw(st.sampled_from(ANCHORS))
    named: dict[str, Scalar] = {
        "owner": draw(st.sampled_from(("ana", "ben"))),
        "amount": draw(st.sampled_from(("40000.01", "100000", "-350", "a lot"))),
        "close_on": "2026-03-31",
        "stage": "lead",
        **{name: draw(DEAL_FIELDS[name]) for name in ("seats", "product", "pipeline", "budget")},
    }
    ways: tuple[list[dict[str, Scalar]], ...] = (
        [{"stage": "qualified"}, {"close_on": draw(close_days)}, {"close_on": "2026-06-30"}],
        [{"stage": "démo 演示", "split": draw(splits)}, {"close_on": "2026-04-04"}],
        [{"close_on": ""}, {"close_on": "2026-05-31", "owner": "chen"}],
        [],
    )
    end: dict[str, Scalar] = {
        "stage": draw(st.sampled_from(("signed", "signed", "lost to rival", "unfit", "unfit"))),
        "split": draw(splits),
        "overlay": draw(overlays),
        "lost_reason": draw(DEAL_FIELDS["lost_reason"]),
    }
    reopened: tuple[list[dict[str, Scalar]], ...] = ([], [], [{"stage": "lead"}])
    steps = [
        *draw(st.sampled_from(ways)),
        end,
        *draw(st.sampled_from(reopened)),
    ]
    told = [("ended-0", HUBSPOT, _patch("deal", "9001", "create", start, named))]
    for n, fields in enumerate(steps, 1):
        told.append((f"ended-{n}", HUBSPOT, _patch("deal", "9001", "set", start + n * DAY, fields)))
    call = {name: draw(ACTIVITY_FIELDS[name]) for name in ("new_customer", "minutes", "account")}
    call |= {"deal": "9001", "type": draw(st.sampled_from(("visit", "call")))}
    answered = start + draw(st.sampled_from((-HOUR, 0, SECOND, HOUR, 3 * DAY)))
    return [*told, ("ended-call", HUBSPOT, _patch("activity", "77", "create", answered, call))]


def _patch(
    kind: EntityKind, vendor_id: str, op: Op, at: int, fields: dict[str, Scalar]
) -> EntityPatch:
    return EntityPatch(
        entity=kind, id=vendor_id, op=op, occurred_at=at, received_at=at, fields=fields
    )


histories: st.SearchStrategy[list[Told]] = st.builds(
    lambda life, deals, activities: [*life, *deals, *activities],
    st.one_of(st.just([]), lives(), ended_deals(), ended_deals(), quiet_deals(), moved_deals()),
    st.lists(deal_changes(), max_size=10),
    st.lists(activity_changes(), max_size=5),
)
"""What a tenant was told, each thing once, in no particular order."""


@st.composite
def deliveries(draw: st.DrawFn, history: list[Told]) -> list[list[Told]]:
    """A history as it may arrive: in any order, some of it again, cut into batches anywhere."""
    again = draw(st.lists(st.sampled_from(history), max_size=4)) if history else []
    stream = draw(st.permutations([*history, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    return [stream[low:high] for low, high in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
