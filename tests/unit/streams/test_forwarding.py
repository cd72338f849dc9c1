"""Record batches put together from pieces: what aiokafka reads of them is what was put in."""

import asyncio
from typing import Any

import pyarrow as pa
import pytest
from aiokafka.errors import KafkaTimeoutError
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sampling.batch import Kept
from schemas.template import avro_long
from streams import forwarding
from streams.errors import DeliveryError
from streams.forwarding import BATCH_BYTES, BATCH_RECORDS, Forwarder, ReadyBatch, joined
from tests.support.alerts import framed
from tests.support.sampling import Edge, Record, chunks

AT = 1_700_000_000_000


def piece(key: bytes, value: bytes) -> bytes:
    return avro_long(len(key)) + key + avro_long(len(value)) + value


def read(
    records: list[tuple[bytes, bytes]], headers: bytes = b"\0"
) -> list[list[tuple[int, bytes | None, bytes | None]]]:
    """Offset, key and value of each record, by batch, as a consumer would read them."""
    pieces = pa.array([piece(key, value) for key, value in records], pa.binary())
    found = []
    for data, count in joined(pieces, pa.array([headers] * len(records), pa.binary())):
        ready = ReadyBatch(data, count, AT)
        ready._set_producer_state(7, 0, 3)
        batch = DefaultRecordBatch(bytes(ready._build()))
        assert batch.validate_crc()
        assert (batch.producer_id, batch.base_sequence, ready.record_count()) == (7, 3, count)
        found.append([(record.offset, record.key, record.value) for record in batch])
    return found


@given(st.lists(st.tuples(st.binary(max_size=80), st.binary(max_size=5_000)), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_records_come_back_as_they_were(records: list[tuple[bytes, bytes]]) -> None:
    """Sizes over every varint boundary, keys and values empty or not."""
    (batch,) = read(records)
    assert batch == [(number, key, value) for number, (key, value) in enumerate(records)]


@pytest.mark.parametrize(("count", "size"), [(BATCH_RECORDS * 2 + 1, 10), (20, BATCH_BYTES // 5), (3, BATCH_BYTES * 2)])
def test_batches_are_not_larger_than_they_may_be(count: int, size: int) -> None:
    """By number and by bytes; a record that is larger than a batch has one of its own."""
    batches = read([(b"k", bytes(size))] * count)
    assert sum(map(len, batches)) == count
    assert all(
        len(batch) == 1 or (len(batch) <= BATCH_RECORDS and len(batch) * size <= BATCH_BYTES) for batch in batches
    )


def test_what_is_kept_goes_on_byte_for_byte_and_tells_where_it_came_from() -> None:
    """From a fetched batch to the one that is sent: key, value, and the offset in a header, over a change of digits."""
    alerts = [Record(95 + n, framed(alert_id=f"a{n}", fingerprint=f"f{n}"), b"inc-0") for n in range(10)]
    outcome = Edge().batch(chunks(alerts, 4))
    (kept,) = outcome.kept
    assert isinstance(kept, Kept)
    pieces = kept.log.pieces(kept.places)
    assert pieces is not None
    assert pieces.keyed.all()
    ((data, count),) = joined(*pieces.records(kept.codes * 0 + range(10)))
    sent = list(DefaultRecordBatch(bytes(ReadyBatch(data, count, AT)._build())))
    assert [(r.key, r.value) for r in sent] == [(r.key, r.value) for r in alerts]
    assert [r.headers for r in sent] == [[("source-offset", b"%d" % r.offset)] for r in alerts]


class SlowKafka:
    """A producer whose broker acknowledges when it is told to; `batches` are partition and number of records."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, int]] = []
        self.answers: list[asyncio.Future[None]] = []

    async def start(self) -> None:
        """It has started."""

    async def send_batch(self, batch: ReadyBatch, _topic: str, *, partition: int) -> asyncio.Future[None]:
        """Take a batch."""
        self.batches.append((partition, batch.record_count()))
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def sending(forwarder: Forwarder, partition: int, count: int) -> asyncio.Task[None]:
    pieces = pa.array([piece(b"k", b"v")] * count, pa.binary())
    return asyncio.create_task(forwarder.send("t", partition, pieces, pa.array([b"\0"] * count, pa.binary())))


async def turns() -> None:
    """Let all that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> SlowKafka:
    """What forwarders of the test send to."""
    slow = SlowKafka()
    monkeypatch.setattr(forwarding, "AIOKafkaProducer", lambda **_: slow)
    return slow


async def test_what_comes_while_a_batch_is_under_way_goes_with_the_next_one(kafka: SlowKafka) -> None:
    """One batch of a partition is under way at a time, in the order of sending; partitions do not wait for one another."""
    forwarder: Any = Forwarder("nowhere:1", "test")
    sent = [sending(forwarder, 0, 1), *(sending(forwarder, 0, count) for count in (2, 3)), sending(forwarder, 1, 4)]
    await turns()
    assert kafka.batches == [(0, 6), (1, 4)]
    late = sending(forwarder, 0, 5)
    more = sending(forwarder, 0, 6)
    await turns()
    assert len(kafka.batches) == 2
    kafka.answers[0].set_result(None)
    await turns()
    assert kafka.batches == [(0, 6), (1, 4), (0, 11)]
    assert not late.done()
    for answer in kafka.answers[1:]:
        answer.set_result(None)
    await asyncio.wait_for(asyncio.gather(*sent, late, more), 5)


async def test_of_what_fails_all_are_told_who_wait_and_the_next_goes_again(kafka: SlowKafka) -> None:
    """One that gave up waiting is no hindrance."""
    forwarder: Any = Forwarder("nowhere:1", "test")
    first = sending(forwarder, 0, 1)
    await turns()
    waiting, gone = sending(forwarder, 0, 1), sending(forwarder, 0, 1)
    await turns()
    gone.cancel()
    kafka.answers[0].set_exception(KafkaTimeoutError("late"))
    for failed in (first, waiting):
        with pytest.raises(DeliveryError, match="did not take a batch for t-0"):
            await asyncio.wait_for(failed, 5)
    again = sending(forwarder, 0, 1)
    await turns()
    kafka.answers[-1].set_result(None)
    await asyncio.wait_for(again, 5)


async def test_pieces_that_cannot_be_joined_leave_nobody_waiting(kafka: SlowKafka) -> None:
    """An error of any other kind is told too."""
    forwarder: Any = Forwarder("nowhere:1", "test")
    wrong = asyncio.create_task(forwarder.send("t", 0, pa.array([1]), pa.array([b"\0"])))
    with pytest.raises(pa.ArrowException):
        await asyncio.wait_for(wrong, 5)
    assert kafka.batches == []
