"""Roll-ups: at any level of the organisation the sum of its parts, over moves, splits, overlay.

What an owner did on a day counts in the team of that day. The sums of the levels are read through
the stays of the domain; the whole is what the log comes to, which knows of no team.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from kpi.definitions import CATALOGUE, Facts, compile_book, evaluate
from kpi.organisation import Membership, employment, gaps, moves, stays, subtree
from kpi.panes import is_gauge
from kpi.periods import Span
from kpi.reading import add
from tests.kpi.laws.histories import HUBSPOT, MEANING, Told, histories, law
from tests.kpi.telling import Story
from tests.oracle.folding import Folding, folded

WHOLE = Span(date(2025, 12, 1), date(2026, 12, 31))
OWNERS = tuple(f"{HUBSPOT}/{name}" for name in ("ana", "ben", "chen"))
PARENTS = {"sales": None, "west": "sales", "coast": "west", "east": "sales"}
BOOK = compile_book(CATALOGUE)

team_names = st.sampled_from(("west", "coast", "east", "sales", ""))
days = st.dates(date(2025, 12, 20), date(2026, 11, 10))
ways = st.lists(st.tuples(team_names, days), max_size=4)
organisations = st.tuples(ways, ways, ways).map(
    lambda each: {
        owner: moves([("west", None), *steps], employment(None, None))
        for owner, steps in zip(OWNERS, each, strict=True)
    }
)
Organisation = dict[str, tuple[Membership, ...]]


def flows(folding: Folding, owner: str, spans: Iterable[Span]) -> dict[str, int]:
    """All flows of an owner in some spans."""
    measures = {
        field.rpartition(":")[0]
        for pane, fields in folding.panes.items()
        if pane.owner == owner and pane.grain == "d"
        for field in fields
    }
    return add(
        {one: folding.value(owner, one, *span) for one in measures if not is_gauge(one)}
        for span in spans
    )


def of_teams(
    folding: Folding, people: Organisation, teams: Iterable[str]
) -> tuple[dict[str, int], list[dict[str, int]]]:
    """The sums of a selection of teams, and those of its people, each on the days of the stay."""
    chosen = frozenset(teams)
    parts = [flows(folding, one, stays(held, chosen, WHOLE)) for one, held in people.items()]
    return add(parts), parts


def values(sums: dict[str, int], *, person: bool) -> dict[str, int]:
    """The KPIs that add up, but for levels."""
    asked = [id_ for id_, one in BOOK.compiled.items() if one.additive and one.kind == "flow"]
    facts = Facts(sums=sums, currency="USD", first=WHOLE.first, last=WHOLE.last, person=person)
    return {id_: int(found or 0) for id_, found in evaluate(BOOK, facts, {}, asked).items()}


def summed(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Key by key, zeros kept."""
    found = dict.fromkeys(values({}, person=True), 0)
    for part in parts:
        for key, n in part.items():
            found[key] += n
    return found


@law
@given(histories, organisations)
def test_every_level_is_the_sum_of_its_parts_over_moves_and_splits(
    history: list[Told], people: Organisation
) -> None:
    """People to teams, teams to the one above, and with days without a team the whole log."""
    folding = folded(history, MEANING)
    alone = [flows(folding, one, gaps(held, WHOLE, WHOLE)) for one, held in people.items()]
    single = {team: of_teams(folding, people, [team]) for team in PARENTS}
    for team in PARENTS:
        below = subtree(PARENTS, team)
        sums, parts = of_teams(folding, people, below)
        assert values(sums, person=False) == summed(values(one, person=True) for one in parts)
        assert sums == add(single[one][0] for one in below)
    everything = add(flows(folding, owner, [WHOLE]) for owner in OWNERS)
    assert add([of_teams(folding, people, PARENTS)[0], *alone]) == everything


@law
@given(histories, organisations)
def test_ratios_of_a_level_are_those_of_its_sums(history: list[Told], people: Organisation) -> None:
    """Won over won and lost of all its people, never a mean of theirs; overlay is not in it."""
    folding = folded(history, MEANING)
    sums, parts = of_teams(folding, people, PARENTS)
    facts = Facts(sums=sums, currency="USD", first=WHOLE.first, last=WHOLE.last)
    found = evaluate(BOOK, facts, {}, ("win_rate", "won_credit", "won_amount"))
    won, lost = (sum(one.get(key, 0) for one in parts) for key in ("won_n", "lost_n"))
    rate = found["win_rate"]
    assert (rate is None) == (won + lost == 0)
    assert rate is None or rate * (won + lost) == won
    assert found["won_credit"] == found["won_amount"]


def test_a_split_between_teams_and_a_mover_adds_up_to_the_deals() -> None:
    """1,000 of ana (west, on the coast from 1 July) and ben (east) at 60 : 40, before and after.

    Chen of the east sees the first deal as overlay, which is in no team.
    """
    story = Story(under=MEANING)
    for deal, month, more in (("1", "03", {"overlay": "chen"}), ("2", "09", {})):
        opened = {"owner": "ana", "amount": "1000", "split": "ana=60;ben=40", "stage": "lead"}
        story.change("deal", deal, f"2026-{month}-02 12:00", "create", **opened, **more)
        story.change("deal", deal, f"2026-{month}-20 12:00", "set", stage="signed")
    ana, ben, chen = OWNERS
    people = {
        ana: moves([("west", None), ("coast", date(2026, 7, 1))], employment(None, None)),
        ben: moves([("east", None)], employment(None, None)),
        chen: moves([("east", None)], employment(None, None)),
    }
    folding = folded(story.told, MEANING)
    won = {
        team: of_teams(folding, people, subtree(PARENTS, team))[0].get("won:USD", 0)
        for team in PARENTS
    }
    assert won == {"sales": 200_000, "west": 120_000, "coast": 60_000, "east": 80_000}
    east = of_teams(folding, people, ["east"])[0]
    assert values(east, person=False)["won_amount"] == 80_000
    assert values(flows(folding, chen, [WHOLE]), person=True)["won_amount"] == 0
    credit = {
        person: evaluate(
            BOOK,
            Facts(
                sums=flows(folding, chen, [WHOLE]),
                currency="USD",
                first=WHOLE.first,
                last=WHOLE.last,
                person=person,
            ),
            {},
            ("won_credit",),
        )["won_credit"]
        for person in (True, False)
    }
    assert credit == {True: 100_000, False: 0}
