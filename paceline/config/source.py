"""YAML with places: plain values, and where in the file each of them stands.

In: the text of a file. Out: plain values, and the place of every path in them. Guarantee: keys are
text as written (``007`` stays ``007``), nothing is executed, and keys that appear twice are
reported instead of one of them being dropped without a word.
"""

from __future__ import annotations

from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from paceline.config.problems import ConfigError, Problem

Path = tuple[str | int, ...]

MAX_NODES = 200_000
"""More than any organisation needs; a few aliases of aliases would otherwise fill the memory."""

_TAG = "tag:yaml.org,2002:"


class Map(dict[str, Any]):
    """A mapping that knows its path."""

    path: Path = ()


class Int(int):
    """A number that remembers how it was written: an owner id ``007`` is not ``7``."""

    text: str


class Float(float):
    """A number that remembers how it was written: a target of ``0.1`` is exactly a tenth."""

    text: str


class Place:
    """Where a key and its value begin, (line, column) from 1."""

    def __init__(self, key: Node | None, value: Node) -> None:
        self.value = _mark(value)
        self.key = self.value if key is None else _mark(key)
        self.opening = _opening(value)
        """Characters before the text of a value that stands on one line; None: it does not."""


class Source:
    """A file's values and places."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None
        self.problems: list[Problem] = []
        self._places: dict[Path, Place] = {}

    def read(self, node: Node, path: Path = (), key: Node | None = None) -> Any:
        """The value of a node; notes the place of everything in it."""
        self._places[path] = Place(key, node)
        if len(self._places) > MAX_NODES:
            self.report(path, "the file is too large; are aliases repeated within aliases?")
            raise ConfigError(self.file, self.problems)
        if isinstance(node, MappingNode):
            return self._map(node, path)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def report(self, path: Path, what: str, *, key: bool = False, character: int = 0) -> None:
        """Note a mistake at a path, or at the nearest place above it.

        ``character``: at this character (from 1) of the text that stands there, where it stands on
        one line.
        """
        problem = self.problem(path, what, key=key)
        opening = self._places[self._known(path)].opening
        if character and opening is not None:
            column = problem.column + opening + character - 1
            problem = msgspec.structs.replace(problem, column=column)
        self.problems.append(problem)

    def problem(self, path: Path, what: str, *, key: bool = False) -> Problem:
        """A mistake at a path; ``key``: at the key's own place instead of its value's."""
        known = self._known(path)
        place = self._places[known]
        line, column = place.key if key else place.value
        return Problem(line, column, dotted(known), what)

    def where(self, path: Path) -> str:
        """How another sentence speaks of the place of a path: ``line 12``."""
        return f"line {self._places[self._known(path)].value[0]}"

    def _known(self, path: Path) -> Path:
        # Pydantic puts words of its own, such as a union's tag, between the keys of the file.
        known: Path = ()
        for part in path:
            if (*known, part) in self._places:
                known = (*known, part)
        return known

    def _map(self, node: MappingNode, path: Path) -> Map:
        found = Map()
        found.path = path
        for key, value in node.value:
            self._entry(found, key, value)
        return found

    def _entry(self, found: Map, key: Node, value: Node) -> None:
        if not isinstance(key, ScalarNode) or key.tag == f"{_TAG}merge":
            self._strange(found.path, key, "a key must be plain text; write the entries out here")
            return
        path = (*found.path, key.value)
        if key.value in found:
            first = self._places[path].key[0]
            self._strange(path, key, f"this key is already in line {first}; keep one of them")
            return
        found[key.value] = self.read(value, path, key)

    def _strange(self, path: Path, node: Node, what: str) -> None:
        line, column = _mark(node)
        self.problems.append(Problem(line, column, dotted(path), what))

    def _scalar(self, node: Node, path: Path) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        if kind in ("str", "timestamp"):
            return node.value
        if kind == "null":
            return None
        if kind == "bool":
            return node.value.lower() == "true"
        if kind in ("int", "float"):
            return _number(node.value)
        self.report(path, f"the tag {node.tag} is not supported; write a plain value")
        return None


def load(text: str, file: str) -> Source:
    """The values of a file; ``ConfigError`` where it is no YAML at all."""
    source = Source(file)
    try:
        node = YAML(typ="rt").compose(text)
    except YAMLError as error:
        raise ConfigError(file, [_syntax(error)]) from None
    if node is None:
        raise ConfigError(file, [Problem(1, 1, "", "the file is empty; begin with `tenants:`")])
    try:
        source.data = source.read(node)
    except RecursionError:
        problem = Problem(1, 1, "", "the file is nested too deep, or an alias contains itself")
        raise ConfigError(file, [problem]) from None
    return source


def dotted(path: Path) -> str:
    """A path as people write it.

    >>> dotted(("tenants", 0, "reps", 3, "zone"))
    'tenants[0].reps[3].zone'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def _mark(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _number(text: str) -> Int | Float:
    number: Int | Float
    try:
        number = Int(text)
    except ValueError:
        number = Float(text.replace("_", "")) if _is_decimal(text) else Float("nan")
    number.text = text
    return number


def _opening(node: Node) -> int | None:
    if node.start_mark.line != node.end_mark.line or getattr(node, "style", None) in ("|", ">"):
        return None
    return 1 if getattr(node, "style", None) in ("'", '"') else 0


def _is_decimal(text: str) -> bool:
    return text.replace("_", "").lstrip("+-").replace(".", "", 1).isdigit()


def _syntax(error: YAMLError) -> Problem:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        return Problem(mark.line + 1, mark.column + 1, "", f"this is no valid YAML: {what}")
    return Problem(1, 1, "", f"this is no valid YAML: {str(error).splitlines()[0]}")
