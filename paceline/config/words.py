"""The kinds of words in a configuration file, each checked where it stands.

In: one value. Out: the same, or a sentence that says how to put it right. Guarantee: what passes
needs no other check later: the zone exists, the expression compiles, the id fits into a URL.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

import jmespath
from jmespath.exceptions import JMESPathError, ParseError
from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from paceline.config.currencies import CURRENCIES
from paceline.config.problems import meant
from paceline.config.source import Int

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ENV = re.compile(r"[A-Z_][A-Z0-9_]*")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def wrong(sentence: str) -> PydanticCustomError:
    """An error whose text is exactly this sentence."""
    return PydanticCustomError("paceline", "{sentence}", {"sentence": sentence})


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise wrong(
            f"`{text}` is no id: use 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit"
        )
    return text


def _zone(text: str) -> str:
    if text not in _zones():
        raise wrong(f"`{text}` is no IANA time zone; {_zone_meant(text)}")
    return text


def _zone_meant(text: str) -> str:
    found = meant(text, _zones())
    return found if found.startswith("did") else "write one such as Europe/Berlin or Asia/Shanghai"


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        upper = text.upper()
        hint = f"did you mean `{upper}`?" if upper in CURRENCIES else "write one such as EUR or CNY"
        raise wrong(f"`{text}` is no ISO 4217 currency code; {hint}")
    return text


def _env(text: str) -> str:
    # What stands here may be the secret itself, put there by mistake: it is not repeated.
    if not _ENV.fullmatch(text):
        raise wrong(
            "this is no name of an environment variable: use A-Z, 0-9 and _, as in HUBSPOT_SECRET"
        )
    return text


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except ParseError as error:
        raise wrong(_unreadable(text, error)) from None
    except JMESPathError as error:
        raise wrong(f"this is no JMESPath expression: {error}") from None
    return text


def _unreadable(text: str, error: ParseError) -> str:
    if error.lex_position >= len(text):
        return f"JMESPath `{text}` ends too early"
    return (
        f"JMESPath `{text}` cannot be read from character {error.lex_position + 1} on "
        f"(`{text[error.lex_position :]}`)"
    )


def _field(text: str) -> str:
    if not _FIELD.fullmatch(text):
        raise wrong(
            f"`{text}` is no field name: use up to 64 of a-z, 0-9 and _, beginning with a letter"
        )
    return text


def _property(text: str) -> str:
    if not _PROPERTY.fullmatch(text):
        raise wrong(
            f"`{text}` is no internal name of a HubSpot property: HubSpot shows it in the "
            "property's settings, such as `visit_type`"
        )
    return text


def _target(text: str) -> str:
    if text == "deleted":
        raise wrong("deletion is told by HubSpot's own events; leave this line out")
    return _field(text)


def _link(text: str) -> str:
    if not text.startswith(("https://", "http://")) or "{id}" not in text:
        raise wrong("a link begins with https:// and holds {id} where the record's id goes")
    return text


def _as_written(value: Any) -> Any:
    return value.text if isinstance(value, Int) else value


def as_list(value: Any) -> Any:
    """One thing, where several are possible, is a list of one."""
    return value if isinstance(value, list) else [value]


Id = Annotated[str, AfterValidator(_id)]
Zone = Annotated[str, AfterValidator(_zone)]
Currency = Annotated[str, AfterValidator(_currency)]
EnvName = Annotated[str, AfterValidator(_env)]
Expression = Annotated[str, AfterValidator(_expression)]
FieldName = Annotated[str, AfterValidator(_field)]
HubSpotProperty = Annotated[str, AfterValidator(_property)]
TargetField = Annotated[str, AfterValidator(_target)]
Link = Annotated[str, AfterValidator(_link)]
VendorId = Annotated[str, BeforeValidator(_as_written)]
"""An id of a CRM: text, or a number exactly as it was written."""
