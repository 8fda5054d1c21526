"""The functions of the language that read measures.

In: a call in a formula. Out: its shape and term; ``Wrong`` shows how it is written. Guarantee: what
is read is known when the formula is compiled, and is noted in the binder.
"""

from __future__ import annotations

import re
from fractions import Fraction
from urllib.parse import quote

from kpi.activity import TYPES
from kpi.definitions.binding import Bind, Binder, Typed, Wrong, measure_of, usage_of
from kpi.definitions.measures import (
    BUILT_IN,
    Level,
    Measure,
    Sketch,
    of_family,
    quantile_of,
    ratio,
    samples_of,
    summed,
    times,
)
from kpi.definitions.shapes import COUNT, DURATION, Shape, single
from kpi.definitions.tree import Call, Name, Node, Number, Text

_INCOMPLETE = re.compile(r"[a-z_]+|m:[a-z][a-z0-9_]*")


def activities(binder: Binder, call: Call) -> Typed:
    """Done activities of some kinds, or of all."""
    return _of_kinds(binder, "act", _kinds(binder, call), COUNT)


def minutes(binder: Binder, call: Call) -> Typed:
    """Minutes of activities of some kinds, or of all, as a duration."""
    return _in_seconds(_of_kinds(binder, "act_min", _kinds(binder, call), DURATION))


def selling(binder: Binder, call: Call) -> Typed:
    """Done activities of the kinds that count as selling."""
    if call.arguments or call.named:
        raise usage_of(binder, call)
    return _of_kinds(binder, "act", binder.scope.selling, COUNT, all_when_none=False)


def selling_minutes(binder: Binder, call: Call) -> Typed:
    """Minutes of the kinds that count as selling, as a duration."""
    if call.arguments or call.named:
        raise usage_of(binder, call)
    kinds = binder.scope.selling
    return _in_seconds(_of_kinds(binder, "act_min", kinds, DURATION, all_when_none=False))


def _kinds(binder: Binder, call: Call) -> tuple[str, ...]:
    """The kinds of activity that are named; each once, and a known one."""
    named: list[str] = []
    for argument in call.arguments:
        if not isinstance(argument, Text):
            raise usage_of(binder, call)
        if argument.value not in TYPES:
            guess = binder.suggestion(argument.value, TYPES) or f"; known: {', '.join(TYPES)}"
            raise Wrong(argument.at, f'unknown activity "{argument.value}"{guess}')
        if argument.value in named:
            raise Wrong(argument.at, f'"{argument.value}" is named twice; remove one')
        named.append(argument.value)
    if call.named:
        raise usage_of(binder, call)
    return tuple(named)


def _of_kinds(
    binder: Binder, family: str, kinds: tuple[str, ...], shape: Shape, *, all_when_none: bool = True
) -> Typed:
    if not kinds and all_when_none:
        binder.stored.add(f"{family}:")
        return Typed(shape, of_family(family))
    stored = tuple(f"{family}:{kind}" for kind in kinds)
    binder.stored.update(stored)
    return Typed(shape, summed(*stored))


def _in_seconds(minutes: Typed) -> Typed:
    return Typed(minutes.shape, times(minutes.read, Fraction(60)))


def named(family: str) -> Bind:
    """A function whose one text names a stage, a reason or a criterion."""

    def bind(binder: Binder, call: Call) -> Typed | None:
        match call:
            case Call(arguments=(Text() as text,), named=()) if text.value:
                _check_known(binder, call.function, text)
                stored = f"{family}:{quote(text.value, safe='')}"
                binder.stored.add(stored)
                return Typed(COUNT, summed(stored))
        raise usage_of(binder, call)

    return bind


def _check_known(binder: Binder, function: str, text: Text) -> None:
    """A misspelt id would count nothing, and say so with a 0 like any other."""
    known = binder.scope.known.get(function)
    if known is not None and text.value not in known:
        guess = binder.suggestion(text.value, known)
        listed = f"; known: {', '.join(sorted(known)) or 'none'}"
        raise Wrong(text.at, f'{function}() knows no "{text.value}"{guess or listed}')


