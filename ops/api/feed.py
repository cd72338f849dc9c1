"""What is new, handed to everyone who listens: bounded for each of them, and resumable for whoever was away for a while.

A message's id says how far the log was read: the next offset of each partition. Whoever comes back with an id gets what came
after it, or, where that is not kept any more, a `reset`: look at everything anew. A listener who is too slow gets one too.
"""

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

# At some 400 bytes a message 4 MB; in a storm of 100 events a second, 100 s of absence.
_KEPT = 10_000
_WAITING = 500

_ID = re.compile(r"\d{1,9}:\d{1,19}(,\d{1,9}:\d{1,19})*")


@dataclass(frozen=True, slots=True)
class Message:
    """One event as listeners get it: its place in the log, the id that a reader of it has come to, and its data as JSON.

    `frame` is all of it as it is sent, made once for all listeners.
    """

    partition: int
    offset: int
    id: str
    data: str
    frame: str


@dataclass(eq=False, slots=True)
class Listener:
    """One who listens: what waits for it; `lost` where it has to look anew."""

    waiting: deque[Message] = field(default_factory=deque)
    lost: bool = False
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self, patience_s: float) -> list[Message] | None:
        """What has come, [] where nothing did for so long; None: something was lost, begin anew from what is."""
        if not self.waiting and not self.lost:
            try:
                await asyncio.wait_for(self.bell.wait(), patience_s)
            except TimeoutError:
                return []
        self.bell.clear()
        if self.lost:
            self.lost = False
            self.waiting.clear()
            return None
        found = list(self.waiting)
        self.waiting.clear()
        return found


class Feed:
    """On one event loop; `publish` is called on it. `following`: the log is being read."""

    def __init__(self, kept: int = _KEPT, waiting: int = _WAITING, most_listeners: int = 1_000) -> None:
        self._kept: deque[Message] = deque(maxlen=kept)
        self._begin: dict[int, int] = {}
        self._next: dict[int, int] = {}
        self._listeners: set[Listener] = set()
        self._waiting, self._most = waiting, most_listeners
        self.following = False

    @property
    def id(self) -> str:
        """How far the log was read."""
        return _id_of(self._next)

    @property
    def full(self) -> bool:
        """Whether nobody else can listen."""
        return len(self._listeners) >= self._most

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def begin(self, positions: Mapping[int, int]) -> None:
        """The reading starts at these offsets by partition; what listeners had before is to be looked at anew."""
        self._kept.clear()
        self._begin, self._next = dict(positions), dict(positions)
        self.following = True
        for listener in self._listeners:
            _lose(listener)

    def cut_off(self) -> None:
        """The log cannot be read now; listeners hear so with the next sign of life."""
        self.following = False

    def publish(self, partition: int, offset: int, data: str) -> None:
        """Hand one event on; those of a partition come in the order of the log."""
        self._next[partition] = offset + 1
        at = self.id
        message = Message(partition, offset, at, data, f"id: {at}\nevent: incident\ndata: {data}\n\n")
        if len(self._kept) == self._kept.maxlen:
            gone = self._kept[0]
            self._begin[gone.partition] = gone.offset + 1
        self._kept.append(message)
        for listener in self._listeners:
            if len(listener.waiting) >= self._waiting:
                _lose(listener)
            elif not listener.lost:
                listener.waiting.append(message)
                listener.bell.set()

    def join(self, last_id: str | None = None) -> Listener:
        """Listen: from now on, or from behind `last_id`."""
        listener = Listener()
        if last_id is not None:
            self._catch_up(listener, _positions(last_id))
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        self._listeners.discard(listener)

    def _catch_up(self, listener: Listener, positions: dict[int, int] | None) -> None:
        known = positions is not None and positions.keys() == self._next.keys()
        if (
            positions is None
            or not known
            or any(not self._begin.get(p, 0) <= at <= self._next[p] for p, at in positions.items())
        ):
            _lose(listener)
            return
        missed = [m for m in self._kept if m.offset >= positions.get(m.partition, 0)]
        if len(missed) > self._waiting:
            _lose(listener)
            return
        listener.waiting.extend(missed)
        if missed:
            listener.bell.set()


def _lose(listener: Listener) -> None:
    listener.waiting.clear()
    listener.lost = True
    listener.bell.set()


def _id_of(positions: Mapping[int, int]) -> str:
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(positions.items()))


def _positions(text: str) -> dict[int, int] | None:
    """The offsets that an id says; None for what is none of ours."""
    if len(text) > 30_000 or not _ID.fullmatch(text):
        return None
    pairs = (pair.split(":") for pair in text.split(","))
    return {int(partition): int(offset) for partition, offset in pairs}
