"""The wall clock, for those who hand time to decisions: decisions themselves are told."""

import time
from datetime import UTC, datetime

from schemas.records.vocabulary import Millis


def wall_clock_ms() -> Millis:
    """Epoch milliseconds, now."""
    return time.time_ns() // 1_000_000


def epoch_ms(moment: datetime) -> Millis:
    """Epoch milliseconds of a moment with a time zone, rounded down."""
    # Not timestamp(): as a float it is off by one millisecond for some instants.
    past = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (past.days * 86_400 + past.seconds) * 1000 + past.microseconds // 1000
