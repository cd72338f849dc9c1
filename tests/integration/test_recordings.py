"""Recordings out of a real Kafka: an incident's records of every topic, others' left where they are, what is gone told."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition

from ops.composition.decision_settings import basis_of
from ops.reexecution.reading import read_recordings
from ops.reexecution.recording import WITHOUT_ALERTS
from ops.settings import Settings
from schemas.codec import Codec
from schemas.records.intake import Alert, MetricPoint
from schemas.records.journal import StepTaken
from schemas.samples import sample
from state.log_reader import LogReader
from streams.partitioning import partition_of
from streams.topics import JOURNAL, METRICS, SAMPLED, TOPICS, create_topics
from tests.support.signals import alert, point
from tests.support.waiting import eventually

pytestmark = pytest.mark.kafka

ALERTS, POINTS, STEPS = Codec[Alert](Alert), Codec[MetricPoint](MetricPoint), Codec[StepTaken](StepTaken)


@pytest.fixture
def topics(kafka_bootstrap: str) -> str:
    """Kafka with the program's topics, each partition with its leader."""
    create_topics(kafka_bootstrap, 4, 1)
    with LogReader(kafka_bootstrap, "recordings-test") as reader:
        for topic in TOPICS:
            eventually(lambda: len(reader.partitions(topic.name)) == 4, limit_s=60)  # noqa: B023 - called at once
            for partition in range(4):
                reader.bounds(topic.name, partition)
    return kafka_bootstrap


def write(bootstrap: str, topic: str, partition: int, key: str, value: bytes) -> int:
    """A record at the end of a partition; returns its offset."""
    offsets: list[int] = []
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(
        topic, value, key.encode(), partition, on_delivery=lambda _, m: offsets.append(int(m.offset() or 0))
    )
    producer.flush(10)
    return offsets[0]


def test_an_incidents_records_are_found_and_no_others(topics: str, unique: Callable[[str], str]) -> None:
    """By key, and by the field in records that are keyed by something else; the declared settings come along."""
    mine, other = unique("inc-a"), unique("inc-b")
    settings = basis_of(Settings.model_construct())
    step = sample(StepTaken, stage="candidates", key=mine, settings="", basis=settings.digest)
    wrote = [
        write(topics, SAMPLED.name, 1, mine, ALERTS.encode(alert(incident_id=mine))),
        write(topics, JOURNAL.name, 1, mine, STEPS.encode(step)),
        write(topics, METRICS.name, 3, "series", POINTS.encode(replace(point(0.5), incident_id=mine))),
    ]
    declared = replace(step, key="", settings=settings.settings, code=settings.code)
    write(topics, JOURNAL.name, 1, "candidates", STEPS.encode(declared))
    write(topics, SAMPLED.name, partition_of(other.encode(), 4), other, ALERTS.encode(alert(incident_id=other)))
    write(topics, JOURNAL.name, 1, other, STEPS.encode(replace(step, key=other)))
    found = read_recordings(topics, [mine, other, unique("nobody")])
    recording = found[mine]
    assert [raw.offset for raw in recording.of(SAMPLED)] == [wrote[0]]
    assert [raw.offset for raw in recording.of(METRICS)] == [wrote[2]]
    steps = [STEPS.decode(raw.value) for raw in recording.of(JOURNAL)]
    assert step in steps
    assert declared in steps
    assert {one.key for one in steps} == {mine, ""}
    assert len(found[other].of(SAMPLED)) == 1
    assert not found[unique("nobody")].of(SAMPLED)
    assert {name for name, _ in recording.begins} == {topic.name for topic in WITHOUT_ALERTS}


def test_where_nobody_decided_on_an_incident_nothing_is_read(topics: str, unique: Callable[[str], str]) -> None:
    """Its own partition is, so a record that somebody forged there is found; another one where a step was taken is as well; the
    metrics, keyed by series, are everywhere. Without a step all is read."""
    mine = next(one for one in map(unique, map("inc-{}".format, range(100))) if partition_of(one.encode(), 4) == 2)
    wrote = [write(topics, SAMPLED.name, at, mine, ALERTS.encode(alert(incident_id=mine))) for at in range(4)]
    measured = write(topics, METRICS.name, 0, "series", POINTS.encode(replace(point(0.5), incident_id=mine)))
    assert {raw.partition for raw in read_recordings(topics, [mine])[mine].of(SAMPLED)} == {0, 1, 2, 3}
    step = sample(StepTaken, stage="candidates", key=mine, settings="", basis="ab")
    write(topics, JOURNAL.name, 3, mine, STEPS.encode(step))
    recording = read_recordings(topics, [mine])[mine]
    found = sorted((raw.partition, raw.offset) for raw in recording.of(SAMPLED))
    assert found == [(2, wrote[2]), (3, wrote[3])]
    assert [raw.offset for raw in recording.of(METRICS)] == [measured]
    assert {partition for name, partition in recording.begins if name == SAMPLED.name} == {2, 3}


def test_what_retention_took_is_told_by_where_the_log_begins(topics: str, unique: Callable[[str], str]) -> None:
    """The broker deletes records; the recording says from which offset on the log is there."""
    mine = unique("inc-a")
    first = write(topics, SAMPLED.name, 2, mine, ALERTS.encode(alert(incident_id=mine)))
    last = write(topics, SAMPLED.name, 2, mine, ALERTS.encode(alert("Later", incident_id=mine)))
    admin = AdminClient({"bootstrap.servers": topics})
    for future in admin.delete_records([TopicPartition(SAMPLED.name, 2, first + 1)]).values():
        future.result(10)
    recording = read_recordings(topics, [mine], topics=(SAMPLED,))[mine]
    assert recording.begins[SAMPLED.name, 2] == first + 1
    assert [raw.offset for raw in recording.of(SAMPLED)] == [last]
