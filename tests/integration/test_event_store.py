"""The event store on a real Kafka: what transactions, fencing and restarts really do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.codec import Codec
from schemas.records.log import CommandRefused, IncidentSnapshot
from state.chain import GENESIS, check
from state.errors import FencedError, StoreUnavailableError, UnreadableEventError
from state.event_log import UnreadableEvent, event_key, read_events
from state.incident import EventType, fold
from state.kafka_store import EventStoreWriter, StoreTopics
from state.log_reader import LogReader, RawRecord
from state.ports import StoredEvent
from tests.support.commands import command
from tests.support.event_writing import accounted_log
from tests.support.snapshots_read import read_snapshots

pytestmark = pytest.mark.kafka

PARTITION = 1
MakeWriter = Callable[[], EventStoreWriter]


@pytest.fixture
def topics(kafka_bootstrap: str, unique: Callable[[str], str]) -> StoreTopics:
    """Topics of a store of the test's own, two partitions each; the commands' topic stays without records."""
    names = StoreTopics(unique("events"), unique("snapshots"), unique("conflicts"), unique("commands"))
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    compacted = {"cleanup.policy": "compact", "max.message.bytes": str(2 << 20)}
    made = admin.create_topics([NewTopic(t, 2, 1, config=compacted) for t in (names.events, names.snapshots)])
    made |= admin.create_topics([NewTopic(names.conflicts, 2, 1)])
    for future in made.values():
        future.result(30)
    return names


@pytest.fixture
def writer(kafka_bootstrap: str, topics: StoreTopics, topic_prefix: str) -> MakeWriter:
    """Makes writers of partition 1, all with the same transactional id."""
    return lambda: EventStoreWriter(kafka_bootstrap, PARTITION, topics=topics, id_prefix=topic_prefix, patience_s=20.0)


def stored(bootstrap: str, topics: StoreTopics) -> list[StoredEvent]:
    """The committed events, in the order of their partition."""
    return list(read_events(bootstrap, topic=topics.events))


def raw(bootstrap: str, topic: str) -> list[RawRecord]:
    """The committed records of partition 1."""
    with LogReader(bootstrap) as reader:
        return list(reader.read(topic, {PARTITION: (0, reader.bounds(topic, PARTITION)[1])}))


def is_one_chain(events: list[StoredEvent]) -> bool:
    """Whether these are all versions of one incident from 1 on, each once, in order and bound to the one before."""
    hashes = [GENESIS, *(one.event.hash for one in events)]
    return all(
        check(one.event) and one.event.version == version and one.event.previous_hash == hashes[version - 1]
        for version, one in enumerate(events, 1)
    )


def test_what_is_appended_is_read_back(kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter) -> None:
    """With its place in the log, under its own key, dated when it was recorded."""
    with writer() as store:
        result = store.append(accounted_log(5))
    assert list(result.events) == stored(kafka_bootstrap, topics)
    assert is_one_chain(list(result.events))
    assert fold("inc-1", [one.event for one in result.events]) == store.ledger.heads["inc-1"].state
    records = raw(kafka_bootstrap, topics.events)
    assert [record.key for record in records] == [event_key("inc-1", version) for version in range(1, 6)]
    assert [record.timestamp for record in records] == [one.event.recorded_at for one in result.events]


def test_refusals_are_told_and_snapshots_are_in_the_next_transaction(
    kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter
) -> None:
    """The conflict goes to its topic by incident; the end of the episode leaves a snapshot, once its events are to be seen."""
    resolve = command(EventType.INCIDENT_RESOLVED, incident_id="inc-1", command_id="resolve")
    stale = replace(resolve, command_id="stale", expected_version=1)
    with writer() as store:
        result = store.append([*accounted_log(3), (stale, 3), (resolve, 4)])
        assert read_snapshots(kafka_bootstrap, topics.snapshots) == {}
        assert len(store.append([(replace(stale, command_id="stale-too"), 5)]).refusals) == 1
        snapshot = read_snapshots(kafka_bootstrap, topics.snapshots)["inc-1"]
    told = raw(kafka_bootstrap, topics.conflicts)
    assert [(one.key, Codec(CommandRefused).decode(one.value).command_id) for one in told] == [
        (b"inc-1", "stale"),
        (b"inc-1", "stale-too"),
    ]
    assert Codec(CommandRefused).decode(told[0].value) == result.refusals[0]
    assert (snapshot.version, snapshot.head_hash) == (4, result.events[-1].event.hash)
    assert snapshot.event_offset == result.events[-1].offset


def test_a_restart_knows_what_was_written(kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter) -> None:
    """Heads, last command and remembered ids are rebuilt; commands that come again are passed over."""
    commands = accounted_log(130)
    with writer() as store:
        for start in range(0, 100, 10):
            store.append(commands[start : start + 10])
    with writer() as again:
        assert again.ledger.heads == store.ledger.heads
        assert again.ledger.command_offset == store.ledger.command_offset
        result = again.append([(commands[7][0], 900), *commands[80:]])
    assert (result.skipped, len(result.events)) == (51, 0)
    with writer() as last:
        last.append([(one, 901 + at) for at, (one, _) in enumerate(commands)])
    events = stored(kafka_bootstrap, topics)
    assert is_one_chain(events)
    assert len(events) == 130


def test_an_append_of_nothing_new_writes_nothing(kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter) -> None:
    """No transaction, so that a redelivery leaves no trace in the log."""
    with writer() as store:
        store.append(accounted_log(2))
        with LogReader(kafka_bootstrap) as reader:
            before = reader.bounds(topics.events, PARTITION)
            assert store.append(accounted_log(2)).skipped == 2
            assert reader.bounds(topics.events, PARTITION) == before


def test_forged_snapshots_hide_no_event(kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter) -> None:
    """Of a later version, of an offset beyond the log, of another incident."""
    resolve = command(EventType.INCIDENT_RESOLVED, incident_id="inc-1", command_id="resolve")
    with writer() as store:
        store.append([*accounted_log(3), (resolve, 3)])
        store.append([(one, 4 + at) for at, (one, _) in enumerate(accounted_log(3, "inc-2"))])
    good = read_snapshots(kafka_bootstrap, topics.snapshots)["inc-1"]
    later = {"version": 9, "head_hash": "ab" * 32}
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    changes: dict[str, Any]
    for changes in (later, {**later, "event_offset": 10**12}, {"incident_id": "inc-2"}, {"incident_id": "inc-3"}):
        state = json.dumps({**json.loads(good.state), **changes, "status": "open"})
        forged = Codec(IncidentSnapshot).encode(replace(good, **changes, state=state))
        key = str(changes.get("incident_id", "inc-1")).encode()
        producer.produce(topics.snapshots, forged, key, PARTITION)
    producer.flush()
    with writer() as again:
        assert {k: h.state for k, h in again.ledger.heads.items()} == {
            k: h.state for k, h in store.ledger.heads.items()
        }
        again.append([(one, 7 + at) for at, (one, _) in enumerate(accounted_log(5, "inc-2"))])
    assert is_one_chain([one for one in stored(kafka_bootstrap, topics) if one.event.incident_id == "inc-2"])


def test_a_second_writer_fences_the_first(kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter) -> None:
    """Whoever opens last owns the partition; the other's append fails, and there is one chain."""
    commands = accounted_log(12)
    with writer() as first:
        first.append(commands[:4])
        with writer() as second:
            second.append(commands[:8])
            with pytest.raises(FencedError, match="taken over partition 1"):
                first.append(commands[4:12])
            second.append(commands[8:])
    events = stored(kafka_bootstrap, topics)
    assert is_one_chain(events)
    assert len(events) == 12


