"""`events verify`, `replay` and `lag` as people and programs call them, on a Kafka of their own."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.embedded.kafka import EmbeddedKafka
from ops.rebuilding import DamagedLogError
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Agent
from schemas.samples import sample
from state.chain import seal
from state.event_log import event_key, read_events
from state.incident import EventType
from state.kafka_store import EventStoreWriter
from state.ports import StoredEvent
from state.projection_digest import digest_of, held_by
from state.rebuild import rebuild
from state.repaired_log import read_repaired
from state.signing import load_or_create
from state.sqlite_projection import SqliteProjection
from streams.topics import ALERTS, CHECKPOINTS, COMMANDS, CONFLICTS, EVENTS, SNAPSHOTS, create_topics
from tests.support.commands import command
from tests.support.event_writing import accounted_log

pytestmark = pytest.mark.kafka

PARTITIONS = 2
LOOKED_AT = (ALERTS, COMMANDS, EVENTS, SNAPSHOTS, CONFLICTS, CHECKPOINTS)
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[str]:
    """A Kafka that only this module uses: the commands know the topics by their real names."""
    server = EmbeddedKafka(tmp_path_factory.mktemp("looking-home"), jars_dir=jars_dir)
    try:
        yield server.up().address
    finally:
        server.down()


def delete(admin: AdminClient, *topics: str) -> None:
    """Delete topics, and return when they are gone."""
    for future in admin.delete_topics(list(topics)).values():
        future.result(30)
    deadline = time.monotonic() + 30
    while set(topics) & set(admin.list_topics(timeout=10).topics):
        assert time.monotonic() < deadline


@pytest.fixture
def bootstrap(own_kafka: str) -> Iterator[str]:
    """The topics that these commands look at, empty, for one test."""
    create_topics(own_kafka, PARTITIONS, 1, LOOKED_AT)
    yield own_kafka
    admin = AdminClient({"bootstrap.servers": own_kafka})
    delete(admin, *(name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")))


@pytest.fixture
def run(bootstrap: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `breakwater …`."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def breakwater(*line: object) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in line])
        if isinstance(result.exception, Exception):
            raise result.exception
        return result

    return breakwater


@pytest.fixture
def produce(bootstrap: str) -> Iterator[Callable[..., None]]:
    """Writes raw records."""
    producer = Producer({"bootstrap.servers": bootstrap})

    def write(topic: str, key: bytes | None, value: bytes | None, partition: int = 0, **more: Any) -> None:
        producer.produce(topic, value, key, partition, **more)
        producer.flush()

    yield write
    producer.flush()


def written(bootstrap: str, count: int = 6) -> list[StoredEvent]:
    """Events of inc-1 on partition 1, ended and so snapshotted."""
    resolve = command(EventType.INCIDENT_RESOLVED, incident_id="inc-1", command_id="resolve")
    with EventStoreWriter(bootstrap, 1) as store:
        return list(store.append([*accounted_log(count - 1), (resolve, count - 1)]).events)


def encoded(event: IncidentEvent) -> tuple[bytes, bytes]:
    """An event's key and value."""
    return event_key(event.incident_id, event.version), Codec(IncidentEvent).encode(event)


