"""What is restored is what the chain proves; the rest is refused. And readers count repairs as what they replace."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from state.chain import seal
from state.checkpoints import newest, sign_heads
from state.event_log import UnreadableEvent, event_key
from state.incident import EventType
from state.log_reader import RawRecord
from state.ports import StoredEvent
from state.recovery import Recovery
from state.repairs import Entry, as_repaired, is_repair, repair_header
from state.restoration import Restoration, plan_restoration, verification_of
from state.witnesses import Witness
from tests.support.event_sequences import EventLog
from tests.support.keys import new_key

INCIDENT = "inc-checkout"
LENGTH = 8


def chain(length: int = LENGTH) -> list[StoredEvent]:
    """One incident's events."""
    log = EventLog(partition=3)
    log.append(INCIDENT, EventType.INCIDENT_OPENED)
    for _ in range(length - 1):
        log.append(INCIDENT, EventType.ALERTS_ACCOUNTED)
    return log.events


GOOD = chain()
HELD = [stored.event for stored in GOOD]


def placed(entries: Sequence[Entry]) -> list[Entry]:
    """The records at consecutive offsets."""
    return [replace(entry, offset=offset) for offset, entry in enumerate(entries)]


def changed(stored: StoredEvent, *, sealed: bool = False) -> StoredEvent:
    """Its payload says something else; `sealed` anew, or with the hash of before."""
    event = replace(stored.event, payload='{"received":0}')
    return replace(stored, event=seal(event) if sealed else event)


def tombstone(stored: StoredEvent) -> UnreadableEvent:
    """The event's record, deleted."""
    return UnreadableEvent(
        stored.event.incident_id, stored.event.version, stored.topic, stored.partition, stored.offset, "tombstone"
    )


def seen(version: int) -> Witness:
    """What a signed checkpoint says of a version."""
    return Witness(INCIDENT, version, GOOD[version - 1].event.hash, 3, 99, "a signed checkpoint")


Damage = Callable[[int], list[Entry]]

DAMAGES: dict[str, Damage] = {
    "missing": lambda at: [*GOOD[:at], *GOOD[at + 1 :]],
    "tampered": lambda at: [*GOOD[:at], changed(GOOD[at]), *GOOD[at + 1 :]],
    "sealed anew": lambda at: [*GOOD[:at], changed(GOOD[at], sealed=True), *GOOD[at + 1 :]],
    "deleted": lambda at: [*GOOD[:at], tombstone(GOOD[at]), *GOOD[at + 1 :]],
    "deleted after": lambda at: [*GOOD, tombstone(GOOD[at])],
    "forked": lambda at: [*GOOD, changed(GOOD[at], sealed=True)],
    "twice": lambda at: [*GOOD[: at + 1], *GOOD[at:]],
    "late": lambda at: [*GOOD[:at], *GOOD[at + 1 :], GOOD[at]],
    "swapped": lambda at: [*GOOD[:at], GOOD[at + 1], GOOD[at], *GOOD[at + 2 :]],
}


def repaired(entries: Sequence[Entry], plan: Restoration) -> list[Entry]:
    """The records as they count once the plan is carried out."""
    end = len(entries)
    return as_repaired(entries, [StoredEvent(e, "incident.events", 3, end + at) for at, e in enumerate(plan.events)])


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@given(at=st.integers(0, LENGTH - 3))
def test_damage_before_the_end_of_a_chain_is_restored(damage: Damage, at: int) -> None:
    """The events behind it prove what was there; afterwards nothing is wrong."""
    entries = placed(damage(at))
    assert verification_of(entries, []).faults()
    plan = plan_restoration(INCIDENT, entries, HELD, [])
    assert not plan.refused
    assert set(plan.events) <= set(HELD)
    assert verification_of(repaired(entries, plan), []).faults() == []


@given(st.lists(st.tuples(st.sampled_from(sorted(DAMAGES)), st.integers(0, LENGTH - 3)), max_size=3), st.booleans())
def test_nothing_false_is_ever_restored(damages: list[tuple[str, int]], witnessed: bool) -> None:
    """Whatever happened to the log: what is written is the truth, and with a checkpoint all of it is found."""
    entries: list[Entry] = list(GOOD)
    for name, at in damages:
        whole = DAMAGES[name](at)
        entries = whole if name in ("missing", "tampered", "sealed anew", "deleted") else [*entries, *whole]
    entries = placed(entries)
    plan = plan_restoration(INCIDENT, entries, HELD, [seen(LENGTH)] if witnessed else [])
    assert set(plan.events) <= set(HELD)
    if witnessed:
        assert not plan.refused


@pytest.mark.parametrize("left", range(LENGTH))
def test_a_tail_that_was_cut_off_is_restored_up_to_what_a_checkpoint_has_seen(left: int) -> None:
    """What only the projection has behind that, nothing proves."""
    entries = placed(GOOD[:left])
    plan = plan_restoration(INCIDENT, entries, HELD, [seen(LENGTH - 1)])
    assert list(plan.events) == HELD[left : LENGTH - 1]
    assert not plan.refused
    assert not plan_restoration(INCIDENT, entries, HELD, []).events


