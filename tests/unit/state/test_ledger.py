"""The sequencer's decision: every command once, in order, or refused with a reason."""

import json
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.log import IncidentCommand
from state.admission import MAX_PAYLOAD_BYTES
from state.chain import GENESIS, check
from state.incident import EventType, fold
from state.ledger import SNAPSHOT_EVERY, PartitionLedger
from state.snapshots import state_from_json
from tests.support.commands import command, command_logs
from tests.support.ledger_run import NOW, Run, numbered


def accounted(ordinal: int, incident_id: str = "inc-checkout") -> IncidentCommand:
    """A command that an open incident takes any number of times."""
    return command(
        EventType.ALERTS_ACCOUNTED, command_id=f"account-{ordinal}", incident_id=incident_id, ordinal=ordinal
    )


def test_the_first_event_starts_a_chain_and_the_next_is_bound_to_it() -> None:
    """Versions count from 1, hashes link, and the event's id is the command's."""
    run = Run().feed(numbered([command(), accounted(1)]))
    first, second = run.events
    assert (first.version, first.previous_hash, first.event_id) == (1, GENESIS, "command-1")
    assert (second.version, second.previous_hash, second.command_offset) == (2, first.hash, 1)
    assert check(first)
    assert check(second)


@given(commands=command_logs(), cuts=st.lists(st.integers(0, 40)))
def test_batches_do_not_matter(commands: list[IncidentCommand], cuts: list[int]) -> None:
    """Any division of the commands' topic into batches gives the same events, refusals and heads."""
    whole = Run().feed(numbered(commands))
    parts = Run()
    edges = sorted({0, len(commands), *(cut for cut in cuts if cut < len(commands))})
    for start, end in pairwise(edges):
        parts.feed(numbered(commands)[start:end])
    assert (parts.events, parts.refusals) == (whole.events, whole.refusals)
    assert {k: h.state for k, h in parts.ledger.heads.items()} == {k: h.state for k, h in whole.ledger.heads.items()}


@given(commands=command_logs(), visits=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=12))
def test_redelivery_appends_nothing(commands: list[IncidentCommand], visits: list[tuple[int, int]]) -> None:
    """A consumer that goes back any way, any number of times, gets no event and no refusal a second time."""
    whole = Run().feed(numbered(commands))
    again = Run()
    reached = 0
    for back, length in [*visits, (40, len(commands))]:
        start = max(0, reached - back)
        again.feed(numbered(commands)[start : start + length])
        reached = max(reached, min(start + length, len(commands)))
    again.feed(numbered(commands)[reached:])
    assert (again.events, again.refusals) == (whole.events, whole.refusals)


@given(commands=command_logs())
def test_a_command_made_twice_is_appended_once(commands: list[IncidentCommand]) -> None:
    """A stage that crashed makes its commands anew: they come at other offsets, by the same ids."""
    run = Run().feed(numbered(commands))
    known = len(run.events)
    appended = {event.event_id for event in run.events}
    again = [(one, len(commands) + at) for at, one in enumerate(commands) if one.command_id in appended]
    run.feed(again)
    assert len(run.events) == known == len(appended)


@given(commands=command_logs())
def test_the_fold_of_the_events_is_the_live_state(commands: list[IncidentCommand]) -> None:
    """State is only ever a fold of events."""
    run = Run().feed(numbered(commands))
    for incident_id, head in run.ledger.heads.items():
        assert head.state == fold(incident_id, [e for e in run.events if e.incident_id == incident_id])


@given(commands=command_logs())
def test_every_command_is_appended_refused_or_known(commands: list[IncidentCommand]) -> None:
    """Nothing is lost without a word."""
    run = Run().feed(numbered(commands))
    assert len(run.events) + len(run.refusals) + run.skipped == len(commands)


def test_deciding_changes_nothing_until_the_step_is_committed() -> None:
    """A transaction that fails can be decided on again, with the same outcome."""
    ledger = PartitionLedger()
    once = ledger.decide(numbered([command(), accounted(1)]), NOW)
    again = ledger.decide(numbered([command(), accounted(1)]), NOW)
    assert once == again
    assert (len(ledger.heads), ledger.command_offset) == (0, -1)


def test_a_stale_expectation_is_refused_with_both_versions() -> None:
    """Optimistic concurrency: who decided on an older state is told, and by how much."""
    stale = replace(accounted(2), expected_version=1)
    run = Run().feed(numbered([command(), accounted(1), stale]))
    (refused,) = run.refusals
    assert (refused.command_id, refused.expected_version, refused.actual_version) == ("account-2", 1, 2)
    assert refused.reason == "It expects version 1, and the incident is at version 2."


def test_an_expectation_that_holds_is_taken() -> None:
    """The incident is where the stage thought that it was."""
    run = Run().feed(numbered([replace(command(), expected_version=0), replace(accounted(1), expected_version=1)]))
    assert [event.version for event in run.events] == [1, 2]


