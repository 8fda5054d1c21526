"""A line of results, and the table of them.

In: figures. Out: rows as ``bench.json`` holds them, and text. Guarantee: a row without a peer has
no ratio.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
"""``{name, unit, ours, peer_name, peer, ratio}``; a figure that does not exist is None."""


def row(
    name: str, unit: str, ours: float, peer_name: str | None = None, peer: float | None = None
) -> Row:
    """One result. ``ratio`` is ours over the peer's, so for a cost less than 1 is better."""
    return {
        "name": name,
        "unit": unit,
        "ours": _rounded(ours),
        "peer_name": peer_name,
        "peer": None if peer is None else _rounded(peer),
        "ratio": None if peer is None else round(ours / peer, 3),
    }


def _rounded(figure: float) -> float:
    """Three decimals are enough for milliseconds, none for thousands of events."""
    return round(figure, 3) if abs(figure) < 1_000 else round(figure)


def table(rows: Iterable[Row]) -> str:
    """The rows for people, columns aligned."""
    cells: list[tuple[str, ...]] = [("what", "unit", "ours", "peer's", "ratio", "peer")]
    cells += [tuple(map(_text, _cells(one))) for one in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join(_line(line, widths) for line in cells)


def _cells(one: Row) -> tuple[Any, ...]:
    return (
        *(one["name"], one["unit"], one["ours"]),
        *(one["peer"], one["ratio"], one["peer_name"]),
    )


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


def _line(line: tuple[str, ...], widths: list[int]) -> str:
    numbers = (2, 3, 4)
    aligned = (
        cell.rjust(width) if i in numbers else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join(aligned).rstrip()
