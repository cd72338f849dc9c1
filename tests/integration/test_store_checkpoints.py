"""Signed checkpoints on a real Kafka: a tail that is cut off is seen, and a new owner reads no more than it must."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner

from ops.cli import app
from ops.verifying import Trust, Verdict, verify_store
from schemas.codec import Codec
from schemas.records.log import HeadsCheckpoint, IncidentEvent, IncidentSnapshot
from state.checkpoints import checkpoint_key
from state.event_log import event_key, parse_event_key
from state.incident import EventType
from state.kafka_store import EventStoreWriter, StoreTopics
from state.log_reader import LogReader, RawRecord
from state.repairs import repair_header
from state.signing import SigningKey
from state.snapshots import MARK, RECENT_COMMANDS
from state.verification import FaultKind
from state.witnesses import hear
from tests.support.commands import command
from tests.support.event_writing import accounted_log
from tests.support.keys import new_key
from tests.support.snapshots_read import read_snapshots
from tests.support.waiting import eventually

pytestmark = pytest.mark.kafka

MakeWriter = Callable[[], EventStoreWriter]


@pytest.fixture
def topics(kafka_bootstrap: str, unique: Callable[[str], str]) -> StoreTopics:
    """A store of the test's own, of one partition."""
    names = StoreTopics(*map(unique, ("events", "snapshots", "conflicts", "commands", "checkpoints")))
    create(kafka_bootstrap, names.events, names.snapshots, names.conflicts, names.checkpoints)
    return names


def create(bootstrap: str, *names: str, **more: str) -> None:
    """Make compacted topics of one partition."""
    config = {"cleanup.policy": "compact", "max.message.bytes": str(2 << 20), **more}
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(name, 1, 1, config=config) for name in names]).values():
        future.result(30)


@pytest.fixture
def key() -> SigningKey:
    """The store's own."""
    return new_key()


@pytest.fixture
def writer(kafka_bootstrap: str, topics: StoreTopics, topic_prefix: str, key: SigningKey) -> MakeWriter:
    """Makes writers that have the key."""
    return lambda: EventStoreWriter(kafka_bootstrap, 0, topics=topics, id_prefix=topic_prefix, key=key)


def records(bootstrap: str, topic: str) -> list[RawRecord]:
    """All of a topic."""
    with LogReader(bootstrap) as reader:
        return list(reader.read(topic, {0: reader.bounds(topic, 0)}))


def verdict(bootstrap: str, topics: StoreTopics, key: SigningKey | None, events: str = "") -> Verdict:
    """What `breakwater events verify` says of the store, or of another log beside its checkpoints."""
    return verify_store(
        bootstrap, Trust(key), events_topic=events or topics.events, snapshots_topic=topics.snapshots,
        checkpoints_topic=topics.checkpoints,
    )  # fmt: skip


def test_a_tail_that_is_cut_off_is_seen(
    kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter, key: SigningKey, unique: Callable[[str], str]
) -> None:
    """The last two events are not in the copy: every chain in it is whole, and the checkpoint remembers them."""
    with writer() as store:
        store.append([*accounted_log(5), *((one, 5 + at) for at, (one, _) in enumerate(accounted_log(3, "inc-2")))])
        assert store.checkpoint()
        assert not store.checkpoint()
    assert verdict(kafka_bootstrap, topics, key).verified
    cut = unique("cut")
    create(kafka_bootstrap, cut)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    for record in records(kafka_bootstrap, topics.events)[:-2]:
        producer.produce(cut, record.value, record.key, 0)
    producer.flush()
    (fault,) = verdict(kafka_bootstrap, topics, key, cut).faults
    assert (fault.kind, fault.incident_id, fault.version) == (FaultKind.TRUNCATION, "inc-2", 2)
    assert verdict(kafka_bootstrap, topics, None, cut).verified


def test_a_new_owner_begins_at_the_checkpoint(
    kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter, key: SigningKey
) -> None:
    """Events that a snapshot holds are not read, so that their number does not matter; what follows is."""
    resolve = command(EventType.INCIDENT_RESOLVED, incident_id="inc-1", command_id="resolve")
    with writer() as store:
        store.append([*accounted_log(40), (resolve, 40)])
        store.checkpoint()
        store.append([(one, 41 + at) for at, (one, _) in enumerate(accounted_log(3, "inc-2"))])
    (checkpoint,) = hear(
        kafka_bootstrap, key, snapshots_topic=topics.snapshots, checkpoints_topic=topics.checkpoints
    ).checkpoints.values()
    assert checkpoint.covered_below == checkpoint.end > 40
    with writer() as again:
        assert again.ledger.heads == store.ledger.heads
        assert again.ledger.command_offset == store.ledger.command_offset


