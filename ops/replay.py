"""Reading any range of any topic again: by offset or by time, at any speed, in the order of time.

Both ends belong to a range. Nothing is committed and no group is joined, so that no consumer notices.
"""

import heapq
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ops.times import iso, parse_time
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis
from state.log_reader import LogReader, RawRecord

# Digits below this are an offset, from here on epoch ms: 10^11 ms is March 1973, and no partition grows to 10^11 records.
LEAST_MS = 100_000_000_000
# Producers' clocks differ: a record dated within the range may lie behind one that is dated after it, by this much.
_DISORDER_MS = 60_000


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range: an offset, in every partition, or an instant (epoch ms)."""

    offset: int | None = None
    at: Millis | None = None

    def is_after(self, other: "Bound") -> bool:
        """Whether it is known to lie after another bound: those of two kinds cannot be compared."""
        if self.at is not None and other.at is not None:
            return self.at > other.at
        return self.offset is not None and other.offset is not None and self.offset > other.offset


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a partition that a range covers: offsets [start, end), and where the log itself begins."""

    partition: int
    start: int
    end: int
    log_start: int
    log_end: int


def parse_bound(text: str, now: Millis) -> Bound:
    """What --from and --to take: digits below 10^11 are an offset; all else is a time (see ops.times).

    Raises:
        InvalidInputError: it is neither.
    """
    if text.isascii() and text.isdigit() and int(text) < LEAST_MS:
        return Bound(offset=int(text))
    return Bound(at=parse_time(text, now))


def reader(bootstrap: str) -> LogReader:
    """A reader that the broker knows by a name of its own, apart from every consumer group."""
    return LogReader(bootstrap, f"breakwater-replay-{uuid.uuid4().hex[:12]}")


def slices(log: LogReader, topic: str, start: Bound, end: Bound, partition: int | None) -> list[Slice]:
    """What a range covers of each partition, or of one; slices may be empty.

    Raises:
        InvalidInputError: there is no such topic or partition.
        StoreUnavailableError: Kafka does not answer.
    """
    there = log.partitions(topic)
    if not there:
        raise InvalidInputError(f"There is no topic {topic!r}. `breakwater status` lists those that there are.")
    if partition is not None and partition not in there:
        raise InvalidInputError(f"{topic} has no partition {partition}: it has {len(there)}, from 0.")
    return [_slice(log, topic, p, start, end) for p in there if partition in (None, p)]


def lost(found: Slice, start: Bound) -> str | None:
    """What the log no longer keeps of what was asked for, as a sentence; None where it keeps all."""
    if found.log_start == 0 or found.start > found.log_start:
        return None
    where = f"partition {found.partition}: the log begins at offset {found.log_start}"
    if start.offset is not None:
        missing = found.log_start - start.offset
        return f"{where}: retention took {missing:,} of what was asked for" if missing > 0 else None
    since = "" if start.at is None else f"; records from {iso(start.at)} on may be among it"
    return f"{where}: retention took what was before{since}"


def records(
    bootstrap: str, topic: str, ranges: Sequence[Slice], start: Bound, end: Bound
) -> Generator[RawRecord, None, None]:
    """The records of these slices, each partition in its own order, partitions merged by time; a connection a partition.

    Raises:
        StoreUnavailableError: Kafka fell silent.
    """
    with ExitStack() as stack:
        parts = []
        for one in ranges:
            if one.start < one.end:
                log = stack.enter_context(reader(bootstrap))
                parts.append(log.read(topic, {one.partition: (one.start, one.end)}))
        for raw in heapq.merge(*parts, key=lambda raw: raw.timestamp):
            if (start.at is None or raw.timestamp >= start.at) and (end.at is None or raw.timestamp <= end.at):
                yield raw


class Pace:
    """Keeps the distances in time between records, divided by `speed`."""

    def __init__(
        self,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._began: tuple[float, Millis] | None = None

    def wait_for(self, timestamp: Millis) -> None:
        """Return when a record of this time (epoch ms) is due; at once for the first and for those that are late."""
        if self._began is None:
            self._began = (self._clock(), timestamp)
        began_s, first = self._began
        wait_s = began_s + (timestamp - first) / 1000 / self._speed - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)


def _slice(log: LogReader, topic: str, partition: int, start: Bound, end: Bound) -> Slice:
    low, high = log.bounds(topic, partition)
    first, after = low, high
    if start.at is not None:
        found = log.offset_at(topic, partition, start.at)
        first = high if found is None else found
    elif start.offset is not None:
        first = max(start.offset, low)
    if end.at is not None:
        found = log.offset_at(topic, partition, end.at + _DISORDER_MS)
        after = high if found is None else found
    elif end.offset is not None:
        after = min(end.offset + 1, high)
    return Slice(partition, first, max(first, after), low, high)
