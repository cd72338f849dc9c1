"""What a shell is given in a unit test: an app that connects nowhere, an outbox that remembers, events of a batch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from streams.apps import DECIDED_AT_ONCE, AppSettings, make_app
from streams.outbox import Message, Outbox
from streams.topics import Topic
from streams.transport.batch import Batch


@dataclass
class Raw:
    """A record as the transport hands it over."""

    offset: int
    value: bytes | None
    key: bytes | None = b"k"
    timestamp: int = 1_700_000_000_000
    headers: Sequence[tuple[str, bytes]] = ()


class FakeOutbox(Outbox):
    """Takes everything at once, or when `gate` is opened; `sent` holds what it took, a list a call."""

    def __init__(self) -> None:
        self.sent: list[list[Message]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, messages: Sequence[Message]) -> None:
        await self.gate.wait()
        if messages:
            self.sent.append(list(messages))

    def to(self, topic: str) -> list[Message]:
        """What was sent to a topic."""
        return [message for group in self.sent for message in group if message.topic == topic]


@dataclass
class FakeEvent:
    """A batch of one partition, as an agent gets it."""

    topic: str
    value: Batch
    partition: int = 0
    acknowledged: bool = field(default=False)

    @property
    def message(self) -> Any:
        return SimpleNamespace(topic=self.topic, partition=self.partition)

    def ack(self) -> None:
        self.acknowledged = True


def batch(topic: Topic, values: Sequence[bytes | None], first: int = 0, partition: int = 0) -> FakeEvent:
    """Records at successive offsets."""
    records = [Raw(first + n, value) for n, value in enumerate(values)]
    return FakeEvent(topic.name, Batch(records, first + len(records) - 1, first + len(records)), partition)


def offline_app(folder: Path) -> Any:
    """A Faust app as workers have it, which is not started."""
    return make_app(AppSettings("unit", "127.0.0.1:1", folder, 4, DECIDED_AT_ONCE))
