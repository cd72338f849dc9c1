"""A recording's records decoded, found by place, as a stage receives them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from ops.reexecution.framing import finder
from ops.reexecution.recording import Recording
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.journal import StepTaken
from state.log_reader import RawRecord
from streams.stage import Received
from streams.topics import BY_NAME, JOURNAL, Topic
from streams.wire import Wire


class ReadBack:
    """Typed access to a recording; records that cannot be decoded are passed over, as the stages passed them over."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        find = finder(recording.schemas)
        self._wire = Wire(lambda topic: Codec(topic.record, find=find))
        self._parts: dict[tuple[str, int], tuple[list[int], list[Received[Any]]]] = {}
        for name, raws in recording.records.items():
            self._take(BY_NAME[name], raws)

    def _take(self, topic: Topic, raws: Sequence[RawRecord]) -> None:
        for raw in sorted(raws, key=lambda one: (one.partition, one.offset)):
            offsets, found = self._parts.setdefault((topic.name, raw.partition), ([], []))
            try:
                received = self._wire.received(topic, raw.partition, raw)
            except DecodeError:
                continue
            offsets.append(raw.offset)
            found.append(received)

    def all(self, topic: Topic) -> Iterator[Received[Any]]:
        """A topic's records, partition by partition."""
        for (name, _), (_, found) in sorted(self._parts.items()):
            if name == topic.name:
                yield from found

    def between(self, topic: str, partition: int, first: int, last: int) -> list[Received[Any]]:
        """The records of a partition at these offsets, both ends included."""
        offsets, found = self._parts.get((topic, partition), ([], []))
        return found[bisect_left(offsets, first) : bisect_left(offsets, last + 1)]

    def steps(self) -> list[StepTaken]:
        """The journal, each partition in order."""
        return [received.record for received in self.all(JOURNAL)]

    def begins(self, topic: str, partition: int) -> int:
        """The first offset that the log still kept of a partition; 0 where it was not read."""
        return self.recording.begins.get((topic, partition), 0)
