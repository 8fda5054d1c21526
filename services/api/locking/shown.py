"""Shown: a locked period's figures beside what they are by now.

In: a lock, the figures of then, an answer. Out: a ``LockView``. Guarantee: pure; the locked figure
is the one that was written down, whatever has changed since, and locked + adjustment is now's.
"""

from __future__ import annotations

from paceline.progress.answers.kpis import Number
from paceline.progress.answers.progress import LockedKpi, LockView, Progress
from paceline.sql.locks import Figures, Lock


def view(lock: Lock, figures: Figures, whole: Progress) -> LockView:
    """The lock as an answer has it; KPIs that did not exist then are left out."""
    return LockView(
        locked_at=lock.locked_at,
        author=lock.author,
        note=lock.note,
        generation=lock.generation,
        kpis={
            one.id: LockedKpi(
                locked=figures[one.id], now=one.actual, adjustment=_by(figures[one.id], one.actual)
            )
            for one in whole.kpis
            if one.id in figures
        },
    )


def _by(then: Number | None, now: Number | None) -> Number | None:
    return None if then is None or now is None else now - then