def test_what_the_projection_lacks_is_refused() -> None:
    """By the fault that stays; the rest is restored."""
    entries = placed([*GOOD[:2], *GOOD[3:5], *GOOD[6:]])
    plan = plan_restoration(INCIDENT, entries, [e for e in HELD if e.version != 3], [])
    assert [event.version for event in plan.events] == [6]
    assert [(fault.kind.value, fault.version) for fault in plan.refused] == [("gap", 3)]


def test_a_projection_that_says_something_else_is_not_believed() -> None:
    """Its event is sealed as it should be, but the chain is bound to another one."""
    entries = placed([*GOOD[:2], *GOOD[3:]])
    held = [changed(GOOD[2], sealed=True).event if e.version == 3 else e for e in HELD]
    plan = plan_restoration(INCIDENT, entries, held, [])
    assert not plan.events
    assert plan.refused


def test_of_two_ends_none_is_chosen_without_a_witness() -> None:
    """Both are sealed and bound; the checkpoint knows which it was."""
    entries = placed([*GOOD, changed(GOOD[-1], sealed=True)])
    plan = plan_restoration(INCIDENT, entries, HELD, [])
    assert not plan.events
    assert [(fault.kind.value, fault.version) for fault in plan.refused] == [("fork", LENGTH)]
    assert plan_restoration(INCIDENT, entries, HELD, [seen(LENGTH)]).events == (HELD[-1],)


def test_an_event_that_somebody_added_is_refused() -> None:
    """It is bound to nothing, and a repair deletes nothing."""
    stray = replace(GOOD[-1], event=seal(replace(HELD[-1], version=LENGTH + 1, previous_hash="ab" * 32)))
    entries = placed([*GOOD[:3], *GOOD[4:], stray])
    plan = plan_restoration(INCIDENT, entries, HELD, [])
    assert [event.version for event in plan.events] == [4]
    assert [(fault.kind.value, fault.version) for fault in plan.refused] == [("tamper", LENGTH + 1)]


def test_a_repair_counts_when_the_stores_key_signed_it() -> None:
    """Another key, another record, or no header: it is a record like any other."""
    key, other = new_key(), new_key()
    name, value = event_key(INCIDENT, 1), Codec(IncidentEvent).encode(HELD[0])
    header = repair_header(key, name, value)

    def judged(headers: dict[str, bytes], record_key: bytes = name) -> bool:
        raw = RawRecord("incident.events", 0, 5, 0, record_key, value, list(headers.items()))
        return is_repair(raw, {key.public})

    assert judged(header)
    assert not judged(repair_header(other, name, value))
    assert not judged(header, event_key(INCIDENT, 2))
    assert not judged({})
    assert not judged({"repair": b"short"})


def test_what_comes_after_a_repair_under_its_version_counts_again() -> None:
    """Whoever tampers once more is seen once more."""
    repair = replace(GOOD[2], offset=10)
    entries = [*placed([*GOOD[:2], changed(GOOD[2]), *GOOD[3:]]), replace(changed(GOOD[2], sealed=True), offset=11)]
    found = verification_of(as_repaired(entries, [repair]), []).faults()
    assert [(fault.kind.value, fault.version, fault.offset) for fault in found] == [("fork", 3, 11)]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("at", [0, 3, LENGTH - 3])
def test_a_new_sequencer_takes_a_repaired_incident_up(damage: Damage, at: int) -> None:
    """It was damaged before, and its commands were refused."""
    entries = placed(damage(at))
    plan = plan_restoration(INCIDENT, entries, HELD, [])
    end = len(entries)
    repairs = [StoredEvent(event, "incident.events", 3, end + number) for number, event in enumerate(plan.events)]
    recovery = Recovery()
    recovery.log_ends_at(end + len(repairs))
    _read(recovery, entries, repairs)
    while recovery.read_again():
        _read(recovery, entries, repairs)
    head = recovery.ledger(end + len(repairs)).heads[INCIDENT]
    assert (head.version, head.hash, head.fault) == (LENGTH, HELD[-1].hash, "")


def _read(recovery: Recovery, entries: Sequence[Entry], repairs: Sequence[StoredEvent]) -> None:
    for entry in entries:
        if isinstance(entry, UnreadableEvent):
            recovery.unreadable(entry)
        else:
            recovery.event(entry)
    for repair in repairs:
        recovery.repair(repair)


def test_a_tail_that_was_restored_is_taken_up_with_its_checkpoint() -> None:
    """The versions that were missing lie behind the log's end of then, and the checkpoint agrees."""
    key = new_key()
    whole = Recovery()
    for stored in GOOD:
        whole.event(replace(stored, offset=stored.event.version))
    ledger = whole.ledger(LENGTH + 1)
    records = sign_heads(3, ledger.heads.marks(), ledger.next_offset, ledger.covered_below, 0, key)
    checkpoint = newest(records, {key.public}, 3)
    entries = placed(GOOD[:5])
    plan = plan_restoration(INCIDENT, entries, HELD, [seen(LENGTH)])
    recovery = Recovery(checkpoint)
    repairs = [replace(GOOD[event.version - 1], offset=5 + n) for n, event in enumerate(plan.events)]
    recovery.log_ends_at(8)
    _read(recovery, entries, repairs)
    while recovery.read_again():
        _read(recovery, entries, repairs)
    head = recovery.ledger(8).heads[INCIDENT]
    assert (head.version, head.fault) == (LENGTH, "")
