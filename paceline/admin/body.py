"""A body of JSON, checked as the file is.

In: a tenant's values in the file's shape, one item among them the body. Out: its mistakes by JSON
pointer. Guarantee: the words are the file's, without lines.
"""

from __future__ import annotations

from typing import Any

from paceline.admin.values import Fault
from paceline.config.problems import Problem
from paceline.config.source import Map, Path, Source

TENANT: Path = ("tenants", 0)
_NOTHING = object()


class Body(Source):
    """A tenant's values; mistakes at and below ``item`` are the body's own."""

    def __init__(self, tenant: dict[str, Any], item: Path, inside: str = "") -> None:
        super().__init__("body")
        self.tenant = with_paths(tenant, TENANT)
        self.data = {"tenants": [self.tenant]}
        self.faults: list[Fault] = []
        self._item = (*TENANT, *item)
        self._inside = inside

    def report(self, path: Path, what: str, *, key: bool = False, character: int = 0) -> None:
        """See ``Source``; the sentence itself tells the character."""
        del character
        self.faults.append(Fault(self.pointer(path, key=key), what))

    def problem(self, path: Path, what: str, *, key: bool = False) -> Problem:
        """See ``Source``; without lines."""
        return Problem(0, 0, self.pointer(path, key=key), what)

    def where(self, path: Path) -> str:
        """See ``Source``."""
        return f"`{self.pointer(path)}`"

    def pointer(self, path: Path, *, key: bool = False) -> str:
        """``/formula`` within the body, ``kpis/coverage/formula`` outside of it."""
        known = path if key else self._known(path)
        size = len(self._item)
        if known[:size] == self._item:
            return self._inside + "".join(f"/{_escaped(part)}" for part in known[size:])
        return "/".join(self._named(known[len(TENANT) :]))

    def _known(self, path: Path) -> Path:
        known: Path = ()
        at: Any = self.data
        for part in path:
            inner = _inner(at, part)
            if inner is not _NOTHING:
                known, at = (*known, part), inner
        return known

    def _named(self, path: Path) -> list[str]:
        """Items of lists by their ids."""
        at: Any = self.tenant
        named: list[str] = []
        for part in path:
            at = _inner(at, part)
            id_ = at.get("id") if isinstance(at, dict) and isinstance(part, int) else None
            named.append(id_ if isinstance(id_, str) else str(part))
        return named


def _inner(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part, _NOTHING)
    if isinstance(value, list) and isinstance(part, int) and -1 < part < len(value):
        return value[part]
    return _NOTHING


def with_paths(value: Any, path: Path) -> Any:
    """The same values, whose mappings know their paths.

    >>> with_paths({"reps": [{"id": "anna"}]}, ())["reps"][0].path
    ('reps', 0)
    """
    if isinstance(value, dict):
        found = Map({key: with_paths(inner, (*path, key)) for key, inner in value.items()})
        found.path = path
        return found
    if isinstance(value, list | tuple):
        return [with_paths(inner, (*path, place)) for place, inner in enumerate(value)]
    return value


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
