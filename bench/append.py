"""The event store: appending commands, beside a producer that writes the same events without a transaction or a chain.

An append decides (version, hash, refusal), writes in one Kafka transaction, and returns when readers of committed records see the
events; every 50th event of an incident adds a snapshot. Once batch after batch, as fast as it goes; once at 5,000 commands a
second, where a batch is what came while the last one was written. The baseline is the least that keeps what it was given:
idempotent, acks=all, one flush a batch, of events that are encoded already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from confluent_kafka import Producer

from bench.figures import Figure, Progress, pairs
from ops.bench.alerts import producer_settings
from ops.bench.append import MOST_AT_ONCE, RATE_PER_S, Appender, as_sent, collect_as_workers_do, steady_of
from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.incidents import Placed, commands
from ops.bench.paced import Waits, paced
from ops.bench.stopwatch import Stopwatch, Timings, set_aside
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from state.event_log import event_key
from state.kafka_store import EventStoreWriter
from streams.topics import EVENTS, Topic

_TARGET = Topic("bench.events", EVENTS.record, compacted=True)
_PARTITION = 0
_FLUSH_S = 60.0
_EVENTS = Codec(IncidentEvent)

AGAINST = "idempotent producer, flush a batch"

Encoded = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class BatchSize:
    """Commands in a batch, and batches in a round."""

    commands: int
    batches: int


SIZES = (BatchSize(1, 100), BatchSize(10, 60), BatchSize(100, 30), BatchSize(500, 12))


def measure_append(
    broker: Broker, sizes: Sequence[BatchSize], rounds: int, seconds: int, progress: Progress
) -> list[Figure]:
    """Events a second and the 99th percentile of a batch's time, by size of batch; and of a command's at a steady rate.

    Args:
        seconds: of each round at the steady rate.

    Raises:
        BenchError: a command was refused, or Kafka did not take an event.
    """
    progress("event store: opening the writer on new topics")
    broker.renew(_TARGET)
    collect_as_workers_do()
    results: dict[BatchSize, list[tuple[Timings, Timings]]] = {size: [] for size in sizes}
    source, producer = commands(), Producer(producer_settings(broker.bootstrap, linger_ms=0))
    with EventStoreWriter(broker.bootstrap, _PARTITION) as writer:
        for number in range(rounds + 1):
            progress(f"event store: round {number} of {rounds}" if number else "event store: warming up")
            set_aside()
            for size in sizes:
                pair = _round(writer, producer, source, size)
                if number:
                    results[size].append(pair)
        steady = _steady(broker, writer, source, rounds, seconds, progress)
    return [figure for size in sizes for figure in append_figures(size, results[size])] + steady_figures(steady)


def append_figures(size: BatchSize, rounds: Sequence[tuple[Timings, Timings]]) -> list[Figure]:
    """The figures of one size."""
    what, p99 = f"batches of {size.commands}", f"p99 of {size.batches} batches of {size.commands}"
    return [
        Figure("append", what, "events/s", AGAINST, pairs(rounds, lambda r: r.events_per_s)),
        Figure("append", what, "events/CPU-s", AGAINST, pairs(rounds, lambda r: r.events_per_cpu_s)),
        Figure("append", p99, "ms", AGAINST, pairs(rounds, lambda r: r.p99_ms), less_is_better=True),
    ]


def steady_figures(rounds: Sequence[tuple[Waits, Waits]]) -> list[Figure]:
    """The figures at a steady rate: from when a command was due until its event is to be seen."""
    what = f"at {RATE_PER_S:,} a second"
    return [
        Figure("append", f"{what}, done", "events/s", AGAINST, pairs(rounds, lambda w: w.per_s)),
        Figure("append", f"{what}, p50", "ms", AGAINST, pairs(rounds, lambda w: w.p50_ms), less_is_better=True),
        Figure("append", f"{what}, p99", "ms", AGAINST, pairs(rounds, lambda w: w.p99_ms), less_is_better=True),
        Figure(
            "append", f"{what}, at once", "events", AGAINST, pairs(rounds, lambda w: w.at_once), less_is_better=True
        ),
    ]


def _steady(
    broker: Broker, writer: EventStoreWriter, source: Iterator[Placed], rounds: int, seconds: int, progress: Progress
) -> list[tuple[Waits, Waits]]:
    """In turns; the producer is given the bytes of as many events."""
    producer, appender = Producer(producer_settings(broker.bootstrap, linger_ms=0)), Appender(writer)
    results = []
    for number in range(rounds):
        progress(f"event store: {RATE_PER_S:,} a second, round {number + 1} of {rounds}")
        placed = list(islice(source, RATE_PER_S * seconds))
        set_aside()
        product = steady_of(appender, placed)
        encoded = [
            (command.incident_id.encode(), value)
            for (command, _), (value, _) in zip(placed, as_sent(placed), strict=True)
        ]
        baseline = paced(encoded, RATE_PER_S, MOST_AT_ONCE, partial(_send, producer))
        results.append((baseline, product))
    return results


def _round(
    writer: EventStoreWriter, producer: Producer, source: Iterator[Placed], size: BatchSize
) -> tuple[Timings, Timings]:
    """Batch by batch in turns; the producer writes what the writer made of its commands, so the writer goes first."""
    product, baseline = Stopwatch(), Stopwatch()
    for _ in range(size.batches):
        batch = list(islice(source, size.commands))
        with product.lap():
            result = writer.append(batch)
        if len(result.events) != len(batch):
            raise BenchError(f"Of {len(batch)} commands {len(result.refusals)} were refused: {result.refusals[:1]}.")
        encoded = [_encoded(one.event) for one in result.events]
        with baseline.lap():
            _send(producer, encoded)
    events = size.commands * size.batches
    return baseline.timings(events), product.timings(events)


def _encoded(event: IncidentEvent) -> Encoded:
    return event_key(event.incident_id, event.version), _EVENTS.encode(event)


def _send(producer: Producer, batch: Sequence[Encoded]) -> None:
    for key, value in batch:
        producer.produce(_TARGET.name, value, key, _PARTITION)
    if left := producer.flush(_FLUSH_S):
        raise BenchError(f"Kafka did not take {left} events within {_FLUSH_S:.0f} s.")
