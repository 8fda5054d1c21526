"""Any JSON webhook as entity patches, by JMESPath.

In: a mapping from the configuration, a parsed body. Out: a ``Translation``. Guarantee: a mapping
is checked whole when it is loaded, each mistake with its place; applying it is pure, and an
expression that fails on one event dead-letters that event only.

Beside JMESPath's own functions there are ``from_minor(x)`` (cents to major units),
``minutes_of_ms(x)`` (milliseconds to whole minutes), ``lookup(table, key)`` (the table's entry, or
null), and ``lower(text)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import jmespath
import msgspec
from jmespath import exceptions, functions

from paceline.sql.connections import Mapping, Rule
from schemas.envelope import EntityPatch, Event, Scalar
from services.ingest import patches
from services.ingest.document import Unusable
from services.ingest.translation import (
    Origin,
    Translation,
    digest,
    event_of,
    json_bytes,
    letter_of,
)

MAX_EVENTS: Final = 1000


class _Functions(functions.Functions):
    """What CRMs need beyond JMESPath."""

    @functions.signature({"types": []})
    def _func_from_minor(self, value: Any) -> Any:
        """Cents to major units, exactly."""
        exact = isinstance(value, int | str | Decimal) and not isinstance(value, bool)
        return Decimal(value).scaleb(-2) if exact else None

    @functions.signature({"types": []})
    def _func_minutes_of_ms(self, value: Any) -> Any:
        """Milliseconds to whole minutes, to the nearest."""
        return patches.minutes_of_ms(value)

    @functions.signature({"types": ["object"]}, {"types": []})
    def _func_lookup(self, table: dict[str, Any], key: Any) -> Any:
        """The table's entry for a key of any scalar type, or null."""
        return None if key is None else table.get(str(key))

    @functions.signature({"types": ["string", "null"]})
    def _func_lower(self, text: str | None) -> str | None:
        """The text in lower case."""
        return None if text is None else text.lower()


_OPTIONS: Final = jmespath.Options(custom_functions=_Functions())

Expression = Callable[[Any], Any]


class MappingError(ValueError):
    """The mapping cannot be used; ``problems`` has one sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule, ready to apply. ``None``: absent."""

    rule: Rule
    parts: dict[str, Expression]
    fields: dict[str, Expression]


class CompiledMapping(msgspec.Struct, frozen=True):
    """A mapping, ready to apply."""

    events: Expression
    rules: tuple[CompiledRule, ...]


_PARTS: Final = (
    "id",
    "when",
    "event_id",
    "occurred_at",
    "created_at",
    "sequence",
    "merged_into",
)


def compile_mapping(mapping: Mapping) -> CompiledMapping:
    """The mapping, compiled; ``MappingError`` that names every mistake and its place."""
    problems: list[str] = [] if mapping.rules else ["rules: there is none"]
    events = _compile("events", mapping.events, problems)
    rules = tuple(_rule(f"rules[{i}]", r, problems) for i, r in enumerate(mapping.rules))
    if problems:
        raise MappingError(problems)
    return CompiledMapping(events, rules)


def _rule(where: str, rule: Rule, problems: list[str]) -> CompiledRule:
    parts = {
        part: _compile(f"{where}.{part}", getattr(rule, part), problems)
        for part in _PARTS
        if getattr(rule, part)
    }
    if not rule.id:
        problems.append(f"{where}.id: is empty")
    if rule.op == "merge" and not rule.merged_into:
        problems.append(f"{where}.merged_into: a merge names its winner")
    problems += [
        f"{where}.fields.{name}: a field is named [a-z][a-z0-9_]*"
        for name in rule.fields
        if not patches.is_name(name)
    ]
    fields = {
        name: _compile(f"{where}.fields.{name}", text, problems)
        for name, text in rule.fields.items()
    }
    return CompiledRule(rule, parts, fields)


def _compile(where: str, text: str, problems: list[str]) -> Expression:
    try:
        compiled = jmespath.compile(text)
    except exceptions.ParseError as e:
        at = getattr(e, "lex_position", None)
        place = f" at column {at + 1}" if isinstance(at, int) else ""
        problems.append(f"{where}: {text!r} is not JMESPath{place}: {_first_line(e)}")
        return lambda _event: None
    except exceptions.JMESPathError as e:
        problems.append(f"{where}: {text!r} is not JMESPath: {_first_line(e)}")
        return lambda _event: None
    unknown = _unknown_function(compiled.parsed)
    if unknown:
        problems.append(f"{where}: {text!r} calls {unknown}(), which is not a function")
    return lambda event: compiled.search(event, options=_OPTIONS)


