"""Runs what acts on the world: a handler gets records, does what they ask for, and says what to publish about it.

Batches run side by side and each key's records in order, so a slow effect holds up its own incident and no other. A batch is
acknowledged once its outputs are delivered; after a crash the handler gets it again, and must find out what it had done.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from schemas.errors import DecodeError
from streams.outbox import Outbox
from streams.shell import attach_agent
from streams.stage import Output, Received
from streams.topics import Topic
from streams.wire import Wire, dead_letter

log = structlog.get_logger()

# Batches under way in a worker; beyond it the topic is not read on.
MAX_BATCHES = 256


Handle = Callable[[list[Received[Any]]], Awaitable[list[Output]]]


@dataclass(frozen=True, slots=True)
class Effect:
    """A handler of records that have an effect.

    Attributes:
        name: for logs and dead letters. source: what it reads.
        key: what a record's effects are ordered by; None: the handler does not want the record.
        handle: does what the records of one key ask for; called again with the same records after a crash.
    """

    name: str
    source: Topic
    key: Callable[[Received[Any]], str | None]
    handle: Handle


class EffectShell:
    """One handler in one worker; see streams.shell.StageShell for the arguments."""

    def __init__(self, app: Any, effect: Effect, outbox: Outbox, wire: Wire) -> None:
        self._app, self._effect, self._outbox, self._wire = app, effect, outbox, wire
        self._last: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        attach_agent(app, effect.source, effect.name, self._batch)

    async def _batch(self, event: Any) -> None:
        partition, topic = event.message.partition, self._effect.source
        wanted: dict[str, list[Received[Any]]] = defaultdict(list)
        letters: list[Output] = []
        for raw in event.value.records:
            try:
                received = self._wire.received(topic, partition, raw)
            except DecodeError as error:
                letters.append(dead_letter(self._effect.name, topic.name, partition, raw, error))
                continue
            key = self._effect.key(received)
            if key is not None:
                wanted[key].append(received)
        if not wanted and not letters:
            event.ack()
            return
        while len(self._running) >= MAX_BATCHES:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        chains = [self._chain(key, records) for key, records in wanted.items()]
        self._keep(asyncio.create_task(self._finish(event, chains, letters)))

    def _chain(self, key: str, records: list[Received[Any]]) -> asyncio.Task[None]:
        before = self._last.get(key)
        task = self._keep(asyncio.create_task(self._handle(records, before)))
        self._last[key] = task
        task.add_done_callback(lambda done: self._last.pop(key) if self._last.get(key) is done else None)
        return task

    def _keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _handle(self, records: list[Received[Any]], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        outputs = await self._effect.handle(records)
        await self._outbox.send(self._wire.messages(outputs))

    async def _finish(self, event: Any, chains: list[asyncio.Task[None]], letters: list[Output]) -> None:
        try:
            await self._outbox.send(self._wire.messages(letters))
            await asyncio.gather(*chains)
        except Exception as error:
            log.exception("an effect failed", effect=self._effect.name)
            await self._app.crash(error)
        else:
            event.ack()
