"""The benchmarks' own Kafka: an embedded one in a home of its own, emptied between rounds, gone afterwards."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.bench.errors import BenchError
from ops.embedded.jars import Progress
from ops.embedded.kafka import EmbeddedKafka
from ops.settings import Settings
from streams.topics import TOPICS, Topic, create_topics

PARTITIONS = 4
_PATIENCE_S = 60.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Broker:
    """A Kafka that runs: where it answers, and a folder that goes away with it."""

    bootstrap: str
    home: Path

    def renew(self, *more: Topic) -> None:
        """Delete all topics and consumer groups; make the program's topics anew, and `more`.

        Raises:
            BenchError: something is still there after a minute.
        """
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        _until("consumer groups", lambda: _groups_gone(admin))
        _until("topics", lambda: _topics_gone(admin))
        create_topics(self.bootstrap, PARTITIONS, 1, (*TOPICS, *more))


@contextmanager
def running_broker(settings: Settings, progress: Progress) -> Iterator[Broker]:
    """A Kafka for the time of the block, under the program's home: its data lie on the disk that the product would use."""
    parent = settings.home / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    server = EmbeddedKafka(home, jars_dir=settings.jars, progress=progress)
    try:
        yield Broker(server.up().address, home)
    finally:
        server.down()
        shutil.rmtree(home, ignore_errors=True)


def _until(what: str, gone: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not gone():
        if time.monotonic() > deadline:
            raise BenchError(f"Kafka still has {what} of the round before after {_PATIENCE_S:.0f} s. Run it again.")
        time.sleep(_POLL_S)


def _groups_gone(admin: AdminClient) -> bool:
    groups = [one.group_id for one in admin.list_consumer_groups().result().valid]
    for answer in admin.delete_consumer_groups(groups).values() if groups else ():
        try:
            answer.result()
        except KafkaException:
            continue  # its members are still leaving
    return not groups


def _topics_gone(admin: AdminClient) -> bool:
    # Kafka's own topics stay: deleting a topic or a group clears what they say of it.
    topics = [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]
    for answer in admin.delete_topics(topics).values() if topics else ():
        try:
            answer.result()
        except KafkaException:
            continue  # it is gone already
    return not topics
