"""The producer library against a real broker, and against none."""

import asyncio
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.codec import Codec
from schemas.records.intake import Alert, MetricPoint, TopologyEdge
from schemas.samples import sample
from streams.errors import DeliveryError
from streams.outbox import Message
from streams.partitioning import partition_of
from streams.reading import read_all
from streams.telemetry import TelemetryProducer
from streams.topics import create_topics

pytestmark = pytest.mark.kafka

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def topic(kafka_bootstrap: str, unique: Callable[[str], str]) -> str:
    """A fresh topic with four partitions."""
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    name = unique("raw")
    admin.create_topics([NewTopic(name, 4, 1)])[name].result(30)
    return name


def records(bootstrap: str, topic: str) -> list[tuple[int | None, bytes | None, bytes | None]]:
    """Every record of a topic: partition, key, value."""
    return [(m.partition, m.key, m.value) for m in read_all(bootstrap, topic)]


def test_everything_that_is_sent_arrives_and_is_counted(kafka_bootstrap: str, topic: str) -> None:
    """Delivery reports, not hopes: 5,000 sent are 5,000 delivered and 5,000 on the topic."""
    with TelemetryProducer(kafka_bootstrap) as producer:
        for n in range(5000):
            producer.send_raw(topic, b"inc-%d" % (n % 50), b"%d" % n)
        report = producer.flush()
    assert (report.sent, report.delivered, report.waiting, dict(report.failed)) == (5000, 5000, 0, {})
    assert sorted(int(value or b"-1") for _, _, value in records(kafka_bootstrap, topic)) == list(range(5000))


def test_a_key_lands_on_the_partition_that_every_other_client_gives_it(kafka_bootstrap: str, topic: str) -> None:
    """Else an incident's topics would not be co-partitioned."""
    with TelemetryProducer(kafka_bootstrap) as producer:
        for n in range(100):
            producer.send_raw(topic, b"inc-%d" % n, b"")
    assert all(partition == partition_of(key or b"", 4) for partition, key, _ in records(kafka_bootstrap, topic))


def test_a_full_queue_makes_the_sender_wait_not_fail(kafka_bootstrap: str, topic: str) -> None:
    """Back-pressure: with room for ten records a thousand still go through."""
    with TelemetryProducer(kafka_bootstrap, queue_max_messages=10) as producer:
        for n in range(1000):
            producer.send_raw(topic, None, b"%d" % n)
        assert producer.flush().delivered == 1000


def test_telemetry_is_readable_by_its_contract(kafka_bootstrap: str, topic: str) -> None:
    """Alerts, a metric point and an edge go to their topics."""
    create_topics(kafka_bootstrap, 4, 1)
    ids = {f"{topic}-{n}" for n in range(10)}
    with TelemetryProducer(kafka_bootstrap) as producer:
        sent = producer.send_alerts(sample(Alert, alert_id=alert_id) for alert_id in sorted(ids))
        producer.send_metric(sample(MetricPoint))
        producer.send_edge(sample(TopologyEdge))
        assert producer.flush().delivered == sent + 2
    values = [value or b"" for _, _, value in records(kafka_bootstrap, "alerts")]
    assert {Codec(Alert).decode(value).alert_id for value in values if topic.encode() in value} == ids


def test_without_a_broker_flush_says_that_nothing_was_taken() -> None:
    """The records count as failed by reason, and the error says what to do."""
    with TelemetryProducer(NOWHERE, delivery_timeout_s=0.5) as producer:
        producer.send_raw("alerts", b"k", b"v")
        with pytest.raises(DeliveryError, match=r"not taken 1 of 1 records \(_MSG_TIMED_OUT: 1"):
            producer.flush(20)


def test_without_a_broker_a_full_queue_becomes_an_error() -> None:
    """A sender is not held for ever."""
    producer = TelemetryProducer(NOWHERE, queue_max_messages=5, backpressure_timeout_s=0.2)
    for _ in range(5):
        producer.send_raw("alerts", b"k", b"v")
    with pytest.raises(DeliveryError, match="queue was full"):
        producer.send_raw("alerts", b"k", b"v")


def test_a_record_beyond_the_brokers_limit_is_refused_at_once(kafka_bootstrap: str) -> None:
    """The error names its size."""
    producer = TelemetryProducer(kafka_bootstrap)
    with pytest.raises(DeliveryError, match="of 3000000 bytes"):
        producer.send_raw("alerts", b"k", b"x" * 3_000_000)


async def test_delivered_waits_for_exactly_its_own_records(kafka_bootstrap: str, topic: str) -> None:
    """Two senders at once each get the answers of their own records."""
    with TelemetryProducer(kafka_bootstrap) as producer:
        batches = [[Message(topic, None, b"%d-%d" % (who, n)) for n in range(100)] for who in range(2)]
        answers = await asyncio.gather(*(producer.delivered(batch) for batch in batches))
    assert answers == [[None] * 100, [None] * 100]
    assert len(records(kafka_bootstrap, topic)) == 200


async def test_delivered_says_which_records_were_not_taken(kafka_bootstrap: str, topic: str) -> None:
    """One bad topic name fails its own record only."""
    with TelemetryProducer(kafka_bootstrap) as producer:
        answers = await producer.delivered([Message(topic, None, b"a"), Message("no spaces allowed", None, b"b")])
        with pytest.raises(DeliveryError):
            producer.flush()
    assert answers[0] is None
    assert answers[1] is not None


async def test_delivered_does_not_hold_up_the_event_loop_while_kafka_is_away() -> None:
    """Other work goes on until the answer, a failure, is there."""
    producer = TelemetryProducer(NOWHERE, delivery_timeout_s=0.5)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    turning = asyncio.create_task(turn())
    assert await producer.delivered([sample(Alert)]) == ["_MSG_TIMED_OUT"]
    turning.cancel()
    producer.close()
    assert turns > 10


async def test_delivered_of_nothing_is_done_at_once() -> None:
    """No records, no wait, no broker needed."""
    producer = TelemetryProducer(NOWHERE)
    assert await producer.delivered([]) == []
    producer.close()
