"""Choice: which KPIs an answer carries, for whom, in which order.

In: what was asked for, roles and persons. Out: ids. Guarantee: pure; whoever has no role has the
default ones; a KPI that does not exist is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kpi.definitions import Book
from paceline.progress.reading.windows import UnreadableError
from paceline.sql.plan import Plan, RepPlan

DEFAULT = (
    "won_amount",
    "won_count",
    "win_rate",
    "coverage",
    "pipeline_built",
    "opportunities_created",
    "meetings",
    "new_customer_visits",
)
"""What counts for a team, and for whoever has no role and no list of their own."""
_SHOWN = 12


def asked(text: str | None, book: Book) -> tuple[str, ...] | None:
    """The KPIs of a query, ``won_amount,calls``; None where it does not say, ``all`` for all."""
    if not text:
        return None
    if text == "all":
        return tuple(book.compiled)
    wanted = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    unknown = [one for one in wanted if one not in book.compiled]
    if unknown:
        raise UnreadableError(
            "unknown-kpi", f"there is no KPI {', '.join(map(repr, unknown[:_SHOWN]))}", "/v1/kpis"
        )
    return wanted


def counting(plan: Plan, book: Book, person: RepPlan | None) -> tuple[str, ...]:
    """The KPIs that count for a person, in the order of the role or list."""
    if person is None or (person.role is None and len(person.kpis) >= len(plan.definitions)):
        return tuple(one for one in DEFAULT if one in book.compiled)
    return tuple(one for one in person.kpis if one in book.compiled)


def of_person(plan: Plan, book: Book, counts: Sequence[str]) -> tuple[str, ...]:
    """A person's own page: what counts, then everything else."""
    every = (one.id for one in plan.definitions if one.id in book.compiled)
    return tuple(dict.fromkeys([*counts, *every]))


def of_group(book: Book, rows: Iterable[Sequence[str]], targeted: Iterable[str]) -> tuple[str, ...]:
    """A team's: the default ones, those that count for its people, those it has a target for."""
    of_people = (kpi for counts in rows for kpi in counts)
    every = dict.fromkeys([*DEFAULT, *of_people, *targeted])
    return tuple(one for one in every if one in book.compiled)
