"""Values as the envelope wants them, from whatever a vendor writes.

In: one field of a patch, as parsed. Out: its canonical scalar. Guarantee: a value either has
exactly one spelling on the log (equal amounts are equal texts), or is ``Unusable`` with the
field's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.envelope import FUTURE_TOLERANCE_MS, Scalar
from services.ingest.document import Unusable

DAY_MS: Final = 86_400_000
YEAR_2000_MS: Final = 946_684_800_000
MAX_AMOUNT: Final = Decimal(10**13)
MAX_TEXT: Final = 1024
_MAX_ID: Final = 256
_SAFE_INTEGER: Final = 1 << 53
_MAX_DECIMALS: Final = 9
_MAX_EPOCH: Final = 10**15
_MAX_EPOCH_S: Final = 10**11
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CIVIL: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_AMOUNT: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")

ACTIVITY_TYPES: Final = frozenset(
    {"call", "email", "meeting", "visit", "demo", "proposal", "one_on_one", "custom"}
)
STATUSES: Final = {
    "done": "done",
    "completed": "done",
    "planned": "planned",
    "scheduled": "planned",
    "rescheduled": "planned",
    "queued": "planned",
    "ringing": "planned",
    "connecting": "planned",
    "calling_crm_user": "planned",
    "in_progress": "planned",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "no_show": "no_show",
    "no_answer": "no_show",
    "busy": "no_show",
    "missed": "no_show",
    "failed": "no_show",
}


def unmappable(name: str, what: str) -> Unusable:
    """The refusal of one field's value."""
    return Unusable("unmappable", f"field {name}: {what}")


def identity(name: str, value: Any) -> str:
    """An id: text or integer, never empty, printable, at most 256 characters."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise unmappable(name, f"an id is a text or an integer, not {type(value).__name__}")
    text = str(value)
    if not text or len(text) > _MAX_ID or _CONTROL.search(text):
        raise unmappable(name, f"an id has 1 to {_MAX_ID} printable characters")
    return text


def optional_id(name: str, value: Any, _zone: ZoneInfo) -> Scalar:
    """An id, or None for what vendors write when there is none."""
    return None if value is None or value == "" else identity(name, value)


def amount(name: str, value: Any, _zone: ZoneInfo) -> Scalar:
    """A decimal text in major units without trailing zeros; at most 10^13 either way.

    >>> amount("amount", "1200.50", ZoneInfo("UTC"))
    '1200.5'
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise unmappable(name, f"an amount is a number, not {type(value).__name__}")
    number = _decimal(name, str(value).strip())
    if abs(number) > MAX_AMOUNT:
        raise unmappable(name, "an amount is at most 10^13 in major units")
    return _plain(name, number)


def _decimal(name: str, text: str) -> Decimal:
    if len(text) > _MAX_ID or not _AMOUNT.fullmatch(text) or not text.isascii():
        raise unmappable(name, "an amount is written in digits, such as 1200.50")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise unmappable(name, "an amount is written in digits, such as 1200.50") from None


def _plain(name: str, number: Decimal) -> str:
    if not number:
        return "0"
    if abs(number.adjusted()) > _MAX_DECIMALS + 4:
        raise unmappable(name, "an amount is not that small")
    text = f"{number:f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    if len(decimals) > _MAX_DECIMALS:
        raise unmappable(name, f"an amount has at most {_MAX_DECIMALS} decimals")
    sign, digits = ("-", whole[1:]) if whole[0] == "-" else ("", whole)
    whole = sign + (digits.lstrip("0") or "0")
    return f"{whole}.{decimals}" if decimals else whole


