"""The kinds of words in a configuration file, each checked where it stands.

In: one value. Out: the same, or a sentence that says how to put it right. Guarantee: what passes
needs no other check later: the zone exists, the expression compiles, the id fits into a URL.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

import jmespath
from jmespath.exceptions import JMESPathError, ParseError
from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from paceline.config.currencies import CURRENCIES
from paceline.config.problems import meant
from paceline.config.source import Float, Int
from paceline.sql.amounts import duration

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ENV = re.compile(r"[A-Z_][A-Z0-9_]*")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_KPI = re.compile(r"[a-z][a-z0-9_]{0,62}|conversion:.{1,64}")
_MEASURE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,9})?( ?%)?")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY_MINUTES = 1440

_EMAIL = re.compile(r"[^@\s<>\",;]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


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


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise wrong(f"`{text}` is no time of day: write it as `08:30`")
    return text


def minute_of(clock: str) -> int:
    """The minute of the day of a checked ``HH:MM``."""
    return int(clock[:2]) * 60 + int(clock[3:])


def clock_of(minute: int) -> str:
    """A minute of the day as ``HH:MM``; the day's end is ``24:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise wrong(f"`{text}` is no e-mail address")
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
    rest = text.replace("{id}", "").replace("{kind}", "")
    if not text.startswith("https://") or "{id}" not in text or not {"{", "}"}.isdisjoint(rest):
        raise wrong(
            "a link begins with https:// and holds {id} where the record's id goes; "
            "{kind} may stand in it too, nothing else in braces"
        )
    return text


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        said = value if isinstance(value, str) else _written(value)
        raise wrong(f"`{said}` is no date; write one such as 2026-04-16") from None


def _kpi(text: str) -> str:
    if not _KPI.fullmatch(text):
        raise wrong(
            f"`{text}` is no id of a KPI: use up to 63 of a-z, 0-9 and _, beginning with a letter"
        )
    return text


def _measure(text: str) -> str:
    if not _MEASURE.fullmatch(text):
        raise wrong(
            f"`{text}` is no id of a measure: use up to 32 of a-z, 0-9 and _, beginning with a "
            "letter"
        )
    return text


def _amount(value: Any) -> str:
    text = _written(value).strip()
    if not _AMOUNT.fullmatch(text) and duration(text) is None:
        raise wrong(
            f"`{text}` is no amount: write a number such as 100000 or 12.5, a ratio as 0.25 or "
            "25 %, a duration as 45d or 6h 30m"
        )
    return text


def _seconds(value: Any) -> int:
    found = duration(_written(value))
    if not found:
        raise wrong(f"`{_written(value)}` is no duration; write one such as 6h, 30m or 2d")
    return found


def _hours(text: str) -> str:
    minutes = minutes_of(text)
    if minutes is None or minutes[0] >= minutes[1]:
        raise wrong(f"`{text}` are no hours; write them such as 09:00-12:00")
    return text


def minutes_of(text: str) -> tuple[int, int] | None:
    """Minutes of the day of ``09:00-12:00``, None where it is no such text.

    >>> minutes_of("09:00-12:30")
    (540, 750)
    """
    found = _HOURS.fullmatch(text)
    if found is None:
        return None
    begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return (begin, end) if end <= _DAY_MINUTES else None


def _week_day(text: str) -> str:
    if text not in WEEK_DAYS:
        raise wrong(f"unknown value `{text}`; {meant(text, WEEK_DAYS)}")
    return text


def _as_written(value: Any) -> Any:
    if isinstance(value, Int):
        return value.text
    # Of JSON, which writes 7 only as 7.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_text(value: Any) -> Any:
    """A number as it is written; everything else as it is."""
    return _written(value) if isinstance(value, float) else _as_written(value)


def _written(value: Any) -> str:
    """A value as it stands in the file; of JSON numbers their shortest decimal form."""
    if isinstance(value, Int | Float):
        return value.text.replace("_", "")
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return (
        str(value) if isinstance(value, int | str) and not isinstance(value, bool) else repr(value)
    )


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
Date = Annotated[date, BeforeValidator(_date)]
KpiId = Annotated[str, AfterValidator(_kpi)]
MeasureId = Annotated[str, AfterValidator(_measure)]
Amount = Annotated[str, BeforeValidator(_amount)]
"""A number of a target as it was written; what it means depends on the KPI's unit."""
Seconds = Annotated[int, BeforeValidator(_seconds)]
Hours = Annotated[str, AfterValidator(_hours)]
WeekDay = Annotated[str, AfterValidator(_week_day)]

Clock = Annotated[str, AfterValidator(_clock)]
Email = Annotated[str, AfterValidator(_email)]
