"""The baseline of sampling: what one writes by hand with confluent-kafka, fastavro and dicts, in a process of its own.

Decodes each alert, keeps 100 a second and incident, counts windows of 10 s, forwards what is kept, and commits once a second,
when all that was forwarded is acknowledged. Tuned as far as the client goes. Nothing that it counts outlives it: a restart begins
with empty dicts, so it counts and forwards again, and it knows no fingerprints, severities, storms or dead letters.

`python -m bench.loop BOOTSTRAP GROUP TOPIC`
"""

import sys
import time
from collections import Counter
from io import BytesIO
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer
from fastavro import schemaless_reader

from ops.bench.alerts import producer_settings
from ops.child import end_with_parent
from ops.ending import interrupt_on_sigterm
from schemas.avro import parsed
from schemas.framing import SINGLE_OBJECT_BYTES
from schemas.records.intake import Alert
from streams.topics import ALERTS

LIMIT_PER_S = 100
WINDOW_MS = 10_000
COMMIT_S = 1.0
_BATCH = 5_000


def main(bootstrap: str, group: str, target: str) -> None:
    """Run until SIGTERM."""
    interrupt_on_sigterm()
    end_with_parent()
    producer = Producer(producer_settings(bootstrap, linger_ms=2))
    consumer = Consumer(_consumer_settings(bootstrap, group))
    consumer.subscribe([ALERTS.name])
    try:
        _run(consumer, producer, target)
    except KeyboardInterrupt:
        return
    finally:
        consumer.close()


def _run(consumer: Consumer, producer: Producer, target: str) -> None:
    schema = parsed(Alert)
    kept: Counter[tuple[str, int]] = Counter()
    windows: Counter[tuple[str, int]] = Counter()
    committed_at, pending = time.monotonic(), False
    while True:
        for message in consumer.consume(_BATCH, 0.05):
            if message.error():
                raise KafkaException(message.error())
            key, value = message.key(), message.value()
            if key is None or value is None:
                continue
            alert: Any = schemaless_reader(BytesIO(value[SINGLE_OBJECT_BYTES:]), schema, None)
            incident, at = alert["incident_id"], alert["occurred_at"]
            windows[incident, at - at % WINDOW_MS] += 1
            second = (incident, at // 1000)
            if kept[second] < LIMIT_PER_S:
                kept[second] += 1
                _forward(producer, target, key, value)
            pending = True
        producer.poll(0)
        if pending and time.monotonic() - committed_at > COMMIT_S:
            producer.flush()
            consumer.commit(asynchronous=False)
            committed_at, pending = time.monotonic(), False


def _forward(producer: Producer, target: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(target, value, key)
        except BufferError:
            producer.poll(0.01)
        else:
            return


def _consumer_settings(bootstrap: str, group: str) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        # At the default, 1,000, a full local queue stops the fetching for a second.
        "fetch.queue.backoff.ms": 10,
    }


if __name__ == "__main__":
    main(*sys.argv[1:4])
