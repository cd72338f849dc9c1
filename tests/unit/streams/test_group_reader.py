"""A group of its own: at least once and in order, what is not taken waits in Kafka, and members take over from each other."""

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from confluent_kafka import Consumer, TopicPartition

from state.log_reader import RawRecord
from streams import group_reader
from streams.group_reader import GroupReader
from tests.support.bombs import write_bomb
from tests.support.mock_broker import MockBroker, write_raw_header
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def broker() -> MockBroker:
    """A broker of this file's own."""
    return MockBroker()


class Member:
    """A reader that notes the values it took, and refuses while `away`."""

    def __init__(self, broker: MockBroker, topic: str) -> None:
        self.taken: list[bytes] = []
        self.failures: list[Exception] = []
        self.away = threading.Event()
        self.refused = self.most = 0
        self.ended = threading.Event()
        self.bad: bytes | None = None
        self.reader = GroupReader(
            broker.bootstrap, f"{topic}-group", topic, self._take, self.failures.append, self.ended.set
        )
        self.reader.start()

    def _take(self, records: list[RawRecord]) -> bool:
        values = [record.value or b"" for record in records]
        if self.bad in values:
            raise ValueError("cannot be taken")
        if self.away.is_set():
            self.refused += 1
            return False
        self.most = max(self.most, len(values))
        self.taken += values
        return True


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Member]]:
    """Those of a test; all are ended with it."""
    monkeypatch.setattr(group_reader, "RETRY_FIRST_S", 0.01)
    monkeypatch.setattr(group_reader, "RETRY_MOST_S", 0.05)
    some: list[Member] = []
    yield some
    for member in some:
        member.reader.close()
    for member in some:
        member.reader.join(20)


def committed(broker: MockBroker, topic: str, partition: int = 0) -> int:
    """How far the group is."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": f"{topic}-group"})
    (place,) = consumer.committed([TopicPartition(topic, partition)], timeout=10)
    consumer.close()
    return int(place.offset)


def test_records_are_taken_in_order_and_then_committed(broker: MockBroker, members: list[Member]) -> None:
    """Those that were there before and those that come later; hostile headers make no difference."""
    broker.write("order", [b"%d" % n for n in range(1_200)])
    members.append(Member(broker, "order"))
    write_raw_header(broker.bootstrap, "order", b"1200")
    broker.write("order", [b"1201"])
    eventually(lambda: committed(broker, "order") == 1_202, limit_s=30)
    assert members[0].taken == [b"%d" % n for n in range(1_202)]
    assert members[0].most <= group_reader.BATCH


def test_what_is_not_taken_is_offered_again_and_not_committed(broker: MockBroker, members: list[Member]) -> None:
    """Nothing behind it is handed over meanwhile; then all comes, once, in order."""
    member = Member(broker, "away")
    member.away.set()
    members.append(member)
    broker.write("away", [b"0", b"1"])
    eventually(lambda: member.refused > 3, limit_s=30)
    broker.write("away", [b"2"])
    assert (member.taken, committed(broker, "away")) == ([], -1001)
    member.away.clear()
    eventually(lambda: committed(broker, "away") == 3, limit_s=30)
    assert member.taken == [b"0", b"1", b"2"]


def test_a_batch_that_cannot_be_unpacked_is_taken_as_one_record(broker: MockBroker, members: list[Member]) -> None:
    """Without a value; what is behind it comes, and all is committed, also where it is the last."""
    member = Member(broker, "bombs")
    members.append(member)
    broker.write("bombs", [b"0", b"1"])
    write_bomb(broker.bootstrap, "bombs", records=7)
    broker.write("bombs", [b"9"])
    eventually(lambda: committed(broker, "bombs") == 10, limit_s=60)
    assert member.taken == [b"0", b"1", b"", b"9"]
    write_bomb(broker.bootstrap, "bombs", records=2)
    eventually(lambda: committed(broker, "bombs") == 12, limit_s=60)
    assert member.taken == [b"0", b"1", b"", b"9", b""]


def test_members_that_come_while_one_waits_lose_nothing(broker: MockBroker, members: list[Member]) -> None:
    """Partitions move while a batch is refused: whoever has them then takes it."""
    values = {b"%d-%d" % (partition, n) for partition in range(4) for n in range(300)}
    for partition in range(4):
        broker.write("join", [b"%d-%d" % (partition, n) for n in range(300)], partition)
    first = Member(broker, "join")
    first.away.set()
    members.append(first)
    eventually(lambda: first.refused > 0, limit_s=120)
    members.append(Member(broker, "join"))
    eventually(lambda: bool(members[1].taken), limit_s=120)
    first.away.clear()
    eventually(lambda: set(first.taken) | set(members[1].taken) == values, limit_s=120)
    eventually(lambda: all(committed(broker, "join", p) == 300 for p in range(4)), limit_s=120)
    for taken in (first.taken, members[1].taken):
        for partition in range(4):
            mine = [int(v.split(b"-")[1]) for v in taken if v.startswith(b"%d-" % partition)]
            assert all(later <= before + 1 for before, later in pairwise(mine))


def test_a_failure_ends_the_reader_and_is_told(broker: MockBroker, members: list[Member]) -> None:
    """The worker is crashed over it; what was not committed comes again."""
    member = Member(broker, "fails")
    member.bad = b"1"
    members.append(member)
    broker.write("fails", [b"1"])
    assert member.ended.wait(30)
    assert [str(error) for error in member.failures] == ["cannot be taken"]
