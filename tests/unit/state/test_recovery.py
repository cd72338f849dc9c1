"""A new sequencer knows what the old one knew, from the snapshots and the tail of the log."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.log import IncidentCommand, IncidentEvent
from state.checkpoints import Checkpoint, newest, sign_heads
from state.event_log import UnreadableEvent
from state.incident import EventType, IncidentState
from state.ledger import PartitionLedger
from state.ports import StoredEvent
from state.recovery import Recovery
from state.snapshots import SnapshotRecord, claim_of, state_from_json, state_to_json
from tests.support.commands import command, command_logs
from tests.support.keys import new_key
from tests.support.ledger_run import NOW, Run, numbered

Changes = dict[str, Any]


def read(run: Run, events: list[IncidentEvent] | None = None) -> Recovery:
    """What a restart reads of what `run` has written, or of other events at the same offsets."""
    recovery = Recovery()
    for snapshot in run.snapshots:
        recovery.snapshot(snapshot)
    recovery.log_ends_at(run.ledger.next_offset)
    log = [
        StoredEvent(event, "incident.events", 0, offset)
        for event, offset in zip(run.events if events is None else events, run.offsets, strict=True)
    ]
    for stored in log:
        recovery.event(stored)
    if recovery.read_again():
        for stored in log:
            recovery.event(stored)
    return recovery


def recovered(run: Run, events: list[IncidentEvent] | None = None) -> PartitionLedger:
    """The ledger that a restart makes of it."""
    return read(run, events).ledger(run.ledger.next_offset)


def episode(number: int, incident_id: str = "inc-checkout") -> list[IncidentCommand]:
    """Commands that open and end an episode."""
    return [
        command(kind, incident_id=incident_id, episode=number, command_id=f"{incident_id}-{number}-{kind}")
        for kind in (EventType.INCIDENT_OPENED, EventType.STORM_OPENED, EventType.INCIDENT_RESOLVED)
    ]


@settings(max_examples=60)
@given(commands=command_logs())
def test_a_restart_at_any_moment_continues_as_if_there_had_been_none(commands: list[IncidentCommand]) -> None:
    """Redelivered commands included: the log of a sequencer that restarts after each command is the same."""
    whole = Run().feed(numbered(commands))
    broken = Run()
    for at, _ in enumerate(commands):
        broken.feed(numbered(commands)[max(0, at - 3) : at + 1])
        broken.ledger = recovered(broken)
    assert broken.events == whole.events
    assert {k: h.state for k, h in broken.ledger.heads.items()} == {k: h.state for k, h in whole.ledger.heads.items()}


def test_snapshots_save_reading_events() -> None:
    """After the end of an episode its last event alone is decoded, to confirm the snapshot."""
    run = Run().feed(numbered(episode(1)))
    recovery = Recovery()
    recovery.snapshot(run.snapshots[-1])
    assert [recovery.passes_over("inc-checkout", offset) for offset in run.offsets] == [True, True, False]
    recovery.event(StoredEvent(run.events[-1], "incident.events", 0, run.offsets[-1]))
    assert not recovery.read_again()
    assert recovery.ledger(run.ledger.next_offset).heads["inc-checkout"] == run.ledger.heads["inc-checkout"]


def test_commands_that_only_a_snapshot_remembers_are_known() -> None:
    """A command made anew after the restart, at a new offset, is passed over although its event was not read."""
    run = Run().feed(numbered(episode(1)))
    run.ledger = recovered(run)
    run.feed([(episode(1)[1], 50)])
    assert (len(run.events), run.skipped) == (3, 1)


def test_a_spoilt_snapshot_is_as_none() -> None:
    """The events are the truth: without the snapshot they are read from the first on."""
    run = Run().feed(numbered(episode(1)))
    (good,) = run.snapshots
    run.snapshots[0] = replace(good, snapshot=replace(good.snapshot, state="{}"))
    assert recovered(run).heads["inc-checkout"].state == run.ledger.heads["inc-checkout"].state


FORGERIES: dict[str, Changes] = {
    "another hash": {"head_hash": "ab" * 32},
    "a later version": {"version": 40, "events": 40},
    "an earlier version": {"version": 2, "events": 2},
    "an offset beyond the log": {"event_offset": 10**15},
    "an offset where another incident's event is": {"event_offset": 4},
    "an offset of no event": {"event_offset": 0},
    "an offset before the log": {"event_offset": -1},
    "commands that never were": {"command_offset": 10**15},
    "another incident's": {"incident_id": "inc-cart"},
}


@pytest.mark.parametrize("changes", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_snapshot_is_told_and_not_believed(changes: Changes) -> None:
    """Well-formed, its state in agreement with it: the events are read."""
    run = Run().feed(numbered([*episode(1), *episode(1, "inc-cart")[:2]]))
    forged = replace(run.snapshots[0].snapshot, **changes)
    state = replace(
        state_from_json(forged.state),
        incident_id=forged.incident_id, version=forged.version, head_hash=forged.head_hash, title="forged",
    )  # fmt: skip
    forged = replace(forged, state=state_to_json(state))
    run.snapshots = [SnapshotRecord(forged, ())]
    recovery = read(run)
    after = recovery.ledger(run.ledger.next_offset, commands_end=100)
    assert {k: h.state for k, h in after.heads.items()} == {k: h.state for k, h in run.ledger.heads.items()}
    assert after.command_offset == run.ledger.command_offset
    assert list(recovery.distrusted) == [forged.incident_id]
    continued = Run(after).feed([(episode(1, "inc-cart")[2], 10), (episode(2)[0], 11)])
    assert [event.version for event in continued.events] == [3, 4]


def test_a_forged_snapshot_of_an_incident_that_never_was_makes_none() -> None:
    """Nothing of it is left in the ledger."""
    run = Run().feed(numbered(episode(1)))
    (good,) = run.snapshots
    state = replace(state_from_json(good.snapshot.state), incident_id="inc-new")
    forged = replace(good.snapshot, incident_id="inc-new", state=state_to_json(state))
    run.snapshots.append(replace(good, snapshot=forged))
    recovery = read(run)
    assert (list(recovery.ledger(10).heads), list(recovery.distrusted)) == (["inc-checkout"], ["inc-new"])


def test_a_record_that_is_no_event_where_a_snapshot_has_its_head_is_damage() -> None:
    """The snapshot is not confirmed, and the chain ends before it."""
    run = Run().feed(numbered(episode(1)))
    recovery = Recovery()
    recovery.snapshot(run.snapshots[0])
    at = run.offsets
    for _ in range(2):
        for event, offset in zip(run.events[:2], at[:2], strict=True):
            recovery.event(StoredEvent(event, "incident.events", 0, offset))
        recovery.unreadable(UnreadableEvent("inc-checkout", 3, "incident.events", 0, at[2], "tombstone"))
        recovery.read_again()
    head = recovery.ledger(run.ledger.next_offset).heads["inc-checkout"]
    assert (head.version, "is no event (tombstone)" in head.fault) == (2, True)


def test_an_incident_with_a_broken_chain_gets_no_more_events_and_the_others_go_on() -> None:
    """The sequencer never builds on what it knows to be wrong."""
    run = Run().feed(numbered([*episode(1)[:2], *episode(1, "inc-cart")[:2]]))
    tampered = [replace(run.events[0], payload=run.events[0].payload.replace("checkout", "billing")), *run.events[1:]]
    after = Run(recovered(run, tampered)).feed([(episode(1)[2], 10), (episode(1, "inc-cart")[2], 11)])
    assert [event.incident_id for event in after.events] == ["inc-cart"]
    assert after.refusals[0].reason.startswith("Its chain is damaged: version 1 at offset 1 does not match its hash.")


def test_a_missing_version_is_found() -> None:
    """An event that follows another than the one before it is not built upon."""
    run = Run().feed(numbered(episode(1)[:2]))
    run.events, run.offsets = run.events[1:], run.offsets[1:]
    assert "version 2 follows version 0" in recovered(run).heads["inc-checkout"].fault


def test_an_event_bound_to_another_chain_is_found() -> None:
    """Versions that fit are not enough."""
    run = Run().feed(numbered(episode(1)[:2]))
    other = Run().feed(numbered(episode(1)[:2]), NOW + 1)
    assert "is not bound to version 1" in recovered(run, [run.events[0], other.events[1]]).heads["inc-checkout"].fault


def test_a_record_that_is_no_event_stops_its_incident() -> None:
    """A tombstone or foreign bytes under an event's key."""
    recovery = Recovery()
    recovery.unreadable(UnreadableEvent("inc-checkout", 3, "incident.events", 0, 17, "tombstone"))
    after = Run(recovery.ledger(18)).feed([(command(), 0)])
    assert after.refusals[0].reason.startswith("Its chain is damaged: the record at offset 17 is no event (tombstone)")