def _unknown_function(node: Any) -> str | None:
    """JMESPath checks names of functions only when they are called; a mapping must not wait."""
    if not isinstance(node, dict):
        return None
    if node["type"] == "function_expression" and node["value"] not in _Functions.FUNCTION_TABLE:
        return str(node["value"])
    return next((f for c in node["children"] if (f := _unknown_function(c))), None)


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()[:200]


def translate(origin: Origin, mapping: CompiledMapping, body: Any) -> Translation:
    """All patches of a body; what no rule is for is counted as ignored."""
    result = Translation()
    try:
        events = _list_of(mapping.events(body))
    except (exceptions.JMESPathError, Unusable, ArithmeticError) as why:
        result.dead.append(letter_of(origin, _unusable("events", why), json_bytes(body)))
        return result
    for event in events:
        _translate_one(origin, mapping, event, result, part=event is not body)
    result.ignored += not events
    return result


def translate_part(origin: Origin, mapping: CompiledMapping, event: Any) -> Translation:
    """All patches of one event that was found in a body before."""
    result = Translation()
    _translate_one(origin, mapping, event, result, part=True)
    return result


def _list_of(found: Any) -> list[Any]:
    events = found if isinstance(found, list) else [] if found is None else [found]
    if len(events) > MAX_EVENTS:
        raise Unusable("unmappable", f"more than {MAX_EVENTS} events in one body")
    return events


def _translate_one(
    origin: Origin, mapping: CompiledMapping, event: Any, result: Translation, *, part: bool
) -> None:
    """One event: all of its patches, or one dead letter, or ignored."""
    try:
        found = list(_patches(origin, mapping, event))
    except (exceptions.JMESPathError, Unusable, ArithmeticError) as why:
        unusable = _unusable("mapping", why)
        result.dead.append(letter_of(origin, unusable, json_bytes(event), part=part))
        return
    result.events += found
    result.ignored += not found


def _unusable(where: str, why: Exception) -> Unusable:
    if isinstance(why, Unusable):
        return why
    return Unusable("unmappable", f"{where}: {_first_line(why)}")


def _patches(origin: Origin, mapping: CompiledMapping, event: Any) -> Iterator[Event]:
    for number, compiled in enumerate(mapping.rules):
        when = compiled.parts.get("when")
        if when is None or when(event):
            yield _apply(origin, compiled, number, event)


def _apply(origin: Origin, compiled: CompiledRule, number: int, event: Any) -> Event:
    values = {part: read(event) for part, read in compiled.parts.items()}
    rule, zone = compiled.rule, origin.zone
    occurred_at = (
        patches.instant("occurred_at", values["occurred_at"], zone)
        if rule.occurred_at
        else origin.received_at
    )
    patches.check_clock(occurred_at, origin.received_at)
    merged = values.get("merged_into")
    patch = EntityPatch(
        entity=rule.entity,
        id=patches.identity("id", values["id"]),
        op=rule.op,
        occurred_at=occurred_at,
        received_at=origin.received_at,
        sequence=_sequence(values.get("sequence")),
        created_at=_created(values.get("created_at"), origin),
        merged_into=None if merged is None else patches.identity("merged_into", merged),
        fields=_fields(compiled, event, origin),
    )
    return event_of(origin, _event_id(origin, values, number, event, patch), patch)


def _fields(compiled: CompiledRule, event: Any, origin: Origin) -> dict[str, Scalar]:
    """A value that is missing is no change; only an explicit empty text clears a field."""
    found = {name: read(event) for name, read in compiled.fields.items()}
    return {
        name: patches.field(name, value, origin.zone)
        for name, value in found.items()
        if value is not None
    }


def _created(value: Any, origin: Origin) -> int | None:
    return None if value is None else patches.instant("created_at", value, origin.zone)


def _sequence(value: Any) -> int:
    if value is None:
        return 0
    text = str(value)
    if not (text.isascii() and text.isdigit() and int(text[:20]) < 1 << 62):
        raise patches.unmappable("sequence", "is a whole number below 2^62")
    return int(text)


def _event_id(
    origin: Origin, values: dict[str, Any], number: int, event: Any, patch: EntityPatch
) -> str:
    """The vendor's id where it has one, else the hash of the event; apart for every rule."""
    named = values.get("event_id")
    own = json_bytes(event).hex() if named is None else patches.identity("event_id", named)
    return digest([origin.connection, own, number, patch.entity, patch.id])


def dry_run(origin: Origin, mapping: CompiledMapping, body: Any) -> dict[str, Any]:
    """What a body would become, as plain JSON; nothing is produced."""
    return shown(translate(origin, mapping, body))


def shown(result: Translation) -> dict[str, Any]:
    """A translation as plain JSON."""
    return {
        "events": [msgspec.to_builtins(event) for event in result.events],
        "dead": [{"reason": d.reason, "detail": d.detail} for d in result.dead],
        "ignored": result.ignored,
    }
