"""The projection beside Faust: committed events into the read side, in a group of its own: a slow store holds up no incident.

What waits for the store waits in Kafka; how far the projection is, the offsets of its group say (`<the app's group>-projection`).
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from schemas.errors import DecodeError
from state.errors import ProjectionConflictError, ProjectionDamagedError, ProjectionGapError, ProjectionUnavailableError
from state.log_reader import RawRecord
from state.ports import Projection, StoredEvent
from state.rebuild import rebuild
from streams.group_reader import GroupReader
from streams.outbox import Message, Outbox
from streams.topics import EVENTS
from streams.wire import Wire, dead_letter

log = structlog.get_logger()

NAME = "projection"
_LETTERS_S = 120.0  # as long as the producer tries

OpenProjection = Callable[[], Projection]
# The events of an incident from the log, or with None those of all.
ReadLog = Callable[[str | None], Iterable[StoredEvent]]


class ProjectorShell:
    """Applies events to the projection from one thread, in the order in which they came.

    Args:
        app: the Faust app, which is crashed where the projection fails as it should not.
        bootstrap: of Kafka.
        open_projection: makes the store's adapter, on that thread; raises ProjectionUnavailableError to be called again.
        read_log: events from the log, to heal a gap of an incident, or to fill a store that is empty.
    """

    def __init__(
        self, app: Any, bootstrap: str, open_projection: OpenProjection, read_log: ReadLog, outbox: Outbox, wire: Wire
    ) -> None:
        self._app, self._open, self._read_log = app, open_projection, read_log
        self._outbox, self._wire = outbox, wire
        self._projection: Projection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader = GroupReader(bootstrap, f"{app.conf.id}-{NAME}", EVENTS.name, self.take, self._crash, self._close)

    def start(self) -> None:
        """Begin to read. Called on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._reader.start()

    def close(self) -> None:
        """Give the store's connections back, behind what is being written now."""
        self._reader.close()

    def take(self, records: list[RawRecord]) -> bool:
        """Whether the events in these records are in the store now, and dead letters of the others delivered."""
        events, letters = [], []
        for raw in records:
            try:
                event = self._wire.codec(EVENTS.record).decode(raw.value)
                events.append(StoredEvent(event, EVENTS.name, raw.partition, raw.offset))
            except DecodeError as error:
                letters.append(dead_letter(NAME, EVENTS.name, raw.partition, raw, error))
        self._send(self._wire.messages(letters))
        return not events or self._apply(events)

    def _send(self, letters: list[Message]) -> None:
        if letters and self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._outbox.send(letters), self._loop).result(_LETTERS_S)

    def _crash(self, error: Exception) -> None:
        if self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._app.crash(error), self._loop)

    def _close(self) -> None:
        if self._projection is not None:
            self._projection.close()

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
