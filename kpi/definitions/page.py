"""``docs/metrics.md``: the catalogue, the language and what is stored, in both languages.

In: definitions. Out: the page as Markdown. Guarantee: pure, and the same for the same definitions;
unit and kind are those that the formulas were checked to have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kpi.definitions import page_text as text
from kpi.definitions.book import Book, compile_book
from kpi.definitions.catalogue import CATALOGUE, stage_conversions
from kpi.definitions.functions import FUNCTIONS
from kpi.definitions.measures import BUILT_IN, Sketch
from kpi.definitions.model import Definition
from kpi.definitions.shapes import kind_of, unit_of

_BETTER = {"higher": "higher · 越高越好", "lower": "lower · 越低越好"}
_STORED = ("measure · 基础量", "stored as", "in one sentence", "一句话说明")


def metrics_page(definitions: Sequence[Definition] = CATALOGUE) -> str:
    """The whole page; ``DefinitionError`` for definitions that do not compile."""
    book = compile_book(definitions)
    (conversion,) = stage_conversions(["…"])
    after = text.AFTER_KPIS.format(
        conversion=conversion.formula,
        says=conversion.says,
        says_zh=conversion.says_zh,
    )
    incomplete = ("stored as", "in one sentence", "一句话说明")
    parts = (
        text.TITLE,
        text.KPIS,
        _kpis(definitions, book),
        after,
        text.LANGUAGE,
        _names(),
        _functions(),
        text.FLOWS_TEXT,
        _table(_STORED, text.FLOWS),
        text.AFTER_FLOWS,
        text.LEVELS_TEXT,
        _table(_STORED, text.LEVELS),
        text.INCOMPLETE_TEXT,
        _table(incomplete, text.INCOMPLETE),
        text.RULES,
    )
    return "\n".join(parts)


def _kpis(definitions: Sequence[Definition], book: Book) -> str:
    heads = ("id", "KPI", "formula", "unit", "kind", "better", "in one sentence", "一句话说明")
    rows = [
        (
            f"`{one.id}`",
            f"{one.name} · {one.name_zh}",
            f"`{one.formula}`",
            one.unit,
            book.compiled[one.id].kind,
            _BETTER[one.direction],
            one.says,
            one.says_zh,
        )
        for one in definitions
    ]
    return _table(heads, rows)


def _names() -> str:
    rows = []
    for name, one in BUILT_IN.items():
        if isinstance(one, Sketch):
            rows.append((f"`{name}`", "duration", "distribution", f"`{one.family}:<bucket>`"))
            continue
        stored = ", ".join(
            f"`{each}…`" if each.endswith(":") else f"`{each}`" for each in one.stored
        )
        unit = unit_of(one.shape) or ""
        rows.append(
            (f"`{name}`", unit, kind_of(one.shape), stored or "the reader's · 由读取方提供")
        )
    return _table(("name · 名称", "unit", "kind", "stored as"), rows)


def _functions() -> str:
    rows = [(f"`{one.usage}`", *text.FUNCTIONS[name]) for name, one in FUNCTIONS.items()]
    return _table(("function · 函数", "is", "含义"), rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")
