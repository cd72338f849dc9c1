"""One reading of the target's vital signs, what makes it unhealthy, and the metrics that it is told by."""

from dataclasses import dataclass

# The heap cannot take another session at 97 %: the rest is what the interpreter needs to answer at all.
OUT_OF_MEMORY_RATIO = 0.97
_POOL_EMPTY_RATIO = 0.999
_FAILING_ERROR_RATE = 0.25
_LEAST_REQUESTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Ratios are of the limit, 1 being all of it; `latency_ms` is a 95th percentile, None without requests."""

    memory_bytes: int
    memory_limit_bytes: int
    latency_ms: float | None
    request_rate: float
    error_rate: float
    requests: int
    refused: int
    pool_in_use_ratio: float
    pool_size: int
    pool_lost: int
    queue_ratio: float
    queue_waiting: int
    cpu_ratio: float
    gc_ratio: float

    @property
    def memory_limit_ratio(self) -> float:
        """Memory as a share of the limit, at most 1."""
        return min(1.0, self.memory_bytes / self.memory_limit_bytes)


def complaints(vitals: Vitals) -> list[str]:
    """Why the target is failing, in words; empty while it is well."""
    why = []
    if vitals.memory_limit_ratio >= OUT_OF_MEMORY_RATIO:
        why.append(f"out of memory: heap at {vitals.memory_limit_ratio:.0%} of limit")
    if vitals.pool_in_use_ratio >= _POOL_EMPTY_RATIO and vitals.pool_lost > 0:
        why.append(f"connection pool exhausted: 0 of {vitals.pool_size} connections free")
    if vitals.requests >= _LEAST_REQUESTS and vitals.error_rate >= _FAILING_ERROR_RATE:
        why.append(f"{vitals.error_rate:.0%} of requests fail")
    return why


def measures(vitals: Vitals) -> dict[str, tuple[float, str]]:
    """Metrics by name, each with its unit."""
    found = {
        "memory_bytes": (float(vitals.memory_bytes), "By"),
        "memory_limit_ratio": (vitals.memory_limit_ratio, "1"),
        "request_rate": (vitals.request_rate, "1/s"),
        "error_rate": (vitals.error_rate, "1"),
        "pool_in_use_ratio": (vitals.pool_in_use_ratio, "1"),
        "queue_ratio": (vitals.queue_ratio, "1"),
        "cpu_ratio": (vitals.cpu_ratio, "1"),
    }
    if vitals.latency_ms is not None:
        found["latency_ms"] = (vitals.latency_ms, "ms")
    return found
