"""Reading on behind record batches that librdkafka cannot unpack.

It unpacks a batch of zstd to 100 MB at most and says so of a larger one at every fetch, for ever: whoever reads the topic comes
no further. Where the batch ends it does not say, so that is found by seeking behind it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from state.batch_fate import was_aborted

_REQUEST_S = 10.0

Place = tuple[str, int]  # topic, partition


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets from `first` up to `last` of a partition that cannot be read."""

    topic: str
    partition: int
    first: int
    last: int


@dataclass(slots=True)
class _Search:
    """For where a batch ends: `inside` lies within it, `beyond` behind it, and so does everything after."""

    first: int
    inside: int
    beyond: int
    step: int = 1

    @property
    def over(self) -> bool:
        return self.beyond - self.inside == 1

    @property
    def next(self) -> int:
        """Where to look now: soon behind the beginning, for most such batches hold few records."""
        return min(self.inside + self.step, (self.inside + self.beyond + 1) // 2)


class PassOver:
    """Moves a consumer behind the batches that it cannot unpack. What its polls bring goes through `take`, in order.

    Args:
        consumer: assigned by hand, or a member of a group.
        bootstrap: `host:port,…`; None where aborted batches count too.
    """

    def __init__(self, consumer: Consumer, bootstrap: str | None) -> None:
        self._consumer, self._bootstrap = consumer, bootstrap
        self._searches: dict[Place, _Search] = {}

    def take(self, messages: Sequence[Message]) -> tuple[list[Message], list[Gap]]:
        """What one poll brought: the messages to go on with, and the gaps behind which the consumer goes on.

        The messages of a partition whose gap is being measured are left out: they come again.
        """
        if not self._searches and all([message.error() is None for message in messages]):  # noqa: C419 - half the time
            return list(messages), []
        good: list[Message] = []
        gaps: list[Gap] = []
        moved: set[Place] = set()  # what else the poll brought of these is from before
        for message in messages:
            place = str(message.topic()), int(message.partition() or 0)
            if place in moved:
                continue
            if not _unpackable(message) and (place not in self._searches or _nothing_said(message)):
                good.append(message)
                continue
            moved.add(place)
            gap = self._measured(place, message)
            if gap is not None:
                gaps.append(gap)
        return good, gaps

    def forget(self) -> None:
        """Its partitions came or went: what was begun there is begun anew, if it must be."""
        self._searches.clear()

    def _measured(self, place: Place, message: Message) -> Gap | None:
        """Look on for the end of a batch; once it is found, the gap, but where the batch was aborted."""
        offset, search = int(message.offset() or 0), self._searches.get(place)
        if search is None:
            search = self._searches[place] = _Search(offset, offset, self._end(place, offset))
        elif _unpackable(message) and offset <= search.inside:
            search.inside, search.step = search.next, search.step * 2
        else:
            # A record, the end of the partition, or another such batch: the first one ends before it.
            search.beyond = min(offset if _unpackable(message) else search.next, search.next)
        if not search.over:
            self._seek(place, search.next)
            return None
        del self._searches[place]
        self._seek(place, search.beyond)
        if self._bootstrap is not None and was_aborted(self._bootstrap, *place, search.first):
            return None
        return Gap(*place, search.first, search.beyond - 1)

    def _end(self, place: Place, offset: int) -> int:
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(*place), _REQUEST_S)
        except KafkaException:
            return offset + 1
        return max(int(end), offset + 1)

    def _seek(self, place: Place, offset: int) -> None:
        # A partition that was taken away meanwhile needs none: whoever has it now finds the batch.
        with suppress(KafkaException):
            self._consumer.seek(TopicPartition(*place, offset))


def _unpackable(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._BAD_COMPRESSION


def _nothing_said(message: Message) -> bool:
    """Whether it is an error that says nothing of what can be read."""
    error = message.error()
    return error is not None and error.code() != KafkaError._PARTITION_EOF
