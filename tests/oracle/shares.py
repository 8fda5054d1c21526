"""Who gets a result, counted by exact quotas.

In: a deal's diary, the meaning, the moment of the close. Out: owner keys and their parts. Imports
nothing of ours but the envelope's types.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from schemas.meaning import Meaning
from tests.oracle.diary import Diary


class Result(NamedTuple):
    """Whoever it is counted for, and the fractions of the money; none: all is his."""

    main: str
    fractions: dict[str, Fraction]
    bad: bool

    def parts(self, minor: int) -> dict[str, int]:
        """Whole parts that sum to the amount, each next to its exact quota."""
        if not self.fractions:
            return {self.main: minor}
        quotas = {owner: abs(minor) * part for owner, part in self.fractions.items()}
        given = {owner: int(quota) for owner, quota in quotas.items()}
        while sum(given.values()) < abs(minor):
            short = sorted(quotas, key=lambda owner: (given[owner] - quotas[owner], owner))
            given[short[0]] += 1
        return {owner: part if minor >= 0 else -part for owner, part in given.items()}


def result_of(diary: Diary, meaning: Meaning, at: int) -> Result:
    """The split that was known by an instant, else the owner of then."""
    told = diary.known("split", at)
    if meaning.credit == "owner" or not told:
        return Result(diary.owner(at), {}, bad=False)
    split = _split(told)
    if split is None:
        return Result(diary.owner(at), {}, bad=True)
    most = max(split.values())
    main = min(owner for owner, part in split.items() if part == most)
    keyed = {f"{diary.connection}/{owner}": part for owner, part in split.items()}
    return Result(f"{diary.connection}/{main}", keyed, bad=False)


def _split(told: str) -> dict[str, Fraction] | None:
    split: dict[str, Fraction] = {}
    pieces = [piece.strip() for piece in told.split(";")]
    for piece in pieces[:-1] if pieces[-1] == "" else pieces:
        shape = re.fullmatch(r"(.*\S)\s*=\s*([0-9]{1,3}(?:\.[0-9]{1,2})?)", piece)
        if shape is None or shape[1] in split:
            return None
        split[shape[1]] = Fraction(shape[2]) / 100
    return split if sum(split.values()) == 1 else None
