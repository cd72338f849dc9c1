"""The event store's writer: commands decoded, decided, chained and written in one Kafka transaction a batch.

Twice: batch after batch, as fast as it goes; and at a steady rate, where a batch is what came meanwhile, as in the worker.
"""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.incidents import Placed, commands
from ops.bench.paced import Waits, paced
from ops.bench.stopwatch import Stopwatch, Timings, set_aside
from schemas.codec import Codec
from schemas.records.log import IncidentCommand
from state.kafka_store import AppendResult, EventStoreWriter
from streams.running import GC_THRESHOLDS

BATCH = 500
RATE_PER_S = 5_000
# As many as the worker takes of one fetch.
MOST_AT_ONCE = 1_000
_WARM = 5
_COMMANDS = Codec(IncidentCommand)

# A command as it lies on its topic, and its offset.
Sent = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Appending:
    """Batches of 500 one after the other, and at a steady rate from when a command was due until its event was to be seen."""

    events_per_s: float
    events_per_cpu_s: float
    p99_ms: float
    paced_per_s: float
    paced_p50_ms: float
    paced_p99_ms: float
    paced_most_ms: float
    paced_at_once: float


def measure(broker: Broker, batches: int, seconds: int) -> Appending:
    """Append so many batches of commands to one partition, then 5,000 a second for so long.

    Raises:
        BenchError: a command was refused.
    """
    broker.renew()
    source = commands()
    collect_as_workers_do()
    set_aside()
    with EventStoreWriter(broker.bootstrap, 0) as writer:
        appender = Appender(writer)
        fast = _fast(appender, [list(islice(source, BATCH)) for _ in range(batches + _WARM)])
        steady = steady_of(appender, list(islice(source, RATE_PER_S * seconds)))
    return Appending(
        fast.events_per_s, fast.events_per_cpu_s, fast.p99_ms,
        steady.per_s, steady.p50_ms, steady.p99_ms, steady.most_ms, steady.at_once,
    )  # fmt: skip


def collect_as_workers_do() -> None:
    """Python's collector as seldom as in a worker: the sequencer is never without it."""
    gc.set_threshold(*GC_THRESHOLDS)


class Appender:
    """A writer that is given commands as they lie on their topic, and refuses refusals."""

    def __init__(self, writer: EventStoreWriter) -> None:
        self._writer = writer

    def __call__(self, batch: Sequence[Sent]) -> AppendResult:
        """Append; all of it is on record then.

        Raises:
            BenchError: a command was refused.
        """
        result = self._writer.append([(_COMMANDS.decode(value), offset) for value, offset in batch])
        if len(result.events) != len(batch):
            raise BenchError(f"Of {len(batch)} commands {len(result.refusals)} were refused: {result.refusals[:1]}.")
        return result


def as_sent(batch: Sequence[Placed]) -> list[Sent]:
    """Commands as stages send them."""
    return [(_COMMANDS.encode(command), offset) for command, offset in batch]


def steady_of(appender: Appender, batch: Sequence[Placed]) -> Waits:
    """These commands at 5,000 a second."""

    def take(some: Sequence[Sent]) -> None:
        appender(some)

    return paced(as_sent(batch), RATE_PER_S, MOST_AT_ONCE, take)


def _fast(appender: Appender, batches: Sequence[Sequence[Placed]]) -> Timings:
    watch = Stopwatch()
    for number, batch in enumerate(map(as_sent, batches)):
        with (watch if number >= _WARM else Stopwatch()).lap():
            appender(batch)
    return watch.timings((len(batches) - _WARM) * BATCH)