@pytest.mark.chaos
def test_compaction_loses_no_event(
    kafka_bootstrap: str, unique: Callable[[str], str], topic_prefix: str, key: SigningKey
) -> None:
    """The broker cleans for real: what a repair replaced and older snapshots go, every version of every incident stays, and a
    new owner knows them all."""
    topics = StoreTopics(*map(unique, ("events", "snapshots", "conflicts", "commands", "checkpoints")))
    eager = {"min.cleanable.dirty.ratio": "0.01", "segment.ms": "100", "segment.bytes": "1048576"}
    create(kafka_bootstrap, topics.events, topics.snapshots, topics.conflicts, topics.checkpoints, **eager)
    log = accounted_log(4_000)
    store = EventStoreWriter(kafka_bootstrap, 0, topics=topics, id_prefix=topic_prefix, key=key)
    with store:
        events = [
            stored.event for start in range(0, 3_000, 50) for stored in store.append(log[start : start + 50]).events
        ]
        rewrite(kafka_bootstrap, topics.events, events[:10], key)
        written = [records(kafka_bootstrap, topic) for topic in (topics.events, topics.snapshots)]
        fed = iter(range(3_000, 4_000))

        def cleaned() -> bool:
            store.append([log[next(fed)]])  # rolls a segment, which the cleaner takes
            left = [records(kafka_bootstrap, topic) for topic in (topics.events, topics.snapshots)]
            return left[0][0].offset > written[0][0].offset and len(left[1]) < len(written[1])

        eventually(cleaned, limit_s=120)
        store.checkpoint()
    kept = [parse_event_key(record.key) for record in records(kafka_bootstrap, topics.events)]
    version = store.ledger.heads["inc-1"].version
    assert sorted(set(kept)) == [("inc-1", number) for number in range(1, version + 1)]
    assert verdict(kafka_bootstrap, topics, key).verified
    with EventStoreWriter(kafka_bootstrap, 0, topics=topics, id_prefix=topic_prefix, key=key) as again:
        assert again.ledger.heads["inc-1"].hash == store.ledger.heads["inc-1"].hash


def rewrite(bootstrap: str, topic: str, events: list[IncidentEvent], key: SigningKey) -> None:
    """Write events once more, as a repair does."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for event in events:
        name, value = event_key(event.incident_id, event.version), Codec(IncidentEvent).encode(event)
        producer.produce(topic, value, name, 0, headers=list(repair_header(key, name, value).items()))
    producer.flush()


def test_a_snapshot_that_this_store_did_not_mark_is_not_believed(
    kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter
) -> None:
    """Its head is the log's own, which the log would confirm: only the state in it is false."""
    resolve = command(EventType.INCIDENT_RESOLVED, incident_id="inc-1", command_id="resolve")
    with writer() as store:
        store.append([*accounted_log(3), (resolve, 3)])
        store.checkpoint()
    good = read_snapshots(kafka_bootstrap, topics.snapshots)["inc-1"]
    (true,) = records(kafka_bootstrap, topics.snapshots)
    forged = replace(good, state=json.dumps({**json.loads(good.state), "status": "open"}))
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    headers: list[tuple[str, str | bytes | None]] = [(RECENT_COMMANDS, b""), (MARK, dict(true.headers)[MARK])]
    producer.produce(topics.snapshots, Codec(IncidentSnapshot).encode(forged), b"inc-1", 0, headers=headers)
    producer.flush()
    with writer() as again:
        assert again.ledger.heads["inc-1"].state == store.ledger.heads["inc-1"].state


def test_forged_and_foreign_checkpoints_do_not_count(
    kafka_bootstrap: str, topics: StoreTopics, writer: MakeWriter, key: SigningKey
) -> None:
    """One that was changed is a fault; one of a key that is not trusted is told."""
    with writer() as store:
        store.append(accounted_log(3))
        store.checkpoint()
    codec = Codec(HeadsCheckpoint)
    (raw,) = records(kafka_bootstrap, topics.checkpoints)
    forged = replace(codec.decode(raw.value), end=10**12)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    producer.produce(topics.checkpoints, codec.encode(forged), checkpoint_key(0, 0), 0)
    producer.flush()
    found = verdict(kafka_bootstrap, topics, key)
    assert [(fault.kind, fault.offset) for fault in found.faults] == [(FaultKind.TAMPER, 2)]
    assert verdict(kafka_bootstrap, topics, new_key()).testimony.untrusted == 2
    with writer() as again:
        assert again.ledger.heads == store.ledger.heads


def test_the_public_key_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private one stays in the home, for its owner alone."""
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path / "home"))
    told = json.loads(CliRunner().invoke(app, ["events", "key", "--json"]).stdout)
    assert CliRunner().invoke(app, ["events", "key"]).stdout.strip() == told["public_key"]
    assert len(bytes.fromhex(told["public_key"])) == 32
    assert Path(told["file"]).stat().st_mode & 0o777 == 0o600
