"""The value of a batch event, and the Faust schema that passes it on unread."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import faust


class RawRecord(Protocol):
    """A record as a client hands it over; `timestamp` is epoch ms, by whichever clock the topic is stamped."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Epoch ms."""

    @property
    def key(self) -> bytes | None:
        """Its key, as it came."""

    @property
    def value(self) -> bytes | None:
        """Its value, as it came; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """In order; names may come twice."""


@runtime_checkable
class RecoversInBulk(Protocol):
    """A table that takes what a fetch brought of its changelog at once."""

    def recover(self, partition: int, records: Sequence[Any]) -> None:
        """Take records in their order."""


class Batch:
    """Records of one partition in offset order.

    Attributes:
        records: what a fetch brought, RawRecords, or Chunks of topics that are read unopened; an agent may empty it once
            worked through, to give the memory back.
        last: the offset of the last record. next: the position to commit once this batch is acknowledged.
        void: its partition was taken away, or it comes again; nothing may be written on its account any more.
        read: what records were found to say, by offset, for the next agent that the batch goes to.
    """

    __slots__ = ("done", "last", "next", "read", "records", "void")

    def __init__(self, records: Sequence[Any], last: int, next_position: int) -> None:
        self.records = records
        self.last = last
        self.next = next_position
        self.done = False
        self.void = False
        self.read: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.records)


Decode = Callable[..., Awaitable[Any]]


class BatchSchema(faust.Schema):  # type: ignore[misc]
    """Hands a Batch to the agent as it is: decoding is the stage's business, a batch at once."""

    def compile(self, app: Any, **_: Any) -> Decode:
        """The decode function of a topic, which Faust calls with each message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 - Faust passes it by name
            return app.create_event(None, message.value, None, message)

        return decode
