"""The tail of the log goes on behind what cannot be unpacked."""

from collections.abc import Sequence

from confluent_kafka import Message

from ops.api.tailing import LogTail
from tests.support.bombs import write_bomb
from tests.support.mock_broker import MockBroker
from tests.support.waiting import eventually


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.begun = self.cut = 0
        self.values: list[bytes | None] = []

    def begin(self, ends: dict[tuple[str, int], int]) -> None:
        """One more beginning."""
        assert ends
        self.begun += 1

    def take(self, messages: Sequence[Message]) -> None:
        """Their values."""
        self.values += [message.value() for message in messages]

    def cut_off(self) -> None:
        """Once more."""
        self.cut += 1


def test_a_batch_that_cannot_be_unpacked_is_passed_over() -> None:
    """Without beginning anew, which would come upon the same batch again; at the end of the log it waits for nobody."""
    broker, listener = MockBroker(), Listener()
    broker.write("tailed", [b"before"])
    tail = LogTail(broker.bootstrap, ["tailed"], listener)
    tail.start()
    try:
        eventually(lambda: listener.begun == 1, limit_s=30)
        broker.write("tailed", [b"1"])
        write_bomb(broker.bootstrap, "tailed", records=5)
        broker.write("tailed", [b"2"])
        eventually(lambda: b"2" in listener.values, limit_s=60)
        write_bomb(broker.bootstrap, "tailed", records=2)
        broker.write("tailed", [b"other partition"], 1)
        broker.write("tailed", [b"3"])
        eventually(lambda: b"3" in listener.values, limit_s=60)
    finally:
        tail.stop()
    assert sorted(value or b"" for value in listener.values) == [b"1", b"2", b"3", b"other partition"]
    assert listener.begun == 1
