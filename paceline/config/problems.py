"""What is wrong with a configuration file.

In: places and sentences. Out: one error with all of them. Guarantee: in the order of the file, each
once, and no line repeats a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

import msgspec


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake; line and column count from 1, ``where`` is a path: ``tenants[0].zone``."""

    line: int
    column: int
    where: str
    what: str
    """What is wrong, and how to put it right."""

    def at(self, file: str) -> str:
        """The line that editors can follow: ``paceline.yaml:3:5: tenants[0].zone: …``."""
        where = f"{self.where}: " if self.where else ""
        return f"{file}:{self.line}:{self.column}: {where}{self.what}"


class ConfigError(Exception):
    """A file that cannot be applied, with everything that is wrong with it."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        self.lines = [problem.at(file) for problem in self.problems]
        super().__init__("\n".join(self.lines))


def meant(said: str, known: Collection[str], *, most: int = 8) -> str:
    """The end of a sentence about an unknown word: the nearest known one, or all of them.

    >>> meant("nmae", ["name", "zone"])
    'did you mean `name`?'
    >>> meant("x", ["won", "lost"])
    'known: lost, won'
    """
    near = get_close_matches(said, known, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    if not known:
        return "none is defined"
    shown = sorted(known)[:most]
    return f"known: {', '.join(shown)}{', …' if len(known) > most else ''}"
