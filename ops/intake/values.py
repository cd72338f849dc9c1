"""Reading single values as the world writes them: severities, times, texts. The one place of these rules.

Every function raises InvalidInputError with what it got and what it wants; callers name the field.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.errors import InvalidInputError
from schemas.records.vocabulary import AlertStatus, Millis, Severity, Tier
from state.clock import epoch_ms

_WORDS = {
    Severity.INFO: "info information informational notice debug trace low none ok p4 p5 sev4 sev5 6 7 5",
    Severity.WARNING: "warning warn medium moderate minor p3 sev3 4",
    Severity.ERROR: "error err high major severe p2 sev2 3",
    Severity.CRITICAL: "critical crit fatal emergency emerg alert panic page disaster blocker p1 sev1 p0 sev0 0 1 2",
}
# Bare numbers are syslog's (RFC 5424: 0 emergency to 7 debug); P1 and SEV1 are the worst of the priorities.
_SEVERITIES = {word: severity for severity, words in _WORDS.items() for word in words.split()}
_STATES = {
    AlertStatus.FIRING: "firing active triggered trigger open alarm alerting problem",
    AlertStatus.RESOLVED: "resolved resolve ok closed recovered recovery inactive cleared",
}
_STATUSES = {word: status for status, words in _STATES.items() for word in words.split()}
_TIERS = {tier.value.lower(): tier for tier in Tier}
_TRUE, _FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]\+?\d+)?")
# Seconds, milliseconds, microseconds and nanoseconds since 1970 are told apart by size: 1e11 s is the year 5138,
# 1e11 ms is 1973, and so on by factors of a thousand.
_EPOCH_UNITS = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (1e20, 1e-6))
LAST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


def text(value: Any, longest: int) -> str:
    """A text without blanks around it; numbers are taken as their digits.

    >>> text(" checkout ", 10), text(7, 10)
    ('checkout', '7')
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidInputError(f"is {shown(value)}; give a text")
    found = str(value).strip()
    if not found:
        raise InvalidInputError("is empty; give a text")
    if len(found) > longest:
        raise InvalidInputError(f"has {len(found)} characters; give at most {longest}")
    return found


def severity(value: Any) -> Severity:
    """A severity from any of the usual words and numbers.

    >>> severity("warn").value, severity("P1").value, severity(3).value
    ('WARNING', 'CRITICAL', 'ERROR')
    """
    found = _SEVERITIES.get(_word(value))
    if found is None:
        raise InvalidInputError(f"is {shown(value)}; give info, warning, error or critical")
    return found


def status(value: Any) -> AlertStatus:
    """Whether an alert fires or has resolved."""
    found = _STATUSES.get(_word(value))
    if found is None:
        raise InvalidInputError(f"is {shown(value)}; give firing or resolved")
    return found


def tier(value: Any) -> Tier:
    """A service's tier; one that is not known is SUPPORTING."""
    return _TIERS.get(_word(value), Tier.SUPPORTING)


def number(value: Any) -> float:
    """A finite number, also from its digits."""
    try:
        found = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InvalidInputError(f"is {shown(value)}; give a finite number")
    return found


def truth(value: Any) -> bool:
    """Yes or no."""
    word = _word(value)
    if word not in _TRUE | _FALSE:
        raise InvalidInputError(f"is {shown(value)}; give true or false")
    return word in _TRUE


def time_ms(value: Any) -> Millis:
    """An instant in epoch ms: ISO 8601 (without a zone it is UTC), or a number of s, ms, µs or ns since 1970.

    >>> time_ms("1970-01-01T00:01:00Z"), time_ms(1642213952), time_ms(1642213952000123456)
    (60000, 1642213952000, 1642213952000)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_epoch(value, value)
    if not isinstance(value, str):
        raise _no_time(value)
    wanted = value.strip()
    if _NUMBER.fullmatch(wanted):
        return _from_epoch(int(wanted) if wanted.isdecimal() and len(wanted) < 25 else float(wanted), value)
    try:
        moment = datetime.fromisoformat(wanted)
        return _bounded(epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC)), value)
    except (ValueError, OverflowError) as error:
        raise _no_time(value) from error


def labels(value: Any) -> dict[str, str]:
    """Labels as texts; what is no scalar is written as JSON, and null is left out.

    >>> labels({"zone": "a", "tries": 3, "tags": ["x"], "gone": None})
    {'zone': 'a', 'tries': '3', 'tags': '["x"]'}
    """
    if not isinstance(value, dict):
        raise InvalidInputError(f"is {shown(value)}; give an object of texts")
    return {str(key): _label(item) for key, item in value.items() if item is not None}


def lines(value: Any) -> str:
    """A text of one or more lines, from a text or a list of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(_label(item) for item in value)
    if value is None:
        return ""
    return _label(value)


def with_pairs(message: str, pairs: Mapping[str, str]) -> str:
    """A line, and behind it what else is said, as logfmt; a record of a log has no labels.

    >>> with_pairs("heap full", {"pod": "a1", "why": "no room", "gone": ""})
    'heap full pod=a1 why="no room"'
    """
    return " ".join([message, *(f"{name}={_quoted(value)}" for name, value in pairs.items() if value)]).strip()


def _quoted(value: str) -> str:
    return value if value.isalnum() else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shown(value: Any) -> str:
    """A value as an error message quotes it: short, on one line."""
    said = repr(value)
    return said if len(said) <= 60 else said[:57] + "..."


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lower() if isinstance(value, (str, int, float)) else ""


def _label(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def _from_epoch(amount: float, given: Any) -> Millis:
    for below, to_ms in _EPOCH_UNITS:
        if 0 <= amount < below:
            # Whole numbers are scaled as such: a float holds no nanoseconds of this century exactly.
            whole = isinstance(amount, int) and to_ms < 1
            return _bounded(int(amount) // round(1 / to_ms) if whole else int(amount * to_ms), given)
    raise _no_time(given)


def _bounded(at_ms: int, given: Any) -> Millis:
    if not 0 <= at_ms <= LAST_MS:
        raise _no_time(given)
    return at_ms


def _no_time(value: Any) -> InvalidInputError:
    return InvalidInputError(
        f"is {shown(value)}; give ISO 8601 (2024-05-01T12:00:00Z) or a number of s, ms, us or ns since 1970"
    )
