"""What can be wrong with a definition apart from its formula.

In: definitions as they were written. Out: mistakes. Guarantee: every field is looked at, whatever
is wrong with the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import get_args

from kpi.definitions.model import Basis, Definition, Direction, Mistake, Unit

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CONVERSION = re.compile(r"conversion:[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]{0,98}[^\x00-\x20\x7f])?")
_CHOICES = {"unit": get_args(Unit), "direction": get_args(Direction), "basis": get_args(Basis)}


def mistakes_of(definitions: Sequence[Definition]) -> list[Mistake]:
    """All mistakes in ids, names, versions, choices and bands."""
    mistakes: list[Mistake] = []
    seen: set[str] = set()
    for one in definitions:
        if one.id in seen:
            what = f'"{one.id}" is defined twice; give one of them another id'
            mistakes.append(Mistake(one.id, "id", 0, what))
        seen.add(one.id)
        mistakes += [Mistake(one.id, field, 0, what) for field, what in _wrong(one)]
    return mistakes


def _wrong(one: Definition) -> list[tuple[str, str]]:
    wrong = [
        (field, f'"{getattr(one, field)}" is none of {", ".join(known)}; write one of them')
        for field, known in _CHOICES.items()
        if getattr(one, field) not in known
    ]
    if not _ID.fullmatch(one.id) and not _CONVERSION.fullmatch(one.id):
        what = "begins with a to z and has only a to z, 0 to 9 and _, 64 at most; write so"
        wrong.append(("id", f'"{one.id}" is no id: an id {what}'))
    if not one.name.strip():
        wrong.append(("name", "is empty; write what people call it"))
    if one.version < 1:
        wrong.append(("version", "versions count from 1; write 1"))
    if one.too_early_below < 0:
        wrong.append(("too_early_below", "is below 0; write 0 or more"))
    if not 0 < one.bands.at_risk <= one.bands.on_track <= one.bands.ahead:
        what = "are per cents that rise: 0 < at_risk <= on_track <= ahead; for example 81, 99, 105"
        wrong.append(("bands", what))
    return wrong
