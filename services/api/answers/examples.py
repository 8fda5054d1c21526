"""Examples for the documentation: a small team in the last month of a quarter.

In: nothing. Out: answers as the API gives them. Guarantee: made of the real structs.
"""

from __future__ import annotations

import msgspec

from kpi.measures import CATALOGUE, Measures, present
from kpi.reading import add
from paceline.progress.answers.progress import (
    Bounds,
    Catalogue,
    Change,
    Check,
    Currency,
    Freshness,
    Me,
    Progress,
    Ready,
    RepEntry,
    Reps,
    Row,
    Subject,
    TeamEntry,
    Teams,
    UnmappedOwner,
    Version,
)
from services.api.answers import examples_plan as plan
from services.api.answers.explain import (
    Explanation,
    FactView,
    LedgerView,
    LeftOut,
    SumView,
    TargetStep,
)

_NOW = 1_490_983_200_000

_MARIA = {
    "act:call": 42,
    "act:visit": 7,
    "visit_new": 3,
    "created": 5,
    "stage:proposal": 4,
    "built_n": 3,
    "built:USD": 4_150_000,
    "won_n": 2,
    "won:USD": 1_899_000,
    "x:won_no_amount": 1,
    "cycle:520": 1,
    "cycle:561": 1,
    "open_n:20170428": 4,
    "open:USD:20170428": 6_000_000,
    "qual_n:20170428": 2,
    "qual:USD:20170428": 3_200_000,
}
_CHEN = {"act:call": 30, "created": 2, "won_n": 1, "won:USD": 550_000, "cycle:480": 1}
_LEAVER = {"won_n": 1, "won:USD": 120_000}


def rep() -> Progress:
    """Maria's month."""
    return msgspec.structs.replace(
        _progress(_subject("rep", "maria", "Maria Lopez"), [_MARIA]), workdays=plan.workdays()
    )


def team() -> Progress:
    """The east team's month."""
    return msgspec.structs.replace(
        _progress(_subject("team", "east", "East"), [_MARIA, _CHEN]),
        rows=[
            _row(_subject("rep", "chen", "Chen Wei"), _CHEN),
            _row(_subject("rep", "maria", "Maria Lopez"), _MARIA),
        ],
    )


def organisation() -> Progress:
    """Everybody's month, somebody who has left without being mapped included."""
    leaver = Subject(kind="owner", id="hubspot-main/77", name="77", connection="hubspot-main")
    whole = _progress(_subject("organisation", "acme", "Acme"), [_MARIA, _CHEN, _LEAVER])
    return msgspec.structs.replace(
        whole,
        rows=team().rows,
        unmapped_owners=[_row(leaver, _LEAVER)],
        incomplete=whole.incomplete | {"unmapped_owners": 1},
    )


def reps() -> Reps:
    """One rep, one unmapped owner."""
    maria = RepEntry(
        id="maria",
        name="Maria Lopez",
        name_zh="玛丽亚",
        team="east",
        zone="America/New_York",
        manages=None,
        owners=["hubspot-main/11"],
    )
    leaver = UnmappedOwner(connection="hubspot-main", owner="77", this_month=present(_LEAVER))
    return Reps(items=[maria], next="maria", unmapped_owners=[leaver], unmapped_total=1)


def teams() -> Teams:
    """A root and a team below it."""
    return Teams(
        items=[
            TeamEntry(id="east", name="East", name_zh="东区", parent="sales", reps=2),
            TeamEntry(id="sales", name="Sales", name_zh="销售部", parent=None, reps=2),
        ]
    )


def me() -> Me:
    """A manager's key."""
    return Me(
        tenant="acme",
        name="Acme",
        name_zh=None,
        zone="America/New_York",
        currency="USD",
        label="East's manager",
        scopes=["read"],
        sees="team",
        team="east",
        rep=None,
        teams=teams().items[:1],
    )


def catalogue() -> Catalogue:
    """All measures."""
    return Catalogue(items=list(CATALOGUE))


