"""Reading bounded pieces of a topic, whatever its records carry."""

import pytest

from state.errors import StoreUnavailableError
from state.log_reader import LogReader, RawRecord
from streams.errors import BrokerUnreachableError
from streams.reading import read_all
from tests.support.mock_broker import MockBroker, write_raw_header


@pytest.fixture(scope="module")
def broker() -> MockBroker:
    """A broker of this file's own."""
    return MockBroker()


def read(broker: MockBroker, topic: str, start: int = 0, end: int | None = None) -> list[RawRecord]:
    """A range of the topic's first partition."""
    with LogReader(broker.bootstrap, patience_s=10) as reader:
        end = reader.bounds(topic, 0)[1] if end is None else end
        return list(reader.read(topic, {0: (start, end)}))


def test_a_range_is_read_from_its_start_to_before_its_end(broker: MockBroker) -> None:
    """Both are offsets; the end does not belong to it."""
    broker.write("range", [b"0", b"1", b"2", b"3"])
    assert [record.value for record in read(broker, "range", 1, 3)] == [b"1", b"2"]


def test_what_comes_after_the_reading_began_is_not_waited_for(broker: MockBroker) -> None:
    """The end is that of the start."""
    broker.write("growing", [b"0"])
    with LogReader(broker.bootstrap, patience_s=10) as reader:
        _, end = reader.bounds("growing", 0)
        broker.write("growing", [b"1"])
        assert [record.offset for record in reader.read("growing", {0: (0, end)})] == [0]


def test_headers_that_are_no_text_or_come_by_the_thousand_hide_no_record(broker: MockBroker) -> None:
    """A name that is no UTF-8 costs the record its headers, not the reader its life."""
    broker.write("headers", [b"before"])
    write_raw_header(broker.bootstrap, "headers", b"hostile")
    many: list[tuple[str, str | bytes | None]] = [(f"h{n}", b"\xff") for n in range(20_000)]
    broker.producer.produce("headers", b"many", partition=0, headers=many)
    broker.producer.produce("headers", b"none", partition=0, headers=[("empty", None)])
    broker.producer.flush(10)
    found = read(broker, "headers")
    assert [record.value for record in found] == [b"before", b"hostile", b"many", b"none"]
    assert [len(record.headers) for record in found] == [0, 0, 20_000, 1]
    assert found[3].headers == [("empty", None)]


def test_a_thousand_hostile_headers_are_as_one(broker: MockBroker) -> None:
    """The interpreter calls what it has called often in another way, which does not notice what the client did wrong."""
    for number in range(200):
        write_raw_header(broker.bootstrap, "again", b"%d" % number)
    assert [(record.value, record.headers) for record in read(broker, "again")] == [(b"%d" % n, []) for n in range(200)]


def test_a_topic_is_read_whole(broker: MockBroker) -> None:
    """All partitions, each in order."""
    for partition in range(4):
        broker.write("whole", [b"%d-%d" % (partition, n) for n in range(3)], partition)
    found = list(read_all(broker.bootstrap, "whole", patience_s=10))
    assert sorted((r.partition, r.offset, r.value) for r in found) == [
        (p, n, b"%d-%d" % (p, n)) for p in range(4) for n in range(3)
    ]


def test_a_broker_that_is_not_there_is_told_by_each_layer() -> None:
    """With the address, within the patience that was asked for."""
    with LogReader("127.0.0.1:1", patience_s=0.5) as reader, pytest.raises(StoreUnavailableError, match="127"):
        reader.partitions("any")
    with pytest.raises(BrokerUnreachableError, match="127"):
        list(read_all("127.0.0.1:1", "any", patience_s=0.5))
