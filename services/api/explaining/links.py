"""Links: the address of a record in its CRM.

In: a connection's template with ``{kind}`` and ``{id}``, a record. Out: an address, or None.
Guarantee: pure; what a CRM calls a record is escaped, so it can neither leave its place in the
address nor change its host; nothing but https is ever given to a page to be clicked.
"""

from __future__ import annotations

from urllib.parse import quote

_DOTS = frozenset((".", ".."))


def record_link(template: str | None, kind: str, record: str) -> str | None:
    """The address of a record; None without a template, where it is not https, or for dots.

    >>> record_link("https://crm.example/{kind}/{id}", "deal", "a/b?c")
    'https://crm.example/deal/a%2Fb%3Fc'
    """
    if template is None or not template.startswith("https://"):
        return None
    if _DOTS & {kind, record}:
        return None  # A browser takes them for a step up, escaped or not.
    # Both are put in at once: an id that reads "{kind}" stays what it is.
    return "".join(_filled(piece, kind, record) for piece in _pieces(template))


def _pieces(template: str) -> list[str]:
    return template.replace("{", "\0{").replace("}", "}\0").split("\0")


def _filled(piece: str, kind: str, record: str) -> str:
    return {"{kind}": quote(kind, safe=""), "{id}": quote(record, safe="")}.get(piece, piece)
