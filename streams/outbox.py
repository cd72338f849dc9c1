"""The worker's producer: records go out together, and nothing that depends on them happens before Kafka has them all."""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Producer

from streams.errors import DeliveryError
from streams.partitioning import PARTITIONER
from streams.quiet import quiet

# 64 MiB of records may wait in the client; a full queue makes senders wait, which stops their fetching.
QUEUE_KBYTES = 65_536
RETRY_FULL_S = 0.01
# Records handed to the client before other tasks of the loop get a turn: some 10 ms.
SLICE = 500
# A row of a large state; other topics' own limits (streams.topics) are lower.
MAX_MESSAGE_BYTES = 4 << 20


_NO_HEADERS: Mapping[str, bytes] = MappingProxyType({})


class Message(NamedTuple):
    """Bytes for a topic; `partition` None leaves it to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Mapping[str, bytes] = _NO_HEADERS


def keyed_messages(topic: str, keys: Iterable[bytes], values: Iterable[bytes]) -> Iterator[Message]:
    """Messages for one topic, placed by their keys; ends with the shorter of the two. Made by the interpreter's own loops."""
    fields = zip(repeat(topic), keys, values, repeat(None), repeat(_NO_HEADERS), strict=False)
    return map(partial(tuple.__new__, Message), fields)


class _Delivery:
    """Counts a group's delivery reports down; librdkafka reports from the one thread that polls."""

    def __init__(self, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[None] = loop.create_future()
        self._left = count
        self._loop = loop
        self._error: KafkaError | None = None

    def report(self, error: KafkaError | None, _message: object) -> None:
        self._error = self._error or error
        self._left -= 1
        if self._left == 0:
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self.future.done():
            return
        if self._error is None:
            self.future.set_result(None)
        else:
            what = f"Kafka did not take a record: {self._error.str()}. It is sent again after a restart."
            self.future.set_exception(DeliveryError(what))


class Outbox:
    """An idempotent producer (acks=all) for one event loop.

    Args:
        bootstrap: `host:port,…`. client_id: shows in the broker's log.
        linger_ms: how long records wait for company; it is part of every stage's latency.
        queue_kbytes: how much may wait in the client.
    """

    def __init__(self, bootstrap: str, client_id: str, linger_ms: int = 2, queue_kbytes: int = QUEUE_KBYTES) -> None:
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "client.id": client_id,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": PARTITIONER,
            "linger.ms": linger_ms,
            "compression.type": "lz4",
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "queue.buffering.max.kbytes": queue_kbytes,
            "delivery.timeout.ms": 120_000,
            **quiet(client_id),
        }
        self._producer = Producer(settings)
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name=f"outbox-{client_id}", daemon=True)
        self._poller.start()

    async def send(self, messages: Sequence[Message]) -> None:
        """Return once Kafka has acknowledged every one of the messages.

        Raises:
            DeliveryError: one was not taken; any of them may be in the log all the same.
        """
        if not messages:
            return
        delivery = _Delivery(len(messages), asyncio.get_running_loop())
        for number, message in enumerate(messages, 1):
            await self._produce(message, delivery)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        await delivery.future

    async def _produce(self, message: Message, delivery: _Delivery) -> None:
        # librdkafka takes -1 for: let the key say.
        partition = -1 if message.partition is None else message.partition
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    partition,
                    delivery.report,
                    headers=list(message.headers.items()),
                )
            except BufferError:
                await asyncio.sleep(RETRY_FULL_S)
            else:
                return

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.2)

    def close(self, timeout_s: float = 10.0) -> int:
        """Send what waits, stop; returns the number of records that were not sent."""
        left: int = self._producer.flush(timeout_s)
        self._stopping.set()
        self._poller.join(1.0)
        return left
