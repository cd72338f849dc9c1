"""What an incident costs the business, in US dollars, by the service's tier.

A minute costs 10,000 for a critical service, 1,000 for an important one, 100 for a supporting one; once more than 1,000
users are affected, 1 for each of them on top. Between 9:00 and 17:00 UTC, Monday to Friday, all of it is doubled.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from schemas.records.vocabulary import Millis, Tier

# Named wherever an amount is told.
CURRENCY = "USD"
PER_MINUTE: Mapping[Tier, float] = {Tier.CRITICAL: 10_000.0, Tier.IMPORTANT: 1_000.0, Tier.SUPPORTING: 100.0}
MANY_USERS = 1_000

_BUSINESS_FROM, _BUSINESS_TO = time(9, tzinfo=UTC), time(17, tzinfo=UTC)
_SATURDAY = 5
_WEEK_S = 5 * 8 * 3_600.0
_MINUTE_MS = 60_000


def cost(tier: Tier, start: Millis, end: Millis, affected_users: int = 0) -> float:
    """Money that an incident costs from `start` to `end`; 0 where `end` is not later."""
    if end <= start:
        return 0.0
    minutes = (end - start) / _MINUTE_MS + business_minutes(start, end)
    return minutes * _base(tier, affected_users)


def cost_per_minute(tier: Tier, now: Millis, affected_users: int = 0) -> float:
    """Money that a minute costs now."""
    return _base(tier, affected_users) * (2 if business_minutes(now, now + _MINUTE_MS) > 0 else 1)


def cost_saved(tier: Tier, start: Millis, end: Millis, human_mttr_s: float, affected_users: int = 0) -> float:
    """Money that was saved against a human who would have needed `human_mttr_s`; 0 where it took longer than that."""
    by_human = cost(tier, start, start + int(human_mttr_s * 1000), affected_users)
    return max(0.0, by_human - cost(tier, start, end, affected_users))


def business_minutes(start: Millis, end: Millis) -> float:
    """Minutes of business hours between two times."""
    first, last = (datetime.fromtimestamp(at / 1000, UTC) for at in (start, end))
    # Whole weeks between the first day and the last need not be gone through.
    weeks = max(0, ((last.date() - first.date()).days - 1) // 7)
    day, seconds = first.date(), weeks * _WEEK_S
    while day <= last.date():
        if day.weekday() < _SATURDAY:
            opens, closes = (datetime.combine(day, at) for at in (_BUSINESS_FROM, _BUSINESS_TO))
            seconds += max(0.0, (min(last, closes) - max(first, opens)).total_seconds())
        day += timedelta(days=1 if day > first.date() else 1 + 7 * weeks)
    return seconds / 60


def _base(tier: Tier, affected_users: int) -> float:
    return PER_MINUTE[tier] + (affected_users if affected_users > MANY_USERS else 0)
