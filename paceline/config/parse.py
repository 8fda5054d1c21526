"""From the text of a file to a document.

In: text. Out: a checked document and its places. Guarantee: all mistakes are reported at once, each
with line, column, path, and how to put it right.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from paceline.config import references
from paceline.config.document import Document
from paceline.config.problems import ConfigError, meant
from paceline.config.source import Path, Source, load

_HINTS = {
    "currency": "add an ISO 4217 code such as `currency: EUR`",
    "env": "add the variable's name, as in `env: HUBSPOT_SECRET`",
    "id": "add a short name of a-z, 0-9 and -",
    "kind": "add `kind: hubspot`, `kind: json` or `kind: cloudevents`",
    "mapping": "add how a body becomes patches",
    "secret": "add where it is, as in `secret: {env: HUBSPOT_SECRET}`",
    "signatures": "add a list such as `signatures: [standard-webhooks]`",
    "team": "add the id of the rep's team",
    "zone": "add an IANA time zone such as `zone: Europe/Berlin`",
}

_KINDS = {
    "string_type": "this must be text; put it between quotes",
    "int_type": "this must be a whole number",
    "bool_type": "this must be true or false",
    "list_type": "this must be a list; begin each item with `- `",
    "dict_type": "this must be `key: value` pairs",
    "model_type": "this must be `key: value` pairs",
    "model_attributes_type": "this must be `key: value` pairs",
    "string_too_short": "this must not be empty",
    "too_short": "this list must not be empty",
}


def parse(text: str, file: str) -> tuple[Document, Source]:
    """The document of a file, and where its parts stand; ``ConfigError`` with all that is wrong."""
    source = load(text, file)
    document = _validate(source)
    references.check(source)
    if document is None or source.problems:
        raise ConfigError(file, source.problems)
    return document, source


def _validate(source: Source) -> Document | None:
    try:
        return Document.model_validate(source.data, context=source)
    except ValidationError as error:
        report(source, error)
    return None


def report(source: Source, error: ValidationError, above: Path = ()) -> None:
    """Report what Pydantic found, in our words, of the value that stands at ``above``."""
    for problem in error.errors(include_url=False):
        _report(source, problem, above)


def _report(source: Source, problem: ErrorDetails, above: Path) -> None:
    path = (*above, *problem["loc"])
    if problem["type"] == "union_tag_invalid":
        path = (*path, "kind")
    if problem["type"] == "missing":
        source.report(path[:-1], f"`{path[-1]}` is missing; {_hint(path[-1])}")
    else:
        # A mapping's key is wrong: Pydantic says so with a word of its own behind it.
        source.report(path, _sentence(problem), key=path[-1:] == ("[key]",))


def _hint(key: int | str) -> str:
    return _HINTS.get(str(key), f"add `{key}: …`")


def _sentence(problem: ErrorDetails) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "literal_error":
        return _unknown(problem["input"], context["expected"])
    if kind == "union_tag_invalid":
        return _unknown(context["tag"], context["expected_tags"])
    if kind == "union_tag_not_found":
        return f"`kind` is missing; {_HINTS['kind']}"
    return _KINDS.get(kind) or problem["msg"].replace("Input should", "this must")


def _unknown(said: Any, expected: str) -> str:
    known = [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]
    return f"unknown value `{said}`; {meant(str(said), known)}"
