"""What is asked of the running stack, in every act.

In: nothing. Out: questions. Guarantee: every subject, several days, months and the quarter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from tests.second.script import FIRST, LAST
from tests.second.sheet import REPS, TEAMS

SUBJECTS = [
    *(("rep", one) for one in REPS),
    *(("team", one) for one in TEAMS),
    ("organisation", "jade"),
]
DAYS = [date(2026, m, d) for m, d in ((1, 9), (1, 31), (2, 14), (2, 28), (3, 10), (3, 31))]
SPANS = [
    (FIRST, date(2026, 1, 31)),
    (date(2026, 1, 20), date(2026, 2, 14)),
    (date(2026, 2, 1), date(2026, 2, 28)),
    (date(2026, 2, 10), date(2026, 3, 12)),
    (date(2026, 3, 1), LAST),
    (FIRST, LAST),
]
KPIS = ("won_amount", "won_count", "pipeline_built", "opportunities_created", "open_pipeline",
        "open_pipeline_count", "qualified_pipeline")  # fmt: skip
FACTS = ("won_amount", "won_count", "pipeline_built")
LISTS = ("closable", "overdue", "later")
MIDDLE = date(2026, 3, 21)
"""The day of March as of which forecasts are looked at."""


class Question(NamedTuple):
    """A GET, and what it is about."""

    about: str
    subject: tuple[str, str]
    path: str
    params: tuple[tuple[str, str], ...]

    @property
    def given(self) -> dict[str, str]:
        """The parameters by name."""
        return dict(self.params)


def questions() -> Iterator[Question]:
    """All of them."""
    for subject in SUBJECTS:
        of = {} if subject[0] == "organisation" else {subject[0]: subject[1]}
        for on in DAYS:
            at = {"at": on.isoformat()}
            for period in ("month", "quarter"):
                asked = {"period": period, "kpis": ",".join(KPIS), **at}
                yield _question("progress", subject, _progress(subject), asked)
            for name in LISTS:
                asked = {"list": name, "period": "quarter", "limit": "200", **at, **of}
                yield _question("deals", subject, "/v1/deals", asked)
        for first, last in SPANS:
            for only in ("true", "false"):
                asked = {"first": str(first), "last": str(last), "qualified": only, **of}
                asked |= {"period": "quarter", "at": LAST.isoformat()}
                yield _question("waterfall", subject, "/v1/waterfall", asked)
        for first, last in (SPANS[3], SPANS[5]):
            asked = {"first": str(first), "last": str(last), "qualified": "false", **of}
            asked |= {"period": "quarter", "at": LAST.isoformat(), "closing": "period"}
            yield _question("waterfall", subject, "/v1/waterfall", asked)
        for kpi in FACTS:
            asked = {"kpi": kpi, "period": "quarter", "at": LAST.isoformat(), "limit": "500"}
            yield _question("explain", subject, "/v1/explain", asked | {"by": "facts", **of})
        asked = {"kpi": "open_pipeline", "period": "quarter", "at": DAYS[4].isoformat()}
        yield _question("level", subject, "/v1/explain", asked | {"limit": "500", **of})
        asked = {"period": "month", "at": MIDDLE.isoformat(), **of}
        yield _question("forecast", subject, "/v1/forecast", asked)


def _question(about: str, subject: tuple[str, str], path: str, params: dict[str, str]) -> Question:
    return Question(about, subject, path, tuple(sorted(params.items())))


def _progress(subject: tuple[str, str]) -> str:
    if subject[0] == "organisation":
        return "/v1/organisation/progress"
    return f"/v1/{subject[0]}s/{subject[1]}/progress"


WATCHED = _question(
    "progress",
    ("organisation", "jade"),
    "/v1/organisation/progress",
    {"period": "quarter", "at": LAST.isoformat(), "kpis": ",".join(KPIS)},
)
"""What somebody reads all the while a generation is built."""
