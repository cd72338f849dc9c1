"""Page and API on one core: what 200 live streams and 500 requests a second cost it, beside what they may.

Two of three requests are those of browsers that have the page open; see ops.bench.asking.
"""

from bench.figures import Figure, Pair, Progress
from ops.bench import api
from ops.bench.broker import Broker

_MOST_P99_MS = 200.0


def measure_api(broker: Broker, seconds: float, rounds: int, progress: Progress) -> list[Figure]:
    """So many seconds of load a round."""
    found = []
    for number in range(1, rounds + 1):
        progress(
            f"page and API, round {number} of {rounds}: {api.STREAMS} streams, {api.REQUESTS_PER_S} requests a second"
        )
        found.append(api.measure(broker, seconds))
    last = found[-1]
    what = f"{api.STREAMS} streams, {api.REQUESTS_PER_S} requests/s, {api.INCIDENTS:,} incidents"
    note = (
        f"p50 {last.p50_ms:.1f} ms, {last.requests_per_s:.0f} requests/s answered, {last.failed} failed, {last.streams} streams "
        "open at the end"
    )

    def over(aim: float, name: str) -> tuple[Pair, ...]:
        return tuple(Pair(aim, float(getattr(one, name))) for one in found)

    told = tuple(Pair(float(one.events_due), float(one.events_told)) for one in found)
    grown = tuple(Pair(one.rss_before_mb, one.rss_after_mb) for one in found)
    most = "what it may take"
    return [
        Figure("page and API", f"{what}: cores used", "cores", "one core", over(1.0, "cores"), less_is_better=True, note=note),
        Figure("page and API", "p99 of all", "ms", most, over(_MOST_P99_MS, "p99_ms"), less_is_better=True),
        Figure("page and API", "p99 of what browsers ask", "ms", most, over(_MOST_P99_MS, "page_p99_ms"), less_is_better=True),
        Figure("page and API", "the slowest", "ms", most, over(_MOST_P99_MS, "most_ms"), less_is_better=True),
        Figure("page and API", "events that reached the streams", "events", "all of them", told),
        Figure("page and API", "resident memory", "MiB", f"{seconds:.0f} s before", grown, less_is_better=True),
    ]  # fmt: skip
