"""Bytes that are no records, on every topic that a stage reads: each goes to `dead.letters`, and all goes on."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer

from schemas.codec import Codec
from schemas.identity import alert_fingerprint, incident_id
from schemas.records.intake import Alert
from schemas.records.log import DeadLetter
from schemas.records.vocabulary import AlertStatus, Severity, Tier
from schemas.samples import sample
from streams.reading import read_all
from streams.telemetry import TelemetryProducer
from streams.topics import (
    ACCOUNT,
    ALERTS,
    ANOMALIES,
    CANDIDATES,
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    EVENTS,
    LOGS,
    METRICS,
    NOTIFICATIONS,
    PREDICTIONS,
    RECOMMENDATIONS,
    SAMPLED,
    STORMS,
    TOPOLOGY,
    Topic,
)
from tests.pipeline.platform import PATIENCE_S, Platform, platform
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(900)]

# What some stage reads as a source, by the workers that do.
READ: dict[str, tuple[Topic, ...]] = {
    "breakwater-edge": (ALERTS,),
    "breakwater-analysis": (
        METRICS,
        LOGS,
        TOPOLOGY,
        SAMPLED,
        ACCOUNT,
        STORMS,
        ANOMALIES,
        EVENTS,
        CANDIDATES,
        PREDICTIONS,
    ),
    "breakwater-command": (RECOMMENDATIONS, DECISIONS, CANDIDATES, NOTIFICATIONS, COMMANDS, EVENTS),
}
SOURCES = tuple({topic.name: topic for topics in READ.values() for topic in topics}.values())


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, jars_dir: object) -> Iterator[Platform]:
    """A program of this module's own: what it puts into the log makes every later verification fail, as it should."""
    with platform(tmp_path_factory.mktemp("bad-records"), jars_dir) as running:  # type: ignore[arg-type]
        yield running


@dataclass(frozen=True)
class Bad:
    """A record that cannot be read: where it is, and what is to be said of it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    reasons: frozenset[str]


def kinds(topic: Topic) -> list[tuple[bytes | None, str]]:
    """Values that are no record of the topic, and the reason codes that may be given."""
    codec: Codec[Any] = Codec(topic.record)
    good = codec.encode(sample(topic.record))
    return [
        (None, "empty"),
        (b"", "empty"),
        (b"\x80\xff\xfe\x00 not avro at all", "not_avro"),
        (b"\x00\xff\xfe\x80 framed as of a registry", "unknown_schema"),
        (b'{"service": "checkout", "name": "JSON where Avro is due"}', "not_avro"),
        (good[:2] + bytes(8) + good[10:], "unknown_schema"),
        (good[:6], "truncated"),
        (good[: len(good) // 2], "malformed"),
        (good + b"\x00", "trailing_bytes"),
        (good[:10] + b"\xff" * 200, "malformed"),
        (b"\x80" + os.urandom(1_000_000), "not_avro oversized"),
    ]


def send(bootstrap: str, topics: tuple[Topic, ...]) -> list[Bad]:
    """Put each kind of bad record on each topic, where Kafka says that it is."""
    placed: list[Bad] = []
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 2 << 20, "acks": "all"})

    def note(topic: Topic, reasons: str) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None
            where = (topic.name, message.partition() or 0, message.offset() or 0)
            # An empty value comes back as none from the producer, and as empty from the log.
            placed.append(Bad(*where, message.key() or b"", message.value(), frozenset(reasons.split())))

        return delivered

    for topic in topics:
        for number, (value, reasons) in enumerate(kinds(topic)):
            producer.produce(topic.name, value, f"bad-{number}".encode(), on_delivery=note(topic, reasons))
    assert producer.flush(60) == 0
    return placed


def letters(bootstrap: str) -> dict[tuple[str, int, int], DeadLetter]:
    """The dead letters by place; stages that read the same record give it the same id."""
    codec, found = Codec(DeadLetter), dict[tuple[str, int, int], DeadLetter]()
    for message in read_all(bootstrap, DEAD_LETTERS.name):
        letter = codec.decode(message.value)
        place = (letter.topic, letter.partition, letter.offset)
        assert place not in found or found[place].dead_letter_id == letter.dead_letter_id
        found[place] = letter
    return found


def alive(program: Platform) -> dict[str, tuple[int | None, int]]:
    """Each process by its id and how often it was started again."""
    return {name: (child.pid, child.restarts) for name, child in program.workers.items()}


def good_alert(name: str) -> Alert:
    """An alert that there is nothing against."""
    now = time.time_ns() // 1_000_000
    return Alert(
        alert_id=name, incident_id=incident_id("default", "good", name), tenant="default", environment="good",
        service=name, name="HighLatency", severity=Severity.WARNING, status=AlertStatus.FIRING, tier=Tier.SUPPORTING,
        fingerprint=alert_fingerprint("default", "good", name, "HighLatency", "1"), source="1", occurred_at=now,
        received_at=now, message="p95 is 800 ms",
    )  # fmt: skip


def assert_flows(program: Platform, name: str) -> None:
    """A good alert goes through sampling."""
    with TelemetryProducer(program.bootstrap) as producer:
        producer.send_alert(good_alert(name))
    codec = Codec(Alert)

    def came() -> bool:
        return any(
            codec.decode(message.value).alert_id == name
            for message in read_all(program.bootstrap, SAMPLED.name)
            if (message.key or b"").decode() == incident_id("default", "good", name)
        )

    eventually(came, limit_s=PATIENCE_S)


def await_all_taken_in(program: Platform) -> None:
    """Every worker has acknowledged all that is on its topics."""
    for group, topics in READ.items():
        program.await_taken_in(group, *(topic.name for topic in topics))


def test_what_cannot_be_read_is_a_dead_letter_and_stops_nobody(program: Platform) -> None:
    """Byte for byte, with the reason, of every topic that a stage reads as a source. That includes all that is followed as a
    view, too: there it is passed over, or each worker would dead-letter it anew at each of its starts."""
    assert_flows(program, "before")
    before = alive(program)
    sent = send(program.bootstrap, SOURCES)
    places = {(bad.topic, bad.partition, bad.offset) for bad in sent}
    eventually(lambda: places <= letters(program.bootstrap).keys(), limit_s=PATIENCE_S)
    found = letters(program.bootstrap)
    for bad in sent:
        letter = found[bad.topic, bad.partition, bad.offset]
        assert letter.reason in bad.reasons, (bad.topic, bad.value and bad.value[:40], letter.reason, letter.detail)
        assert (letter.key, letter.value or b"") == (bad.key, bad.value or b""), bad.topic
        assert letter.stage
        assert letter.detail
    await_all_taken_in(program)
    assert_flows(program, "after")
    assert alive(program) == before


def test_what_can_be_read_and_makes_no_sense_stops_nobody(program: Platform) -> None:
    """Records of the right contract whose fields hold nonsense: payloads that are no JSON, times of any year."""
    before = alive(program)
    with TelemetryProducer(program.bootstrap) as producer:
        for topic in SOURCES:
            codec: Codec[Any] = Codec(topic.record)
            for variant in range(4):
                value = codec.encode(sample(topic.record, variant))
                producer.send_raw(topic.name, f"nonsense-{variant}".encode(), value)
    await_all_taken_in(program)
    assert_flows(program, "after-nonsense")
    assert alive(program) == before