def test_a_writer_that_failed_must_be_opened_anew(writer: MakeWriter) -> None:
    """It no longer knows the log; nothing is written until it has read it again."""
    store = writer()
    with pytest.raises(StoreUnavailableError, match="is closed"):
        store.append(accounted_log(1))


def test_without_a_broker_opening_fails_with_what_to_do() -> None:
    """The message names the address and the way out, once patience ends."""
    store = EventStoreWriter("127.0.0.1:1", 0, patience_s=1.0)
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:1.*breakwater kafka status"):
        store.open()


def test_a_topic_that_is_not_there_is_named(kafka_bootstrap: str, unique: Callable[[str], str]) -> None:
    """Opening before the topics are made."""
    topics = StoreTopics(events=unique("none"), snapshots=unique("missing"))
    with pytest.raises(StoreUnavailableError, match=r"There is no partition 0 of .*none"):
        EventStoreWriter(kafka_bootstrap, 0, topics=topics, id_prefix=unique("id")).open()


def test_foreign_bytes_and_tombstones_are_told(kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter) -> None:
    """Whoever writes past the sequencer is found by readers, and the sequencer stops that incident only."""
    with writer() as store:
        store.append(accounted_log(2))
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    producer.produce(topics.events, b"not avro", event_key("inc-1", 3), PARTITION)
    producer.produce(topics.events, None, event_key("inc-1", 1), PARTITION)
    producer.flush()
    with pytest.raises(UnreadableEventError, match="breakwater events verify"):
        stored(kafka_bootstrap, topics)
    found: list[UnreadableEvent] = []
    assert len(list(read_events(kafka_bootstrap, topic=topics.events, unreadable=found.append))) == 2
    assert [(one.incident_id, one.version, one.reason.split(":")[0]) for one in found] == [
        ("inc-1", 3, "not_avro"), ("inc-1", 1, "tombstone")]  # fmt: skip
    with writer() as again:
        other = command(incident_id="inc-2", command_id="other")
        result = again.append([*accounted_log(3), (other, 3)])
    assert [one.event.incident_id for one in result.events] == ["inc-2"]


