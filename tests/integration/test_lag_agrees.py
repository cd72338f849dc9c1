"""The lag that Breakwater tells, beside what Apache Kafka's own tool says of the same groups."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner

from ops.cli import app
from ops.lag import watch as lag_watch
from ops.lag.judgement import LagRow, LagStatus
from ops.lag.peek import PEEK_RECORDS
from ops.lag.probe import LagProbe
from ops.lag.watch import LagWatch
from streams.reading import read_all
from tests.support.kafka_tools import consumer_groups_lag
from tests.support.waiting import eventually

pytestmark = pytest.mark.kafka

Unique = Callable[[str], str]
# Each key is written so many times at least, and compaction keeps one of them.
KEYS, ROUNDS = 20, 8


@pytest.fixture
def probe(kafka_bootstrap: str) -> Iterator[LagProbe]:
    """A probe of the run's Kafka."""
    with LagProbe(kafka_bootstrap) as one:
        yield one


def make(bootstrap: str, topic: str, partitions: int = 1, config: dict[str, str] | None = None) -> None:
    """A topic."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})])[topic].result(30)


def commit(bootstrap: str, group: str, topic: str, offset: int, partition: int = 0) -> None:
    """A group's position, without becoming a member."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
    consumer.close()


class Transactions:
    """Writes the same keys again and again, a transaction each time."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.topic, self.written = topic, 0
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
        self._producer.init_transactions(30)

    def write(self, *, aborted: bool = False) -> None:
        """All keys once; the segment before is rolled by it."""
        self._producer.begin_transaction()
        for key in range(KEYS):
            self._producer.produce(self.topic, b"v", b"k-%d" % key, 0)
        self._producer.flush()
        (self._producer.abort_transaction if aborted else self._producer.commit_transaction)(30)
        self.written += 0 if aborted else KEYS


def write_until_compacted(bootstrap: str, topic: str) -> None:
    """Until records are gone, and no more of them go."""
    transactions = Transactions(bootstrap, topic)
    for _ in range(ROUNDS):
        transactions.write()

    def compacted() -> bool:
        time.sleep(0.5)  # few records more: of more than a hundred the lag is told by offsets
        transactions.write()
        return len(readable(bootstrap, topic)) < transactions.written

    eventually(compacted, limit_s=60)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    entry = ConfigEntry("min.compaction.lag.ms", "86400000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)
    transactions.write()
    transactions.write(aborted=True)


def readable(bootstrap: str, topic: str) -> list[int]:
    """The offsets of the records that a reader of committed records gets."""
    return [record.offset for record in read_all(bootstrap, topic)]


def rows_of(probe: LagProbe, group: str) -> dict[tuple[str, int], LagRow]:
    """The rows of one group."""
    rows = LagWatch(lambda: probe.sample((group,))).look()
    return {(row.topic, row.partition): row for row in rows}


def test_lag_agrees_with_kafka_consumer_groups(
    kafka_bootstrap: str, unique: Unique, probe: LagProbe, jars_dir: Path, tmp_path: Path
) -> None:
    """Offsets are the tool's everywhere, and so is the lag where offsets are records; behind transactions and compaction it is
    the records that can still be read, up to a hundred and 0 after the last of them, where the tool counts markers and gaps."""
    group, plain, woven = unique("group"), unique("plain"), unique("woven")
    make(kafka_bootstrap, plain, partitions=3)
    eager = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100"}
    make(kafka_bootstrap, woven, config=eager)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    for number in range(450):
        producer.produce(plain, b"v", b"k", number % 3)
    producer.flush()
    write_until_compacted(kafka_bootstrap, woven)
    there = readable(kafka_bootstrap, woven)
    for partition, offset in enumerate((20, 149, 150)):
        commit(kafka_bootstrap, group, plain, offset, partition)
    for position in (0, there[0] + 1, there[KEYS // 2], there[-1], there[-1] + 1):
        commit(kafka_bootstrap, group, woven, position)
        told, ours = consumer_groups_lag(kafka_bootstrap, group, jars_dir, tmp_path), rows_of(probe, group)
        assert told.keys() == ours.keys()
        assert {place: (row.committed, row.end, row.end - row.committed) for place, row in ours.items()} == {
            place: (row.committed, row.end, row.lag) for place, row in told.items()
        }
        assert [ours[plain, p].lag for p in range(3)] == [told[plain, p].lag for p in range(3)] == [130, 1, 0]
        left = len([offset for offset in there if offset >= position])
        # So many are looked at; where there are more, as where the cleaner was slow to begin, offsets stand for them.
        assert ours[woven, 0].lag == (left if left <= PEEK_RECORDS else ours[woven, 0].end - position)
        assert ours[woven, 0].lag < told[woven, 0].lag
    assert (ours[woven, 0].lag, ours[woven, 0].status) == (0, LagStatus.OK)


def test_seconds_are_the_age_of_the_record_at_the_position(
    kafka_bootstrap: str, unique: Unique, probe: LagProbe
) -> None:
    """Not what a rate makes likely: a record an hour old is an hour of lag, whatever came since."""
    group, topic = unique("group"), unique("old")
    make(kafka_bootstrap, topic)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    now = int(time.time() * 1000)
    for age_s in (7_200, 3_600, 1, 0):
        producer.produce(topic, b"v", b"k", 0, timestamp=now - age_s * 1000)
    producer.flush()
    for committed, age_s in ((0, 7_200), (1, 3_600), (2, 1)):
        commit(kafka_bootstrap, group, topic, committed)
        seen = probe.sample((group,))
        assert seen.unread[group, topic, 0].oldest == now - age_s * 1000


def test_stall_stop_and_rewind_are_told(
    kafka_bootstrap: str, unique: Unique, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`breakwater lag` of a member that commits nothing, of the group when it has left, and of its going back; a replay's group
    is told apart, a stranger's is there."""
    monkeypatch.setattr(lag_watch, "_BETWEEN_S", 0.05)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path))
    group, topic = unique("group"), unique("topic")
    replay = f"breakwater-replay-{group}"
    make(kafka_bootstrap, topic)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    for _ in range(50):
        producer.produce(topic, b"v", b"k", 0, timestamp=int(time.time() * 1000) - 60_000)
    producer.flush()

    def told(of: str, among: str = "rows") -> dict[str, Any]:
        result = CliRunner().invoke(app, ["lag", "--json"])
        assert result.exit_code == 0, result.output
        (row,) = (row for row in json.loads(result.stdout)[among] if row["group"] == of)
        return dict(row)

    for one in (group, replay):
        commit(kafka_bootstrap, one, topic, 10)
    member = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": group, "enable.auto.commit": False})
    member.subscribe([topic])
    assert member.poll(30) is not None
    stalled = told(group)
    assert (stalled["status"], stalled["lag"], stalled["velocity"], stalled["eta_s"]) == ("STALL", 40, 0.0, None)
    assert stalled["lag_s"] >= 60
    member.close()
    assert told(group)["status"] == "STOP"
    assert told(replay, "replays")["status"] == "STOP"
    with LagProbe(kafka_bootstrap) as probe:
        watch = LagWatch(lambda: probe.sample((group,)))
        watch.look()
        commit(kafka_bootstrap, group, topic, 5)
        assert [(row.status, row.lag) for row in watch.look()] == [(LagStatus.REWIND, 45)]
