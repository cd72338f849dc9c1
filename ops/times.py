"""How people write a time on the command line: an instant, or how long ago. Everything inside is epoch milliseconds."""

import math
import re
from datetime import UTC, datetime

from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis
from state.clock import epoch_ms

_UNIT_MS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_STEP = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_DURATION = re.compile(rf"(?:{_STEP.pattern})+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# 1e11 s is the year 5138 and 1e11 ms is 1973: a number of either unit lies clearly on one side.
_LEAST_MS = 1e11
# The last millisecond of the year 9999, the last that a calendar date can show.
_LAST_MS = 253_402_300_799_999


def parse_time(text: str, now_ms: Millis) -> Millis:
    """The instant that a text names, in epoch ms.

    Args:
        text: ISO 8601 (without a zone it is UTC), epoch seconds or milliseconds, a duration ago (`15m`, `1h30m`, `2d`;
            units ms s m h d w), or `now`.
        now_ms: what durations count back from.

    Raises:
        InvalidInputError: the text is none of these.

    >>> parse_time("1970-01-01T00:01:00Z", 0), parse_time("60", 0), parse_time("1m30s", 100_000)
    (60000, 60000, 10000)
    """
    wanted = text.strip()
    if wanted.lower() == "now":
        return now_ms
    if _NUMBER.fullmatch(wanted):
        return _checked(text, _from_epoch(wanted))
    if _DURATION.fullmatch(wanted):
        return _checked(text, now_ms - _duration_ms(wanted))
    try:
        moment = datetime.fromisoformat(wanted)
    except ValueError as error:
        raise _unreadable(text) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _checked(text, epoch_ms(aware))


def iso(at_ms: Millis) -> str:
    """An instant in ISO 8601, UTC, with milliseconds.

    >>> iso(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    whole_s, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(whole_s, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def _from_epoch(digits: str) -> float:
    number = float(digits)
    return number if number >= _LEAST_MS else number * 1000


def _duration_ms(text: str) -> float:
    return sum(float(amount) * _UNIT_MS[unit] for amount, unit in _STEP.findall(text))


def _checked(text: str, at_ms: float) -> Millis:
    if not math.isfinite(at_ms) or not 0 <= at_ms <= _LAST_MS:
        raise InvalidInputError(f"{text!r} lies before 1970 or after 9999. Give a time between.")
    return round(at_ms)


def _unreadable(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"{text!r} is no time. Give ISO 8601 (2024-05-01T12:00:00Z), epoch seconds or milliseconds, or how long ago "
        "(15m)."
    )
