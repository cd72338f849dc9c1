"""The sequencer on Faust: a batch of commands is one transaction of the event store, written from a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from schemas.errors import DecodeError
from schemas.records.log import IncidentCommand
from state.errors import FencedError
from state.kafka_store import EventStoreWriter
from streams.outbox import Outbox
from streams.shell import attach_agent
from streams.topics import COMMANDS
from streams.wire import Wire, dead_letter

log = structlog.get_logger()

NAME = "sequencer"
# A worker that is fenced loses the partition in the rebalance under way; one that is not told so within this stops.
FENCED_GRACE_S = 30.0

OpenWriter = Callable[[int], EventStoreWriter]


class SequencerShell:
    """Appends the commands of the worker's partitions.

    Args:
        app: the Faust app. open_writer: makes the writer of a partition, not opened. outbox: for dead letters.
    """

    def __init__(self, app: Any, open_writer: OpenWriter, outbox: Outbox, wire: Wire) -> None:
        self._app, self._open_writer, self._outbox, self._wire = app, open_writer, outbox, wire
        self._writers: dict[int, EventStoreWriter] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix=NAME)
        attach_agent(app, COMMANDS, NAME, self._batch)
        app.on_partitions_revoked.connect(self._revoked)

    def start(self) -> None:
        """Nothing to begin: a partition's writer is opened at its first batch."""

    def close(self) -> None:
        """Give the writers' connections back; what they had not committed is not in the log."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        # The next owner fences whatever is under way; a partition that comes back is opened anew.
        writers, self._writers = self._writers, {}
        for writer in writers.values():
            self._threads.submit(writer.close)

    async def _batch(self, event: Any) -> None:
        partition = event.message.partition
        async with self._locks.setdefault(partition, asyncio.Lock()):
            commands: list[tuple[IncidentCommand, int]] = []
            letters = []
            for raw in event.value.records:
                try:
                    received = self._wire.received(COMMANDS, partition, raw)
                    commands.append((received.record, raw.offset))
                except DecodeError as error:
                    letters.append(dead_letter(NAME, COMMANDS.name, partition, raw, error))
            await self._outbox.send(self._wire.messages(letters))
            if not await self._append(partition, commands):
                return
        event.ack()

    async def _append(self, partition: int, commands: list[tuple[IncidentCommand, int]]) -> bool:
        loop = asyncio.get_running_loop()
        writer = self._writers.get(partition)
        try:
            if writer is None:
                writer = self._writers[partition] = self._open_writer(partition)
                await loop.run_in_executor(self._threads, writer.open)
            result = await loop.run_in_executor(self._threads, writer.append, commands)
        except FencedError:
            await self._fenced(partition, writer)
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
            await asyncio.sleep(0.1)
