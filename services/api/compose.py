"""Composing an answer from what was read.

In: parts with their sums, and the head they belong to. Out: a ``Progress``. Guarantee: pure; a
whole is presented from the added sums of its parts, so quantiles are those of the whole and not
means of parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kpi.measures import Measures, currencies, exponent, present
from kpi.reading import add
from paceline.sql.org import Org
from services.api.answers import (
    Bounds,
    Currency,
    Freshness,
    Progress,
    Row,
    Subject,
    Version,
)
from services.api.reader import Head
from services.api.tally import Folded, Line
from services.api.windows import Question, Window, rfc3339, window


class Part(msgspec.Struct):
    """One rep's or owner's share: its window, its lines, and their folds once they are read."""

    subject: Subject
    window: Window
    lines: tuple[Line, ...]
    folded: list[Folded] = []

    @property
    def said(self) -> Measures:
        """The part's measures: of one owner, as they were worked out already."""
        if len(self.folded) == 1:
            return self.folded[0].said
        return present(add(one.sums for one in self.folded))


def compose(
    org: Org, subject: Subject, question: Question, parts: Sequence[Part], head: Head
) -> Progress:
    """The answer; the organisation's also counts what nobody owns."""
    said = present(add(one.sums for part in parts for one in part.folded))
    rows = [_row(part) for part in parts]
    reps = [row for row in rows if row.subject.kind == "rep"]
    others = [row for row in rows if row.subject.kind == "owner"]
    return Progress(
        subject=subject,
        period=question.period,
        bounds=_hull([part.window for part in parts] or [window(question, org.zone)]),
        measures=said,
        rows=[] if subject.kind == "rep" else reps,
        unmapped_owners=others,
        incomplete=_incomplete(said, others, head, subject),
        currencies={code: Currency(exponent=exponent(code)) for code in sorted(currencies(said))},
        watermark=head.clock,
        generation=head.generation,
        version=Version(incarnation=head.incarnation, owners=head.versions),
        freshness=_freshness(org, head),
        generated_at=question.now,
    )


def _row(part: Part) -> Row:
    return Row(subject=part.subject, bounds=_hull([part.window]), measures=part.said)


def _hull(windows: Sequence[Window]) -> Bounds:
    """The bounds of all; the zone is ``several`` where they differ."""
    zones = {one.zone for one in windows}
    return Bounds(
        zone=zones.pop() if len(zones) == 1 else "several",
        start=rfc3339(min(one.start for one in windows)),
        end=rfc3339(max(one.end for one in windows)),
        first_day=min(one.first_day for one in windows).isoformat(),
        last_day=max(one.last_day for one in windows).isoformat(),
        through_day=max(one.through_day for one in windows).isoformat(),
        resolution=windows[0].resolution,
    )


def _incomplete(
    said: Measures, others: Sequence[Row], head: Head, subject: Subject
) -> dict[str, int]:
    counted = dict(said.incomplete)
    counted["unmapped_owners"] = sum(1 for row in others if row.subject.name)
    counted["without_owner"] = sum(1 for row in others if not row.subject.name)
    counted["too_late_events"] = head.too_late if subject.kind == "organisation" else 0
    counted["restoring"] = int(head.restoring)
    return {what: amount for what, amount in counted.items() if amount}


def _freshness(org: Org, head: Head) -> list[Freshness]:
    return [
        Freshness(connection=one.id, kind=one.kind, last_event_at=head.seen.get(one.id))
        for one in org.connections.values()
    ]
