"""The whole program as `breakwater up` runs it, in a home of its own, with means to break it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.child import Child
from ops.embedded.kafka import EmbeddedKafka
from ops.ending import SUPERVISED
from ops.lag.probe import LagProbe
from ops.settings import Settings, load_settings
from ops.supervisor import Supervisor
from schemas.errors import BreakwaterError
from tests.support.waiting import eventually
from tests.support.webhook_receiver import WebhookReceiver

# The longest wait for any one thing: minutes more than a machine takes that has nothing else to do.
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Platform:
    """Kafka, three workers and `serve`, which run; and the webhook receiver that people are told by."""

    settings: Settings
    running: Supervisor
    hooks: WebhookReceiver

    @property
    def bootstrap(self) -> str:
        """Kafka's address."""
        return self.running.bootstrap

    @property
    def workers(self) -> dict[str, Child]:
        """Its processes by name: edge-1, analysis-1, command-1, serve."""
        return self.running.workers

    def kill(self, worker: str) -> None:
        """End a worker as a crash would, and see that the supervisor starts it again."""
        child = self.workers[worker]
        before, pid = child.restarts, child.pid
        assert pid is not None, f"{worker} does not run; its log ends:\n{child.tail()}"
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: child.restarts > before, limit_s=PATIENCE_S)

    def restart_kafka(self) -> None:
        """End the broker as a crash would, and start it again on its data."""
        kafka = EmbeddedKafka(self.settings.home, jars_dir=self.settings.jars)
        kafka.kill()
        assert kafka.up().address == self.bootstrap

    def await_taken_in(self, group: str, *topics: str) -> None:
        """Wait until a worker's group has taken in all that is on these topics now."""
        goal: dict[tuple[str, int], int] = {}
        eventually(lambda: self._has_taken_in(group, topics, goal), limit_s=PATIENCE_S)

    def _has_taken_in(self, group: str, topics: tuple[str, ...], goal: dict[tuple[str, int], int]) -> bool:
        """Whether it has; the first answer of the broker sets the goal, the ends of the topics' partitions."""
        try:
            with LagProbe(self.bootstrap) as probe:
                sample = probe.sample([group])
        except BreakwaterError:
            return False
        mine = {place: offset for place, offset in sample.committed.items() if place[1] in topics}
        if not goal and {topic for _, topic, _ in mine} == set(topics):
            goal.update({place: end for place, end in sample.ends.items() if place[0] in topics})
        # Behind the last record lies the marker of its transaction, which nobody acknowledges.
        return bool(goal) and all(
            offset >= goal[place[1:]] or place not in sample.unread or sample.unread[place].empty
            for place, offset in mine.items()
        )

    def tails(self) -> str:
        """The ends of the workers' logs, for a test that fails."""
        return "\n".join(f"--- {name} (restarts: {c.restarts})\n{c.tail(12)}" for name, c in self.workers.items())


@contextmanager
def platform(home: Path, jars_dir: Path) -> Iterator[Platform]:
    """Start all of it; stop all of it, whatever happens in between."""
    with WebhookReceiver() as hooks, pytest.MonkeyPatch.context() as environment:
        environment.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        environment.setenv("BREAKWATER_HOME", str(home))
        environment.setenv("BREAKWATER_JARS_DIR", str(jars_dir))
        environment.setenv("BREAKWATER_HTTP_PORT", "0")
        environment.setenv("BREAKWATER_GENERIC_WEBHOOK_URL", hooks.url)
        # The workers do not outlive this test run, however it ends.
        environment.setenv(SUPERVISED, "1")
        settings = load_settings()
        with Supervisor(settings, progress=print) as running:
            yield Platform(settings, running, hooks)