def lines(result: Result) -> list[dict[str, Any]]:
    """The JSON lines on standard output."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_whole_store_is_verified(bootstrap: str, run: Run) -> None:
    """Exit code 0, counts, and no faults; a person reads a sentence."""
    written(bootstrap)
    result = run("events", "verify", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told.pop("checkpoints") == {"partitions": 0, "incidents": 0, "signed_at": None, "untrusted": 0}
    assert told == {"verified": True, "incidents": 1, "events": 6, "faults": []}
    assert "every chain is whole" in run("events", "verify").stdout


def test_an_empty_store_has_nothing_to_verify(run: Run) -> None:
    """It is said so; nothing is wrong."""
    result = run("events", "verify")
    assert (result.exit_code, result.stdout) == (0, "There are no events: nothing to verify.\n")


@pytest.mark.parametrize("kind", ["tamper", "duplicate", "fork", "reorder", "gap"])
def test_every_kind_of_fault_is_found(bootstrap: str, run: Run, produce: Callable[..., None], kind: str) -> None:
    """Exit code 1, with the incident, version, partition and offset of what somebody wrote past the sequencer."""
    last = written(bootstrap)[-1].event
    at = written(bootstrap) or 0
    assert not at, "the commands were appended before"
    following = replace(last, version=7, event_id="e-7", previous_hash=last.hash)
    sixth = replace(last, event_id="of-a-zombie")
    late = [seal(replace(following, version=8, event_id="e-8")), seal(following)]
    made = {
        "tamper": [replace(seal(following), payload="{}")],
        "duplicate": [last],
        "fork": [seal(sixth)],
        "gap": [seal(replace(following, version=9))],
        "reorder": [seal(replace(late[0], previous_hash=late[1].hash)), late[1]],
    }[kind]
    for event in made:
        produce("incident.events", *encoded(event), 1)
    result = run("events", "verify", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    (fault,) = found["faults"]
    version = {"gap": 7}.get(kind, made[-1].version)
    assert (fault["kind"], fault["incident_id"], fault["version"], fault["partition"]) == (kind, "inc-1", version, 1)
    assert not found["verified"]
    (shown,) = lines(
        run("replay", "incident.events", "--partition", 1, "--from", fault["offset"], "--to", fault["offset"])
    )
    assert shown["value"]["version"] == made[-1].version
    assert run("events", "verify", "--incident", "inc-2", "--json").exit_code == 0
    table = run("events", "verify").stdout
    assert "1 fault. Nothing was changed." in table


def test_hostile_records_are_named_where_they_lie(
    bootstrap: str, run: Run, produce: Callable[..., None], tmp_path: Path
) -> None:
    """Fields beside the payload, values under other keys, copies in other partitions, no Avro, no schema, no value: each is one
    fault at its own place, beside a signed checkpoint; and what may be repaired is told without a word of what may not."""
    key, names = load_or_create(tmp_path / "keys" / "event-store.pem"), [f"inc-{number}" for number in range(10)]
    with EventStoreWriter(bootstrap, 1, key=key) as store:
        logs = [(one, place) for place, one in enumerate(one for name in names for one, _ in accounted_log(6, name))]
        events = [s.event for s in store.append([(replace(o, command_id=f"c-{at}"), at) for o, at in logs]).events]
        store.checkpoint()
    of = {name: [event for event in events if event.incident_id == name] for name in names}
    value = {name: encoded(of[name][3])[1] for name in names}
    following = replace(of["inc-8"][5], version=7, event_id="e-7", previous_hash=of["inc-8"][5].hash)
    hostile = [
        ("inc-0", 4, 1, encoded(replace(of["inc-0"][3], agent=Agent.OPERATOR))[1]),
        ("inc-1", 4, 1, encoded(replace(of["inc-1"][3], causation_id="another"))[1]),
        ("inc-2", 4, 1, encoded(replace(of["inc-2"][3], recorded_at=1))[1]),
        ("inc-3", 5, 1, value["inc-3"]),
        ("inc-4", 4, 1, value["inc-5"]),
        ("inc-5", 4, 1, value["inc-5"] + b"\0"),
        ("inc-6", 3, 1, None),
        ("inc-7", 7, 1, b"\xff\xfe"),
        ("inc-8", 7, 0, encoded(seal(following))[1]),
        ("inc-9", 4, 0, value["inc-9"]),
        ("inc-9", 7, 1, b"\xc3\x01" + b"unheard!" + value["inc-9"][10:]),
    ]
    for name, version, partition, forged in hostile:
        produce("incident.events", event_key(name, version), forged, partition)
    result = run("events", "verify", "--json")
    found = json.loads(result.stdout)["faults"]
    assert result.exit_code == 1
    assert {(one["incident_id"], one["version"], one["partition"]) for one in found} == {
        (name, version, partition) for name, version, partition, _ in hostile
    }
    assert {(one["kind"], one["offset"] >= len(events) or one["partition"] == 0) for one in found} == {("tamper", True)}
    dry = json.loads(run("events", "repair", "--dry-run", "--json").stdout)
    assert [(one["incident_id"], one["version"]) for one in dry["restored"]] == [
        ("inc-0", 4), ("inc-1", 4), ("inc-2", 4), ("inc-3", 5), ("inc-4", 4), ("inc-5", 4), ("inc-6", 3)
    ]  # fmt: skip
    assert sorted((one["incident_id"], one["version"]) for one in dry["refused"]) == [
        ("inc-7", 7), ("inc-8", 7), ("inc-9", 4), ("inc-9", 7)
    ]  # fmt: skip


def test_a_cut_log_is_found_by_its_snapshots(bootstrap: str, run: Run, produce: Callable[..., None]) -> None:
    """The events' topic was made anew, the snapshots were not."""
    written(bootstrap)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    delete(admin, "incident.events")
    create_topics(bootstrap, PARTITIONS, 1, LOOKED_AT)
    found = json.loads(run("events", "verify", "--json").stdout)
    (fault,) = found["faults"]
    assert (fault["kind"], fault["incident_id"], fault["version"], fault["partition"]) == ("truncation", "inc-1", 1, 1)


