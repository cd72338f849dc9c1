"""Between records and messages: encoding what stages publish, decoding what they read, and dead letters for the rest."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from schemas.codec import Codec
from schemas.dates import check_dates
from schemas.errors import DecodeError
from schemas.identity import derived_id
from schemas.records.intake import Alert
from schemas.records.log import DeadLetter
from state.repairs import REPAIR
from state.unreadable import UNREADABLE_BATCH, letter_headers, offsets_of
from streams.errors import OutputTooLargeError
from streams.outbox import Message
from streams.stage import Output, Position, Received
from streams.topics import DEAD_LETTERS, EVENTS, TOPICS, Topic
from streams.transport.batch import RawRecord

# What Kafka's batch of one record takes beyond its key and value, its headers included (trace context).
_BATCH_BYTES = 1024
# A detail may quote the record that is refused.
MAX_DETAIL_CHARS = 2000
# Of key, value and headers together: the rest of the topic's limit is for a letter's other fields. Topics limit compressed
# batches, so a record may be many times their limit.
MAX_KEPT_BYTES = DEAD_LETTERS.max_bytes - (64 << 10)


CodecOf = Callable[[Topic], Codec[Any]]


def single_object_codec(topic: Topic) -> Codec[Any]:
    """The codec of a topic's contract where there is no registry and no schema but those of the history."""
    return Codec(topic.record)


class Wire:
    """The codecs of all contracts, made at their first use; `codec_of` says how records are framed (streams.registry)."""

    def __init__(self, codec_of: CodecOf = single_object_codec) -> None:
        self._codec_of = codec_of
        self._codecs: dict[type, Codec[Any]] = {}

    def codec(self, record: type) -> Codec[Any]:
        """The codec of a record class."""
        if record not in self._codecs:
            # alerts.sampled carries the bytes of alerts, so one codec serves both topics.
            self._codecs[record] = self._codec_of(next(topic for topic in TOPICS if topic.record is record))
        return self._codecs[record]

    def message(self, output: Output) -> Message:
        """An output as bytes.

        Raises:
            OutputTooLargeError: the topic would refuse it.
            ValueError, TypeError: a field holds no value of its type.
        """
        value = self.codec(type(output.record)).encode(output.record)
        size = len(value) + len(output.key) + _BATCH_BYTES
        if size > output.topic.max_bytes:
            raise OutputTooLargeError(output.topic.name, size, output.topic.max_bytes)
        return Message(output.topic.name, output.key.encode(), value, headers=output.headers)

    def messages(self, outputs: Iterable[Output]) -> list[Message]:
        """Outputs as bytes, in order."""
        return [self.message(output) for output in outputs]

    def received(
        self, topic: Topic, partition: int, raw: RawRecord, read: dict[int, Received[Any]] | None = None
    ) -> Received[Any]:
        """A raw record decoded; once for all who hand on the same `read`, which holds by offset what has been.

        Raises:
            DecodeError: its bytes are no record of the topic's contract, or it has a time that there never is. (Those of alerts
                sampling has judged.)
        """
        known = None if read is None else read.get(raw.offset)
        if known is not None:
            return known
        record = self.codec(topic.record).decode(raw.value)
        if topic.record is not Alert:
            check_dates(record)
        found = Received(record, Position(topic.name, partition, raw.offset, raw.timestamp))
        if read is not None:
            read[raw.offset] = found
        return found


def written_again(topic: Topic, raw: RawRecord) -> bool:
    """Whether an event is in the log for repair only: what it says was done when it was new."""
    return topic is EVENTS and any(name == REPAIR for name, _ in raw.headers)


def dead_letter(stage: str, topic: str, partition: int, raw: RawRecord, error: DecodeError) -> Output:
    """The dead letter of a record that a stage cannot take: byte-exact, with its place and the reason.

    Of a record that no dead letter can hold, it tells the size and SHA-256 of the value; of a batch that cannot be unpacked, its
    offsets.
    """
    span = offsets_of(raw.headers) if raw.value is None else None
    if span is not None:
        error = DecodeError(
            UNREADABLE_BATCH,
            f"The batch at the offsets {span[0]} to {span[-1]} is broken, or too large to be unpacked: not kept.",
        )
    detail = str(error).encode(errors="replace").decode()[:MAX_DETAIL_CHARS]
    key, value = raw.key, raw.value
    headers = {name: bytes(data or b"") for name, data in raw.headers} if span is None else letter_headers(span)
    around = len(key or b"") + sum(len(name.encode()) + len(data) for name, data in headers.items())
    if around > MAX_KEPT_BYTES // 2:
        key, headers, around = None, {}, 0
        detail += " Its key and headers are too large to be kept."
    if value is not None and len(value) + around > MAX_KEPT_BYTES:
        detail += f" Not kept: {len(value)} bytes, sha256 {hashlib.sha256(value).hexdigest()}."
        value = None
    letter = DeadLetter(
        # Not by the stage: several may read the topic, and one record is one dead letter.
        dead_letter_id=derived_id("dead-letter", topic, partition, raw.offset),
        topic=topic,
        partition=partition,
        offset=raw.offset,
        key=None if key is None else bytes(key),
        value=None if value is None else bytes(value),
        headers=headers,
        stage=stage,
        reason=error.reason,
        detail=detail,
        tenant="",
        occurred_at=raw.timestamp,
    )
    return Output(DEAD_LETTERS, letter.dead_letter_id, letter)
