"""The account of all alerts is read from its newest records backwards."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ops.account import totals as account_totals
from ops.account.totals import AlertTotals, totals
from schemas.codec import Codec
from schemas.records.sampling import AlertAccount
from schemas.samples import sample
from state.errors import StoreUnavailableError
from state.log_reader import RawRecord
from streams.errors import BrokerUnreachableError

CODEC = Codec(AlertAccount)


def record(
    offset: int, incident_id: str, received: int, partition: int = 0, *, source: int | None = None, broken: bool = False
) -> RawRecord:
    """An incident's account so far, of a partition of the raw topic; all were kept but two that were late."""
    source = partition if source is None else source
    account = sample(
        AlertAccount, incident_id=incident_id, partition=source, upto=offset, total_received=received,
        total_kept=received - 2, total_suppressed=0, total_late=2, total_dead_lettered=0,
    )  # fmt: skip
    value = b"garbage" if broken else CODEC.encode(account)
    return RawRecord("alerts.account", partition, offset, 0, incident_id.encode(), value, [])


class Log:
    """A topic's records, as LogReader gives them."""

    held: tuple[RawRecord, ...] = ()
    first = 0

    def __init__(self, *_: Any) -> None: ...

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None: ...

    def partitions(self, _topic: str) -> list[int]:
        """Those that hold records."""
        return sorted({raw.partition for raw in self.held})

    def bounds(self, _topic: str, partition: int) -> tuple[int, int]:
        """From the first that is kept to the last."""
        return self.first, 1 + max(raw.offset for raw in self.held if raw.partition == partition)

    def read(self, _topic: str, ranges: Mapping[int, tuple[int, int]]) -> Iterator[RawRecord]:
        """Those of the ranges."""
        for raw in self.held:
            start, end = ranges.get(raw.partition, (0, 0))
            if start <= raw.offset < end:
                yield raw


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> type[Log]:
    """Three incidents on two partitions; the quiet one lies pieces behind the others."""
    held = [record(0, "quiet", 5), *(record(n, "loud", 10 * n) for n in range(1, 12)), record(4, "other", 7, 1)]
    found = type("Held", (Log,), {"held": tuple(held)})
    monkeypatch.setattr(account_totals, "LogReader", found)
    monkeypatch.setattr(account_totals, "_PIECE", 3)
    return found


@pytest.mark.usefixtures("log")
def test_of_each_incident_the_last_record_counts() -> None:
    """Wherever it lies: loud 110, other 7, quiet 5."""
    assert totals("kafka:1") == AlertTotals(received=122, kept=116, suppressed=6, late=6, complete=True)


def test_of_an_incident_whose_alerts_lie_in_several_partitions_all_count(log: type[Log]) -> None:
    """Its records have one key, and each source partition totals of its own."""
    log.held = (*log.held, record(12, "loud", 40, source=2), record(13, "loud", 50, source=3))
    assert totals("kafka:1").received == 122 + 90


@pytest.mark.usefixtures("log")
def test_a_limit_of_time_leaves_out_what_was_long_ago() -> None:
    """The first look is always taken, and it is said that it was not the whole."""
    found = totals("kafka:1", -1.0)
    assert (found.received, found.complete) == (117, False)


def test_a_topic_that_is_read_whole_is_complete_whatever_it_took(log: type[Log]) -> None:
    """The time was up, and there was nothing more."""
    log.held = (record(1, "loud", 9),)
    assert totals("kafka:1", -1.0).complete


def test_what_retention_took_is_not_waited_for(log: type[Log]) -> None:
    """The log begins behind the quiet incident."""
    log.held, log.first = log.held[1:], 1
    found = totals("kafka:1", 60.0)
    assert (found.received, found.complete) == (117, True)


def test_a_record_that_cannot_be_read_does_not_hide_the_others(log: type[Log]) -> None:
    """It is passed over."""
    log.held = (*log.held, record(5, "odd", 99, 1, broken=True))
    assert totals("kafka:1").received == 122


def test_a_broker_that_falls_silent_is_unreachable(log: type[Log], monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind of error for whoever asks Kafka."""

    def silent(*_: object) -> list[int]:
        raise StoreUnavailableError("silent")

    monkeypatch.setattr(log, "partitions", silent)
    with pytest.raises(BrokerUnreachableError):
        totals("kafka:1")