def test_a_damaged_store_is_repaired_from_the_projection(
    bootstrap: str, run: Run, produce: Callable[..., None], tmp_path: Path
) -> None:
    """One version deleted, one changed, one forged beside the right one: a dry run shows what would be written, the repair
    writes it, verification finds nothing any more, a running sequencer takes the incident up, and a new store is filled with
    what is right."""
    key = load_or_create(tmp_path / "keys" / "event-store.pem")
    log = accounted_log(8)
    with EventStoreWriter(bootstrap, 1, key=key) as store:
        events = [stored.event for stored in store.append(log).events]
        store.checkpoint()
    projection = SqliteProjection(tmp_path / "store.sqlite")
    rebuild(projection, read_events(bootstrap))
    projection.close()
    produce("incident.events", event_key("inc-1", 2), None, 1)
    produce("incident.events", *encoded(replace(events[4], payload="{}")), 1)
    produce("incident.events", *encoded(seal(replace(events[7], event_id="of-a-zombie"))), 1)
    assert run("events", "verify", "--json").exit_code == 1
    with EventStoreWriter(bootstrap, 1, key=key) as store:
        assert store.append([(accounted_log(9)[8][0], 8)]).refusals
        dry = run("events", "repair", "--dry-run", "--json")
        assert (dry.exit_code, [one["version"] for one in json.loads(dry.stdout)["restored"]]) == (1, [2, 5, 8])
        assert run("events", "verify", "--json").exit_code == 1
        assert not store.take_up_repairs()
        done = run("events", "repair", "--json")
        assert (done.exit_code, json.loads(done.stdout)["refused"]) == (0, [])
        assert run("events", "verify", "--json").exit_code == 0
        assert "nothing to repair" in run("events", "repair").stdout
        assert store.take_up_repairs()
        assert not store.take_up_repairs()
        assert [stored.event.version for stored in store.append([(accounted_log(10)[9][0], 9)]).events] == [9]
    assert run("events", "verify", "--json").exit_code == 0
    filled = SqliteProjection(tmp_path / "filled.sqlite")
    assert rebuild(filled, read_repaired(bootstrap, {key.public})) == 9
    assert [stored.event for stored in filled.timeline("inc-1")][:8] == events
    filled.close()