BRACKETS = '{"how":' + "[" * 200_000
LARGE = json.dumps({"how": "x" * MAX_PAYLOAD_BYTES})


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (EventType.INCIDENT_RESOLVED, "{", "Its payload cannot be taken. It is not a JSON object: unexpected end of data"),
        (EventType.INCIDENT_RESOLVED, '["how"]', "Its payload cannot be taken. It is not a JSON object."),
        (EventType.INCIDENT_RESOLVED, BRACKETS[:100_000], "Its payload cannot be taken. It is not a JSON object: depth"),
        (EventType.INCIDENT_RESOLVED, LARGE, f"Its payload is larger than {MAX_PAYLOAD_BYTES} bytes."),
        (EventType.INCIDENT_RESOLVED, '{"how":7}', "Its payload does not fit its type: 'how' is no text."),
        (EventType.ACTION_INTENDED, '{"action_id":"a"}', "Its payload is not what ActionIntended says: 'incident_id' is"),
        (EventType.ALERTS_ACCOUNTED, '{"received":1}', "Its payload does not fit its type: 'kept' is missing."),
        (EventType.NOTIFICATION_QUEUED, '{"notification_id":null,"state":"QUEUED"}',
         "Its payload is not what NotificationQueued says: 'notification_id' is no text."),
        (EventType.ACTION_COMPLETED, None, "There is no intent of this action."),
        ("Nonsense", "{}", "There is no event type 'Nonsense'."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_stops_nothing(kind: str, payload: str | None, reason: str) -> None:
    """A command that no incident could take is told of, and the next one is appended."""
    run = Run().feed(numbered([command(), command(kind, command_id="bad", payload=payload), accounted(2)]))
    (refused,) = run.refusals
    assert refused.reason.startswith(reason)
    assert [event.event_id for event in run.events] == ["command-1", "account-2"]


def test_a_refused_command_may_come_again_when_it_fits() -> None:
    """Only what was appended is remembered."""
    early = command(EventType.INCIDENT_RESOLVED, command_id="resolve")
    run = Run().feed([(early, 0), (command(), 1), (early, 2)])
    assert [event.type for event in run.events] == [EventType.INCIDENT_OPENED, EventType.INCIDENT_RESOLVED]


def test_a_clock_that_is_set_back_does_not_turn_time_around() -> None:
    """`recorded_at` of an incident never falls, so that durations are never negative."""
    run = Run().feed([(command(), 0)], NOW).feed([(accounted(1), 1)], NOW - 5_000).feed([(accounted(2), 2)], NOW + 1)
    assert [event.recorded_at for event in run.events] == [NOW, NOW, NOW + 1]


def test_the_end_of_an_episode_is_snapshotted() -> None:
    """The snapshot holds the state as it is then, and where its last event lies."""
    resolve = command(EventType.INCIDENT_RESOLVED, command_id="resolve")
    run = Run().feed(numbered([command(), resolve]))
    (written,) = run.snapshots
    assert (written.snapshot.version, written.snapshot.event_offset) == (2, run.offsets[-1])
    assert written.snapshot.head_hash == run.events[-1].hash
    assert state_from_json(written.snapshot.state) == run.ledger.heads["inc-checkout"].state


def test_a_long_episode_is_snapshotted_every_fifty_events() -> None:
    """So that a restart folds few of them."""
    run = Run()
    for offset, one in numbered([command(), *map(accounted, range(1, 2 * SNAPSHOT_EVERY))]):
        run.feed([(offset, one)])
    assert [written.snapshot.version for written in run.snapshots] == [SNAPSHOT_EVERY, 2 * SNAPSHOT_EVERY]


@given(commands=command_logs())
def test_what_the_ledger_says_is_covered_is_covered(commands: list[IncidentCommand]) -> None:
    """Each event below `covered_below` is at or below the version of a snapshot of its incident."""
    run = Run()
    for one in numbered(commands):
        run.feed([one])
        versions = {w.snapshot.incident_id: w.snapshot.version for w in run.snapshots}
        below = run.ledger.covered_below
        covered = [e for e, at in zip(run.events, run.offsets, strict=True) if at < below]
        assert all(event.version <= versions[event.incident_id] for event in covered)


def test_a_quiet_incident_is_snapshotted_when_the_log_has_gone_far_beyond_it() -> None:
    """Else one open incident would make every restart read the whole log."""
    run = Run()
    run.feed([(command(incident_id="inc-quiet", command_id="quiet"), 0), (command(), 1)])
    run.feed([(accounted(ordinal), ordinal) for ordinal in range(2, 5_200)])
    assert "inc-quiet" in run.ledger.uncovered
    run.feed([(accounted(5_200), 5_200)])
    assert "inc-quiet" not in run.ledger.uncovered
    assert run.ledger.covered_below > 2


def test_only_the_last_256_commands_of_an_incident_are_remembered() -> None:
    """The documented bound of the memory for ids; offsets still keep redelivery out beyond it."""
    run = Run().feed(numbered([command(), *map(accounted, range(1, 300))]))
    run.feed([(accounted(299), 300), (accounted(299 - 256), 301)])
    assert [event.event_id for event in run.events[300:]] == ["account-43"]


def test_a_head_takes_a_few_kilobytes() -> None:
    """The memory that all heads are kept in: below 16 KB an incident that has gone through its episode."""
    kinds = [
        EventType.INCIDENT_OPENED, EventType.DIAGNOSIS_MADE, EventType.DECISION_MADE, EventType.ACTION_INTENDED,
        EventType.INCIDENT_RESOLVED,
    ]  # fmt: skip
    commands = [
        command(kind, incident_id=f"inc-{number}", command_id=f"{number}-{kind}")
        for number in range(200)
        for kind in kinds
    ]
    tracemalloc.start()
    ledger = PartitionLedger()
    for start in range(0, len(commands), 10):
        step = ledger.decide(numbered(commands)[start : start + 10], NOW)
        ledger.advance(ledger.place(step, list(range(start, start + len(step.events)))))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(ledger.heads) == 200
    assert held / 200 < 16_384
