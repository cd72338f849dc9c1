"""A look at what is unread, on a client that gives what a broker would."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from ops.lag import peek as lag_peek
from ops.lag.peek import PEEK_RECORDS, Peek
from streams.errors import BrokerUnreachableError

ALERTS, EVENTS = ("alerts", 0), ("incident.events", 1)


def message(place: tuple[str, int], offset: int, error: int | None = None) -> Any:
    """A record, or the word that its partition has ended."""
    return SimpleNamespace(
        topic=lambda: place[0], partition=lambda: place[1], offset=lambda: offset,
        error=lambda: None if error is None else SimpleNamespace(code=lambda: error),
    )  # fmt: skip


def end(place: tuple[str, int], offset: int) -> Any:
    """The end of a partition."""
    return message(place, offset, KafkaError._PARTITION_EOF)


class Broker:
    """Hands out what was put in, a batch a call; then nothing."""

    def __init__(self, _settings: dict[str, Any]) -> None:
        self.batches: list[list[Any]] = []
        self.assigned: dict[tuple[str, int], int] = {}

    def assign(self, places: Iterable[TopicPartition]) -> None:
        """From where each is read."""
        self.assigned = {(place.topic, place.partition): place.offset for place in places}

    def incremental_unassign(self, places: Iterable[TopicPartition]) -> None:
        """No more of these."""
        for place in places:
            del self.assigned[place.topic, place.partition]

    def unassign(self) -> None:
        """No more of any."""
        self.assigned = {}

    def consume(self, _count: int, _timeout_s: float) -> list[Any]:
        """The next batch."""
        return self.batches.pop(0) if self.batches else []


@pytest.fixture
def peek(monkeypatch: pytest.MonkeyPatch) -> Peek:
    """A look without patience."""
    monkeypatch.setattr(lag_peek, "Consumer", Broker)
    return Peek("kafka:1", patience_s=0.0)


def given(peek: Peek, *batches: list[Any]) -> None:
    """What the broker will hand out."""
    peek._consumer.batches = list(batches)  # type: ignore[attr-defined]


def test_markers_at_the_end_are_no_records(peek: Peek) -> None:
    """The broker says that the partition has ended, and gave nothing of it."""
    given(peek, [end(ALERTS, 10)])
    seen = peek.look({ALERTS: (9, 10)})[ALERTS]
    assert (seen.records, seen.whole) == ([], True)


def test_a_gap_is_passed_over(peek: Peek) -> None:
    """Of ten thousand offsets the last holds a record; what came since is not counted."""
    given(peek, [message(ALERTS, 9_999), message(ALERTS, 10_000)])
    seen = peek.look({ALERTS: (0, 10_000)})[ALERTS]
    assert ([one.offset() for one in seen.records], seen.whole) == ([9_999], True)


def test_of_many_only_the_first_are_looked_at(peek: Peek) -> None:
    """And it is said that there are others; another partition is looked at all the same."""
    given(peek, [message(ALERTS, n) for n in range(PEEK_RECORDS + 50)], [message(EVENTS, 3), end(EVENTS, 5)])
    found = peek.look({ALERTS: (0, 10_000), EVENTS: (3, 5)})
    assert (len(found[ALERTS].records), found[ALERTS].whole) == (PEEK_RECORDS, False)
    assert (len(found[EVENTS].records), found[EVENTS].whole) == (1, True)


def test_a_limit_of_time_ends_the_look(peek: Peek) -> None:
    """Nothing was seen, and that does not mean that nothing is there."""
    seen = peek.look({ALERTS: (0, 10)}, limit_s=0.0)[ALERTS]
    assert (seen.records, seen.whole) == ([], False)


def test_silence_is_an_unreachable_broker(peek: Peek) -> None:
    """Where there is no limit, patience is one."""
    with pytest.raises(BrokerUnreachableError):
        peek.look({ALERTS: (0, 10)})
