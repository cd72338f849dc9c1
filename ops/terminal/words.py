"""Numbers, times and foreign text as people read them in a terminal."""

import unicodedata

from agents.communication.impact import CURRENCY
from schemas.records.vocabulary import Millis

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def clean(text: object) -> str:
    """A text from outside without anything that a terminal would obey: control characters are shown as ·, bytes that are no text
    (halves of characters, as Python reads them) as U+FFFD, foreign spaces as spaces.

    >>> clean("heap \\x1b[2J at 91 %"), clean(b"caf\\xe9".decode("utf-8", "surrogateescape")), clean("a\\u3000b")
    ('heap ·[2J at 91 %', 'caf\ufffd', 'a b')
    """
    whole = str(text)
    return whole if whole.isprintable() else "".join(one if one.isprintable() else _stand_in(one) for one in whole)


def _stand_in(one: str) -> str:
    if "\ud800" <= one <= "\udfff":
        return "\ufffd"
    return " " if unicodedata.category(one) == "Zs" else "·"


def duration(seconds: float) -> str:
    """How long, in the unit that fits.

    >>> duration(0.25), duration(41.27), duration(90), duration(7_300), duration(200_000)
    ('0.2 s', '41.3 s', '1 min 30 s', '2 h 1 min', '2 d 7 h')
    """
    if abs(seconds) < _MINUTE_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def ago(at_ms: Millis, now_ms: Millis) -> str:
    """How long before now, in one unit.

    >>> ago(0, 12_300), ago(0, 200_000), ago(0, 7_300_000), ago(0, 200_000_000)
    ('12 s ago', '3 min ago', '2 h ago', '2 d ago')
    """
    past_s = max(0, now_ms - at_ms) // 1000
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if past_s >= unit_s:
            return f"{past_s // unit_s} {unit} ago"
    return f"{past_s} s ago"


def percent(share: object) -> str:
    """A share of 1 as a percentage; ? where it is no number.

    >>> percent(0.831), percent(None)
    ('83 %', '?')
    """
    return f"{share:.0%}".replace("%", " %") if isinstance(share, int | float) else "?"


def figure(value: object) -> str:
    """A number with its thousands apart, four digits at most behind the point; ? where it is none.

    >>> figure(1234567), figure(0.950), figure(None)
    ('1,234,567', '0.95', '?')
    """
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else "?"


def money(amount: object) -> str:
    """An amount of money.

    >>> money(1234.5)
    '1,234.50 USD'
    """
    return f"{amount:,.2f} {CURRENCY}" if isinstance(amount, int | float) else "?"


def counted(count: object, noun: str) -> str:
    """So many of something, in the plural where it is not one.

    >>> counted(1, "check"), counted(2_000, "check")
    ('1 check', '2,000 checks')
    """
    return f"{figure(count)} {noun}" + ("" if count == 1 else "s")


def elided(text: object, width: int) -> str:
    """A text of others in so many columns at most: of one that is longer the middle is left out.

    >>> elided("inc-0a1b2c3d4e5f6071", 13), elided("inc-1", 13)
    ('inc-0a…5f6071', 'inc-1')
    """
    whole = clean(text)
    if len(whole) <= width:
        return whole
    end = width // 2
    return f"{whole[: width - end - 1]}…{whole[len(whole) - end :]}"


def lower(word: object) -> str:
    """A word of the vocabulary as it stands in a sentence.

    >>> lower("MEMORY_LEAK")
    'memory leak'
    """
    return clean(word).replace("_", " ").lower()