def incomplete(binder: Binder, call: Call) -> Typed:
    """What is counted as incomplete beside the numbers: ``x:<what>``."""
    match call:
        case Call(arguments=(Text() as text,), named=()) if _INCOMPLETE.fullmatch(text.value):
            stored = f"x:{text.value}"
            binder.stored.add(stored)
            return Typed(COUNT, summed(stored))
    raise usage_of(binder, call)


def measure(binder: Binder, call: Call) -> Typed:
    """A measure by its id, a declared one first."""
    found = _one_measure(binder, call, call.arguments)
    return binder.measure(found, _said(call.arguments[0]), call.at)


def closing(binder: Binder, call: Call) -> Typed:
    """The part of a level that is expected to close within the period."""
    found = _one_measure(binder, call, call.arguments)
    if not isinstance(found, Level):
        raise Wrong(
            call.arguments[0].at,
            f"{_said(call.arguments[0])} is no level with expected close days; "
            "closing() takes one such as open_qualified",
        )
    binder.stored.update(found.stored)
    return Typed(found.shape, found.closing)


def quantile(binder: Binder, call: Call) -> Typed:
    """A quantile of a distribution."""
    match call:
        case Call(arguments=(_, Number() as q), named=()) if 0 < q.value <= 1:
            return _of_sketch(binder, call, float(q.value))
    raise usage_of(binder, call)


def median(binder: Binder, call: Call) -> Typed:
    """The middle of a distribution."""
    if len(call.arguments) != 1:
        raise usage_of(binder, call)
    return _of_sketch(binder, call, 0.5)


def _of_sketch(binder: Binder, call: Call, q: float) -> Typed:
    found = _one_sketch(binder, call)
    return Typed(single(found.shape), quantile_of(found, q))


def samples(binder: Binder, call: Call) -> Typed:
    """How many a distribution has counted."""
    return Typed(COUNT, samples_of(_one_sketch(binder, call)))


def mean(binder: Binder, call: Call) -> Typed:
    """The mean of a distribution whose sum is kept too."""
    found = _one_sketch(binder, call)
    if not found.total:
        said = _said(call.arguments[0])
        raise Wrong(call.at, f"no sum of {said} is kept; write median({said})")
    binder.stored.add(found.total)
    return Typed(single(found.shape), ratio(summed(found.total), samples_of(found)))


def _one_sketch(binder: Binder, call: Call) -> Sketch:
    found = _one_measure(binder, call, call.arguments[:1])
    if not isinstance(found, Sketch):
        raise Wrong(
            call.arguments[0].at,
            f"{_said(call.arguments[0])} is one number; {call.function}() takes a distribution "
            "such as cycle",
        )
    binder.stored.add(f"{found.family}:")
    return found


def _one_measure(binder: Binder, call: Call, arguments: tuple[Node, ...]) -> Measure:
    """The measure that is the one argument: a name, a text, or measure("…")."""
    declared = binder.scope.declared
    match arguments:
        case _ if call.named:
            raise usage_of(binder, call)
        case (Name(id=id_, at=at),):
            found = measure_of(id_, declared)
        case (Call(function="measure", arguments=(Text(value=id_, at=at),), named=()),):
            found = declared.get(id_) or measure_of(id_, declared)
        case (Text(value=id_, at=at),):
            found = declared.get(id_) or measure_of(id_, declared)
        case _:
            raise usage_of(binder, call)
    if found is None:
        known = [name for name in (*declared, *BUILT_IN) if name != id_]
        guess = (
            binder.suggestion(id_, known) or "; declare it under measures, or see docs/metrics.md"
        )
        raise Wrong(at, f'unknown measure "{id_}"{guess}')
    return found


def _said(node: Node) -> str:
    match node:
        case Name(id=said) | Text(value=said):
            return said
        case Call(arguments=(Text(value=said),)):
            return said
    return "this"
