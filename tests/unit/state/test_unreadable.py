"""Batches that librdkafka cannot unpack are passed over, and told of."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from state.errors import StoreUnavailableError
from state.log_reader import LogReader, RawRecord
from state.unreadable import STAND_IN_HEADER, headers_of, letter_headers, offsets_of, offsets_of_letter
from tests.support.bombs import write_bomb
from tests.support.mock_broker import MockBroker


@pytest.fixture(scope="module")
def broker() -> MockBroker:
    """A broker of this file's own."""
    return MockBroker()


def shown(records: list[RawRecord]) -> list[tuple[int, bytes | range | None]]:
    """Offsets, with values, or the offsets that a record stands for."""
    return [(r.offset, offsets_of(r.headers) if r.value is None else r.value) for r in records]


def read(broker: MockBroker, topic: str, start: int, end: int, partition: int = 0) -> list[RawRecord]:
    """A piece of a partition."""
    with LogReader(broker.bootstrap) as log:
        return list(log.read(topic, {partition: (start, end)}))


def test_a_batch_that_is_too_large_is_one_record_and_the_rest_is_read(broker: MockBroker) -> None:
    """First, in the middle, twice in a row, and last; of one record and of many."""
    for number, size in enumerate((1, 1, 37, 1, 130)):
        write_bomb(broker.bootstrap, "bombs", records=size)
        if number != 0:
            broker.write("bombs", [b"good-%d" % number])
    write_bomb(broker.bootstrap, "bombs", records=3)
    found = shown(read(broker, "bombs", 0, 177))
    assert found == [
        (0, range(1)), (1, range(1, 2)), (2, b"good-1"), (39, range(3, 40)), (40, b"good-2"), (41, range(41, 42)),
        (42, b"good-3"), (172, range(43, 173)), (173, b"good-4"), (176, range(174, 177)),
    ]  # fmt: skip


def test_a_piece_may_begin_and_end_within_such_a_batch(broker: MockBroker) -> None:
    """It ends all the same, and what lies beyond is not read."""
    broker.write("piece", [b"a"])
    write_bomb(broker.bootstrap, "piece", records=20)
    broker.write("piece", [b"b", b"c"])
    assert shown(read(broker, "piece", 5, 22)) == [(20, range(1, 21)), (21, b"b")]
    assert shown(read(broker, "piece", 0, 7)) == [(0, b"a"), (20, range(1, 21))]


def test_other_partitions_are_read_meanwhile(broker: MockBroker) -> None:
    """Each in order."""
    for partition in range(3):
        broker.write("several", [b"%d-%d" % (partition, n) for n in range(50)], partition)
        if partition != 1:
            write_bomb(broker.bootstrap, "several", records=5, partition=partition)
        broker.write("several", [b"%d-%d" % (partition, n) for n in range(50, 100)], partition)
    with LogReader(broker.bootstrap) as log:
        found = list(log.read("several", {0: (0, 105), 1: (0, 100), 2: (0, 105)}))
    for partition in range(3):
        values = [r.value for r in found if r.partition == partition and r.value]
        assert values == [b"%d-%d" % (partition, n) for n in range(100)]
    assert sorted((r.partition, r.offset) for r in found if r.value is None) == [(0, 54), (2, 54)]


def test_such_records_are_handed_out_to_whom_they_are_wanted_by(broker: MockBroker) -> None:
    """They have no key and no value."""
    write_bomb(broker.bootstrap, "wanted")
    broker.write("wanted", [b"a"])
    with LogReader(broker.bootstrap) as log:
        found = list(log.read("wanted", {0: (0, 2)}, lambda _, value: value == b"a"))
        assert [r.value for r in found] == [b"a"]
        assert len(list(log.read("wanted", {0: (0, 2)}, lambda key, _: key is None))) == 2


class Silent:
    """A client that meets such a batch, and hears nothing more."""

    def __init__(self) -> None:
        error = SimpleNamespace(code=lambda: KafkaError._BAD_COMPRESSION)
        self._said = [SimpleNamespace(error=lambda: error, topic=lambda: "gone", partition=lambda: 0, offset=lambda: 3)]

    def consume(self, *_: object) -> list[Any]:
        """What was said, once."""
        said, self._said = self._said, []
        return said

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        """Room enough for a search."""
        return 0, 100

    def assign(self, *_: object) -> None: ...
    def seek(self, *_: object) -> None: ...
    def close(self) -> None: ...


def test_a_broker_that_goes_away_while_a_batchs_end_is_looked_for_is_told(broker: MockBroker) -> None:
    """Patience is not for ever because of it."""
    with LogReader(broker.bootstrap, patience_s=0.3) as log:
        log._consumer.close()
        log._consumer = Silent()  # type: ignore[assignment]
        with pytest.raises(StoreUnavailableError):
            list(log.read("gone", {0: (0, 50)}))


def test_what_a_producer_wrote_stands_for_nothing() -> None:
    """Anyone can write a header of that name: only what this process made of a batch counts."""
    ((name, own),) = headers_of(3, 9)
    assert offsets_of([("x", b"y"), (name, own)]) == range(3, 10)
    for value in (None, b"", b"3-9", b"0-99999999", b":3-9", own + b"x", b"0" * 16 + b":3-9"):
        assert offsets_of([(name, value)]) is None
    assert offsets_of([("other", own)]) is None


def test_a_letter_tells_of_a_batch_that_ends_where_it_was() -> None:
    """Whatever else it says is no batch."""
    assert offsets_of_letter(letter_headers(range(3, 10)), 9) == range(3, 10)
    for told in (b"", b"3", b"a-9", b"-3-9", b"3-8", b"10-9", b"1-" + b"9" * 40):
        assert offsets_of_letter({STAND_IN_HEADER: told}, 9) is None
    assert offsets_of_letter({}, 9) is None
