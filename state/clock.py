"""The wall clock, for those who hand time to decisions: decisions themselves are told."""

import time

from schemas.records.vocabulary import Millis


def wall_clock_ms() -> Millis:
    """Epoch milliseconds, now."""
    return time.time_ns() // 1_000_000
