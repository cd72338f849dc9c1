"""The projection on Faust: committed events into the read side, beside everything else: a slow store holds up no incident."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from schemas.errors import DecodeError
from state.errors import ProjectionConflictError, ProjectionDamagedError, ProjectionGapError, ProjectionUnavailableError
from state.ports import Projection, StoredEvent
from state.rebuild import rebuild
from streams.outbox import Outbox
from streams.shell import attach_agent
from streams.topics import EVENTS
from streams.wire import Wire, dead_letter

log = structlog.get_logger()

NAME = "projection"
# Events that may wait for the store: at 2 kB each, 100 MB. Beyond it the topic is not read on.
MAX_WAITING = 50_000
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 30.0

OpenProjection = Callable[[], Projection]
# The events of an incident from the log, or with None those of all.
ReadLog = Callable[[str | None], Iterable[StoredEvent]]


class ProjectorShell:
    """Applies events to the projection from one thread, in the order in which they came.

    Args:
        open_projection: makes the store's adapter, on that thread; raises ProjectionUnavailableError to be called again.
        read_log: events from the log, to heal a gap of an incident, or to fill a store that is empty.
    """

    def __init__(
        self, app: Any, open_projection: OpenProjection, read_log: ReadLog, outbox: Outbox, wire: Wire
    ) -> None:
        self._app, self._open, self._read_log = app, open_projection, read_log
        self._outbox, self._wire = outbox, wire
        self._projection: Projection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=NAME)
        self._queue: asyncio.Queue[tuple[Any, list[StoredEvent]]] = asyncio.Queue()
        self._waiting = 0
        self._closed = asyncio.Event()
        self._room = asyncio.Condition()
        attach_agent(app, EVENTS, NAME, self._batch)
        app.task(self._apply_all)
        app.holds.append(self.holds)

    def start(self) -> None:
        """Nothing to begin: the app runs the task."""

    def close(self) -> None:
        """Give the store's connections back, behind what is being written now."""
        self._closed.set()
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def holds(self) -> set[str]:
        """The topics whose progress waits for the store."""
        return {EVENTS.name} if self._waiting else set()

    def _close(self) -> None:
        if self._projection is not None:
            self._projection.close()

    async def _batch(self, event: Any) -> None:
        partition = event.message.partition
        events, letters = [], []
        for raw in event.value.records:
            try:
                received = self._wire.received(EVENTS, partition, raw)
                events.append(StoredEvent(received.record, EVENTS.name, partition, raw.offset))
            except DecodeError as error:
                letters.append(dead_letter(NAME, EVENTS.name, partition, raw, error))
        await self._outbox.send(self._wire.messages(letters))
        async with self._room:
            await self._room.wait_for(lambda: self._waiting < MAX_WAITING)
            self._waiting += len(events)
        self._queue.put_nowait((event, events))

    async def _apply_all(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed.is_set():
            event, events = await self._queue.get()
            wait_s = RETRY_FIRST_S
            while not (self._closed.is_set() or await loop.run_in_executor(self._thread, self._apply, events)):
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_MOST_S)
            if self._closed.is_set():
                return
            async with self._room:
                self._waiting -= len(events)
                self._room.notify_all()
            event.ack()

    def _apply(self, events: list[StoredEvent]) -> bool:
        """Whether the events are in the store now."""
        try:
            self._opened().apply(events)
        except ProjectionUnavailableError as error:
            log.warning("the projection waits for its store", reason=str(error))
            return False
        except ProjectionConflictError as error:
            log.error("two events of one version; the first is kept", reason=str(error))
        except ProjectionDamagedError as error:
            log.error("the projection is damaged; the log has all of it", reason=str(error))
            self._projection = None
            return False
        except ProjectionGapError as error:
            return self._heal(error, events)
        return True

    def _opened(self) -> Projection:
        if self._projection is None:
            projection = self._open()
            if projection.count() == 0:
                # New, or moved away because it was damaged: the log fills it.
                log.info("the projection was filled from the log", events=rebuild(projection, self._read_log(None)))
            self._projection = projection
        return self._projection

    def _heal(self, gap: ProjectionGapError, events: list[StoredEvent]) -> bool:
        log.warning("the projection reads an incident again", incident=gap.incident_id, held=gap.held_version)
        if self._projection is None:
            return False
        for incident_id in dict.fromkeys(stored.event.incident_id for stored in events):
            try:
                rebuild(self._projection, self._read_log(incident_id))
            except ProjectionUnavailableError:
                return False
            except (ProjectionGapError, ProjectionConflictError) as error:
                # The log itself lacks it: `events verify` tells so, and waiting would not bring it.
                log.error("the log lacks events", reason=str(error))
        return True
