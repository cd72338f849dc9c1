"""What the intake takes a second: by the producer library beside a bare producer, and over HTTP beside what a core shall do.

A second of processor time is the server's own, all its threads, its Kafka client among them: other programs on the machine and
the sender do not count in it.
"""

from collections.abc import Sequence

from bench.figures import Figure, Pair, Progress
from ops.bench.broker import Broker
from ops.bench.http_load import Bodies
from ops.bench.intake import Producers, measure_http, measure_producers

_AIM_ALERTS, _AIM_REQUESTS = 30_000.0, 2_000.0


def intake_figures(producers: Sequence[Producers], bodies: Sequence[Bodies]) -> list[Figure]:
    """The producer library beside a bare producer, and HTTP beside what it shall do on one core."""
    rounds = tuple(Pair(one.bare_per_s, one.library_per_s) for one in producers)
    figures = [Figure("intake", "producer library", "alerts/s", "bare confluent-kafka, the same bytes", rounds)]
    for one in bodies:
        what = f"HTTP, {one.format}, {one.alerts} a body"
        note = (
            f"{one.alerts_per_s:,.0f} alerts/s by the clock, p50 {one.p50_ms:.0f} ms, p99 {one.p99_ms:.0f} ms, "
            f"{one.rss_mb:.0f} MiB"
        )
        if one.alerts == 1:
            pair, unit = Pair(_AIM_REQUESTS, one.requests_per_cpu_s), "requests/CPU s"
        else:
            pair, unit = Pair(_AIM_ALERTS, one.alerts_per_cpu_s), "alerts/CPU s"
        figures.append(Figure("intake", what, unit, "the aim for a core", (pair,), note=note))
    return figures


def measure_intake(broker: Broker, alerts: int, seconds: float, rounds: int, progress: Progress) -> list[Figure]:
    """All of it: so many alerts by both producers in each round, then HTTP, each kind of body for so many seconds."""
    producers = []
    for number in range(1, rounds + 1):
        progress(f"producers, round {number} of {rounds}: {alerts:,} alerts")
        producers.append(measure_producers(broker, alerts))
    return intake_figures(producers, measure_http(broker, seconds, progress))
