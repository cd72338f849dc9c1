"""Runs what acts on the world: a handler gets records, does what they ask for, and says what to publish about it.

Batches run side by side and each key's records in order, so a slow effect holds up its own incident and no other. A batch is
acknowledged once its outputs are delivered; after a crash the handler gets it again, and must find out what it had done. A
handler that fails is tried again; records that it fails on each time become dead letters, and what follows them is handled.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from schemas.errors import DecodeError
from streams.outbox import Message, Outbox
from streams.shell import attach_agent
from streams.stage import Output, Received
from streams.topics import Topic
from streams.transport.batch import RawRecord
from streams.wire import Wire, dead_letter, written_again

log = structlog.get_logger()

# Chains under way in a worker; beyond it the topic is not read on.
MAX_CHAINS = 256
# Waits before a handler that failed is called again.
RETRY_WAITS_S = (1.0, 5.0)

Handle = Callable[[list[Received[Any]]], Awaitable[list[Output]]]
Sleep = Callable[[float], Awaitable[None]]
# A record with its bytes, which a dead letter takes.
Asked = tuple[RawRecord, Received[Any]]


@dataclass(frozen=True, slots=True)
class Effect:
    """A handler of records that have an effect.

    Attributes:
        name: for logs and dead letters. source: what it reads.
        key: what a record's effects are ordered by; None: the handler does not want the record.
        handle: does what the records of one key ask for; called again with the same records after a failure or a crash.
    """

    name: str
    source: Topic
    key: Callable[[Received[Any]], str | None]
    handle: Handle


class EffectShell:
    """One handler in one worker; see streams.shell.StageShell for the arguments. `sleep` waits before a retry."""

    def __init__(self, app: Any, effect: Effect, outbox: Outbox, wire: Wire, sleep: Sleep = asyncio.sleep) -> None:
        self._app, self._effect, self._outbox, self._wire, self._sleep = app, effect, outbox, wire, sleep
        self._last: dict[str, asyncio.Task[None]] = {}
        self._chains: set[asyncio.Task[None]] = set()
        self._finishing: set[asyncio.Task[None]] = set()
        attach_agent(app, effect.source, effect.name, self._batch)
        app.holds.append(self.holds)

    def holds(self) -> set[str]:
        """The topics whose progress waits for effects under way."""
        return {self._effect.source.name} if self._chains else set()

    async def _batch(self, event: Any) -> None:
        partition, topic = event.message.partition, self._effect.source
        wanted: dict[str, list[Asked]] = defaultdict(list)
        letters: list[Message] = []
        for raw in event.value.records:
            if written_again(topic, raw):
                continue
            try:
                received = self._wire.received(topic, partition, raw)
                key = self._effect.key(received)
            except DecodeError as error:
                letters.append(self._dead(partition, raw, error))
                continue
            if key is not None:
                wanted[key].append((raw, received))
        if not wanted and not letters:
            event.ack()
            return
        chains = [await self._chain(key, asked) for key, asked in wanted.items()]
        task = asyncio.create_task(self._finish(event, chains, letters))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _chain(self, key: str, asked: list[Asked]) -> asyncio.Task[None]:
        while len(self._chains) >= MAX_CHAINS:
            await asyncio.wait(self._chains, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._in_order(key, asked, self._last.get(key)))
        self._last[key] = task
        self._chains.add(task)
        task.add_done_callback(lambda done: self._over(key, done))
        return task

    def _over(self, key: str, task: asyncio.Task[None]) -> None:
        self._chains.discard(task)
        if self._last.get(key) is task:
            del self._last[key]

    async def _in_order(self, key: str, asked: list[Asked], before: asyncio.Task[None] | None) -> None:
        structlog.contextvars.bind_contextvars(incident_id=key)  # on each line of this task, the effect's own too
        if before is not None:
            await asyncio.wait([before])
            before.result()  # nothing is done behind something that is neither done nor dead-lettered
        await self._outbox.send(await self._handle(asked))

    async def _handle(self, asked: list[Asked]) -> list[Message]:
        for wait_s in (*RETRY_WAITS_S, None):
            try:
                return self._wire.messages(await self._effect.handle([received for _, received in asked]))
            except Exception as error:
                log.exception("an effect failed", effect=self._effect.name, again_in_s=wait_s)
                if wait_s is None:
                    fault = DecodeError("effect_failed", f"{self._effect.name}: {type(error).__name__}: {error}")
                    return [self._dead(received.position.partition, raw, fault) for raw, received in asked]
            if wait_s is not None:
                await self._sleep(wait_s)
        raise AssertionError("the last wait is None")

    def _dead(self, partition: int, raw: RawRecord, error: DecodeError) -> Message:
        return self._wire.message(dead_letter(self._effect.name, self._effect.source.name, partition, raw, error))

    async def _finish(self, event: Any, chains: list[asyncio.Task[None]], letters: list[Message]) -> None:
        try:
            await self._outbox.send(letters)
            await asyncio.gather(*chains)
        except Exception as error:
            log.exception("the outcome of an effect was not delivered", effect=self._effect.name)
            await self._app.crash(error)
        else:
            event.ack()
