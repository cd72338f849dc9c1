"""What a metric's name says about it: what it measures, and whether it only counts up. By Prometheus' naming conventions.

Source: https://prometheus.io/docs/practices/naming/ (`_total`, `_ratio`, base units).
"""

import re
from enum import StrEnum
from functools import lru_cache


class Family(StrEnum):
    """What a metric measures, as far as detection cares."""

    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    CONNECTIONS = "connections"
    DATABASE = "database"
    TRAFFIC = "traffic"
    LATENCY = "latency"
    ERRORS = "errors"
    NETWORK = "network"
    OTHER = "other"


# The first that matches holds: `db_connection_errors` is about the database, `memory_errors` about memory.
_FAMILIES: tuple[tuple[Family, str], ...] = (
    (Family.DATABASE, r"db|database|sql|postgres|mysql|mongo|cassandra|redis|replica|query|queries|deadlock"),
    (Family.MEMORY, r"mem|memory|heap|rss|gc|oom|swap"),
    (Family.DISK, r"disk|filesystem|fs|volume|inode|inodes|storage"),
    (Family.CONNECTIONS, r"conn|connection|connections|socket|sockets|fd|fds|descriptors|thread|threads|pool"),
    (Family.ERRORS, r"error|errors|fail|failed|failure|failures|exception|exceptions|5xx"),
    (Family.LATENCY, r"latency|duration|response|rtt|delay|wait|p50|p95|p99"),
    (Family.NETWORK, r"network|net|packet|packets|retransmit|retransmits|dns|tcp|bandwidth"),
    (Family.CPU, r"cpu|load|load1|load5|throttled"),
    (Family.TRAFFIC, r"request|requests|rps|qps|hits|throughput|traffic|ingress|calls|queue|backlog"),
)  # fmt: skip
_PATTERNS = tuple((family, re.compile(rf"(?:^|[^a-z0-9])(?:{words})(?:$|[^a-z0-9])")) for family, words in _FAMILIES)
_BOUNDARY = re.compile(r"([a-z0-9])([A-Z])")

# Things that fill up: of these a steady rise is trouble long before the value is unusual.
FILLING = frozenset({Family.MEMORY, Family.DISK, Family.CONNECTIONS, Family.DATABASE})

# Of these a ratio is a share of a limit, at which the trouble is.
_HAS_A_LIMIT = frozenset({Family.MEMORY, Family.CPU, Family.DISK, Family.CONNECTIONS})

# Of these less is never trouble: memory that was given back, fewer errors.
BETTER_LOW = frozenset({Family.MEMORY, Family.CPU, Family.DISK, Family.CONNECTIONS, Family.LATENCY, Family.ERRORS})


@lru_cache(maxsize=4096)
def family(name: str) -> Family:
    """What the metric called `name` measures; `snake_case`, `camelCase` and dotted names alike.

    >>> family("process.heapBytes"), family("http_request_duration_seconds"), family("widgets")
    (<Family.MEMORY: 'memory'>, <Family.LATENCY: 'latency'>, <Family.OTHER: 'other'>)
    """
    words = _BOUNDARY.sub(r"\1_\2", name[:200]).lower()
    return next((found for found, pattern in _PATTERNS if pattern.search(words)), Family.OTHER)


@lru_cache(maxsize=4096)
def counts_up(name: str) -> bool:
    """Whether the metric is a counter: its rate means something, its value does not."""
    return name.lower().endswith(("_total", "_count", "_sum", "_bucket"))


@lru_cache(maxsize=4096)
def resolution(name: str) -> float:
    """The least deviation that matters, in the metric's unit, where its name tells the unit; else 0."""
    words = name.lower()
    if words.endswith("ratio"):
        return 0.005
    return 0.5 if words.endswith(("percent", "pct")) else 0.0


@lru_cache(maxsize=4096)
def least_scale(name: str) -> float:
    """The least standard deviation to measure a point by: the resolution, but twice it for a share of a limit.

    A score of 0.99 needs 6.7 of them, so that one of an idle service's twenty connections is in use is no news.
    """
    return resolution(name) * (2 if family(name) in _HAS_A_LIMIT else 1)
