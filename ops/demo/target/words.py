"""The target's log: what a service of its kind writes about such vital signs."""

from dataclasses import dataclass

from ops.demo.target.limits import MB
from ops.demo.target.vitals import OUT_OF_MEMORY_RATIO, Vitals
from schemas.records.vocabulary import Severity

_CALM_EVERY = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    level: Severity
    message: str


def lines(service: str, vitals: Vitals, second: int) -> list[Line]:
    """What the service logs in its `second`-th second: trouble at once, a calm word now and then."""
    told = [*_of_memory(vitals), *_of_pool(vitals), *_of_queue(vitals)]
    if vitals.requests and vitals.error_rate > 0:
        told.append(Line(Severity.ERROR, f"{vitals.refused} of {vitals.requests} requests failed with status 503"))
    if not told and second % _CALM_EVERY == 0:
        took = "" if vitals.latency_ms is None else f", p95 {vitals.latency_ms:.0f} ms"
        told.append(Line(Severity.INFO, f"{service} serves {vitals.request_rate:.1f} requests/s{took}"))
    return told


def _of_memory(vitals: Vitals) -> list[Line]:
    ratio = vitals.memory_limit_ratio
    if ratio < 0.5:
        return []
    used, limit = vitals.memory_bytes // MB, vitals.memory_limit_bytes // MB
    level = Severity.ERROR if ratio >= 0.9 else Severity.WARNING
    told = [Line(level, f"heap at {ratio:.0%} of limit ({used} MB of {limit} MB), session cache keeps growing")]
    if vitals.gc_ratio >= 0.05:
        told.append(Line(level, f"GC overhead: {vitals.gc_ratio:.0%} of the last second went into garbage collection"))
    if ratio >= OUT_OF_MEMORY_RATIO:
        told.append(Line(Severity.CRITICAL, f"OutOfMemory: cannot allocate session, heap at {ratio:.0%} of limit"))
    return told


def _of_pool(vitals: Vitals) -> list[Line]:
    if vitals.pool_lost == 0 or vitals.pool_in_use_ratio < 0.5:
        return []
    used, size = round(vitals.pool_in_use_ratio * vitals.pool_size), vitals.pool_size
    if used < size:
        return [
            Line(Severity.WARNING, f"database connection pool: {used} of {size} connections in use and not returned")
        ]
    return [Line(Severity.CRITICAL, f"database connection pool exhausted: 0 of {size} connections free"),
            Line(Severity.ERROR, "timeout waiting for a database connection from the pool")]  # fmt: skip


def _of_queue(vitals: Vitals) -> list[Line]:
    if vitals.queue_ratio < 0.5:
        return []
    full = f"request queue at {vitals.queue_ratio:.0%}: {vitals.queue_waiting} requests wait"
    flood = f"traffic flood: {vitals.request_rate:.0f} requests/s come in, more than can be served"
    return [Line(Severity.WARNING, full), Line(Severity.ERROR, flood)]
