"""The sequencer's decisions made again: from the recorded commands, the recorded events, hash by hash."""

from collections.abc import Sequence
from typing import Any

from ops.reexecution.outcome import ALWAYS, Divergence, Missing, Window
from ops.reexecution.reading_back import ReadBack
from schemas.convert import to_dict
from schemas.records.log import IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Millis
from state.ledger import LedgerStep, PartitionLedger
from streams.stage import Received
from streams.topics import COMMANDS, EVENTS

STAGE = "ledger"


class LedgerAgain:
    """Appends an incident's commands again, each at the time that is on record with its event.

    Args:
        until: epoch ms; of commands from then on the events may be under way.
        window: in which a command must have come to be judged.
    """

    def __init__(self, log: ReadBack, *, until: Millis, window: Window = ALWAYS) -> None:
        self._commands: list[Received[IncidentCommand]] = list(log.all(COMMANDS))
        self._events: list[Received[IncidentEvent]] = list(log.all(EVENTS))
        self._until, self._window = until, window
        self._begins = {where: begins for where, begins in log.recording.begins.items() if where[0] == COMMANDS.name}
        self.compared = 0
        self.divergences: list[Divergence] = []
        self.missing: list[Missing] = []

    def run(self) -> None:
        """Hold every event against what its command becomes now. Without all of its commands a chain cannot be made."""
        by_offset = {received.record.command_offset: received for received in self._events}
        there = {received.position.offset for received in self._commands}
        lost = sorted(set(by_offset) - there)
        if lost:
            gone = any(begins > lost[0] for begins in self._begins.values())
            why = f"commands of {len(lost)} events: {'retention took them' if gone else 'they are not in the log'}"
            partition = self._events[0].position.partition
            self.missing.append(Missing(COMMANDS.name, partition, lost[0], lost[-1], why))
            return
        ledger, now = PartitionLedger(), 0
        for received in self._commands:
            event = by_offset.get(received.position.offset)
            now = event.record.recorded_at if event is not None else now
            step = ledger.decide([(received.record, received.position.offset)], now)
            self._hold(received, event, step)
            ledger.advance(ledger.place(step, _offsets(ledger, step.events)))

    def _hold(
        self, command: Received[IncidentCommand], event: Received[IncidentEvent] | None, step: LedgerStep
    ) -> None:
        made = step.events[0] if step.events else None
        if (made is None and event is None) or not self._window.holds(command.position.arrived_at):
            return
        if event is None and command.position.arrived_at >= self._until:
            return
        self.compared += 1
        if made is None or event is None or made != event.record:
            self.divergences.append(_divergence(command, event, made))


def _offsets(ledger: PartitionLedger, events: Sequence[IncidentEvent]) -> list[int]:
    return [ledger.next_offset + number for number in range(len(events))]


def _divergence(
    command: Received[Any], event: Received[IncidentEvent] | None, made: IncidentEvent | None
) -> Divergence:
    where = command.position
    recorded = None if event is None else to_dict(event.record)
    decided = None if made is None else to_dict(made)
    unlike = tuple(name for name in recorded or {} if decided is not None and (recorded or {})[name] != decided[name])
    what = f"differs in {', '.join(unlike)}"
    if event is None:
        what = "appended now, and not on record"
    elif made is None:
        what = "on record, and refused now"
    return Divergence(
        stage=STAGE, at=where.arrived_at, what=what, topic=EVENTS.name, fields=unlike, recorded=recorded, decided=decided,
        partition=event.position.partition if event else -1, offset=event.position.offset if event else -1,
        cause=f"{where.topic}/{where.partition}/{where.offset}",
    )  # fmt: skip