def currency(name: str, value: Any, _zone: ZoneInfo) -> Scalar:
    """ISO 4217, in capitals."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{3}", value):
        raise unmappable(name, "a currency is an ISO 4217 code such as USD")
    return value.upper()


def instant(name: str, value: Any, zone: ZoneInfo) -> int:
    """Milliseconds UTC, of RFC 3339 text or epoch milliseconds or seconds.

    A text without an offset is of the connection's zone. A number below 10^11 is seconds: as
    milliseconds it would be before March 1973, when no CRM sent webhooks.
    """
    if isinstance(value, str):
        return _instant_of_text(name, value.strip(), zone)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise unmappable(name, f"an instant is a text or a number, not {type(value).__name__}")
    return _epoch(name, value)


def _epoch(name: str, value: int | Decimal) -> int:
    if not 0 <= value < _MAX_EPOCH:
        raise unmappable(name, "an instant is epoch milliseconds or seconds")
    return int(value * 1000 if value < _MAX_EPOCH_S else value)


def _instant_of_text(name: str, text: str, zone: ZoneInfo) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 15:  # noqa: PLR2004 - of an epoch
        return _epoch(name, int(text))
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        elapsed = aware - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise unmappable(name, "not an RFC 3339 time nor an epoch") from None
    return (elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000


def moment(name: str, value: Any, zone: ZoneInfo) -> Scalar:
    """An instant, or None for none."""
    return None if value is None or value == "" else instant(name, value, zone)


def civil_date(name: str, value: Any, zone: ZoneInfo) -> Scalar:
    """A civil date; one without a time is kept as it is.

    An instant that is a whole UTC day is that day, for that is how CRMs store dates; any other
    instant is its date in the connection's zone.
    """
    if value is None or value == "":
        return None
    text = value.strip() if isinstance(value, str) else ""
    if text and (date := _written_date(name, text)):
        return date
    at = instant(name, value, zone)
    if at >= DAY_MS * 366 * 8000:
        raise unmappable(name, "the date is out of range")
    seconds = at // 1000
    where = UTC if at % DAY_MS == 0 else zone
    return datetime.fromtimestamp(seconds, where).date().isoformat()


def _written_date(name: str, text: str) -> str | None:
    found = _CIVIL.match(text)
    if found is None:
        return None
    try:
        moment_ = datetime.fromisoformat(text)
    except ValueError:
        raise unmappable(name, "not a date such as 2025-01-31") from None
    # Without an offset the date is local already, whatever the time beside it says.
    return None if moment_.tzinfo else moment_.date().isoformat()


def activity_type(name: str, value: Any, _zone: ZoneInfo) -> Scalar:
    """One of the activity types of the envelope, in any spelling of case, space and hyphen."""
    if value is None or value == "":
        return None
    text = _word(name, value)
    if text not in ACTIVITY_TYPES:
        raise unmappable(name, f"not one of {', '.join(sorted(ACTIVITY_TYPES))}")
    return text


def status(name: str, value: Any, _zone: ZoneInfo) -> Scalar:
    """done, planned, cancelled or no_show."""
    if value is None or value == "":
        return None
    text = _word(name, value)
    if text not in STATUSES:
        raise unmappable(name, "not a known status: done, planned, cancelled or no_show")
    return STATUSES[text]


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise unmappable(name, f"is a text, not {type(value).__name__}")
    return value.strip().lower().replace(" ", "_").replace("-", "_")


def truth(name: str, value: Any, _zone: ZoneInfo) -> Scalar:
    """A boolean, in the spellings that CRMs use."""
    spelled = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if value is None or value == "":
        return None
    found = spelled.get(str(value).strip().lower())
    if found is None:
        raise unmappable(name, "is true or false")
    return found


def minutes_of_ms(value: Any) -> Any:
    """Whole minutes of milliseconds, to the nearest; what is no such number is left as it is.

    >>> minutes_of_ms("89000"), minutes_of_ms(90_000), minutes_of_ms("long")
    (1, 2, 'long')
    """
    text = str(value).strip()
    usable = text.isascii() and text.isdigit() and len(text) <= 15  # noqa: PLR2004 - 2^53
    return (int(text) + 30_000) // 60_000 if usable and not isinstance(value, bool) else value


def register(name: str, value: Any, _zone: ZoneInfo) -> Scalar:
    """Any other field: a short text, an integer, a boolean, or None."""
    if isinstance(value, Decimal):
        return _plain(name, value)
    if isinstance(value, int) and abs(value) >= _SAFE_INTEGER:
        raise unmappable(name, "an integer is at most 2^53")
    if value is not None and not isinstance(value, str | int):
        raise unmappable(name, f"is a text, a number or a boolean, not {type(value).__name__}")
    if isinstance(value, str) and (len(value) > MAX_TEXT or "\x00" in value):
        raise unmappable(name, f"a text has at most {MAX_TEXT} characters, and no NUL")
    return value


Normalise = Callable[[str, Any, ZoneInfo], Scalar]

FIELDS: Final[dict[str, Normalise]] = {
    "stage": optional_id,
    "owner": optional_id,
    "pipeline": optional_id,
    "amount": amount,
    "currency": currency,
    "close_on": civil_date,
    "at": moment,
    "type": activity_type,
    "status": status,
    "deal": optional_id,
    "new_customer": truth,
}


def field(name: str, value: Any, zone: ZoneInfo) -> Scalar:
    """One field of a patch in its canonical form; ``Unusable`` where it has none."""
    if not _NAME.fullmatch(name):
        raise unmappable(name[:64], "a field is named [a-z][a-z0-9_]*")
    return FIELDS.get(name, register)(name, value, zone)


def is_name(name: str) -> bool:
    """Whether a vendor's property can be a field under its own name."""
    return _NAME.fullmatch(name) is not None


def check_clock(occurred_at: int, received_at: int) -> None:
    """Refuse an event of the future, which would lock a field, and one of before 2000."""
    if occurred_at > received_at + FUTURE_TOLERANCE_MS:
        late = (occurred_at - received_at) // 1000
        raise Unusable("future_clock", f"occurred {late} s after it arrived: check the clock")
    if occurred_at < YEAR_2000_MS:
        raise Unusable("ancient_clock", "occurred before the year 2000: check the clock")
