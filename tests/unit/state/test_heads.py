"""Heads that snapshots hold are as those that were folded, and are decoded when they are asked for."""

from dataclasses import replace

from state.head import Head, Mark
from state.heads import Heads
from state.incident import EventType, IncidentState
from state.snapshots import SnapshotRecord, claim_of
from tests.support.commands import command
from tests.support.ledger_run import Run, numbered


def run() -> Run:
    """An incident that opened and ended, and so was snapshotted."""
    return Run().feed(numbered([command(), command(EventType.INCIDENT_RESOLVED, command_id="resolve")]))


def kept(snapshot: SnapshotRecord) -> Heads:
    """Heads that have only heard of a snapshot."""
    heads = Heads()
    heads.keep(claim_of(snapshot))
    return heads


def test_a_kept_head_is_the_one_that_was_folded() -> None:
    """With what its snapshot's headers remember."""
    done = run()
    heads = kept(done.snapshots[0])
    assert "inc-checkout" in heads
    assert dict(heads) == dict(done.ledger.heads)
    assert len(heads) == 1


def test_short_answers_decode_nothing() -> None:
    """They would fail on a state that cannot be read."""
    (good,) = run().snapshots
    heads = kept(replace(good, snapshot=replace(good.snapshot, state="spoilt")))
    assert heads.offset_of("inc-checkout") == good.snapshot.event_offset
    assert list(heads.marks()) == [Mark("inc-checkout", 2, 2, good.snapshot.head_hash)]
    assert not heads.damaged
    assert heads.offset_of("inc-new") == -1


def test_a_snapshot_that_cannot_be_read_stops_its_incident() -> None:
    """Nothing is appended to a state that is not known."""
    (good,) = run().snapshots
    heads = kept(replace(good, snapshot=replace(good.snapshot, state="spoilt")))
    assert "cannot be read" in heads["inc-checkout"].fault
    assert heads.damaged


def test_the_last_word_holds() -> None:
    """A snapshot over a head, a head over a snapshot, and neither once it is deleted."""
    (good,) = run().snapshots
    heads = kept(good)
    newer = Head(IncidentState(incident_id="inc-checkout", version=3))
    heads["inc-checkout"] = newer
    assert (heads["inc-checkout"], len(heads)) == (newer, 1)
    heads.keep(claim_of(good))
    assert heads["inc-checkout"].version == 2
    del heads["inc-checkout"]
    assert not heads
    heads.keep(claim_of(good))
    del heads["inc-checkout"]
    assert list(heads) == []
