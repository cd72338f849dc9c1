"""Sampling: the edge worker, as `breakwater worker edge` starts it, beside a hand-written loop over the same topic.

Both start with nothing and find the alerts on the topic. The worker keeps more of its promises than the loop: fingerprints and
priorities, accounts and storms, state that survives kill -9, dead letters.
"""

from bench.figures import Figure, Progress, interleaved, pairs
from ops.bench.alerts import Workload, fill
from ops.bench.broker import PARTITIONS, Broker
from ops.bench.errors import BenchError
from ops.bench.process import measured
from ops.bench.sampling import edge_worker
from ops.bench.watching import Run, Watcher
from streams.topics import SAMPLED, Topic

_LOOP_GROUP = "bench-loop"
_LOOP_TARGET = Topic("bench.sampled", SAMPLED.record)


def measure_sampling(broker: Broker, work: Workload, rounds: int, progress: Progress) -> list[Figure]:
    """Alerts a second, alerts a processor second, and memory of both.

    Raises:
        BenchError: a run told nothing, or the two did not keep the same number of alerts.
    """
    round_number = 0

    def prepared() -> None:
        nonlocal round_number
        round_number += 1
        progress(f"sampling, run {round_number} of {2 * rounds}: {work.alerts:,} alerts on a new topic")
        # Anew for each run: dates and arrival lie equally far back, and nothing is left of the run before.
        broker.renew(_LOOP_TARGET)
        fill(broker.bootstrap, work)

    def loop() -> Run:
        prepared()
        arguments = ["bench.loop", broker.bootstrap, _LOOP_GROUP, _LOOP_TARGET.name]
        with measured(arguments, broker.home / "loop.log", {}) as process:
            return Watcher(broker.bootstrap, _LOOP_GROUP, [_LOOP_TARGET.name], PARTITIONS).watch(process, work.alerts)

    def worker() -> Run:
        prepared()
        return edge_worker(broker, work, f"worker-{round_number}")

    return sampling_figures(interleaved(rounds, loop, worker), work)


def sampling_figures(runs: list[tuple[Run, Run]], work: Workload) -> list[Figure]:
    """Figures of rounds of loop and worker.

    Raises:
        BenchError: they did not keep the same number of alerts.
    """
    kept = {run.forwarded for pair in runs for run in pair}
    if len(kept) > 1:
        raise BenchError(f"Worker and loop kept different numbers of alerts: {sorted(kept)}. One of them is wrong.")
    against = "confluent-kafka + fastavro loop"
    note = f"{work.alerts:,} alerts, {kept.pop() / work.alerts:.0%} kept"
    return [
        Figure("sampling", "wall", "alerts/s", against, pairs(runs, lambda r: r.alerts_per_s), note=note),
        Figure("sampling", "processor", "alerts/CPU-s", against, pairs(runs, lambda r: r.alerts_per_cpu_s)),
        Figure("sampling", "memory", "MiB", against, pairs(runs, lambda r: r.rss_mb), less_is_better=True),
    ]