def test_a_log_that_ends_before_its_snapshots_is_told() -> None:
    """The log was cut or made anew, the snapshots were not; what is left of it is the truth."""
    run = Run().feed(numbered(episode(1)))
    recovery = Recovery()
    recovery.snapshot(run.snapshots[0])
    recovery.log_ends_at(2)
    assert recovery.distrusted == {"inc-checkout": "it tells of offset 3, and the log ends at 2"}


def test_a_damage_is_found_again_at_every_restart() -> None:
    """No snapshot covers it up."""
    run = Run().feed(numbered(episode(1)[:2]))
    tampered = [replace(run.events[0], episode=9), run.events[1]]
    ledger = recovered(run, tampered)
    assert ledger.uncovered == {"inc-checkout": run.offsets[0]}
    assert ledger.place(replace(ledger.decide([], NOW), due=("inc-checkout",)), []).snapshots == ()


def test_commands_of_a_topic_that_was_made_anew_are_not_taken_for_old_ones() -> None:
    """Its offsets begin at 0 again; ids still tell which commands were appended."""
    run = Run().feed(numbered(episode(1)))
    ledger = read(run).ledger(run.ledger.next_offset, commands_end=1)
    after = Run(ledger).feed([(episode(1)[0], 0), (episode(2)[0], 1)])
    assert (after.skipped, [event.version for event in after.events]) == (1, [4])