def test_the_store_of_incidents_is_filled_anew(
    bootstrap: str, run: Run, produce: Callable[..., None], tmp_path: Path
) -> None:
    """A row that somebody changed is named by --check, and right again after a rebuild; a log with faults empties no store."""
    events = written(bootstrap)
    store = tmp_path / "store.sqlite"
    projection = SqliteProjection(store)
    rebuild(projection, read_events(bootstrap))
    whole = held_by(projection)
    assert json.loads(run("events", "rebuild", "--check", "--json").stdout)["digest"] == digest_of(whole)
    with closing(sqlite3.connect(store)) as rows, rows:
        rows.execute("UPDATE events SET agent = 'operator' WHERE version = 3")
    checked = run("events", "rebuild", "--check", "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["different"]) == (1, ["inc-1"])
    done = run("events", "rebuild", "--json")
    assert (done.exit_code, json.loads(done.stdout)["events"]) == (0, len(events))
    assert held_by(projection) == whole
    produce("incident.events", event_key("inc-1", 2), None, 1)
    with pytest.raises(DamagedLogError, match="The log has faults"):
        run("events", "rebuild")
    assert held_by(projection) == whole
    projection.close()


def alerts(produce: Callable[..., None], count: int, partition: int = 0) -> list[bytes]:
    """Alerts of two incidents in turns; their bytes."""
    values = []
    for number in range(count):
        incident_id = f"inc-{number % 2}"
        value = Codec(Alert).encode(sample(Alert, alert_id=f"a-{number}", incident_id=incident_id))
        produce("alerts", incident_id.encode(), value, partition, headers=[("trace", b"t-%d" % number)])
        values.append(value)
    return values


def test_a_range_of_offsets_is_printed_both_ends_included(run: Run, produce: Callable[..., None]) -> None:
    """A JSON line a record, its contract decoded."""
    alerts(produce, 10)
    found = lines(run("replay", "alerts", "--from", 3, "--to", 5))
    assert [line["offset"] for line in found] == [3, 4, 5]
    assert found[0]["value"]["alert_id"] == "a-3"
    assert (found[0]["key"], found[0]["headers"]) == ("inc-1", {"trace": "t-3"})


def test_partitions_are_merged_by_time(run: Run, produce: Callable[..., None]) -> None:
    """So that a postmortem reads what happened in the order in which it did."""
    for number in range(12):
        alerts(produce, 1, partition=number % 2)
    times = [line["timestamp"] for line in lines(run("replay", "alerts"))]
    assert len(times) == 12
    assert times == sorted(times)


def test_a_range_of_time_is_printed_both_ends_included(run: Run, produce: Callable[..., None]) -> None:
    """By the times that the broker gave."""
    alerts(produce, 6)
    times = [line["timestamp"] for line in lines(run("replay", "alerts"))]
    found = lines(run("replay", "alerts", "--from", times[2], "--to", times[4]))
    assert [line["timestamp"] for line in found] == [t for t in times if times[2] <= t <= times[4]]


def test_one_incident_is_picked_out(run: Run, produce: Callable[..., None]) -> None:
    """By the key of its records."""
    alerts(produce, 6)
    result = run("replay", "alerts", "--incident", "inc-1")
    assert [line["value"]["alert_id"] for line in lines(result)] == ["a-1", "a-3", "a-5"]
    assert "3 records of alerts, out of 6 in the range" in result.stderr


def test_an_empty_range_says_so_and_is_no_failure(run: Run) -> None:
    """Exit code 0, nothing on standard output."""
    result = run("replay", "alerts", "--from", "15m")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing lies in that range of alerts" in result.stderr


def test_one_document_where_json_is_asked_for(run: Run, produce: Callable[..., None]) -> None:
    """The records in it, with counts; what is undecodable is there whole."""
    alerts(produce, 2)
    produce("alerts", None, b"garbage")
    found = json.loads(run("replay", "alerts", "--json").stdout)
    assert (found["topic"], found["count"], found["lost"]) == ("alerts", 3, [])
    assert found["records"][2]["value"]["undecodable"].startswith("not_avro")


def test_what_retention_took_is_told(bootstrap: str, run: Run, produce: Callable[..., None]) -> None:
    """An offset that is gone was asked for."""
    alerts(produce, 6)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.delete_records([TopicPartition("alerts", 0, 4)]).values():
        future.result(30)
    result = run("replay", "alerts", "--from", 1)
    assert [line["offset"] for line in lines(result)] == [4, 5]
    assert "partition 0: the log begins at offset 4: retention took 3 of what was asked for" in result.stderr


def test_a_copy_is_exact_and_says_where_it_came_from(bootstrap: str, run: Run, produce: Callable[..., None]) -> None:
    """Bytes, keys, headers and, as both have as many partitions, partitions."""
    values = alerts(produce, 4, partition=1)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic("alerts.copy", PARTITIONS, 1)])["alerts.copy"].result(30)
    result = run("replay", "alerts", "--from", 1, "--to-topic", "alerts.copy", "--json")
    assert json.loads(result.stdout)["copied"] == 3
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition("alerts.copy", 1, 0)])
    copies = consumer.consume(3, 30)
    consumer.close()
    assert [copy.value() for copy in copies] == values[1:]
    assert copies[0].key() == b"inc-1"
    assert copies[0].headers() == [("trace", b"t-1"), ("replayed-from", b"alerts/1/1")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["nothing-of-the-kind"], "There is no topic"),
        (["alerts", "--partition", "9"], "has no partition 9"),
        (["alerts", "--from", "9", "--to", "3"], "lies after"),
        (["alerts", "--from", "yesterday-ish"], "is no time"),
        (["alerts", "--speed", "0"], "must be more than 0"),
        (["alerts", "--to-topic", "alerts"], "onto itself"),
        (["alerts", "--to-topic", "nothing-of-the-kind"], "Make it first"),
        (["alerts", "--to-topic", "incident.events"], "would fork the chains"),
        (["alerts", "--to-topic", "decision.journal"], "own stages alone"),
    ],
)
def test_wrong_use_is_told_with_exit_code_2(run: Run, line: list[str], reason: str) -> None:
    """With what would be right."""
    result = run("replay", *line)
    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())


