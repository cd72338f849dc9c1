"""Figures and words as people read them on the page."""

import math
import re
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
# Control characters but tab and line end, zero-width ones, those that turn the direction of what stands around them, and
# halves of characters, which cannot be sent.
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)
_KINDS = {
    "CRITICAL": "bad", "ERROR": "warn", "WARNING": "warn", "STOP": "bad", "STALL": "bad", "REWIND": "bad",
    "WARN": "warn", "OK": "good",
}  # fmt: skip
NOTHING = "\N{EN DASH}"


def visible(value: Any) -> Any:
    """A text whose invisible and direction-changing characters are shown as what they are; nothing for None.

    >>> visible("a\\u202eb"), visible("\\udcff"), visible(None), visible(3)
    ('a\ufffdb', '\ufffd', '', 3)
    """
    if value is None:
        return ""
    return _UNSEEN.sub("\ufffd", value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def count(value: Any) -> str:
    """A whole number with its thousands apart.

    >>> count(12345.6), count(None) == NOTHING
    ('12,346', True)
    """
    return f"{value:,.0f}" if _number(value) else NOTHING


def brief(value: Any) -> str:
    """A number in a few characters.

    >>> brief(999), brief(12_345), brief(2_000_000), brief(0.25)
    ('999', '12.3K', '2M', '0.2')
    """
    if not _number(value):
        return NOTHING
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return _short(value / size) + unit
    return _short(value)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def figure(value: Any) -> str:
    """A number with three digits that count.

    >>> figure(0.95), figure(1234.5)
    ('0.95', '1230')
    """
    if not _number(value):
        return NOTHING
    short = float(f"{value:.3g}")
    return f"{short:g}" if abs(short) < 1e6 else f"{short:.0f}"


def signed(value: Any) -> str:
    """The same with its sign."""
    return ("+" if _number(value) and value > 0 else "") + figure(value)


def percent(value: Any) -> str:
    """A share of 1.

    >>> percent(0.851)
    '85 %'
    """
    return f"{value * 100:.0f} %" if _number(value) else NOTHING


def lower(word: Any) -> str:
    """A word of the vocabulary as it stands in a sentence."""
    return "" if word is None else str(word).lower().replace("_", " ")


def money(value: Any, currency: str = "USD") -> str:
    """An amount."""
    return f"{count(value)} {currency}" if _number(value) else NOTHING


def duration(seconds: Any) -> str:
    """How long, in one unit.

    >>> duration(48), duration(720), duration(12_600)
    ('48 s', '12 min', '3.5 h')
    """
    if not _number(seconds):
        return NOTHING
    size = abs(seconds)
    if size < 2 * _MINUTE_S:
        text = f"{size:.0f} s"
    elif size < 2 * _HOUR_S:
        text = f"{size / _MINUTE_S:.0f} min"
    else:
        text = f"{size / _HOUR_S:.1f} h" if size < 2 * _DAY_S else f"{size / _DAY_S:.1f} d"
    return f"\N{MINUS SIGN}{text}" if seconds < 0 and text != "0 s" else text


def countdown(seconds: Any) -> str:
    """Minutes and seconds; from an hour on as a duration.

    >>> countdown(151), countdown(7_300)
    ('2:31', '2.0 h')
    """
    if not _number(seconds) or seconds >= _HOUR_S:
        return duration(seconds)
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def left(seconds: Any) -> str:
    """The time that is left, or by how much it is over."""
    return f"{countdown(-seconds)} over" if _number(seconds) and seconds < 0 else countdown(seconds)


def clock(ms: Any) -> str:
    """The time of day, UTC."""
    return _at(ms).strftime("%H:%M:%S") if _number(ms) and ms else NOTHING


def instant(ms: Any) -> str:
    """Day and time of day.

    >>> instant(1_700_000_000_000)
    '2023-11-14 22:13:20 UTC'
    """
    return _at(ms).strftime("%Y-%m-%d %H:%M:%S UTC") if _number(ms) and ms else NOTHING


def _at(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def kind(word: Any) -> str:
    """How bad a word is: the class of its badge."""
    return _KINDS.get(str(word), "")


def deed(plan: Any) -> str:
    """What is done, as a person would say it.

    >>> deed({"action": "RESTART", "target": "checkout"}), deed({"action": "NOOP"})
    ('restart checkout', 'wait until it clears')
    """
    plan = plan or {}
    if plan.get("action") == "NOOP":
        return "wait until it clears"
    return f"{lower(plan.get('action', '?'))} {plan.get('target', '')}".strip()
