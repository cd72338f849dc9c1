"""Asking the sequencer: a command that names the version it was decided on is sent, and the store tells what became of it.

It can become the next version and nothing else: where the store shows another event there, it was refused as stale, or will be.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.errors import OperationError
from schemas.codec import Codec
from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Millis
from state.ports import Projection
from streams.errors import SilentSequencerError
from streams.outbox import Message
from streams.topics import COMMANDS

_POLL_S = 0.1


class Commands(Protocol):
    """What is needed of a producer."""

    async def delivered(self, records: Sequence[Message]) -> list[str | None]:
        """Send records and wait for Kafka's answer to each: None, or why it was not taken."""


class NotRecordedError(OperationError):
    """Kafka did not take the answer."""

    retriable = True


@dataclass(frozen=True, slots=True)
class StoreAsk:
    """A `state.proposal.Ask` over a producer of the event loop and a projection; called from another thread.

    `patience_s` is how long Kafka may take, and then how long the store may.
    """

    projection: Callable[[], Projection]
    commands: Commands
    codec: Codec[IncidentCommand]
    loop: asyncio.AbstractEventLoop
    clock: Callable[[], Millis]
    patience_s: float

    def __call__(self, command: IncidentCommand) -> IncidentEvent | CommandRefused:
        """Send a command, and return the event that it became, or that it is stale.

        Raises:
            NotRecordedError: Kafka does not take it.
            SilentSequencerError: nothing was heard in time; the command may be taken up later.
        """
        self._send(command)
        known = command.expected_version or 0
        deadline = time.monotonic() + self.patience_s
        while time.monotonic() < deadline:
            for stored in self.projection().timeline(command.incident_id, known, 1):
                return (
                    stored.event if stored.event.event_id == command.command_id else self._stale(command, stored.event)
                )
            time.sleep(_POLL_S)
        raise SilentSequencerError(command.incident_id, self.patience_s)

    def _send(self, command: IncidentCommand) -> None:
        message = Message(COMMANDS.name, command.incident_id.encode(), self.codec.encode(command))
        sending = asyncio.run_coroutine_threadsafe(self.commands.delivered([message]), self.loop)
        try:
            (why,) = sending.result(self.patience_s)
        except TimeoutError:
            sending.cancel()
            why = f"no acknowledgement within {self.patience_s:g} s"
        if why:
            raise NotRecordedError(f"Kafka did not take the answer ({why}). See that it runs, and answer again.")

    def _stale(self, command: IncidentCommand, instead: IncidentEvent) -> CommandRefused:
        return CommandRefused(
            command_id=command.command_id, incident_id=command.incident_id, tenant=command.tenant, type=command.type,
            reason=f"Version {instead.version} became {instead.type}, by {instead.agent}.",
            expected_version=command.expected_version, actual_version=instead.version, agent=command.agent,
            occurred_at=self.clock(), command_offset=-1,
        )  # fmt: skip
