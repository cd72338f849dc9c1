"""The event store's writer: commands decided, chained and written in one Kafka transaction a batch."""

from itertools import islice

from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.incidents import commands
from ops.bench.stopwatch import Stopwatch, Timings, set_aside
from state.kafka_store import EventStoreWriter

BATCH = 100
_WARM = 5


def measure(broker: Broker, batches: int) -> Timings:
    """Append so many batches of commands to one partition.

    Raises:
        BenchError: a command was refused.
    """
    broker.renew()
    source, watch = commands(), Stopwatch()
    set_aside()
    with EventStoreWriter(broker.bootstrap, 0) as writer:
        for number in range(batches + _WARM):
            batch = list(islice(source, BATCH))
            lap = watch if number >= _WARM else Stopwatch()
            with lap.lap():
                result = writer.append(batch)
            if len(result.events) != len(batch):
                raise BenchError(
                    f"Of {len(batch)} commands {len(result.refusals)} were refused: {result.refusals[:1]}."
                )
    return watch.timings(batches * BATCH)
