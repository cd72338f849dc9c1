"""Everything at once, in order: Kafka (and Cassandra), topics, workers, `serve`; watched, and stopped the other way round."""

import contextlib
import fcntl
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import httpx
import structlog

from ops.child import Child
from ops.embedded.cassandra import EmbeddedCassandra
from ops.embedded.errors import StartAbandonedError
from ops.embedded.kafka import EmbeddedKafka
from ops.errors import AlreadyRunningError, ChildFailedError, HomeUnusableError
from ops.listening import check_port, free_port, url_of
from ops.roles import ROLES, Role
from ops.settings import Settings
from schemas.errors import BreakwaterError
from streams.known_schemas import publish_schemas
from streams.topics import create_topics

log = structlog.get_logger()

WATCH_S = 1.0
STOP_S = 10.0
READY_S = 60.0

Progress = Callable[[str], None]


class Supervisor:
    """Runs the program; a context manager that stops whatever it started, and nothing that was running before.

    Args:
        roles: which workers. instances: how many of each. serve: also run intake, API and page.
        progress: told what is being done, a line each.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        roles: Sequence[Role] = ROLES,
        instances: int = 1,
        serve: bool = True,
        progress: Progress,
    ) -> None:
        self._settings, self._roles, self._instances, self._serve = settings, roles, instances, serve
        self._progress = progress
        self._started = contextlib.ExitStack()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._lock: IO[str] | None = None
        self._kafka: EmbeddedKafka | None = None  # where it is this one's to look after
        self.found_kafka = False  # an embedded one ran before, and is left running
        self._reviving: threading.Thread | None = None
        self.bootstrap = ""
        self.contact_points = settings.cassandra_contact_points
        self.http_url = ""
        self.workers: dict[str, Child] = {}

    def __enter__(self) -> "Supervisor":
        try:
            self._up()
        except BaseException:
            self._started.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started.close()

    def _up(self) -> None:
        self._take_home()
        self._servers()
        create_topics(self.bootstrap, self._settings.partitions, self._settings.replication)
        publish_schemas(self.bootstrap)
        self._started.callback(self._stop_children)
        self._progress(f"starting the workers ({', '.join(self._roles)}){' and page and API' if self._serve else ''}")
        for role in self._roles:
            for number in range(1, self._instances + 1):
                self._child(f"{role}-{number}", ["worker", role, "--instance", str(number)])
        if self._serve:
            self._start_serve()
        self._watcher.start()

    def _take_home(self) -> None:
        home = self._settings.home
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._lock = (home / "supervisor.lock").open("w")
        except OSError as error:
            raise HomeUnusableError(home, error) from error
        self._started.callback(self._lock.close)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(
                f"Another `breakwater up` or demo runs in {home}. Stop it, or set BREAKWATER_HOME to another folder."
            ) from error

    def _servers(self) -> None:
        settings = self._settings
        if settings.kafka_bootstrap_servers:
            self.bootstrap = settings.kafka_bootstrap_servers
        else:
            kafka = EmbeddedKafka(settings.home, jars_dir=settings.jars, progress=self._progress)
            if not kafka.status().running:
                self._started.callback(self._stop_kafka, kafka)
                self._kafka = kafka
            else:
                self.found_kafka = True
            self.bootstrap = kafka.up().address
        self._progress(f"Kafka answers at {self.bootstrap}")
        if settings.store == "cassandra" and not self.contact_points:
            cassandra = EmbeddedCassandra(settings.home, jars_dir=settings.jars, progress=self._progress)
            if not cassandra.status().running:
                self._started.callback(cassandra.down)
            self.contact_points = cassandra.up().address
            self._progress(f"Cassandra answers at {self.contact_points}")

    def _child(self, name: str, arguments: list[str], **environment: str) -> None:
        shared = {"BREAKWATER_HOME": str(self._settings.home), "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap}
        shared["BREAKWATER_STORE"] = self._settings.store
        if self.contact_points:
            shared["CASSANDRA_CONTACT_POINTS"] = self.contact_points
        child = Child(name, arguments, self.log_of(name), {**shared, **environment})
        child.start()
        self.workers[name] = child

    def log_of(self, name: str) -> Path:
        """The log file of a worker or of `serve`."""
        return self._settings.home / "logs" / f"{name}.log"

    def _start_serve(self) -> None:
        host = self._settings.http_host
        port = self._settings.http_port or free_port(host)
        check_port(host, port)
        self._child("serve", ["serve"], BREAKWATER_HTTP_PORT=str(port))
        self.http_url = url_of(host, port)
        self._await_serve()

    def _await_serve(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.http_url}/health/ready", timeout=5).status_code == httpx.codes.OK:
                    return
            if self.workers["serve"].pid is None:
                break
            time.sleep(0.1)
        child = self.workers["serve"]
        raise ChildFailedError(
            f"The intake does not answer at {self.http_url}. Its log, {child.log_file}, ends:\n{child.tail()}"
        )

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            if self._kafka is not None:
                self._guarded("kafka", self._look_after_kafka)
            for child in list(self.workers.values()):
                self._guarded(child.name, child.watch)

    def _look_after_kafka(self) -> None:
        """Start it again on a thread of its own: that takes up to minutes, in which the workers are looked after."""
        at_it = self._reviving is not None and self._reviving.is_alive()
        if self._kafka is not None and not at_it and self._kafka.fallen():
            self._reviving = threading.Thread(
                target=self._guarded, args=("kafka", self._revive, self._kafka), name="kafka-revival", daemon=True
            )
            self._reviving.start()

    def _revive(self, kafka: EmbeddedKafka) -> None:
        if not self._stopping.is_set() and kafka.revive():
            log.warning("Kafka had died and was started again", address=self.bootstrap)

    def _stop_kafka(self, kafka: EmbeddedKafka) -> None:
        kafka.abandon()
        if self._reviving is not None:
            self._reviving.join()
        kafka.down()

    def _guarded(self, name: str, look: Callable[..., None], *of: EmbeddedKafka) -> None:
        """Look after one; what fails now (a full disk, a terminal that is gone) is tried again at the next look."""
        try:
            look(*of)
        except StartAbandonedError:
            return
        except (OSError, BreakwaterError) as error:
            with contextlib.suppress(OSError):  # nobody may be there to read it
                log.error("not looked after; tried again", what=name, error=str(error))

    def _stop_children(self) -> None:
        self._stopping.set()
        if self._kafka is not None:
            self._kafka.abandon()
        if self._watcher.ident is not None:
            self._watcher.join()  # so that none is started again while it is stopped
        for child in self.workers.values():
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_S
        for child in self.workers.values():
            child.stop(max(0.1, deadline - time.monotonic()))
