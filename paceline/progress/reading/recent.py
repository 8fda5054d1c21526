"""Recent parts: those of teams, made once in a quarter of an hour.

In: a selection and a question. Out: its parts. Guarantee: no zone's civil day begins within a
quarter of an hour, so nothing that a part says of a civil period changes within one; another plan,
person, meaning or moment is looked at anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from kpi.periods import rolling_length
from paceline.progress.reading.directory import Known
from paceline.progress.reading.selection import Part, Selection, parts_of
from paceline.progress.reading.windows import Question
from schemas.meaning import Meaning

_QUARTER_OF_AN_HOUR = 15 * 60_000
"""Since 1973 every offset of a zone that is in use is a multiple of it."""
_RECENT = 200


class RecentParts:
    """What was made lately.

    Rolling spans end at the very minute, unknown owners come with their events, and one person is
    quickly made: none of them is held.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[object, ...], tuple[Meaning | None, list[Part]]]
        self._held = OrderedDict()

    def of(
        self,
        known: Known,
        chosen: Selection,
        question: Question,
        meaning: Meaning | None,
        versions: Iterable[str],
    ) -> list[Part]:
        """As ``parts_of``."""
        if (
            chosen.others
            or chosen.subject.kind == "rep"
            or rolling_length(question.period) is not None
        ):
            return parts_of(known.org, known.plan, chosen, question, meaning, versions)
        key = _key_of(known, chosen, question)
        held = self._held.get(key)
        if held is None or held[0] is not meaning:
            made = parts_of(known.org, known.plan, chosen, question, meaning, versions)
            held = self._held[key] = (meaning, made)
            if len(self._held) > _RECENT:
                self._held.popitem(last=False)
        return held[1]


def _key_of(known: Known, chosen: Selection, question: Question) -> tuple[object, ...]:
    moment = question.moment
    return (
        known.plan.tenant,
        known.digest,
        chosen.subject.kind,
        chosen.subject.id,
        tuple(rep.id for rep in chosen.reps),
        question.period,
        question.named,
        moment.day,
        moment.instant // _QUARTER_OF_AN_HOUR,
        question.now // _QUARTER_OF_AN_HOUR,
    )
