"""The embedded Kafka is a real one: it keeps what it was given, through every end that a server can meet."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from ops.embedded.errors import DataDamagedError
from ops.embedded.kafka import EmbeddedKafka

pytestmark = pytest.mark.kafka


def create_topic(bootstrap: str, name: str) -> None:
    """Create a topic of one partition and wait until it is there."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, 1)])[name].result(30)


def produce(bootstrap: str, topic: str, value: bytes) -> None:
    """Produce one record and wait until it is acknowledged."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def read_all(bootstrap: str, topic: str) -> list[bytes]:
    """The values of the topic's one partition, committed ones only."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "isolation.level": "read_committed"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    try:
        while consumer.position([TopicPartition(topic, 0)])[0].offset < end:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                values.append(message.value() or b"")
    finally:
        consumer.close()
    return values


def test_transactions_are_all_or_nothing(kafka_bootstrap: str, unique: Callable[[str], str]) -> None:
    """A committed transaction is read whole; an aborted one never."""
    topic = unique("topic")
    create_topic(kafka_bootstrap, topic)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": unique("writer")})
    producer.init_transactions(30)

    for value, keep in ((b"kept", True), (b"dropped", False), (b"kept too", True)):
        producer.begin_transaction()
        producer.produce(topic, value)
        if keep:
            producer.commit_transaction(30)
        else:
            producer.flush(30)
            producer.abort_transaction(30)

    assert read_all(kafka_bootstrap, topic) == [b"kept", b"kept too"]


@pytest.fixture
def own_kafka(tmp_path: Path, jars_dir: Path) -> Iterator[EmbeddedKafka]:
    """A Kafka that a test may harm."""
    server = EmbeddedKafka(tmp_path, jars_dir=jars_dir)
    try:
        yield server
    finally:
        server.down()


@pytest.mark.chaos
def test_a_crash_and_a_lost_port_keep_every_record(own_kafka: EmbeddedKafka, tmp_path: Path, jars_dir: Path) -> None:
    """What was acknowledged is read after kill -9, also where another program took the port meanwhile."""
    first = own_kafka.up()
    create_topic(first.address, "kept")
    produce(first.address, "kept", b"before the crash")
    assert EmbeddedKafka(tmp_path, jars_dir=jars_dir).up() == first

    own_kafka.kill()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(first.address.split(":")[1])))
        other.listen()
        second = own_kafka.up()

    assert second.address != first.address
    produce(second.address, "kept", b"after it")
    assert read_all(second.address, "kept") == [b"before the crash", b"after it"]


def test_it_listens_on_loopback_only(kafka_bootstrap: str) -> None:
    """Nobody else on the network can reach it."""
    everybodys = [c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    (pid,) = {c.pid for c in everybodys if getattr(c.laddr, "port", 0) == int(kafka_bootstrap.split(":")[1])}
    listening = [c.laddr for c in everybodys if c.pid == pid]

    assert len(listening) == 2
    assert {getattr(address, "ip", "") for address in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.mark.chaos
def test_damaged_properties_are_told(own_kafka: EmbeddedKafka) -> None:
    """The error names the data folder and what can be done, no process is left, and a restored file starts again."""
    own_kafka.up()
    own_kafka.down()
    properties = own_kafka.folder / "data" / "meta.properties"
    good = properties.read_text()

    for damaged in ("garbage", good.replace("node.id=1", "node.id=2")):
        properties.write_text(damaged)
        with pytest.raises(DataDamagedError, match=f"{own_kafka.folder}/data cannot be read. Restore"):
            own_kafka.up()
        assert not own_kafka.status().running

    properties.write_text(good)
    assert own_kafka.up().running
