"""At which level a metric's rise becomes a breach, as far as its name or unit tells. Where they do not, nothing is foretold."""

from functools import lru_cache

_RATIO_LEVEL, _PERCENT_LEVEL = 0.9, 90.0
_RATIO_ENDINGS = ("ratio", "utilization", "utilisation", "saturation", "fraction")
_PERCENT_ENDINGS = ("percent", "percentage", "pct")
# Of these more is better: to be full of hits or free space is no breach.
_BETTER_HIGH = ("hit", "success", "avail", "free", "idle", "health", "ready", "uptime", "coverage", "remaining")


@lru_cache(maxsize=4096)
def breach_level(name: str, unit: str) -> float | None:
    """The level, in the metric's unit; None where the metric has no known limit.

    >>> breach_level("memory_limit_ratio", ""), breach_level("disk.used", "%"), breach_level("latency", "ms")
    (0.9, 90.0, None)
    """
    words, unit = name.lower(), unit.lower()
    if any(word in words for word in _BETTER_HIGH):
        return None
    if words.endswith(_RATIO_ENDINGS) or unit == "ratio":
        return _RATIO_LEVEL
    return _PERCENT_LEVEL if words.endswith(_PERCENT_ENDINGS) or unit in ("percent", "%") else None
