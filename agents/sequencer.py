"""The sequencer on Faust: a batch of commands is one transaction of the event store, written from a thread."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from schemas.errors import DecodeError
from schemas.records.log import IncidentCommand
from state.errors import FencedError, StoreUnavailableError
from state.kafka_store import EventStoreWriter
from streams.outbox import Outbox
from streams.shell import attach_agent
from streams.topics import COMMANDS
from streams.wire import Wire, dead_letter

log = structlog.get_logger()

NAME = "sequencer"
# A worker that is fenced loses the partition in the rebalance under way; one that is not told so within this stops.
FENCED_GRACE_S = 30.0
RETRY_S = 1.0
# Commands in a transaction. What is fetched after a stand-still is more: in one transaction its first would wait for its last.
MOST_AT_ONCE = 1_000
# How often writers look for repairs, and whether snapshots or a checkpoint wait that no append has written.
CHECKPOINT_S = 20.0

T = TypeVar("T")

OpenWriter = Callable[[int], EventStoreWriter]
Sleep = Callable[[float], Awaitable[None]]


class SequencerShell:
    """Appends the commands of the worker's partitions.

    Args:
        app: the Faust app. open_writer: makes the writer of a partition, not opened. outbox: for dead letters.
        sleep: waits before a retry.
    """

    def __init__(
        self, app: Any, open_writer: OpenWriter, outbox: Outbox, wire: Wire, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._sleep, self._closed = sleep, asyncio.Event()
        self._giving_back: set[asyncio.Task[None]] = set()
        self._app, self._open_writer, self._outbox, self._wire = app, open_writer, outbox, wire
        self._writers: dict[int, EventStoreWriter] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix=NAME)
        attach_agent(app, COMMANDS, NAME, self._batch)
        app.on_partitions_revoked.connect(self._revoked)
        app.timer(CHECKPOINT_S, name=f"{NAME}.checkpoints")(self._checkpoints)

    def start(self) -> None:
        """Nothing to begin: a partition's writer is opened at its first batch."""

    def close(self) -> None:
        """Give the writers' connections back; what they had not committed is not in the log."""
        self._closed.set()
        for writer in self._writers.values():
            self._threads.submit(_ended, writer)
        self._writers.clear()
        self._threads.shutdown(wait=False)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        # The next owner fences whatever is under way; a partition that comes back is opened anew.
        writers, self._writers = self._writers, {}
        for partition, writer in writers.items():
            task = asyncio.create_task(self._give_back(partition, writer))
            self._giving_back.add(task)
            task.add_done_callback(self._giving_back.discard)

    async def _give_back(self, partition: int, writer: EventStoreWriter) -> None:
        # A writer is for one thread at a time: an append under way ends first.
        async with self._lock(partition):
            await self._in_thread(partial(_ended, writer))

    async def _checkpoints(self) -> None:
        for partition, writer in list(self._writers.items()):
            async with self._lock(partition):
                if self._writers.get(partition) is writer:
                    await self._checkpoint(partition, writer)

    async def _checkpoint(self, partition: int, writer: EventStoreWriter) -> None:
        try:
            if await self._in_thread(writer.take_up_repairs):
                log.info("incidents that were repaired are taken up", partition=partition)
            await self._in_thread(partial(writer.checkpoint, only_if_due=True))
        except FencedError:
            await self._fenced(partition, writer)
        except StoreUnavailableError as error:
            log.warning("no checkpoint was written", partition=partition, reason=str(error))
            if self._writers.get(partition) is writer:
                del self._writers[partition]

    def _lock(self, partition: int) -> asyncio.Lock:
        return self._locks.setdefault(partition, asyncio.Lock())

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _batch(self, event: Any) -> None:
        partition, batch = event.message.partition, event.value
        async with self._lock(partition):
            commands: list[tuple[IncidentCommand, int]] = []
            letters = []
            for raw in batch.records:
                try:
                    received = self._wire.received(COMMANDS, partition, raw)
                    commands.append((received.record, raw.offset))
                except DecodeError as error:
                    letters.append(dead_letter(NAME, COMMANDS.name, partition, raw, error))
            await self._outbox.send(self._wire.messages(letters))
            while not (batch.void or self._closed.is_set()):
                if not commands:
                    event.ack()
                    return
                if await self._append(partition, commands[:MOST_AT_ONCE]):
                    del commands[:MOST_AT_ONCE]

    async def _append(self, partition: int, commands: list[tuple[IncidentCommand, int]]) -> bool:
        """Whether the commands are on record now; else the partition is lost, or they are to be tried again."""
        writer = self._writers.get(partition)
        try:
            if writer is None:
                writer = self._writers[partition] = self._open_writer(partition)
                await self._in_thread(writer.open)
            result = await self._in_thread(partial(writer.append, commands))
        except FencedError:
            await self._fenced(partition, writer)
            return False
        except StoreUnavailableError as error:
            log.warning("the event store waits for Kafka", partition=partition, reason=str(error))
            if self._writers.get(partition) is writer:
                del self._writers[partition]
            await self._sleep(RETRY_S)
            return False
        for refused in result.refusals:
            log.info("command refused", incident=refused.incident_id, type=refused.type, reason=refused.reason)
        return True

    async def _fenced(self, partition: int, writer: EventStoreWriter | None) -> None:
        """Wait for the rebalance that gave the partition away.

        Raises:
            FencedError: there was none: a second group writes to this store.
        """
        deadline = asyncio.get_running_loop().time() + FENCED_GRACE_S
        while self._writers.get(partition) is writer:
            if asyncio.get_running_loop().time() > deadline:
                raise FencedError(partition)
            await self._sleep(0.1)


def _ended(writer: EventStoreWriter) -> None:
    """Sign what was appended, and give the connections back; a writer that was fenced or failed is closed already."""
    with suppress(FencedError, StoreUnavailableError):
        writer.checkpoint()
    writer.close()