def test_the_largest_payloads_pass(kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter) -> None:
    """Forty events of a quarter of a megabyte in one transaction."""
    payload = json.dumps({"reason": "x" * 262_000, "role": "senior_sre"})
    humans = [
        (command(EventType.HUMAN_REQUESTED, incident_id="inc-1", command_id=f"h-{at}", payload=payload), at)
        for at in range(1, 41)
    ]
    with writer() as store:
        assert len(store.append([*accounted_log(1), *humans]).events) == 41
    with writer() as again:
        assert again.ledger.heads == store.ledger.heads


def test_events_of_one_incident_time_and_range(kafka_bootstrap: str, topics: StoreTopics, topic_prefix: str) -> None:
    """A reader takes only what it is asked for; both ends of a time range belong to it."""
    clock = iter(range(1_000, 100_000, 1_000))
    with EventStoreWriter(
        kafka_bootstrap, PARTITION, topics=topics, id_prefix=topic_prefix, clock=lambda: next(clock)
    ) as store:
        for one, offset in accounted_log(6):
            store.append([(replace(one, incident_id=f"inc-{offset % 2}", episode=1), offset)])
    everything = stored(kafka_bootstrap, topics)
    by_time = read_events(kafka_bootstrap, topic=topics.events, from_time=2_000, to_time=4_000)
    assert {one.event.recorded_at for one in by_time} <= {2_000, 3_000, 4_000}
    assert everything
    by_id = list(read_events(kafka_bootstrap, topic=topics.events, incident_id="inc-0"))
    assert by_id == [one for one in everything if one.event.incident_id == "inc-0"]
    first = everything[0].offset
    ranged = read_events(kafka_bootstrap, topic=topics.events, to_offsets={PARTITION: first + 1})
    assert list(ranged) == everything[:1]


@pytest.mark.chaos
def test_a_killed_writer_leaves_a_chain_that_the_next_continues(
    kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter, topic_prefix: str
) -> None:
    """Killed in mid-stream, three times: no gap, no fork, no event twice."""
    names = [topics.events, topics.snapshots, topics.conflicts, topics.commands]
    line = [sys.executable, "-m", "tests.support.event_writing", kafka_bootstrap, str(PARTITION), topic_prefix, *names]
    for _ in range(3):
        child = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(15):  # it tells each batch that it has appended
            assert child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    with writer() as store:
        version = store.ledger.heads["inc-1"].version
        result = store.append(accounted_log(version + 20))
    assert len(result.events) == 20
    events = stored(kafka_bootstrap, topics)
    assert is_one_chain(events)
    assert len(events) == version + 20 > 45
