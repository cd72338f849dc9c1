"""What hangs in the log after a crash of the broker is ended by the next owner, and never passed over."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from state import visibility
from state.errors import StoreUnavailableError
from state.visibility import Visibility

TOPICS = ("events", "snapshots")


@dataclass
class FakeLog:
    """Two topics of one partition: where they end for readers of committed records, and where they really end."""

    seen: dict[str, int]
    real: dict[str, int]
    aborted: list[str] = field(default_factory=list)
    abort_helps: bool = True

    def reader(self, _bootstrap: str, _name: str, *, committed: bool = True) -> "FakeReader":
        return FakeReader(self.seen if committed else self.real)

    def run_aborted(self, write: Callable[[Any], None]) -> None:
        write(self)
        if self.abort_helps:
            self.seen.update(self.real)

    def send(self, topic: str, _key: bytes, _value: bytes) -> None:
        self.aborted.append(topic)


@dataclass
class FakeReader:
    """A reader that knows nothing but ends."""

    ends: dict[str, int]

    def partitions(self, topic: str) -> list[int]:
        return [0] if topic in self.ends else []

    def bounds(self, topic: str, _partition: int) -> tuple[int, int]:
        return 0, self.ends[topic]

    def close(self) -> None:
        pass

    def __enter__(self) -> "FakeReader":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come at once does not come."""
    monkeypatch.setattr(visibility, "_SETTLE_S", 0.0)
    monkeypatch.setattr(visibility, "_VISIBLE_S", 0.0)


def over(log: FakeLog, monkeypatch: pytest.MonkeyPatch) -> Visibility:
    """The owner of partition 0 of a log."""
    monkeypatch.setattr(visibility, "LogReader", log.reader)
    return Visibility("nowhere", 0, "test")


def test_a_log_that_is_whole_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction is made for nothing."""
    log = FakeLog({"events": 7, "snapshots": 3}, {"events": 7, "snapshots": 3})
    over(log, monkeypatch).settle(log, TOPICS)  # type: ignore[arg-type]
    assert log.aborted == []


def test_what_hangs_is_ended_where_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an aborted transaction of the same producer in that partition, and in no other."""
    log = FakeLog({"events": 7, "snapshots": 3}, {"events": 17, "snapshots": 3})
    over(log, monkeypatch).settle(log, TOPICS)  # type: ignore[arg-type]
    assert log.aborted == ["events"]


def test_what_another_program_holds_open_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer does not start where nobody would see what it writes."""
    log = FakeLog({"events": 7, "snapshots": 3}, {"events": 17, "snapshots": 3}, abort_helps=False)
    with pytest.raises(StoreUnavailableError, match="events partition 0 holds records of a transaction without an end"):
        over(log, monkeypatch).settle(log, TOPICS)  # type: ignore[arg-type]


def test_a_missing_topic_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what makes it."""
    log = FakeLog({"events": 7}, {"events": 7})
    with pytest.raises(StoreUnavailableError, match=r"no partition 0 of snapshots. `breakwater up`"):
        over(log, monkeypatch).settle(log, TOPICS)  # type: ignore[arg-type]


def test_an_append_is_done_when_it_is_to_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record at the last offset lies before the readers' end."""
    log = FakeLog({"events": 7, "snapshots": 3}, {"events": 17, "snapshots": 3})
    owner = over(log, monkeypatch)
    owner.wait_for("events", 6, 1.0)
    with pytest.raises(StoreUnavailableError, match="Opening the writer anew ends it"):
        owner.wait_for("events", 7, 1.0)
