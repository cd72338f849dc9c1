"""Page and API on one core: what 200 live streams and 500 requests a second cost it, beside what they may."""

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
        f"p50 {last.p50_ms:.0f} ms, {last.requests_per_s:.0f} requests/s answered, {last.failed} failed; resident "
        f"{last.rss_before_mb:.0f} MiB before, {last.rss_after_mb:.0f} after"
    )
    return [
        Figure("page and API", f"{what}: cores used", "cores", "one core", tuple(Pair(1.0, one.cores) for one in found),
               less_is_better=True, note=note),
        Figure("page and API", f"{what}: p99", "ms", "what it may take", tuple(Pair(_MOST_P99_MS, one.p99_ms) for one in found),
               less_is_better=True),
    ]  # fmt: skip
