"""What a batch says of its records: where they lie once all have arrived, or that one did not."""

import time
from typing import Any

import pytest
from confluent_kafka import KafkaError

from state.transactions import Batch, _UndeliveredError

HEARD = 4


class Report:
    """A delivered record."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


class FakeProducer:
    """Tells of records when it is flushed, in the order that `told` puts them in; its queue holds `room`."""

    def __init__(self, told: Any = list, room: int = 100, fails: str = "") -> None:
        self._told, self._room, self._fails = told, room, fails
        self._queue: list[tuple[Any, ...]] = []
        self.written: list[tuple[Any, ...]] = []

    def produce(self, *record: Any, **more: Any) -> None:
        if len(self._queue) == self._room:
            raise BufferError
        self._queue.append((*record, more))

    def flush(self, patience_s: float) -> int:  # noqa: ARG002 - its shape
        if self._fails == "fatally":
            raise SystemError("returned NULL without setting an exception")
        first = len(self.written)
        self.written += self._queue
        reports = [(record[HEARD], first + at) for at, record in enumerate(self._queue)]
        self._queue = []
        for heard, offset in self._told(reports):
            error = KafkaError(KafkaError._MSG_TIMED_OUT) if self._fails == "once" and offset == 0 else None
            heard(error, Report(offset))
        return 0


def batch_of(producer: FakeProducer) -> Batch:
    """A batch with a second left."""
    return Batch(producer, 3, time.monotonic() + 1)  # type: ignore[arg-type]


def test_a_flush_that_fails_without_a_reason_is_an_undelivered_batch() -> None:
    """So it is aborted, and aborting says that the producer was fenced."""
    with pytest.raises(_UndeliveredError, match="NULL"):
        batch_of(FakeProducer(fails="fatally")).arrive()


@pytest.mark.parametrize("told", [list, reversed])
def test_offsets_are_those_of_one_topic_in_the_order_of_sending(told: Any) -> None:
    """However the reports come, and through a queue that is full in between."""
    producer = FakeProducer(told, room=2)
    batch = batch_of(producer)
    batch.send_dated("events", [(b"a", b"1", 5), (b"b", b"2", 6), (b"c", b"3", 7)])
    batch.send("snapshots", b"s", b"4", {"mark": b"m"})
    batch.send("snapshots", b"t", b"5")
    assert batch.offsets("events") == [0, 1, 2]
    assert batch.offsets("snapshots") == [3, 4]
    assert batch.offsets("conflicts") == []
    assert [record[:4] for record in producer.written] == [
        ("events", b"1", b"a", 3), ("events", b"2", b"b", 3), ("events", b"3", b"c", 3),
        ("snapshots", b"4", b"s", 3), ("snapshots", b"5", b"t", 3),
    ]  # fmt: skip
    more = [record[5] for record in producer.written]
    assert [one.get("timestamp") for one in more] == [5, 6, 7, None, None]
    assert [one.get("headers") for one in more] == [None, None, None, [("mark", b"m")], None]


@pytest.mark.parametrize("told", [lambda reports: reports[1:], lambda _: []])
def test_a_record_that_nothing_is_told_of_did_not_arrive(told: Any) -> None:
    """Its place would be another's."""
    batch = batch_of(FakeProducer(told))
    batch.send_dated("events", [(b"a", b"1", 5), (b"b", b"2", 6)])
    with pytest.raises(_UndeliveredError, match="not told"):
        batch.offsets("events")


def test_one_record_that_failed_fails_the_batch() -> None:
    """Whichever topic it was for."""
    batch = batch_of(FakeProducer(fails="once"))
    batch.send("conflicts", b"a", b"1")
    batch.send_dated("events", [(b"a", b"1", 5)])
    with pytest.raises(_UndeliveredError, match="timed out"):
        batch.offsets("events")