def ready(*, owned: bool) -> Ready:
    """A process that can answer, or whose partitions nobody owns."""
    detail = "all 64 owned" if owned else "2 of 64 without an owner: 3, 17"
    checks = {
        "redis": Check(ok=True, detail="answers"),
        "sql": Check(ok=True, detail="answers"),
        "partitions": Check(ok=owned, detail=detail),
    }
    return Ready(ready=owned, checks=checks)


def stream() -> str:
    """A change of Maria's."""
    change = Change(progress=rep(), rows=[_row(_subject("rep", "maria", "Maria Lopez"), _MARIA)])
    data = msgspec.json.encode(change).decode()
    return f"id: 8f0c2c1e:3:1490983200000-0:5d41402abc4b\nevent: change\ndata: {data}\n\n"


def explanation() -> Explanation:
    """Why Maria has won 18,990 dollars in March: two deals, one after the other."""
    facts = [
        FactView(
            entity=f"d:hubspot-main:{deal}",
            kind="deal",
            record=deal,
            link=f"https://app.hubspot.com/contacts/62515/deal/{deal}",
            owner="hubspot-main/11",
            rep="maria",
            measure="won:USD",
            at=_NOW - ago,
            known_at=_NOW - ago + 900,
            delta=amount,
            place=f"8f0c2c1e:live:{offset}:3",
        )
        for deal, ago, amount, offset in (
            ("9014", 86_400_000, 1_249_000, 4711),
            ("8950", 691_200_000, 650_000, 4100),
        )
    ]
    whole = rep()
    return Explanation(
        subject=whole.subject,
        period=whole.period,
        period_label=whole.period_label,
        bounds=whole.bounds,
        kpi=whole.kpis[0],
        definition=plan.info("won_amount"),
        rests_on=[],
        definitions=whole.definitions,
        workdays=whole.workdays,
        targets=[
            TargetStep(
                id=whole.kpis[0].target.id if whole.kpis[0].target else "",
                version=2,
                base=5_060_000,
                effective=None,
                change="prorata",
                state="acknowledged",
                author="file:paceline.yaml",
                created_at=_NOW - 2_592_000_000,
                note="",
            )
        ],
        measures=[SumView(measure="won:USD", amount=1_899_000, of_facts=1_899_000)],
        reconciled=True,
        ledger=LedgerView(state="whole", flows_since=None),
        by="facts",
        facts=facts,
        entities=[],
        next=None,
        left_out=[LeftOut(reason="won_no_amount", count=1, says="won no amount")],
        as_of=None,
        since=None,
        before=[],
        learnt=[],
        generation=3,
        watermark=whole.watermark,
        generated_at=_NOW,
    )


def _subject(kind: str, name: str, shown: str) -> Subject:
    return msgspec.convert({"kind": kind, "id": name, "name": shown}, Subject)


def _row(subject: Subject, sums: dict[str, int]) -> Row:
    return Row(subject=subject, bounds=_bounds(), measures=present(sums), kpis=[plan.won_amount()])


def _bounds() -> Bounds:
    return Bounds(
        zone="America/New_York",
        start="2017-03-01T05:00:00.000Z",
        end="2017-04-01T04:00:00.000Z",
        first_day="2017-03-01",
        last_day="2017-03-31",
        through_day="2017-03-31",
        resolution="day",
    )


def _progress(subject: Subject, sums: list[dict[str, int]]) -> Progress:
    said: Measures = present(add(sums))
    return Progress(
        subject=subject,
        period="month",
        period_label="2017-03",
        bounds=_bounds(),
        kpis=[plan.won_amount()],
        definitions={"won_amount": plan.info("won_amount")},
        measures=said,
        rows=[],
        unmapped_owners=[],
        incomplete=dict(said.incomplete),
        currencies={"USD": Currency(exponent=2)},
        watermark=_NOW - 120,
        generation=3,
        version=Version(incarnation="8f0c2c1e", owners={"hubspot-main/11": 4711}),
        freshness=[
            Freshness(connection="hubspot-main", kind="hubspot", last_event_at=_NOW - 2_000)
        ],
        generated_at=_NOW,
    )