KEY = new_key()


def checkpoint_of(ledger: PartitionLedger) -> Checkpoint:
    """What a sequencer signs of its ledger."""
    records = sign_heads(0, ledger.heads.marks(), ledger.next_offset, ledger.covered_below, NOW, KEY)
    found = newest(records, {KEY.public}, 0)
    assert found is not None
    return found


def recovered_with(
    checkpoint: Checkpoint, snapshots: list[SnapshotRecord], run: Run, end: int | None = None
) -> tuple[Recovery, PartitionLedger]:
    """A restart that finds a checkpoint, and reads the log from where that says on."""
    recovery = Recovery(checkpoint)
    for one in snapshots:
        recovery.claim(claim_of(one))
    end = run.ledger.next_offset if end is None else end
    recovery.log_ends_at(end)
    log = [StoredEvent(e, "incident.events", 0, at) for e, at in zip(run.events, run.offsets, strict=True) if at < end]
    for stored in log:
        if stored.offset >= recovery.start:
            recovery.event(stored)
    if recovery.read_again():
        for stored in log:
            recovery.event(stored)
    return recovery, recovery.ledger(end)


def heads_of(ledger: PartitionLedger) -> dict[str, tuple[IncidentState, str]]:
    """What a ledger knows of each incident, and what is wrong with it."""
    return {one: (head.state, head.fault) for one, head in ledger.heads.items()}


@settings(max_examples=60)
@given(commands=command_logs(), signed_after=st.integers(0, 40))
def test_a_checkpoint_of_any_moment_leads_to_the_same_ledger(
    commands: list[IncidentCommand], signed_after: int
) -> None:
    """Whatever came after it, snapshots of later moments included."""
    run = Run().feed(numbered(commands)[:signed_after])
    checkpoint = checkpoint_of(run.ledger)
    run.feed(numbered(commands)[signed_after:])
    recovery, ledger = recovered_with(checkpoint, run.snapshots, run)
    assert heads_of(ledger) == heads_of(run.ledger)
    assert (ledger.command_offset >= 0) == bool(run.events)
    assert not recovery.distrusted


def test_a_checkpoint_saves_reading_the_log() -> None:
    """What it says to be in snapshots is not looked at."""
    run = Run().feed(numbered([*episode(1), *episode(1, "inc-cart")]))
    recovery, ledger = recovered_with(checkpoint_of(run.ledger), run.snapshots, run)
    assert recovery.start == run.ledger.next_offset
    assert heads_of(ledger) == heads_of(run.ledger)
    assert ledger.command_offset == run.ledger.command_offset


def test_an_older_snapshot_than_the_checkpoint_knows_is_not_believed() -> None:
    """A genuine one, written once more by somebody: its incident's events are read from the first on."""
    run = Run().feed(numbered(episode(1)))
    old = list(run.snapshots)
    run.feed([(one, 10 + at) for at, one in enumerate(episode(2))])
    recovery, ledger = recovered_with(checkpoint_of(run.ledger), old, run)
    assert list(recovery.distrusted) == ["inc-checkout"]
    assert heads_of(ledger) == heads_of(run.ledger)


def test_without_its_snapshots_a_checkpoint_has_the_log_read() -> None:
    """Somebody deleted them."""
    run = Run().feed(numbered([*episode(1), *episode(1, "inc-cart")]))
    _, ledger = recovered_with(checkpoint_of(run.ledger), run.snapshots[:1], run)
    assert heads_of(ledger) == heads_of(run.ledger)


def test_a_log_that_lacks_what_a_checkpoint_has_seen_gets_no_more_of_those_incidents() -> None:
    """Its tail was cut off: a sequencer that went on would write other events under the same versions."""
    run = Run().feed(numbered([*episode(1, "inc-cart"), *episode(1)[:2]]))
    checkpoint = checkpoint_of(run.ledger)
    _, ledger = recovered_with(checkpoint, run.snapshots, run, end=run.offsets[-1])
    assert "a signed checkpoint has seen version 2, the log 1" in ledger.heads["inc-checkout"].fault
    after = Run(ledger).feed([(episode(1)[2], 10), (episode(2, "inc-cart")[0], 11)])
    assert [event.incident_id for event in after.events] == ["inc-cart"]


def test_a_chain_that_was_rewritten_after_a_checkpoint_is_found() -> None:
    """Every hash in it is right; only the checkpoint remembers."""
    run = Run().feed(numbered(episode(1)[:2]))
    checkpoint = checkpoint_of(run.ledger)
    other = Run().feed(numbered(episode(1)[:2]), NOW + 1)
    _, ledger = recovered_with(checkpoint, [], other)
    assert "another version 2" in ledger.heads["inc-checkout"].fault
