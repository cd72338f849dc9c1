"""Batches of the producer library, on librdkafka's own mock broker."""

from collections import Counter

import pytest

from streams.errors import DeliveryError
from streams.outbox import Message
from streams.telemetry import TelemetryProducer
from tests.support.mock_broker import MockBroker


@pytest.fixture(scope="module")
def broker() -> MockBroker:
    """A broker in this process."""
    return MockBroker()


def test_many_records_are_queued_at_once_and_all_are_counted(broker: MockBroker) -> None:
    """More than the queue holds: the rest waits for room."""
    with TelemetryProducer(broker.bootstrap, queue_max_messages=1500) as producer:
        assert producer.send_all_raw("many", ((b"k", b"%d" % n) for n in range(5_000))) == 5_000
        report = producer.flush()
    assert (report.sent, report.delivered, report.failed) == (5_000, 5_000, {})


def test_a_record_that_is_too_large_is_told_in_a_batch_too() -> None:
    """By its size; no broker is needed for that."""
    producer = TelemetryProducer("127.0.0.1:1")
    with pytest.raises(DeliveryError, match="of 3000000 bytes"):
        producer.send_all_raw("many", [(b"k", b"x"), (b"k", b"x" * 3_000_000)])
    producer.close()


def test_many_records_wait_no_longer_than_they_may() -> None:
    """Nobody answers: the queue stays full."""
    producer = TelemetryProducer("127.0.0.1:1", queue_max_messages=10, backpressure_timeout_s=0.2)
    with pytest.raises(DeliveryError, match="queue was full"):
        producer.send_all_raw("many", [(b"k", b"v")] * 25)
    producer.close()


async def test_each_record_of_a_large_batch_gets_its_own_answer(broker: MockBroker) -> None:
    """With headers and without, of several topics, more than the queue holds; one that is too large fails alone."""
    plain = [Message(f"t{n % 3}", b"k", b"%d" % n) for n in range(2_500)]
    batch = [*plain, Message("t0", b"k", b"x" * 3_000_000), Message("t1", b"k", b"v", headers={"h": b"1"})]
    with TelemetryProducer(broker.bootstrap, queue_max_messages=700) as producer:
        answers = await producer.delivered(batch)
        producer.flush()
    assert answers[:2_500] == [None] * 2_500
    assert answers[2_500] is not None
    assert answers[2_501] is None


async def test_what_never_found_room_is_told_so() -> None:
    """And what did waits on: its answer comes with the broker's, or with the end of its patience."""
    producer = TelemetryProducer(
        "127.0.0.1:1", queue_max_messages=5, backpressure_timeout_s=0.1, delivery_timeout_s=0.5
    )
    answers = await producer.delivered([Message("t", b"k", b"v")] * 8)
    producer.close()
    assert Counter(answers) == {"_MSG_TIMED_OUT": 5, "_QUEUE_FULL": 3}
