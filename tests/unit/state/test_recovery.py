"""A new sequencer knows what the old one knew, from the snapshots and the tail of the log."""

from dataclasses import replace

from hypothesis import given, settings

from schemas.records.log import IncidentCommand, IncidentEvent
from state.event_log import UnreadableEvent
from state.incident import EventType
from state.ledger import PartitionLedger
from state.ports import StoredEvent
from state.recovery import Recovery
from tests.support.commands import command, command_logs
from tests.support.ledger_run import NOW, Run, numbered


def recovered(run: Run, events: list[IncidentEvent] | None = None) -> PartitionLedger:
    """The ledger that a restart makes of what `run` has written, or of other events at the same offsets."""
    recovery = Recovery()
    for snapshot in run.snapshots:
        recovery.snapshot(snapshot)
    recovery.log_ends_at(run.ledger.next_offset)
    for event, offset in zip(run.events if events is None else events, run.offsets, strict=True):
        if offset >= recovery.start:
            recovery.event(StoredEvent(event, "incident.events", 0, offset))
    return recovery.ledger(run.ledger.next_offset)


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
    """After the end of all episodes nothing of the log has to be read."""
    run = Run().feed(numbered(episode(1)))
    recovery = Recovery()
    recovery.snapshot(run.snapshots[-1])
    assert recovery.start == run.ledger.next_offset
    assert recovery.ledger(run.ledger.next_offset).heads["inc-checkout"].version == 3


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


def test_a_log_that_ends_before_its_snapshots_is_found() -> None:
    """The log was cut or made anew, the snapshots were not."""
    run = Run().feed(numbered(episode(1)))
    recovery = Recovery()
    recovery.snapshot(run.snapshots[0])
    recovery.log_ends_at(2)
    assert "its events up to version 3 are missing" in recovery.ledger(2).heads["inc-checkout"].fault


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
    recovery = Recovery()
    recovery.snapshot(run.snapshots[0])
    ledger = recovery.ledger(run.ledger.next_offset, commands_end=1)
    after = Run(ledger).feed([(episode(1)[0], 0), (episode(2)[0], 1)])
    assert (after.skipped, [event.version for event in after.events]) == (1, [4])
