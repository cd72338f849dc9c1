"""Saying something about an incident as it is known: decided on again, after a while, where it has changed meanwhile.

Who decides on a state names its version; the sequencer refuses what expects another one. Nobody holds a lock, so whoever was
slower reads the new state and decides on that: perhaps otherwise, perhaps that nothing is to be said any more.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent
from state.errors import ProposalRefusedError
from state.incident import IncidentState

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 2.0
TRIES = 10

Decide = Callable[[IncidentState], IncidentCommand | None]
# Sends a command, and brings what became of it.
Ask = Callable[[IncidentCommand], IncidentEvent | CommandRefused]


def propose(
    read: Callable[[], IncidentState],
    decide: Decide,
    ask: Ask,
    *,
    sleep: Callable[[float], None],
    chance: Callable[[], float],
    tries: int = TRIES,
) -> IncidentEvent | None:
    """Have what is decided on put on record, on the state that it was decided on; None where nothing is to be said.

    Args:
        read: the incident as it is now; may be late, which costs a try.
        decide: called with what was read, each time anew. The version that it expects is filled in here.
        ask: see `Ask`. sleep: waits for seconds. chance: 0 to 1, so that two who wait do not meet again.

    Raises:
        ProposalRefusedError: refused for another reason, or stale each of the times.
    """
    waits = backoff(chance)
    refused: CommandRefused | None = None
    for number in range(tries):
        if number:
            sleep(next(waits))
        state = read()
        command = decide(state)
        if command is None:
            return None
        answer = ask(replace(command, expected_version=state.version))
        if isinstance(answer, IncidentEvent):
            return answer
        refused = answer
        if refused.actual_version == refused.expected_version:
            break
    raise ProposalRefusedError(f"It was not put on record. {refused.reason if refused else 'It was never tried.'}")


def backoff(chance: Callable[[], float]) -> Iterator[float]:
    """Seconds to wait before each further try: twice as long each time, up to two seconds, between half and all of it."""
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s * (0.5 + 0.5 * chance())
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)
