"""Workers as processes on topics of a test's own: started, killed, and what they left behind."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.codec import Codec
from schemas.records.intake import MetricPoint
from schemas.records.log import DeadLetter
from state.log_reader import LogReader, RawRecord
from streams.changelog import RowStore
from streams.partitioning import PARTITIONER
from streams.reading import read_all
from streams.topics import DEAD_LETTERS, create_topics
from tests.support.waiting import eventually
from tests.support.worker import WorkerPlan

POINTS = Codec(MetricPoint)
AT = 1_700_000_000_000
_BY_KEY = -1  # librdkafka's RD_KAFKA_PARTITION_UA


@dataclass
class Workers:
    """Worker processes of one test; all are killed at its end."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, plan: WorkerPlan) -> subprocess.Popen[bytes]:
        """Start a worker; its log is in the folder."""
        number = len(self.processes) + 1
        own = WorkerPlan(**{**asdict(plan), "datadir": str(self.folder / f"worker-{number}")})
        with (self.folder / f"worker-{number}.log").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.worker", json.dumps(asdict(own))], stdout=out, stderr=out
            )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As the kernel would: no clean-up of any kind."""
        process.kill()
        process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """By SIGTERM; returns the exit status."""
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                self.kill(process)

    def logs(self) -> str:
        """What all of them logged."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("worker-*.log")))


@dataclass(frozen=True)
class Log:
    """A Kafka, seen by a test."""

    bootstrap: str

    def create(self, *names: str, partitions: int = 4, config: dict[str, str] | None = None) -> None:
        """Create topics, and the one of dead letters."""
        create_topics(self.bootstrap, 4, 1, [DEAD_LETTERS])
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        made = admin.create_topics([NewTopic(name, partitions, 1, config=config or {}) for name in names])
        for future in made.values():
            future.result(30)

    def produce(
        self,
        topic: str,
        records: Iterable[tuple[str | None, bytes | None]],
        *,
        partition: int = _BY_KEY,
        **config: str | int,
    ) -> None:
        """Send keys and values, and wait until Kafka has them all."""
        settings = {"bootstrap.servers": self.bootstrap, "partitioner": PARTITIONER, "linger.ms": 5, **config}
        producer = Producer({**settings, "queue.buffering.max.messages": 1_000_000})
        for number, (key, value) in enumerate(records):
            producer.produce(topic, value, key, partition)
            if number % 1000 == 0:
                producer.poll(0)
        assert producer.flush(60) == 0

    def count(self, topic: str) -> int:
        """Where the partitions' ends add up to; of a topic without holes, how many records there are."""
        return sum(self.ends(topic).values())

    def ends(self, topic: str) -> dict[int, int]:
        """The end of each partition, by number."""
        # As commands read them: a topic that was just made has no leaders for a moment.
        with LogReader(self.bootstrap, "looking") as reader:
            return {p: reader.bounds(topic, p)[1] for p in reader.partitions(topic)}

    def lag(self, group: str, topic: str) -> int:
        """What is between the group's committed offsets and the ends; all of it while the group has no coordinator yet."""
        ends = self.ends(topic)
        with _closing(self.bootstrap, group) as consumer:
            try:
                done = consumer.committed([TopicPartition(topic, p) for p in ends], timeout=10)
            except KafkaException:
                return sum(ends.values())
        return sum(ends[tp.partition] - max(tp.offset, 0) for tp in done)

    def await_done(self, group: str, *topics: str, limit_s: float = 120.0) -> None:
        """Wait until the group has committed all of the topics."""
        eventually(lambda: all(self.lag(group, topic) == 0 for topic in topics), limit_s=limit_s)

    def members(self, group: str) -> int:
        """How many members the group has, those that are joining included."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        return len(admin.describe_consumer_groups([group])[group].result(10).members)

    def counted(self, group: str) -> dict[str, int]:
        """What the counting stage has counted of each series, in all partitions that it is in."""
        found: Counter[str] = Counter()
        for states in self._recovered(group, "counting"):
            found.update({key: state["n"] for key, state in states.items()})
        return dict(found)

    def states(self, group: str, stage: str) -> dict[str, Any]:
        """The states of a stage by key, each of which is in one partition."""
        return {key: state for states in self._recovered(group, stage) for key, state in states.items()}

    def _recovered(self, group: str, stage: str) -> Iterator[dict[str, Any]]:
        """By partition the states of a stage, as a worker that starts now would recover them."""
        by_partition: dict[int, list[RawRecord]] = {}
        for message in read_all(self.bootstrap, f"{group}-{stage}-changelog"):
            by_partition.setdefault(message.partition, []).append(message)
        for partition, records in by_partition.items():
            store = RowStore()
            store.recover(partition, records)
            yield {key.decode(): json.loads(store.get(partition, key) or b"")["s"] for key in store.keys(partition)}

    def dead(self, topic: str) -> list[DeadLetter]:
        """The dead letters of a topic's records, each once; other tests' records, readable or not, are passed over."""
        codec, mark = Codec(DeadLetter), topic.encode()
        values = [message.value or b"" for message in read_all(self.bootstrap, DEAD_LETTERS.name)]
        letters = [codec.decode(value) for value in values if mark in value]
        return list({letter.dead_letter_id: letter for letter in letters if letter.topic == topic}.values())


class _closing:  # noqa: N801 - reads as contextlib.closing does
    """A consumer that does not join its group."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})

    def __enter__(self) -> Consumer:
        return self._consumer

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def point(series: str, value: float = 0.0) -> bytes:
    """A metric point as it is on the wire."""
    record = MetricPoint(
        series=series, incident_id=series, tenant="t", environment="e", service="s", name="n", value=value, unit="",
        occurred_at=AT, received_at=AT,
    )  # fmt: skip
    return POINTS.encode(record)


def points(count: int, series: int = 100) -> list[tuple[str, bytes]]:
    """So many points, spread evenly over the series."""
    framed = {f"series-{n}": point(f"series-{n}") for n in range(series)}
    return [(f"series-{n % series}", framed[f"series-{n % series}"]) for n in range(count)]
