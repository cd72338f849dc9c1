"""Optimistic concurrency: who decided on an old state is refused, waits, and decides again on the new one."""

import random
from dataclasses import replace
from itertools import islice

import pytest

from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent
from state.errors import ProposalRefusedError
from state.incident import EventType, IncidentState, Status
from state.proposal import LONGEST_WAIT_S, TRIES, Decide, backoff, propose
from tests.support.commands import command
from tests.support.ledger_run import Run

INCIDENT = "inc-checkout"


class Sequencer:
    """A ledger that answers; others may get in between a reading and the next command."""

    def __init__(self) -> None:
        self.run = Run()
        self.offset = 0
        self.between: list[IncidentCommand] = []
        self.waits: list[float] = []
        self.decided_on: list[int] = []
        self.feed(command())

    def feed(self, one: IncidentCommand) -> IncidentEvent | CommandRefused:
        refused = len(self.run.refusals)
        self.run.feed([(one, self.offset)])
        self.offset += 1
        return self.run.refusals[-1] if len(self.run.refusals) > refused else self.run.events[-1]

    def ask(self, one: IncidentCommand) -> IncidentEvent | CommandRefused:
        if self.between:
            self.feed(self.between.pop(0))
        return self.feed(one)

    def read(self) -> IncidentState:
        return self.run.ledger.heads[INCIDENT].state

    def propose(self, decide: Decide) -> IncidentEvent | None:
        def noted(state: IncidentState) -> IncidentCommand | None:
            self.decided_on.append(state.version)
            return decide(state)

        return propose(self.read, noted, self.ask, sleep=self.waits.append, chance=lambda: 1.0)


def close(state: IncidentState) -> IncidentCommand | None:
    """Closes what is still active."""
    return command(EventType.INCIDENT_CLOSED, command_id="close") if state.active else None


def accounted(number: int) -> IncidentCommand:
    """What somebody else says meanwhile."""
    return command(EventType.ALERTS_ACCOUNTED, command_id=f"account-{number}", ordinal=number)


def test_what_is_decided_on_the_present_state_is_put_on_record() -> None:
    """At the first try, without a wait."""
    sequencer = Sequencer()
    event = sequencer.propose(close)
    assert event is not None
    assert (event.version, sequencer.waits) == (2, [])


def test_who_is_stale_is_refused_by_a_conflict_and_decides_again() -> None:
    """On the state that others made meanwhile, after waits that double."""
    sequencer = Sequencer()
    sequencer.between = [accounted(n) for n in range(3)]
    event = sequencer.propose(close)
    assert event is not None
    assert event.version == 5
    assert sequencer.decided_on == [1, 2, 3, 4]
    assert [(r.expected_version, r.actual_version) for r in sequencer.run.refusals] == [(1, 2), (2, 3), (3, 4)]
    assert sequencer.waits == [0.05, 0.1, 0.2]


def test_on_the_new_state_there_may_be_nothing_left_to_say() -> None:
    """Somebody else closed it: it is not closed twice."""
    sequencer = Sequencer()
    sequencer.between = [replace(command(EventType.INCIDENT_CLOSED, command_id="theirs"))]
    assert sequencer.propose(close) is None
    assert sequencer.read().status == Status.CLOSED
    assert len(sequencer.run.events) == 2


def test_what_is_refused_for_another_reason_is_not_tried_again() -> None:
    """The same state would refuse it the same way."""
    sequencer = Sequencer()
    with pytest.raises(ProposalRefusedError, match="current episode is 1, not 7"):
        sequencer.propose(lambda _: command(EventType.INCIDENT_CLOSED, command_id="close", episode=7))
    assert sequencer.waits == []


def test_patience_ends() -> None:
    """Where others are always quicker."""
    sequencer = Sequencer()
    sequencer.between = [accounted(n) for n in range(TRIES)]
    with pytest.raises(ProposalRefusedError, match="It expects version"):
        sequencer.propose(close)
    assert len(sequencer.waits) == TRIES - 1


def test_many_who_decide_at_once_all_come_through() -> None:
    """Each on what the others said before: nobody's word is lost, none is said on a state that was not read."""
    sequencer = Sequencer()
    sequencer.between = [accounted(n) for n in range(4)]
    events = [sequencer.propose(lambda state: accounted(100 + state.version)) for _ in range(5)]
    assert [event.version for event in events if event] == [6, 7, 8, 9, 10]


def test_waits_double_up_to_two_seconds_and_are_not_alike() -> None:
    """Two who were refused at once do not come back at once."""
    chance = random.Random(7).random
    some = [list(islice(backoff(chance), 12)) for _ in range(2)]
    assert some[0] != some[1]
    assert all(0.025 <= one[0] <= 0.05 and LONGEST_WAIT_S / 2 <= one[-1] <= LONGEST_WAIT_S for one in some)
