"""A worker in a process of its own, watched from outside: how far it came, what it used, and how long its loop paused."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.group import Group
from ops.bench.process import Measured, measured
from ops.listening import free_port
from ops.roles import ROLES, Role, group_of
from streams.topics import Topic

_LOOK_S = 0.25
# A flush of hundreds of thousands of incidents, each with an account and a row, takes a busy machine minutes.
_STILL_S = 600.0


@dataclass(frozen=True, slots=True)
class Mark:
    """What was seen when so many records were done with."""

    done: int
    at_s: float
    cpu_s: float
    rss_mb: float


@dataclass(slots=True)
class Course:
    """How a worker came through; pauses in seconds."""

    marks: list[Mark] = field(default_factory=list)
    longest_pause_s: float = 0.0


class Worker:
    """A worker that is looked at: how much of a topic it has committed, what it uses, how long its loop paused."""

    def __init__(self, group: Group, process: Measured, port: int) -> None:
        self._group = group
        self._process, self._port = process, port
        self.began_s = time.monotonic()

    def committed(self) -> int:
        """How many records are done with."""
        return sum(self._group.committed().values())

    def mark(self, done: int) -> Mark:
        """What it has used by now."""
        usage = self._process.usage()
        return Mark(done, time.monotonic() - self.began_s, usage.cpu_s, usage.rss_mb)

    def until(self, records: int, every: int) -> Course:
        """Look until so many are done with; a mark at each `every`.

        Raises:
            BenchError: it ended, or stood still for ten minutes.
        """
        course, done, moved_s = Course([self.mark(0)]), -1, time.monotonic()
        while done < records:
            time.sleep(_LOOK_S)
            self._process.usage()  # one that has ended is not waited for
            before, done = done, self.committed()
            moved_s = time.monotonic() if done != before else moved_s
            if time.monotonic() - moved_s > _STILL_S:
                raise BenchError(f"The worker stood still at {done} of {records} records.")
            if done >= course.marks[-1].done + every or done >= records:
                course.marks.append(self.mark(done))
        course.longest_pause_s = self._longest_pause_s()
        return course

    def _longest_pause_s(self) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        name = "breakwater_loop_longest_pause_seconds"
        return next(s.value for f in text_string_to_metric_families(text) for s in f.samples if s.name == name)


@contextmanager
def running_worker(broker: Broker, role: Role, topic: Topic, name: str) -> Iterator[Worker]:
    """A worker for the time of the block, watched at a topic; `name` is of its home, in the broker's folder."""
    home, port = broker.home / name, free_port("127.0.0.1")
    environment = {
        "BREAKWATER_HOME": str(home),
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        # The first role has the port that is set, each further one the next.
        "BREAKWATER_METRICS_PORT": str(port - ROLES.index(role)),
    }
    with measured(["ops.cli", "worker", role], home / f"{role}.log", environment) as process:
        yield Worker(Group(broker.bootstrap, group_of(role), topic.name), process, port)
