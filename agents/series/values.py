"""Which values a series can be judged by."""

import math

from schemas.errors import DecodeError

# Squares of rates a millisecond, and sums of them, must stay finite.
MOST = 1e100


def measurable(value: float) -> bool:
    """Whether a value can be learnt: neither NaN nor infinite nor so large that its square is.

    >>> measurable(0.3), measurable(float("nan")), measurable(1e308)
    (True, False, False)
    """
    return abs(value) <= MOST  # false for NaN


def check_finite(what: str, *values: float | None) -> None:
    """Refuse a record with figures that no state can hold: JSON has neither NaN nor infinities.

    Raises:
        DecodeError: reason `not_finite`; the shell makes a dead letter of the record.
    """
    bad = [value for value in values if value is not None and not math.isfinite(value)]
    if bad:
        raise DecodeError("not_finite", f"{what} has {bad[0]} where a finite number is needed.")


_WORDS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_IN_DIGITS, _IN_WORDS = 1e4, 1e15


def in_words(value: float, sign: str = "") -> str:
    """A value in a sentence, to four digits; with the sign `+` also where it is positive.

    >>> in_words(0.91234), in_words(48_123), in_words(999_960), in_words(-50_510_000), in_words(7e20), in_words(2e6, "+")
    ('0.9123', '48,120', '1 million', '-50.51 million', '7e+20', '+2 million')
    """
    rounded = float(f"{value:.4g}")
    size = abs(rounded)
    if not _IN_DIGITS <= size < _IN_WORDS:
        return f"{rounded:{sign}.4g}"
    for unit, word in _WORDS:
        if size >= unit:
            return f"{rounded / unit:{sign}.4g} {word}"
    return f"{rounded:{sign},.0f}"
