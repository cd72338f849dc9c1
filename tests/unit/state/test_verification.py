"""Verification finds every kind of fault, and none in a good log."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.records.log import IncidentCommand
from state.chain import seal
from state.event_log import UnreadableEvent
from state.incident import EventType
from state.ports import StoredEvent
from state.verification import Fault, FaultKind, Verification
from state.witnesses import Witness, witness_of
from tests.support.commands import command, command_logs
from tests.support.event_sequences import EventLog, event_logs
from tests.support.ledger_run import Run, numbered

INCIDENT = "inc-checkout"


def chain(length: int = 6) -> list[StoredEvent]:
    """One incident's events, as many as wanted."""
    log = EventLog(partition=3)
    log.append(INCIDENT, EventType.INCIDENT_OPENED)
    for _ in range(length - 1):
        log.append(INCIDENT, EventType.ALERTS_ACCOUNTED)
    return log.events


def placed(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """The events at consecutive offsets, as a log holds them."""
    return [replace(stored, offset=offset) for offset, stored in enumerate(events)]


def faults(events: Sequence[StoredEvent]) -> list[Fault]:
    """What verification finds in these."""
    found = Verification()
    for stored in placed(events):
        found.event(stored)
    return found.faults()


def brief(found: Sequence[Fault]) -> list[tuple[str, int, int]]:
    """Faults as (kind, version, offset)."""
    return [(fault.kind.value, fault.version, fault.offset) for fault in found]


@given(log=event_logs())
def test_a_good_log_has_no_faults(log: EventLog) -> None:
    """Incidents interleaved, episodes after one another."""
    assert faults(log.events) == []


@given(commands=command_logs())
def test_what_the_ledger_writes_is_verified(commands: list[IncidentCommand]) -> None:
    """Its snapshots, too, agree with its events."""
    run = Run().feed(numbered(commands))
    found = Verification()
    for event in run.events:
        found.event(StoredEvent(event, "incident.events", 0, event.command_offset))
    for written in run.snapshots:
        found.witness(witness_of(written.snapshot, 0))
    assert found.faults() == []


@given(at=st.integers(0, 4), count=st.integers(1, 3))
def test_a_missing_version_is_a_gap(at: int, count: int) -> None:
    """Told once for a run of versions, by the first of them, where the next event shows it."""
    events = chain(9)
    assert brief(faults([*events[:at], *events[at + count :]])) == [("gap", at + 1, at)]


def test_two_gaps_are_two_faults() -> None:
    """Each by its own first version."""
    events = chain(9)
    assert brief(faults([events[0], *events[3:5], *events[7:]])) == [("gap", 2, 1), ("gap", 6, 3)]


@given(at=st.integers(0, 5))
def test_a_changed_event_is_tampering(at: int) -> None:
    """One fault, at the event that was changed; the others stand."""
    events = chain()
    spoilt = replace(events[at], event=replace(events[at].event, payload="{}"))
    assert brief(faults([*events[:at], spoilt, *events[at + 1 :]])) == [("tamper", at + 1, at)]


@given(at=st.integers(0, 4))
def test_a_changed_event_with_a_new_hash_is_found_by_the_next(at: int) -> None:
    """Who changes an event and seals it anew would have to rewrite all that follow."""
    events = chain()
    resealed = replace(events[at], event=seal(replace(events[at].event, payload="{}")))
    assert brief(faults([*events[:at], resealed, *events[at + 1 :]])) == [("tamper", at + 2, at + 1)]


def test_a_first_event_that_is_bound_to_something_is_tampering() -> None:
    """The beginning of a chain is bound to 64 zeros."""
    first = seal(replace(chain(1)[0].event, previous_hash="ab" * 32))
    assert brief(faults([replace(chain(1)[0], event=first)])) == [("tamper", 1, 0)]


@given(at=st.integers(0, 5), later=st.integers(0, 5))
def test_an_event_that_is_there_twice_is_a_duplicate(at: int, later: int) -> None:
    """However far behind the head it lies."""
    events = chain()
    insert = max(at + 1, later)
    twice = [*events[:insert], events[at], *events[insert:]]
    assert brief(faults(twice)) == [("duplicate", at + 1, insert)]


@given(at=st.integers(0, 5), later=st.integers(0, 6))
def test_two_events_of_one_version_are_a_fork(at: int, later: int) -> None:
    """Both are sealed and bound to the same event: two writers were at work."""
    events = chain()
    other = replace(events[at], event=seal(replace(events[at].event, event_id="of-a-zombie")))
    insert = max(at + 1, later)
    assert brief(faults([*events[:insert], other, *events[insert:]])) == [("fork", at + 1, insert)]


def test_a_chain_that_goes_on_from_the_second_of_a_fork_is_one_fault() -> None:
    """Which of the two is right is not for verification to say."""
    events = chain(3)
    other = seal(replace(events[1].event, event_id="of-a-zombie"))
    third = seal(replace(events[2].event, previous_hash=other.hash))
    log = [*events[:2], replace(events[1], event=other), replace(events[2], event=third)]
    assert brief(faults(log)) == [("fork", 2, 2)]


@given(at=st.integers(0, 3), distance=st.integers(1, 2))
def test_an_event_after_a_later_one_is_a_reorder(at: int, distance: int) -> None:
    """It is there, so it is no gap."""
    events = chain()
    moved = [*events[:at], *events[at + 1 : at + 1 + distance], events[at], *events[at + 1 + distance :]]
    assert brief(faults(moved)) == [("reorder", at + 1, at + distance)]


def test_a_foreign_event_in_the_place_of_a_late_one_is_found() -> None:
    """It is late, and the later event is bound to another."""
    events = chain(4)
    other = seal(replace(events[1].event, event_id="foreign"))
    found = brief(faults([events[0], events[2], replace(events[1], event=other), events[3]]))
    assert found == [("reorder", 2, 2), ("tamper", 2, 2)]


def test_a_log_that_ends_before_a_snapshot_is_truncated() -> None:
    """The snapshot proves that there was more."""
    run = Run().feed(numbered([command(), command(EventType.INCIDENT_RESOLVED, command_id="resolve")]))
    found = Verification()
    found.event(StoredEvent(run.events[0], "incident.events", 0, 0))
    found.witness(witness_of(run.snapshots[0].snapshot, 0))
    assert brief(found.faults()) == [("truncation", 2, run.offsets[1])]


def test_an_incident_of_which_only_a_snapshot_is_left_is_truncated() -> None:
    """All of its events are gone."""
    run = Run().feed(numbered([command(), command(EventType.INCIDENT_RESOLVED, command_id="resolve")]))
    found = Verification()
    found.witness(witness_of(run.snapshots[0].snapshot, 2))
    (fault,) = found.faults()
    assert (fault.kind, fault.version, fault.partition) == (FaultKind.TRUNCATION, 1, 2)


def test_a_chain_that_was_rewritten_whole_is_found_by_its_snapshot() -> None:
    """Sealed anew from the first event on: only the snapshot remembers."""
    run = Run().feed(numbered([command(), command(EventType.INCIDENT_RESOLVED, command_id="resolve")]))
    other = Run().feed(numbered([command(), command(EventType.INCIDENT_RESOLVED, command_id="other")]))
    found = Verification()
    for event, offset in zip(other.events, other.offsets, strict=True):
        found.event(StoredEvent(event, "incident.events", 0, offset))
    found.witness(witness_of(run.snapshots[0].snapshot, 0))
    assert brief(found.faults()) == [("tamper", 2, run.offsets[1])]


def test_a_record_that_is_no_event_is_tampering() -> None:
    """By the incident and version that its key claims."""
    found = Verification()
    found.unreadable(UnreadableEvent(INCIDENT, 4, "incident.events", 1, 9, "tombstone"))
    (fault,) = found.faults()
    assert (fault.kind, fault.incident_id, fault.version, fault.offset) == (FaultKind.TAMPER, INCIDENT, 4, 9)


def test_an_absurd_version_does_not_exhaust_the_memory() -> None:
    """A sealed event of version 10^15 is one fault, not 10^15 missing ones."""
    events = chain(2)
    absurd = replace(events[1], event=seal(replace(events[1].event, version=10**15)))
    assert brief(faults([events[0], absurd, events[1]])) == [("tamper", 10**15, 1)]


def test_a_log_that_ends_before_a_checkpoint_is_truncated() -> None:
    """Where no snapshot is, the checkpoint proves that there was more; an incident is told of once."""
    found = Verification()
    for stored in placed(chain(3)):
        found.event(stored)
    for name in ("a snapshot", "a signed checkpoint"):
        found.witness(Witness(INCIDENT, 5, "ab" * 32, 3, 70, name))
        found.witness(Witness("inc-gone", 1, "ab" * 32, 3, 71, name))
    assert brief(found.faults()) == [("truncation", 4, 70), ("truncation", 1, 71)]


def test_a_forged_checkpoint_is_a_fault_of_its_own() -> None:
    """Somebody wrote over what was signed."""
    found = Verification()
    found.forged_checkpoint(2, 17)
    assert brief(found.faults()) == [("tamper", 0, 17)]


@given(at=st.integers(0, 5), first=st.booleans())
def test_an_event_that_was_copied_to_another_partition_is_named_there(at: int, first: bool) -> None:
    """Whichever partition is read first: where most of an incident lies is its own."""
    events = placed(chain())
    copy = replace(events[at], partition=0, offset=70)
    found = Verification()
    for stored in [copy, *events] if first else [*events, copy]:
        found.event(stored)
    (fault,) = found.faults()
    assert (fault.kind, fault.version, fault.partition, fault.offset) == (FaultKind.TAMPER, at + 1, 0, 70)


def test_a_chain_that_goes_on_in_another_partition_is_tampering() -> None:
    """Every event is sealed and bound, and in the order of reading nothing is missing."""
    events = placed(chain())
    found = Verification()
    for stored in events:
        found.event(stored if stored.event.version < 4 else replace(stored, partition=5))
    found.witness(Witness(INCIDENT, 6, events[5].event.hash, 3, 70, "a signed checkpoint"))
    assert [(f.kind, f.version, f.partition) for f in found.faults()] == [
        (FaultKind.TRUNCATION, 4, 3), (FaultKind.TAMPER, 4, 5)
    ]  # fmt: skip


def test_what_a_checkpoint_says_of_the_partition_counts_more_than_numbers() -> None:
    """Somebody wrote a longer copy of the incident elsewhere."""
    events = placed(chain())
    found = Verification({INCIDENT: 3})
    for stored in [*(replace(one, partition=0) for one in events), *events[:4]]:
        found.event(stored)
    (fault,) = found.faults()
    assert (fault.partition, fault.version, "5 more" in fault.detail) == (0, 1, True)


def test_many_absurd_versions_do_not_exhaust_the_memory_together() -> None:
    """A forged event of an incident of its own each: beyond ten million missing versions they are no gaps."""
    found = Verification()
    for number in range(20):
        event = replace(chain(1)[0].event, incident_id=f"inc-{number}", version=900_000)
        found.event(StoredEvent(seal(event), "incident.events", 0, number))
    assert [fault.kind for fault in found.faults()] == [FaultKind.GAP] * 11 + [FaultKind.TAMPER] * 9