def test_replay_leaves_no_consumer_group(bootstrap: str, run: Run, produce: Callable[..., None]) -> None:
    """Nothing is committed, so that no consumer and no lag is touched."""
    alerts(produce, 3)
    assert run("replay", "alerts").exit_code == 0
    groups = AdminClient({"bootstrap.servers": bootstrap}).list_consumer_groups().result(30).valid
    assert [one.group_id for one in groups if "replay" in one.group_id] == []


def test_lag_is_told_with_the_incidents_that_wait(bootstrap: str, run: Run, produce: Callable[..., None]) -> None:
    """A group that has read two of five; a stranger's group is told of as well, by the same rules."""
    alerts(produce, 5)
    for group in ("breakwater-edge-v1", "stranger"):
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
        consumer.commit(offsets=[TopicPartition(ALERTS.name, 0, 2)], asynchronous=False)
        consumer.close()
    result = run("lag", "--json")
    assert result.exit_code == 0
    row, stranger = json.loads(result.stdout)["rows"]
    assert (stranger["group"], stranger["lag"], stranger["incidents"]) == ("stranger", 3, ["inc-0", "inc-1"])
    assert (row["group"], row["topic"], row["partition"], row["lag"]) == ("breakwater-edge-v1", "alerts", 0, 3)
    assert (row["velocity"], row["eta_s"], row["incidents"]) == (0.0, None, ["inc-0", "inc-1"])
    assert row["lag_s"] > 0
    assert "edge-v1" in run("lag").stdout


def test_everything_read_is_no_lag_behind_markers_and_gaps(bootstrap: str, run: Run) -> None:
    """`lag` and `status` say 0 where offsets follow and no record: 1,500 of a transaction that was aborted, and markers."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "gaps"})
    producer.init_transactions(30)
    for count, end in ((3, producer.commit_transaction), (1_500, producer.abort_transaction)):
        producer.begin_transaction()
        for number in range(count):
            producer.produce(ALERTS.name, Codec(Alert).encode(sample(Alert)), b"k-%d" % number, 0)
        producer.flush()
        end(30)
    for read, lag in ((3, 0), (1, 2)):
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "breakwater-edge"})
        consumer.commit(offsets=[TopicPartition(ALERTS.name, 0, read)], asynchronous=False)
        consumer.close()
        (row,) = json.loads(run("lag", "--json").stdout)["rows"]
        assert row["lag"] == lag
        # `status` looks for a second at most, and then tells by offsets: on a busy machine only a later call sees the gaps.
        told = (json.loads(run("status", "--json").stdout)["topics"]["alerts"]["lag"] for _ in range(10))
        assert lag in told
